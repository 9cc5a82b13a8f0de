"""A tap on the floor beside a whole search, over HTTP: how long both take, and whether they agree.

    python benchmarks/tap.py [--rooms FOLDER] [--catalogue FOLDER] [--side 1280] [--photos 24]

For each photo in turn: a search; a tap on it (`refine` with one click on a random spot, on floor in
one photo and beside it in the next); and a search of the same photo with that click from the
beginning, to which the answer to the tap is compared. Prints medians, their ratio (aim .5), the
mean CPU time of the service for each (on Linux), which a busy machine changes less, whether the
first place is the same, and Spearman's correlation of the first 20.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from machine import machine
from numpy.typing import NDArray
from PIL import Image
from service_load import PATIENCE, serving

from floorlens import Floorlens
from floorlens.demo.samples import samples
from floorlens.images.formats import PILLOW_FORMATS

FIRST = 20


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=Path, default=samples() / "rooms")
    parser.add_argument("--catalogue", type=Path, help="a catalogue; by default of the samples")
    parser.add_argument("--side", type=int, default=1280, help="longer side of the photos")
    parser.add_argument("--photos", type=int, default=24)
    options = parser.parse_args()
    facts = machine("onnxruntime", "uvicorn", "starlette")
    print(" · ".join(f"{name} {value}" for name, value in facts.items()))
    folder = Path(tempfile.mkdtemp(prefix="floorlens-tap-"))
    try:
        catalogue = folder / "catalogue"
        if options.catalogue:
            shutil.copytree(options.catalogue, catalogue)
        else:
            with Floorlens.open(catalogue) as lens:
                lens.add(samples() / "products.csv", adapt=False)
        rooms = sorted(options.rooms.glob("*.jpg"))
        rooms = [rooms[i % len(rooms)] for i in range(options.photos)]
        with (
            serving(catalogue, folder, 1) as (url, service),
            httpx.Client(base_url=url, timeout=PATIENCE) as client,
        ):
            measure(client, service, rooms, options.side)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(client: httpx.Client, service: int, rooms: list[Path], side: int) -> None:
    """Prints the figures of all photos; `service` is the process that serves."""
    times: dict[str, list[float]] = {"search": [], "tap": [], "anew": []}
    work: dict[str, list[float]] = {"search": [], "tap": [], "anew": []}
    stages: dict[str, list[dict[str, float]]] = {"search": [], "tap": [], "anew": []}
    same: list[bool] = []
    agreement: list[float] = []
    rng = np.random.default_rng(0)

    def timed(name: str, path: str, **options: Any) -> Any:
        before, start = cpu_seconds(service), time.perf_counter()
        answer = client.post(path, **options)
        times[name].append(time.perf_counter() - start)
        work[name].append(cpu_seconds(service) - before)
        if answer.status_code == 422:
            return None
        body = answer.raise_for_status().json()
        stages[name].append(body["timings"])
        return body

    def asked(photo: bytes, number: int) -> None:
        page = timed("search", "/v1/search", files={"photo": photo})
        if page is None:
            times["search"].pop()
            work["search"].pop()
            return
        floor = client.get(f"/v1/searches/{page['id']}/floor.png", params={"kind": "mask"})
        mask = np.asarray(Image.open(io.BytesIO(floor.content), formats=PILLOW_FORMATS)) > 127
        click = tap(mask, floor=bool(number % 2), rng=rng)
        address = f"/v1/searches/{page['id']}/refine"
        tapped = timed("tap", address, json={"clicks": [click]})
        fields = {"clicks": json.dumps([click])}
        anew = timed("anew", "/v1/search", files={"photo": photo}, data=fields)
        if tapped is None or anew is None:
            for name in ("tap", "anew", "search"):
                times[name].pop()
                work[name].pop()
            return
        one, other = ([match["id"] for match in each["matches"]] for each in (tapped, anew))
        same.append(one[0] == other[0])
        agreement.append(spearman(other[:FIRST], one))

    for number, room in enumerate([rooms[0], rooms[1], *rooms]):
        asked(enlarged(room, side), number)
        if number == 1:
            for values in (*times.values(), *work.values(), *stages.values(), same, agreement):
                values.clear()  # type: ignore[attr-defined]
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{len(same)} photos of {side} px")
    for name, values in stages.items():
        parts = {
            stage: round(1000 * statistics.median(one.get(stage, 0.0) for one in values))
            for stage in values[-1]
        }
        print(f"{name:8s} {medians[name]:.3f} s; stages (ms) {parts}")
    print(f"tap / search: {medians['tap'] / medians['search']:.2f} (aim .50)")
    means = {name: statistics.mean(values) for name, values in work.items()}
    if means["search"]:
        texts = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in means.items())
        print(f"CPU time: {texts}; tap / search: {means['tap'] / means['search']:.2f}")
    print(
        f"tap beside the same search anew: first place the same in {np.mean(same):.3f} of them, "
        f"Spearman's correlation of the first {FIRST} mean {np.mean(agreement):.3f}, "
        f"median {np.median(agreement):.3f}"
    )


def cpu_seconds(process: int) -> float:
    """Returns the CPU time that a process has taken, of all its threads; 0 if not on Linux."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tap(mask: NDArray[np.bool_], *, floor: bool, rng: np.random.Generator) -> dict[str, Any]:
    """Returns a click on a random spot of the floor, or that makes floor of what lies beside it."""
    spots = mask
    if floor:
        spots = ~mask
        spots[: len(mask) // 2] = False
        floor = bool(spots.any())
        spots = spots if floor else mask
    rows, columns = np.nonzero(spots)
    place = int(rng.integers(len(rows)))
    return {"x": int(columns[place]), "y": int(rows[place]), "floor": floor}


def enlarged(room: Path, side: int) -> bytes:
    """Returns a photo as a JPEG whose longer side has so many pixels."""
    with Image.open(room, formats=PILLOW_FORMATS) as image:
        scale = side / max(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        file = io.BytesIO()
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def spearman(ids: list[str], others: list[str]) -> float:
    """Returns the rank correlation of a list with its places in another; absent ones come last."""
    places = [others.index(one) if one in others else len(others) for one in ids]
    ranks = np.argsort(np.argsort(places, kind="stable"))
    count = len(ids)
    return float(1 - 6 * ((ranks - np.arange(count)) ** 2).sum() / (count * (count**2 - 1)))


if __name__ == "__main__":
    main()
