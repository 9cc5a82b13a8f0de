"""Writes the catalogue that `test_compatibility.py` opens, and what this version answers with it.

    PYTHONPATH=. python tests/catalogue/write_version.py

To be run when the stamp of features changes on purpose: later versions of that stamp must open what
lies there and answer the same. The stamps before it stay in `version_2026_11_25`, which must be
refused with the command that cures it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from floorlens import Floorlens
from floorlens.engines import Engine
from floorlens.retrieval.placement import collection_spec, engine_key, place_engine

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(__file__).with_name("version_present")
SAMPLES = ROOT / "samples"
#: Products, and the room scene that some have beside their swatch.
PRODUCTS = {
    "cement-star-blue": None,
    "oak-honey-herringbone": None,
    "oak-light-chevron": None,
    "oak-natural-plank": None,
    "oak-silver-plank": "study-silver-oak",
    "terracotta-hexagon": None,
    "terrazzo-bianco": "bath-terrazzo",
    "walnut-herringbone": None,
    "walnut-plank": "bedroom-walnut-evening",
    "wool-loop-pebble": None,
}
ROOMS = ("living-oak-sun", "kitchen-star-tiles", "hall-chevron")
#: Where the pictures lay: they need not be there any more.
PLACE = "/srv/floorlens/products"


def main() -> None:
    """Write the catalogue and `expected.json`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = ["id,image"]
        for product, scene in PRODUCTS.items():
            shutil.copy(SAMPLES / "products" / f"{product}.jpg", folder)
            if scene is not None:
                shutil.copy(SAMPLES / "rooms" / f"{scene}.jpg", folder)
            files = [f"{file}.jpg" for file in (product, scene) if file is not None]
            lines.append(f"{product},{'|'.join(files)}")
        (folder / "products.csv").write_text("\n".join(lines), encoding="utf-8")
        with Floorlens.open(folder / "catalogue") as lens:
            lens.add(folder / "products.csv", adapt=False)
            lens.adapt(views=1)
        database = folder / "catalogue" / "catalogue.sqlite"
        with closing(sqlite3.connect(database)) as connection:
            for (uri,) in connection.execute("SELECT uri FROM images").fetchall():
                moved = f"{PLACE}/{Path(uri).name}"
                connection.execute("UPDATE images SET uri = ? WHERE uri = ?", (moved, uri))
            connection.commit()
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("VACUUM")
        TARGET.mkdir(exist_ok=True)
        shutil.copy(database, TARGET)
    text = json.dumps(_answers(TARGET / "catalogue.sqlite"), indent=1, sort_keys=True)
    (TARGET / "expected.json").write_text(text + "\n", encoding="utf-8")


def _answers(database: Path) -> dict[str, Any]:
    """Returns what this version answers; a copy of the catalogue is opened, as that may write."""
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(database, name)
        with closing(sqlite3.connect(database)) as connection:
            rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            schema = sorted(sql for (sql,) in rows)
        with Floorlens.open(name, create=False) as lens:
            catalogue, stages = lens._catalogue, lens._stages
            version = (lens.projection or {})["version"]
            places = {}
            for engine in (
                place_engine(Engine("lancedb"), catalogue),
                Engine("pinecone", api_key="k", index="floors"),
            ):
                spec = collection_spec(engine, catalogue, stages, version)
                places[engine.name] = [engine_key(engine, catalogue), spec.name, spec.stamp]
            pgvector = Engine("pgvector", url="postgresql://me:secret@db/floors")
            places["pgvector"] = [engine_key(pgvector, catalogue)]
            return {
                "made_by": subprocess.run(
                    ["git", "rev-parse", "--short", "HEAD"],
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout.strip(),
                "stamp": dict(lens.stamp),
                "projection": lens.projection,
                "products": [product.as_dict() for product in lens.products()],
                "schema": schema,
                "collections": places,
                "rankings": {
                    room: [
                        [m.product.id, m.score, dict(m.components or {}), m.evidence]
                        for m in lens.search(SAMPLES / "rooms" / f"{room}.jpg").matches
                    ]
                    for room in ROOMS
                },
            }


if __name__ == "__main__":
    main()
