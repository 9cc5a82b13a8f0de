"""Names that other packages declare: listed, imported when named, refused with a cause."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from floorlens import Floorlens
from floorlens.doctor import examine
from floorlens.engines import (
    CollectionSpec,
    Engine,
    check_engine,
    engine_names,
    open_collection,
)
from floorlens.errors import MissingDependency, SettingsError
from floorlens.plugins import known_names, load_object, plugin_named, plugins
from floorlens.presets import preset_named, preset_names
from floorlens.settings import Settings
from floorlens.testing import fake_stages
from tests.doubles.packages import Installer, installer

PRESETS, ENGINES = "floorlens.presets", "floorlens.engines"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    return installer(tmp_path / "packages", monkeypatch)


def test_names_of_other_packages_are_listed_and_nothing_is_imported(install: Installer) -> None:
    install("one", {PRESETS: "mine = nowhere_at_all:PRESET"})
    install("two", {ENGINES: "faiss = nowhere_at_all:Faiss"})
    (plugin,) = plugins("preset")
    assert str(plugin) == "the preset 'mine' of the package one 1.0"
    assert preset_names() == ["builtin", "clip", "dinov2", "mine", "siglip2"]
    assert "faiss" in engine_names()
    assert "mine" not in engine_names()


def test_own_names_never_look_through_other_packages() -> None:
    """Looking through them costs time, and a broken one must not stand in the way."""
    code = (
        "import sys; from floorlens.presets import *; load_stages(preset_named('builtin'));"
        "from floorlens.engines import *; check_engine(Engine('lancedb'));"
        "print('importlib.metadata' in sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert process.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("raise RuntimeError('no GPU')", "RuntimeError: no GPU"),
        ("OTHER = 1", "AttributeError"),
        ("def", "SyntaxError"),
    ],
)
def test_a_broken_package_says_which_it_is_and_leaves_the_others_alone(
    install: Installer, source: str, cause: str
) -> None:
    module = f"broken_{abs(hash(source))}"
    install("floors-extra", {PRESETS: f"mine = {module}:PRESET"}, **{module: source})
    with pytest.raises(SettingsError, match=r"of the package floors-extra 1\.0") as caught:
        preset_named("mine")
    assert cause in str(caught.value)
    assert "install or upgrade" in str(caught.value)
    assert preset_named("builtin").name == "builtin"


def test_an_error_that_names_its_own_cure_stays_as_it_is(install: Installer) -> None:
    install("p", {}, own_cure="from floorlens.errors import *\nraise MissingDependency('pip it')")
    with pytest.raises(MissingDependency, match="pip it"):
        load_object("own_cure:X", "ours")


def test_a_name_that_is_taken_is_refused(install: Installer) -> None:
    install("thief", {PRESETS: "builtin = nowhere_at_all:PRESET"})
    with pytest.raises(SettingsError, match="Floorlens has a preset of that name"):
        plugin_named("preset", "builtin", ["builtin"])
    assert preset_named("builtin").package == ""
    assert preset_names().count("builtin") == 1
    (check,) = [check for check in examine(Settings()) if check.name == "preset builtin"]
    assert not check.ok
    assert "thief 1.0 cannot be used" in check.cure


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("falls", "1 / 0", "falls 1.0 cannot be used (ZeroDivisionError: division by zero); the"),
        ("shrinks", "return super().segment(pixels[1:], clicks)", "breaks its contract: `pixels`"),
    ],
)
def test_the_doctor_runs_the_stages_of_other_packages(
    install: Installer, name: str, line: str, problem: str
) -> None:
    module = f"doctor_{name}"
    source = f"""
        from dataclasses import replace
        from floorlens.presets import BUILTIN
        from floorlens.testing import FakeSegmenter, fake_stages
        class Segmenter(FakeSegmenter):
            def __init__(self):
                super().__init__(fake_stages().segmenter.stamp)
            def segment(self, pixels, clicks=()):
                {line}
        PRESET = replace(BUILTIN, name={name!r}, segmenter="{module}:Segmenter")
        """
    install(name, {PRESETS: f"{name} = {module}:PRESET"}, **{module: source})
    (check,) = [check for check in examine(Settings()) if check.name == f"preset {name}"]
    assert not check.ok
    assert problem in check.cure
    assert "pip install" not in check.cure


def test_the_doctor_does_not_run_what_would_be_fetched(install: Installer) -> None:
    pytest.importorskip("transformers", reason="needs the extra clip")
    source = """
        from dataclasses import replace
        from floorlens.presets import PRESETS
        PRESET = replace(PRESETS["clip"], name="fetching")
        """
    install("fetching", {PRESETS: "fetching = doctor_fetching:PRESET"}, doctor_fetching=source)
    (check,) = [check for check in examine(Settings()) if check.name == "preset fetching"]
    assert check.ok
    assert check.found.endswith("; not run, since its models come from the hub")


def test_two_packages_of_one_name_are_refused(install: Installer) -> None:
    install("one", {PRESETS: "mine = a:PRESET"})
    install("two", {PRESETS: "mine = b:PRESET"})
    with pytest.raises(SettingsError, match="one and two both bring a preset 'mine'"):
        preset_named("mine")


def test_a_name_that_no_catalogue_could_keep_is_refused(install: Installer) -> None:
    name = "m" * 31
    install("long", {ENGINES: f"{name} = a:B"})
    with pytest.raises(SettingsError, match="at most 30 letters"):
        check_engine(Engine(name))


def test_an_unknown_name_tells_those_of_other_packages(install: Installer) -> None:
    install("one", {PRESETS: "mine = nowhere_at_all:PRESET"})
    with pytest.raises(SettingsError, match=r"unknown preset 'yours': known are .*, mine, "):
        preset_named("yours")
    assert known_names("engine", []) == []


ENGINE = """
from floorlens.engines import CollectionSpec
from floorlens.engines.backends.exact import ExactCollection

