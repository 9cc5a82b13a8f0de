"""Rows of a program: dicts, DataFrames and Products, with pictures that may have no file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from floorlens import Floorlens, Product
from floorlens.errors import ImageError, ProductSourceError, UsageError
from floorlens.images.loading import Photo, load_photo
from floorlens.products.reading import read_products
from floorlens.products.rows import PictureFolder
from floorlens.testing import fake_stages

TAN = np.full((32, 32, 3), (210, 180, 140), np.uint8)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a picture in it and one beside it."""
    folder = tmp_path / "shop"
    folder.mkdir()
    Image.fromarray(TAN).save(folder / "oak.png")
    Image.fromarray(TAN // 2).save(tmp_path / "private.png")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def lens(tmp_path: Path, shop: Path) -> Iterator[Floorlens]:
    with Floorlens.open(tmp_path / "catalogue", stages=fake_stages()) as opened:
        yield opened


def pixels_of(lens: Floorlens, product_id: str) -> NDArray[np.uint8]:
    return load_photo(lens.product(product_id).images[0]).pixels


def png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_columns_of_rows_are_known_as_those_of_a_list(lens: Floorlens) -> None:
    row = {"SKU": "1", "Bild": "oak.png", "Titel": "Oak", "price": 40, "tags": ["matt", "wide"]}
    report = lens.add(row)
    assert report.counts["added"] == 1
    product = lens.product("1")
    assert (product.name, product.metadata) == ("Oak", {"price": 40, "tags": ["matt", "wide"]})
    assert "columns: id is 'SKU', image is 'Bild', name is 'Titel'" in report.notes
    named = lens.add(
        [{"nr": 2, "photo of it": "oak.png"}], columns={"id": "nr", "image": "photo of it"}
    )
    assert [row.id for row in named.rows] == ["2"]


@pytest.mark.parametrize(
    "picture",
    [
        TAN,
        Image.fromarray(TAN),
        png(TAN),
        bytearray(png(TAN)),
        io.BytesIO(png(TAN)),
        "oak.png",
        Path("oak.png"),
        [TAN],
        ("oak.png", TAN),
    ],
    ids=lambda picture: type(picture).__name__,
)
def test_a_picture_may_be_anything_that_shows_one(lens: Floorlens, picture: Any) -> None:
    if isinstance(picture, io.BytesIO):
        picture.seek(0)
    report = lens.add([{"id": "oak", "image": picture}])
    assert report.failed == ()
    assert np.array_equal(pixels_of(lens, "oak"), TAN)
    assert all(Path(path).is_absolute() for path in lens.product("oak").images)


def test_pictures_without_a_file_are_kept_beside_the_catalogue(
    lens: Floorlens, tmp_path: Path
) -> None:
    """Once: the same pixels are the same picture, and the product is unchanged."""
    rows = [{"id": "a", "image": TAN}, {"id": "b", "image": TAN}, {"id": "c", "image": TAN + 1}]
    lens.add(iter(rows))
    kept = sorted((tmp_path / "catalogue" / "pictures").iterdir())
    assert len(kept) == 2
    assert {Path(lens.product(name).images[0]) for name in "abc"} == set(kept)
    assert lens.add(rows).counts["unchanged"] == 3
    again = Floorlens.rebuild(tmp_path / "catalogue", stages=fake_stages())
    assert again.failed == ()


@pytest.mark.parametrize("picture", [TAN, png(TAN)], ids=["pixels", "file"])
def test_a_kept_file_that_was_cut_off_is_written_anew(tmp_path: Path, picture: Any) -> None:
    path = Path(PictureFolder(tmp_path / "kept").keep(picture))
    whole = path.read_bytes()
    for damaged in (b"", whole[:3], whole[:-5], whole[:-20] + bytes(20)):
        path.write_bytes(damaged)
        assert PictureFolder(tmp_path / "kept").keep(picture) == str(path)
        assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


def test_pixels_that_another_pillow_has_packed_stay_as_they_are(tmp_path: Path) -> None:
    """Else the product would seem to have changed."""
    path = Path(PictureFolder(tmp_path).keep(TAN))
    Image.fromarray(TAN).save(path, compress_level=0)
    other = path.read_bytes()
    assert PictureFolder(tmp_path).keep(TAN) == str(path)
    assert path.read_bytes() == other


def test_a_picture_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for picture in (TAN, png(TAN)):
        with pytest.raises(ImageError, match="cannot be written"):
            PictureFolder(tmp_path / "file").keep(picture)


def test_transparency_stays(lens: Floorlens) -> None:
    """What is transparent was cut out on purpose."""
    pixels = np.dstack(
        [TAN, np.where(np.arange(32) < 16, 0, 255).astype(np.uint8)[None].repeat(32, 0)]
    )
    lens.add({"id": "cut", "image": Image.fromarray(pixels, "RGBA")})
    opaque = load_photo(lens.product("cut").images[0]).opaque
    assert opaque is not None
    assert opaque.mean() == 0.5


@pytest.mark.parametrize("mode", ["PA", "RGBa"])
def test_transparency_of_other_modes_stays(lens: Floorlens, mode: str) -> None:
    image = Image.new("RGBA", (32, 32), (210, 180, 140, 255))
    image.paste((0, 0, 0, 0), (0, 0, 16, 32))
    lens.add({"id": "cut", "image": image.convert(mode)})
    opaque = load_photo(lens.product("cut").images[0]).opaque
    assert opaque is not None
    assert opaque.mean() == 0.5


def printed(profile: bytes | None = None) -> Image.Image:
    """A photo for printing that lies on its side, as it is opened."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("CMYK", (32, 24), (10, 20, 30, 40))
    image.paste((0, 90, 0, 0), (0, 0, 32, 8))
    image.save(file, "JPEG", exif=exif, icc_profile=profile)
    return Image.open(file)


GREYS = np.linspace(0, 65535, 24 * 32).reshape(24, 32)


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(GREYS.astype(np.uint16)),
        Image.fromarray(GREYS.astype(np.int32)),
        Image.fromarray((GREYS / 65535).astype(np.float32)),
        Image.new("CMYK", (32, 24), (10, 20, 30, 40)),
        printed(),
        # Wider than what is worked with.
        Image.new("CMYK", (1500, 24), (10, 20, 30, 40)),
    ],
    ids=["I;16", "I", "F", "CMYK", "turned", "wide"],
)
def test_a_picture_of_another_mode_shows_what_it_did(lens: Floorlens, image: Image.Image) -> None:
    lens.add({"id": "one", "image": image})
    path = lens.product("one").images[0]
    given = load_photo(image, working_side=max(image.size))
    kept = load_photo(path, working_side=max(image.size))
    assert kept.size == given.size
    assert np.array_equal(kept.pixels, given.pixels)


def test_a_profile_stays_with_its_colours(lens: Floorlens) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    photo = Image.fromarray(TAN)
    photo.info["icc_profile"] = profile
    lens.add([{"id": "printed", "image": printed(profile)}, {"id": "photo", "image": photo}])
    with Image.open(lens.product("printed").images[0]) as kept:
        assert "icc_profile" not in kept.info
    with Image.open(lens.product("photo").images[0]) as kept:
        assert kept.info["icc_profile"] == profile


def test_a_picture_with_broken_notes_is_kept(lens: Floorlens) -> None:
    image = Image.fromarray(TAN)
    image.info["exif"] = b"Exif\0\0junkjunkjunk"
    assert lens.add({"id": "oak", "image": image}).failed == ()
    assert np.array_equal(pixels_of(lens, "oak"), TAN)


def test_a_data_frame_is_rows(lens: Floorlens) -> None:
    """What it lacks is no value, and its numbers are numbers."""
    frame = pandas.DataFrame(
        {
            "image": ["oak.png", TAN],
            "price": [40, None],
            "in stock": [True, False],
            "since": pandas.to_datetime(["2026-01-02", None]),
        },
        index=pandas.Index(["oak", "tan"], name="id"),
    )
    assert lens.add(frame).counts["added"] == 2
    assert lens.product("oak").metadata == {
        "price": 40.0,
        "in stock": True,
        "since": "2026-01-02T00:00:00",
    }
    assert lens.product("tan").metadata == {"in stock": False}
    assert lens.add(frame).counts["unchanged"] == 2


FRAME = pandas.DataFrame(
    {"id": ["oak", "ash"], "size": ["S", "M"], "image": ["oak.png", "oak.png"], "price": [40, 50]}
)


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        FRAME.set_index("id"),
        FRAME.set_index("id", drop=False),
        FRAME.set_index(["id", "size"]),
        FRAME.set_index(["id", "size"], drop=False),
        FRAME.set_index([pandas.Index([7, 7]), "id"]),
        FRAME.set_index([FRAME["id"], FRAME["id"]]),
        FRAME.set_index(pandas.Index([7, 7])),
    ],
    ids=["none", "one", "one left", "two", "two left", "one without a name", "twice", "no name"],
)
def test_an_index_with_a_name_is_columns(lens: Floorlens, frame: pandas.DataFrame) -> None:
    assert lens.add(frame).counts["added"] == 2
    assert lens.product("oak").metadata == {"size": "S", "price": 40}
    assert lens.product("ash").metadata == {"size": "M", "price": 50}


def test_the_products_of_one_catalogue_go_into_another(lens: Floorlens, tmp_path: Path) -> None:
    """Wherever their pictures lie: the program has named them."""
    outside = Product("p", "Slate", {"price": 3}, (str(tmp_path / "private.png"),))
    lens.add([outside, {"id": "oak", "image": "oak.png"}])
    assert lens.product("p") == outside
    with Floorlens.open(tmp_path / "other", stages=fake_stages()) as other:
        assert other.add(lens.products()).counts["added"] == 2
        assert other.products() == lens.products()


def test_a_text_names_no_picture_elsewhere(lens: Floorlens, tmp_path: Path) -> None:
    """Rows may come from elsewhere, as a list may; a `Path` does not."""
    outside = tmp_path / "private.png"
    with pytest.raises(ProductSourceError, match="lies outside"):
        lens.add([{"id": "p", "image": str(outside)}])
    with pytest.raises(ProductSourceError, match="lies outside"):
        lens.add([{"id": "p", "image": "../private.png"}])
    assert lens.add([{"id": "p", "image": str(outside)}], pictures=[tmp_path]).failed == ()
    assert lens.add([{"id": "q", "image": outside}]).failed == ()


def test_a_row_that_cannot_be_used_leaves_the_others(lens: Floorlens) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "oak", "image": "oak.png", "weight": Decimal("2.5"), "none": float("nan")},
        {"id": "float", "image": TAN.astype(float)},
        {"id": "junk", "image": b"junk"},
        {"id": "odd", "image": "oak.png", "shape": object()},
        {"id": "gone", "image": Path("gone.png")},
        {"id": "bare"},
    ]
    report = lens.add(rows)
    reasons = {row.id: row.reason or "" for row in report.failed}
    assert lens.product("oak").metadata == {"weight": 2.5}
    assert set(reasons) == {"float", "junk", "odd", "gone", "bare"}
    assert "row 2: 'image': " in reasons["float"]
    assert "is not an image" in reasons["junk"]
    assert "row 4: 'shape': a object is neither" in reasons["odd"]
    assert "cannot be found" in reasons["gone"]
    with pytest.raises(ProductSourceError, match="row 6"):
        lens.add([{"id": "x"}, *rows], strict=True)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (TAN[:4, :4], "is only 4 x 4 pixels"),
        (TAN.astype(float), "an array must be uint8"),
        (np.broadcast_to(TAN[:1, :1], (12_200, 10_000, 3)), "has 122.0 megapixels"),
        (object(), "a object is neither"),
    ],
    ids=["small", "float", "large", "object"],
)
def test_what_is_wrong_with_all_pictures_is_said(
    lens: Floorlens, picture: Any, reason: str
) -> None:
    """Not that there is no column of pictures."""
    for rows in ([{"id": "a", "image": picture}], [{"id": "a", "image": picture}] * 2):
        with pytest.raises(ProductSourceError, match=rf"row 1: 'image': .*{reason}"):
            lens.add(rows)
    fields = [{"id": "a", "image": {"src": TAN[:4, :4]}}, {"id": "b", "image": {"src": "oak.png"}}]
    report = lens.add(fields, columns={"image": "image.src"})
    assert [row.id for row in report.failed] == ["a"]


@pytest.mark.parametrize("mode", ["RGB", "F"])
def test_how_large_a_picture_may_be_is_what_the_catalogue_was_opened_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    image = Image.new(mode, (50, 40))
    with Floorlens.open(tmp_path, stages=fake_stages(), max_megapixels=0.001) as lens:
        with pytest.raises(ProductSourceError, match=r"more than the allowed 0\.001"):
            lens.add({"id": "a", "image": image})
        assert not (tmp_path / "pictures").exists()
    limits = []

    def load(*arguments: Any, **options: Any) -> Photo:
        limits.append(options.get("max_megapixels"))
        return load_photo(*arguments, **options)

    monkeypatch.setattr("floorlens.products.rows.load_photo", load)
    PictureFolder(tmp_path / "kept", max_megapixels=200).keep(image)
    assert set(limits) == {200}


@pytest.mark.parametrize("source", [["oak.png"], [3], 5, None])
def test_what_is_no_rows(lens: Floorlens, source: Any) -> None:
    with pytest.raises(UsageError, match=r"a row is a dict|cannot be read from"):
        lens.add(source)


def test_no_rows(lens: Floorlens) -> None:
    with pytest.raises(ProductSourceError, match="holds no rows"):
        lens.add([])
    with pytest.raises(UsageError, match="layout"):
        lens.add([{"id": "oak", "image": "oak.png"}], layout="files")


def test_a_catalogue_on_a_server_keeps_no_pictures() -> None:
    with pytest.raises(ProductSourceError, match="save the picture to a file"):
        PictureFolder(None).keep(TAN)
    with pytest.raises(ProductSourceError, match="row 1: 'image': this catalogue lies on a server"):
        read_products([{"id": "x", "image": TAN}], picture_folder=None)


def test_an_open_list_is_read(lens: Floorlens, shop: Path) -> None:
    """Its pictures lie in its folder, or in the current one where it has none."""
    text = "id,image,price\noak,oak.png,40\n"
    assert lens.add(io.StringIO(text)).counts["added"] == 1
    assert lens.product("oak").metadata == {"price": 40}
    assert lens.add(io.BytesIO(text.encode("utf-16"))).counts["unchanged"] == 1
    (shop / "sub").mkdir()
    Image.fromarray(TAN).save(shop / "sub" / "ash.png")
    (shop / "sub" / "list.json").write_text('[{"id": "ash", "image": "ash.png"}]')
    with (shop / "sub" / "list.json").open() as file:
        assert lens.add(file).counts["added"] == 1
    assert lens.add(io.BytesIO(b' [{"id": "elm", "image": "oak.png"}]')).counts["added"] == 1
    with pytest.raises(ProductSourceError, match="cannot be read"):
        lens.add(file)
