"""What the tests share: pictures made on the spot, and the rule that CI skips nothing silently."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens import Floorlens
from floorlens.engines import BACKENDS, PRIVATE, Engine
from floorlens.presets import BUILTIN, Preset, stamped_preset
from floorlens.testing import fake_stages
from tests.doubles.packages import installer

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.doubles.clip_checkpoints import TinyModels

# Read when `huggingface_hub` is imported: nothing is fetched in a test.
os.environ["HF_HUB_OFFLINE"] = "1"

ROOT = Path(__file__).resolve().parent.parent
SHARED_ENGINES = BACKENDS.keys() - {PRIVATE} | {"sqlite"}
SQLITE = "sqlite = floorlens_colours.engine:SqliteCollection"
ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # The name of a page that makes it lead to this machine (DNS rebinding).
    "--host-resolver-rules=MAP rebinding.example 127.0.0.1",
)

Pixels = NDArray[np.uint8]
PictureMaker = Callable[..., Pixels]
Place = Callable[[str], str]

# Product id -> colour. Apart enough that a mean colour tells them apart.
COLOURS = {
    "ash": (205, 190, 165),
    "brick": (160, 70, 50),
    "moss": (90, 120, 60),
    "oak": (180, 140, 90),
    "slate": (80, 90, 100),
    "walnut": (95, 65, 45),
}


def _allowed_skips() -> dict[str, str]:
    """Returns pattern of node ids -> reason, from the lines that hold: see the file."""
    # `make test` says which extras are installed; without it all of them are expected.
    installed = os.environ.get("EXTRAS")
    allowed = {}
    for line in ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, separator, reason = line.partition(": ")
            if not separator or not reason.strip():
                raise pytest.UsageError(f"{ALLOWED_SKIPS.name}: {line!r} gives no reason")
            if pattern.startswith("["):
                extra, _, pattern = pattern[1:].partition("] ")
                if installed is None or extra in installed.split(","):
                    continue
            allowed[pattern.strip()] = reason.strip()
    return allowed


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    # A test that is silently skipped in CI protects nothing: it fails there, unless it is listed.
    if os.environ.get("CI") != "true" or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    if any(fnmatchcase(report.nodeid, pattern) for pattern in _allowed_skips()):
        return
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{why} - with CI=true a skip fails; {ALLOWED_SKIPS.name} names exceptions"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves a file unread that is slow as a whole, where `make check` leaves out what is slow.

    Importing PyTorch and the like alone would take a good part of its minute.
    """
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    slow = "\npytestmark = pytest.mark.slow\n" in collection_path.read_text(encoding="utf-8")
    return True if slow else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what runs on a shared engine as slow: it starts a server or loads a large library.

    Files with slow tests come first. With several processes the others fill up the time in which
    one of them is still at the last slow file.
    """
    for item in items:
        call = getattr(item, "callspec", None)
        if call is not None and SHARED_ENGINES & {str(value) for value in call.params.values()}:
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps a developer's own FLOORLENS_* and PINECONE_* variables out of the tests."""
    for name in [name for name in os.environ if name.startswith(("FLOORLENS_", "PINECONE_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _fake_preset_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opens catalogues of `fake_stages` with what a test puts in the place of `load_stages`."""

    def preset(stamp: Mapping[str, Any] | None, location: str) -> Preset:
        fake = (stamp or {}).get("preset") == "fake"
        return BUILTIN if fake else stamped_preset(stamp, location)

    monkeypatch.setattr("floorlens.lens.stamped_preset", preset)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real photos that lie beside the checkout where the project is developed."""
    for folder in (ROOT.parent / "shared" / "data", ROOT / "shared" / "data"):
        if folder.is_dir():
            return folder
    pytest.skip("the real photos (shared/data beside the checkout) are not here")


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """Folders of tiny random checkpoints: `.clip`, `.clipseg`, `.siglip2` and `.dinov2`.

    `.environment()` gives the variables that put them in the place of the published models. The
    folders are shared by all tests: none may write into them.
    """
    pytest.importorskip("transformers", reason="needs the extra clip")
    from tests.doubles.clip_checkpoints import build

    return build(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def picture() -> PictureMaker:
    """Makes a picture whose four corners differ, so that a wrong turn shows.

    `picture(width, height, colour)`: smooth, without fine detail, so that JPEG keeps it.
    """

    def make(
        width: int = 64, height: int = 48, colour: tuple[int, int, int] = (128, 128, 128)
    ) -> Pixels:
        across = np.linspace(-50, 50, width)[None, :, None]
        down = np.linspace(-40, 40, height)[:, None, None]
        slopes = across * [1.0, 0.5, -0.3] + down * [0.2, -1.0, 0.7]
        return np.clip(np.array(colour, float) + slopes, 0, 255).astype(np.uint8)

    return make


@pytest.fixture
def product_folder(tmp_path: Path) -> Path:
    """A folder of six products, each of another colour: see `COLOURS`."""
    folder = tmp_path / "products"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (40, 40), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def product_csv(product_folder: Path) -> Path:
    """The same products as a CSV with the metadata material, price and stock."""
    rows = [
        f"{name},{name}.png,{name.title()} floor,"
        f"{'stone' if name in ('brick', 'slate') else 'wood'},"
        f"{10 * number},{'true' if number % 2 else 'false'}"
        for number, name in enumerate(COLOURS, start=1)
    ]
    file = product_folder / "products.csv"
    file.write_text("\n".join(["id,image,name,material,price,stock", *rows]) + "\n", "utf-8")
    return file


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A photo of a room: its lower half, where the fake segmenter sees floor, is of oak."""
    pixels = np.full((120, 160, 3), 230, np.uint8)
    pixels[60:] = COLOURS["oak"]
    file = tmp_path / "room.png"
    Image.fromarray(pixels).save(file)
    return file


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """A photo of one colour: the fake segmenter finds no floor in it."""
    file = tmp_path / "blank.png"
    Image.new("RGB", (64, 64), "grey").save(file)
    return file


@pytest.fixture
def lens(tmp_path: Path, product_csv: Path) -> Iterator[Floorlens]:
    """A catalogue of the six products, with stages that need no models."""
    with Floorlens.open(tmp_path / "catalogue", stages=fake_stages()) as opened:
        opened.add(product_csv)
        yield opened


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A real PostgreSQL with pgvector, started once and stopped at the end of the session."""
    pytest.importorskip("psycopg", reason="needs the extra pgvector")
    from tests.doubles.postgres import running_postgres

    with running_postgres() as (server, _):
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Any) -> str:
    """The `postgresql://…` of a database of that server, empty at first, shared by the session."""
    postgres_server.psql("CREATE DATABASE shared;")
    return str(postgres_server.get_uri(database="shared"))


@pytest.fixture
def postgres_database(postgres_server: Any) -> Iterator[str]:
    """The `postgresql://…` of an empty database of the test's own."""
    name = f"test_{os.urandom(8).hex()}"
    postgres_server.psql(f"CREATE DATABASE {name};")
    yield str(postgres_server.get_uri(database=name))
    postgres_server.psql(f"DROP DATABASE {name} WITH (FORCE);")


@pytest.fixture(scope="session")
def pinecone_double() -> Iterator[Any]:
    """A running double of Pinecone, one for all tests: each makes its own namespace."""
    pytest.importorskip("pinecone", reason="needs the extra pinecone")
    pytest.importorskip("fastapi", reason="needs the extra api")
    from tests.doubles.pinecone.server import running_double

    with running_double(api_key="test") as double:
        yield double


@pytest.fixture
def engine_of(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Engine]:
    """Returns an engine of that name that answers; a server is started when one is wanted."""

    def engine(name: str) -> Engine:
        if name == "lancedb":
            pytest.importorskip("lancedb", reason="needs the extra lancedb")
            return Engine(name, url=str(tmp_path / "lance"))
        if name == "milvus":
            pytest.importorskip("pymilvus", reason="needs the extra milvus")
            # benchmarks/milvus_server.py runs the contract suite against a server.
            server = os.environ.get("MILVUS_SERVER_URL")
            return Engine(name, url=server or str(tmp_path / "milvus.db"))
        if name == "sqlite":
            # The template of a package with an engine of its own (examples/plugin).
            install = installer(tmp_path / "packages", monkeypatch)
            install("template", {"floorlens.engines": SQLITE})
            monkeypatch.syspath_prepend(ROOT / "examples" / "plugin")
            return Engine(name, url=str(tmp_path / "sqlite"))
        if name == "pgvector":
            return Engine(name, url=request.getfixturevalue("postgres_url"))
        if name == "pinecone":
            double = request.getfixturevalue("pinecone_double")
            return Engine(name, url=double.url, api_key="test", fresh=True)
        return Engine(name)

    return engine


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """`place(name)` is where a catalogue may be: a folder, or a schema of the real PostgreSQL."""
    if request.param == "sqlite":
        return lambda name: str(tmp_path / name)
    url, unique = request.getfixturevalue("postgres_url"), f"test_{os.urandom(6).hex()}"
    return lambda name: f"{url}&floorlens_schema={unique}_{name}"


@pytest.fixture
def location(place: Place) -> str:
    """Where one catalogue may be, see `place`."""
    return place("catalogue")


@contextmanager
def browsing(profile: Path, **options: Any) -> Iterator[Page]:
    """Yields a page of a fresh browser without background traffic."""
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is not there: apt-get install chromium (the Debian package)"
        # Not even a line in allowed_skips.txt may skip the only tests in a real browser.
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=FLAGS, **options
        )
        page = context.new_page()
        page.set_default_timeout(120_000)
        yield page
        context.close()


@pytest.fixture
def browser_page(tmp_path: Path) -> Iterator[Page]:
    """A page of a fresh browser on a desk."""
    size = {"width": 1440, "height": 900}
    with browsing(tmp_path / "profile", viewport=size) as page:
        yield page


@pytest.fixture
def phone_page(tmp_path: Path) -> Iterator[Page]:
    """A page of a fresh browser on a telephone."""
    size = {"width": 390, "height": 844}
    touch: dict[str, Any] = {"device_scale_factor": 2, "has_touch": True, "is_mobile": True}
    with browsing(tmp_path / "profile", viewport=size, **touch) as page:
        yield page


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """A service that runs in this process writes to the standard error of that test: not later."""
    loggers = [logging.getLogger(name) for name in ("floorlens", "uvicorn")]
    states = [(one, list(one.handlers), one.propagate, one.level) for one in loggers]
    yield
    for one, handlers, propagate, level in states:
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(level)