class Remembering(ExactCollection):
    opened = {}

    @classmethod
    def open(cls, engine, spec, *, mode="create"):
        return cls.opened.setdefault((engine.url, spec.name), cls(spec))

class Half:
    def upsert(self, records): ...

function = print
"""


def test_an_engine_of_another_package_is_opened_like_our_own(
    install: Installer, tmp_path: Path, product_csv: Path, room: Path
) -> None:
    install(
        "remember",
        {ENGINES: "remembering = remembering_engine:Remembering"},
        remembering_engine=ENGINE,
    )
    collection = open_collection(Engine("remembering", url="u"), CollectionSpec("floors", 2, "s"))
    assert collection.query(np.array([1, 0], np.float32), k=1) == []
    folder = tmp_path / "catalogue"
    with Floorlens.open(folder, stages=fake_stages(), index="remembering") as lens:
        lens.add(product_csv)
        result = lens.search(room, where={"material": "wood"})
        assert result.matches[0].product.id == "oak"
        comparison = lens.replica.compare()
    assert (comparison.records, comparison.in_step) == (6, True)
    # No address was set: it lies in the catalogue, under its own name.
    module = sys.modules["remembering_engine"]
    assert {url for url, _ in module.Remembering.opened} == {"u", str(folder / "remembering")}


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("Half", "lacks open, delete, query, fetch, ids, stats, close"),
        ("function", "is a builtin_function_or_method, not a class"),
    ],
)
def test_what_is_no_engine_is_refused_on_opening(
    install: Installer, tmp_path: Path, target: str, problem: str
) -> None:
    install("half", {ENGINES: f"half = half_engine:{target}"}, half_engine=ENGINE)
    with pytest.raises(SettingsError, match=problem):
        Floorlens.open(tmp_path / "catalogue", stages=fake_stages(), index="half")
    assert not (tmp_path / "catalogue").exists()
