"""The doctor: which settings apply, what is installed, and whether it works."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from floorlens import presets
from floorlens.engines import PRIVATE, outside_backend
from floorlens.engines.opening import hide_secrets
from floorlens.errors import CatalogueNotFound, FloorlensError, NoFloorFound, SettingsError
from floorlens.images.loading import load_photo
from floorlens.lens import find_floor, open_catalogue
from floorlens.models.hub import MODELS
from floorlens.pipeline import product_features
from floorlens.plugins import Plugin, plugin_named, plugins
from floorlens.settings import Settings, variable
from floorlens.testing import check_stages

# Extra -> the module that shows that it is installed.
EXTRAS = {
    "api": "fastapi",
    "client": "httpx",
    "clip": "transformers",
    "excel": "openpyxl",
    "heif": "pi_heif",
    "lancedb": "lancedb",
    "milvus": "pymilvus",
    "otel": "opentelemetry.sdk",
    "pandas": "pandas",
    "pgvector": "psycopg",
    "pinecone": "pinecone",
    "train": "efficientnet_lite_pytorch",
    "ui": "streamlit",
}
_SECRET = re.compile(r"key|token|secret|password", re.IGNORECASE)


@dataclass(frozen=True)
class Check:
    """The result of one check: its name, whether all is well, the finding, and the cure if not."""

    name: str
    ok: bool
    found: str
    cure: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Returns the check as plain JSON values."""
        return asdict(self)


def public_settings(settings: Settings) -> dict[str, str]:
    """Returns the settings as variable -> text, with "***" in place of secrets.

    Example:
        >>> from floorlens.doctor import public_settings
        >>> from floorlens.settings import Settings
        >>> public_settings(Settings(index_key="s3cret"))["FLOORLENS_INDEX_KEY"]
        '***'
    """
    variables = {}
    for name, value in settings.model_dump().items():
        text = "" if value is None else hide_secrets(str(value))
        variables[variable(name)] = "***" if text and _SECRET.search(name) else text
    return variables


def examine(settings: Settings) -> list[Check]:
    """Returns the result of each check; creates and changes nothing.

    Example:
        >>> from floorlens.doctor import examine
        >>> from floorlens.settings import Settings
        >>> checks = {check.name: check for check in examine(Settings())}
        >>> checks["catalogue"].ok, checks["catalogue"].found
        (True, 'none yet at ./catalogue; `floorlens index PRODUCTS` makes one')
    """
    checks = [
        Check("floorlens", True, _version("floorlens")),
        Check("python", True, f"{platform.python_version()} on {platform.platform()}"),
        *(Check(name, True, _version(name)) for name in ("onnxruntime", "numpy", "pillow")),
    ]
    for extra, module in EXTRAS.items():
        state = "installed" if _is_there(module) else f"not installed (floorlens[{extra}])"
        checks.append(Check(f"extra {extra}", True, state))
    checks += [
        _run(f"{plugin.kind} {plugin.name}", partial(_plugin, plugin, settings))
        for plugin in (*plugins("preset"), *plugins("engine"))
    ]
    checks.append(_run("models", lambda: _models(settings)))
    checks.append(_run("catalogue", lambda: _catalogue(settings)))
    if settings.index not in (None, PRIVATE):
        checks.append(_run("engine", lambda: _engine(settings)))
    return checks


def _run(name: str, check: Callable[[], str]) -> Check:
    """Returns the result of a check that returns a finding or raises."""
    try:
        return Check(name, True, check())
    except FloorlensError as error:
        return Check(name, False, type(error).__name__, str(error))
    except Exception as error:  # noqa: BLE001 - onnxruntime's own errors share no other base
        return Check(
            name,
            False,
            hide_secrets(f"{type(error).__name__}: {error}"),
            "reinstall: pip install floorlens",
        )


def _plugin(plugin: Plugin, settings: Settings) -> str:
    text = f"{plugin.target} of {plugin.package} {plugin.version}"
    if plugin.kind == "engine":
        outside_backend(plugin.name)
        return text
    # `preset_named` would answer with Floorlens's own preset where that has the name.
    plugin_named("preset", plugin.name, presets.PRESETS)
    stages = _stages(plugin.name, settings)
    if {stages.preset.segmenter, stages.preset.encoder} & MODELS.keys():
        # Running them would fetch them, for a preset that perhaps nobody uses.
        return f"{text}; not run, since its models come from the hub"
    try:
        check_stages(stages)
    except FloorlensError:
        raise
    except Exception as error:
        raise SettingsError(
            f"{plugin} cannot be used ({type(error).__name__}: {error}); the package must mend it"
        ) from error
    return f"{text}; its stages run"


def _stages(preset: str, settings: Settings) -> presets.Stages:
    return presets.load_stages(
        presets.preset_named(preset), threads=settings.threads, models=settings.model_options()
    )


def _models(settings: Settings) -> str:
    stages = _stages(settings.preset or presets.DEFAULT_PRESET, settings)
    grey = load_photo(np.full((256, 256, 3), 128, np.uint8))
    # A grey picture has no floor; here it only counts that the model runs.
    with suppress(NoFloorFound):
        find_floor(grey, stages=stages)
    length = stages.embedder.describe(product_features([grey], stages)).vector.shape[0]
    stamps = (stages.segmenter.stamp, stages.embedder.stamp)
    # The weights have licences of their own: some were trained on data for research only.
    models = ", ".join(
        f"{stamp.model_id} {stamp.version} (weights: {stamp.licence})" for stamp in stamps
    )
    return f"{models} run; vectors of {length} numbers"


def _catalogue(settings: Settings) -> str:
    try:
        with open_catalogue(settings, create=False) as lens:
            products, folder, projection = lens.products(), lens.folder, lens.projection
            text = f"{len(products)} products at {lens.location}"
    except CatalogueNotFound:
        location = public_settings(settings)["FLOORLENS_CATALOGUE"]
        return f"none yet at {location}; `floorlens index PRODUCTS` makes one"
    lost = [p.id for p in products if not all(Path(image).is_file() for image in p.images)]
    if folder is not None:
        text += f", {shutil.disk_usage(folder).free / 2**30:.0f} GiB free"
    if projection is not None:
        source = f" of {projection['products']} products" if "products" in projection else ""
        text += f", projection {projection['version']}{source}"
    if lost:
        raise FloorlensError(
            f"{text}; the pictures of {len(lost)} products are not where they were (first: "
            f"{lost[0]}): searches work, a rebuild would not. Index them again from their new place"
        )
    return text


def _engine(settings: Settings) -> str:
    try:
        with open_catalogue(settings, create=False) as lens:
            comparison = lens.replica.compare()
    except CatalogueNotFound:
        return f"{settings.index}: nothing to compare yet"
    text = f"{comparison.engine} {comparison.collection}: {comparison.records} records"
    if not comparison.in_step:
        raise FloorlensError(
            f"{text} for {comparison.products} products, stamp {comparison.stamp}; "
            f"{comparison.cure}"
        )
    return f"{text}, in step with the catalogue"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed as a package"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # The package that it is part of is not there either.
        return False
