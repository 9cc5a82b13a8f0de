"""Every command for people and for programs, with the documented exit codes."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from floorlens import Floorlens
from floorlens.errors import ModelUnavailable
from floorlens.testing import fake_stages
from tests.doubles.picture_server import HOST, png, reachable, response, serving, url

pytestmark = pytest.mark.slow

Run = Callable[..., Result]


@pytest.fixture
def filled(run: Run, product_csv: Path) -> Path:
    """The six products in ./catalogue; returns the CSV that they came from."""
    run("index", product_csv)
    return product_csv


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def library() -> Floorlens:
    return Floorlens.open("catalogue", create=False)


# -- index -------------------------------------------------------------------------------------


def test_index_counts_what_it_did(run: Run, product_csv: Path) -> None:
    first = run("index", product_csv)
    assert first.stderr == ""
    assert "6 products in " in first.stdout
    assert "not floor from edge to edge" not in first.stdout
    assert "6 added, 0 updated, 0 unchanged, 0 failed" in first.stdout
    again = document(run("index", product_csv, "--json"))
    assert again["counts"] == {"added": 0, "updated": 0, "unchanged": 6, "failed": 0}
    assert [row["id"] for row in again["rows"]] == sorted(row["id"] for row in again["rows"])


def test_index_counts_the_pictures_that_are_no_swatches(run: Run, product_folder: Path) -> None:
    grain = np.random.default_rng(0).integers(60, 160, (320, 320, 3), dtype=np.uint8)
    for name, box in (("board", np.s_[100:220, 40:280]), ("frame", np.s_[20:300, 20:300])):
        pixels = np.full((320, 320, 3), 255, np.uint8)
        pixels[box] = grain[box]
        Image.fromarray(pixels).save(product_folder / f"{name}.png")
    out = run("index", product_folder).stdout
    assert (
        "not floor from edge to edge: 1 picture of boards on a plain ground, "
        "1 picture with a frame or label"
    ) in out


def test_index_reports_bad_pictures_and_goes_on(run: Run, product_folder: Path) -> None:
    (product_folder / "bad.jpg").write_bytes(b"no picture")
    failure = run("index", product_folder, code=8)
    assert "6 added" in failure.stdout
    assert "1 failed" in failure.stdout
    assert "failed  bad: " in failure.stderr
    assert "is not an image" in failure.stderr
    report = document(run("index", product_folder, "--json", code=8))
    assert [row["status"] for row in report["rows"] if row["id"] == "bad"] == ["failed"]


def test_index_with_a_prefix_gives_the_reference_designs_ids(
    run: Run, product_folder: Path
) -> None:
    names = sorted(path.stem for path in product_folder.iterdir())
    rows = document(run("index", product_folder, "--id-prefix", "floor_", "--json"))["rows"]
    assert [row["id"] for row in rows] == [f"floor_{name}" for name in names]
    again = document(run("index", product_folder, "--id-prefix", "floor_", "--json"))
    assert again["counts"]["unchanged"] == 6
    run("index", "--rebuild", "--id-prefix", "floor_", code=2)


def test_index_rebuild(run: Run, filled: Path) -> None:
    assert document(run("index", "--rebuild", "--json"))["counts"]["updated"] == 6
    both = document(run("index", filled, "--rebuild", "--json"))
    assert both["counts"]["unchanged"] == 6
    run("index", "--rebuild", "--catalogue", "nowhere", code=6)


def test_rebuild_after_new_models(
    run: Run, filled: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the command, and the command does what the error says."""
    monkeypatch.setattr("floorlens.lens.load_stages", lambda *_a, **_k: fake_stages(version="2"))
    refusal = run("search", room, code=6)
    assert "floorlens index --rebuild" in refusal.stderr
    assert document(run("index", "--rebuild", "--json"))["counts"]["updated"] == 6
    run("search", room)


def test_rebuild_with_a_lost_picture_keeps_the_old_features(
    run: Run, filled: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (filled.parent / "moss.png").unlink()
    with monkeypatch.context() as newer:
        newer.setattr("floorlens.lens.load_stages", lambda *_a, **_k: fake_stages(version="2"))
        failure = run("index", "--rebuild", code=8)
        assert "The old features stay in use" in failure.stderr
    assert document(run("search", room, "--json"))["total"] == 6


# -- search ------------------------------------------------------------------------------------


def test_search_prints_the_librarys_ranking(run: Run, filled: Path, room: Path) -> None:
    out = document(run("search", room, "--json"))
    with library() as lens:
        expected = lens.search(room).as_dict()
    for result in (out, expected):
        del result["timings"]
    assert out == expected
    table = run("search", room, "-n", "2").stdout
    assert "oak" in table
    assert "Oak floor" in table
    assert "2 of 6 products; floor on 50% of the photo" in table


def test_search_takes_the_librarys_arguments(run: Run, filled: Path, room: Path) -> None:
    command = ["search", room, "--json", "-n", "3", "--weight", "texture=0", "--box", "0,0,160,50"]
    filters = ["--where", "material=wood", "--where", '{"price": {"$lt": 50}}']
    out = document(run(*command, *filters))
    with library() as lens:
        expected = lens.search(
            room,
            limit=3,
            weights={"texture": 0},
            region=(0, 0, 160, 50),
            where={"material": "wood", "price": {"$lt": 50}},
        ).as_dict()
    assert out["matches"] == expected["matches"]
    assert out["floor"] == expected["floor"]
    assert [m["id"] for m in out["matches"]] == ["ash", "oak", "moss"]


def test_search_in_a_polygon_and_in_a_drawn_mask(run: Run, filled: Path, room: Path) -> None:
    out = document(run("search", room, "--json", "--polygon", "0,70 159,70 159,119 0,119"))
    assert (out["floor"]["source"], out["matches"][0]["id"]) == ("polygon", "oak")
    run("mask", room, "-o", "mask.png")
    again = document(run("search", room, "--json", "--mask", "mask.png"))
    assert (again["floor"]["source"], again["floor"]["share"]) == ("mask", 0.5)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--box", "1,2,3"], "--box takes 4 numbers"),
        (["--box", "a,b,c,d"], "'a,b,c,d' is not a list of numbers"),
        (["--box", "9,9,1,1"], "has no area"),
        (["--polygon", "1,1 2,2"], "--polygon takes 3 or more points"),
        (["--box", "0,0,9,9", "--polygon", "0,0 9,0 9,9"], "give only one of"),
        (["--where", "material"], "neither FIELD=VALUE nor JSON"),
        (["--where", "{material: oak}"], "is not JSON"),
        (["--where", '{"price": {"$near": 5}}'], "unknown operator"),
        (["--where", '{"price": {"$lt": NaN}}'], "$lt on 'price' takes a finite number, not nan"),
        (["--weight", "colour"], "is not NAME=NUMBER"),
        (["--weight", "shape=1"], "unknown component 'shape': known are colour, texture"),
        (["--weight", "colour=-1"], "must be 0 or a positive number"),
        (["--limit", "0"], "--limit"),
        (["--preset", "nonesuch"], "unknown preset 'nonesuch'"),
        (["--bogus"], "--bogus"),
    ],
)
def test_search_with_options_without_meaning_exits_2(
    run: Run, filled: Path, room: Path, options: list[str], problem: str
) -> None:
    assert problem in " ".join(run("search", room, *options, code=2).stderr.split())


def test_exit_codes_of_a_search(run: Run, filled: Path, room: Path, blank: Path) -> None:
    assert "no such file" in run("search", "gone.jpg", code=3).stderr
    assert "is not an image" in run("search", filled, code=3).stderr
    assert "mark the floor yourself" in run("search", blank, code=4).stderr
    nothing = run("search", room, "--where", "material=cork", code=5)
    assert "none of the 6 products passes the filter" in nothing.stderr
    assert (
        "; no product has 'cork' as 'material': the values are 'wood', 'stone'\n" in nothing.stderr
    )
    wrong = run("search", room, "--where", "Materail=wood", code=2)
    assert "no product has the field 'Materail' (did you mean 'material'?)" in wrong.stderr
    nowhere = run("search", room, "--catalogue", "nowhere", code=6)
    assert "floorlens index PRODUCTS --catalogue nowhere" in nowhere.stderr
    assert not Path("nowhere").exists()


def test_an_empty_catalogue_names_the_command(run: Run, filled: Path, room: Path) -> None:
    run("products", "remove", "ash", "brick", "moss", "oak", "slate", "walnut")
    assert "is empty: add products with `floorlens index" in run("search", room, code=5).stderr


def test_an_error_for_programs_is_json(run: Run, filled: Path, blank: Path) -> None:
    failure = run("search", blank, "--json", code=4)
    assert failure.stdout == ""
    error = json.loads(failure.stderr)["error"]
    assert error["code"] == "no-floor-found"
    assert error["message"].startswith("no floor was found")


def test_bad_rows_are_named_and_the_others_stored(run: Run, product_folder: Path) -> None:
    file = product_folder / "list.csv"
    file.write_text(
        "Nummer;Foto;Titel;Preis\n1;oak.png;Oak;49,90\n2;;Yew;9,90\n;ash.png;Ash;1\n", "utf-8"
    )
    options = ("--columns", 'id=Nummer,image="Foto"', "--columns", "name=Titel")
    strict = run("index", file, *options, "--strict", code=3)
    assert "2 rows cannot be used:" in strict.stderr
    first = run("index", file, *options, code=8)
    assert "cells separated by semicolons\n" in first.stderr
    assert "'Preis' was read as numbers: '49,90' is 49.9\n" in first.stderr
    assert "failed  2: line 3: names no picture" in first.stderr
    assert "failed  line 4: the id is empty" in first.stderr
    assert "3 products in" in first.stdout
    assert "1 added" in first.stdout
    report = document(run("index", file, *options, "--no-numbers", "--json", code=8))
    assert [row["place"] for row in report["rows"]] == [None, "line 3", "line 4"]
    assert report["notes"][0] == "cells separated by semicolons"
    assert document(run("products", "show", "1", "--json"))["metadata"] == {"Preis": "49,90"}


@pytest.mark.parametrize("option", ["SKU", "=a", "id=a,,name=b", "Id=a", "size=a", "id="])
def test_columns_that_cannot_be_meant(run: Run, product_csv: Path, option: str) -> None:
    assert "columns" in run("index", product_csv, "--columns", option, code=2).stderr


def test_names_are_never_read_as_markup(run: Run, product_folder: Path, room: Path) -> None:
    """Rich would swallow "[bold]" and fail on "[/x]"."""
    file = product_folder / "list.csv"
    file.write_text("id,image,name,note\n[bold]o,oak.png,Oak [/x] [red]wide,[/]\n")
    run("index", file)
    assert "Oak [/x] [red]wide" in run("search", room).stdout
    rows = run("products", "list").stdout
    assert "[bold]o" in rows
    assert "note [/]" in rows
    odd = room.rename(room.with_name("[red] room.png"))
    assert "[red] room.png" in run("search", odd).stdout


# -- mask --------------------------------------------------------------------------------------


def test_mask_needs_no_catalogue_and_writes_what_it_finds(run: Run, room: Path) -> None:
    text = run("mask", room, "-o", "mask.png", "--overlay", "drawn.jpg").stdout
    assert "floor on 50.0% of the photo, box (0, 60, 160, 120), confidence 100%" in text
    with Image.open("mask.png") as picture:
        mask = np.asarray(picture)
    assert mask.shape == (120, 160)
    assert (mask[60:] == 255).all()
    assert not mask[:60].any()
    with Image.open("drawn.jpg") as picture:
        assert picture.size == (160, 120)
    assert not Path("catalogue").exists()


def test_mask_as_json_is_the_librarys_region(run: Run, room: Path, lens: Floorlens) -> None:
    assert document(run("mask", room, "--json")) == lens.mask(room).as_dict()


def test_mask_exit_codes(run: Run, room: Path, blank: Path) -> None:
    run("mask", blank, code=4)
    run("mask", "gone.jpg", code=3)
    assert "a mask is written as .png" in run("mask", room, "-o", "mask.jpg", code=2).stderr


# -- products, export, info --------------------------------------------------------------------


def test_products_list_show_remove(run: Run, filled: Path) -> None:
    rows = document(run("products", "list", "--json"))
    with library() as lens:
        assert rows == [product.as_dict() for product in lens.products()]
    assert "6 products" in run("products", "list").stdout
    assert document(run("products", "show", "oak", "--json")) == rows[3]
    out = run("products", "show", "oak").stdout
    assert "name: Oak floor" in out
    assert "price: 40" in out
    assert "image: " in out
    assert document(run("products", "remove", "oak", "ash", "--json")) == {
        "removed": ["oak", "ash"]
    }
    assert [p["id"] for p in document(run("products", "list", "--json"))] == [
        *("brick", "moss", "slate", "walnut")
    ]
    assert (filled.parent / "oak.png").is_file()


def test_an_unknown_id_removes_nothing(run: Run, filled: Path) -> None:
    assert "no product 'elm'" in run("products", "show", "elm", code=3).stderr
    run("products", "remove", "oak", "elm", code=3)
    assert len(document(run("products", "list", "--json"))) == 6


def test_export_writes_what_index_reads(run: Run, filled: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("export").stdout)))
    assert [row["id"] for row in rows] == ["ash", "brick", "moss", "oak", "slate", "walnut"]
    rows = document(run("products", "list", "--json"))
    assert document(run("export", "--json")) == rows
    for row in rows:
        row["images"] = [Path(image).name for image in row["images"]]
    for name in ("out.csv", "out.jsonl", "out.json"):
        assert run("export", "-o", filled.parent / name).stderr == ""
        report = document(run("index", filled.parent / name, "--json"))
        assert report["counts"]["unchanged"] == 6
    assert json.loads((filled.parent / "out.json").read_text("utf-8")) == rows
    run("export", "-o", "out.xlsx", code=2)
    (filled.parent / "a file").write_bytes(b"x")
    run("export", "-o", filled.parent / "a file" / "out.csv", code=2)


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.json"])
def test_an_export_is_read_back_from_wherever_it_is_written(
    run: Run, filled: Path, tmp_path: Path, name: str
) -> None:
    """Another catalogue must be told where pictures may lie; `export` says how."""
    pictures = filled.parent
    file = tmp_path / "elsewhere" / name
    said = run("export", "-o", file).stderr
    assert f"--pictures {pictures}" in said
    assert document(run("index", file, "--json"))["counts"]["unchanged"] == 6
    assert f"give --pictures {pictures}" in run("index", file, "-c", "new", code=3).stderr
    words = ["--pictures", pictures, "-c", "new"]
    assert document(run("index", file, *words, "--json"))["counts"]["added"] == 6
    listed = [document(run("products", "list", "--json", "-c", at)) for at in ("catalogue", "new")]
    assert listed[0] == listed[1]


def test_a_folder_with_its_export_can_be_moved(run: Run, filled: Path, tmp_path: Path) -> None:
    run("export", "-o", filled.parent / "out.csv")
    filled.parent.rename(tmp_path / "moved")
    report = document(run("index", tmp_path / "moved" / "out.csv", "-c", "new", "--json"))
    assert report["counts"]["added"] == 6


def test_what_a_folder_holds_is_reported(run: Run, product_folder: Path) -> None:
    (product_folder / "list.txt").touch()
    shop = product_folder.parent / "shop"
    for name in ("oak", "ash"):
        (shop / name).mkdir(parents=True)
        (product_folder / f"{name}.png").rename(shop / name / "1.png")
    assert "1 file left out: 1 .txt" in run("index", product_folder).stderr
    assert "2 sub-folders are a product each" in run("index", shop).stderr
    assert {"oak", "ash"} <= {row["id"] for row in document(run("products", "list", "--json"))}
    run("index", shop, "--layout", "files")
    assert {"oak/1", "ash/1"} <= {row["id"] for row in document(run("products", "list", "--json"))}
    run("index", shop, "--layout", "sideways", code=2)


def test_a_new_catalogue_is_filled_from_addresses_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And none is made where nothing may be fetched."""
    reachable(monkeypatch)
    answer = response(png())
    with serving(lambda *_: answer) as server:
        table = tmp_path / "list.csv"
        table.write_text(f"SKU number;Bild\n1;{url(server)}\n")
        monkeypatch.setenv("FLOORLENS_FETCH_HOSTS", f"{HOST}:{server.port}")
        words = ["index", table, "--columns", "id=SKU number", "-c", "new"]
        assert "nothing is fetched unless you ask" in run(*words, code=3).stderr
        with monkeypatch.context() as other:
            other.delenv("FLOORLENS_FETCH_HOSTS")
            assert "FLOORLENS_FETCH_HOSTS" in run(*words, "--fetch", code=2).stderr
            other.setenv("FLOORLENS_FETCH_HOSTS", "cdn.example.com")
            assert f"add {HOST}:{server.port} to" in run(*words, "--fetch", code=3).stderr
        assert server.requests == []
        assert not (tmp_path / "new").exists()
        assert document(run(*words, "--fetch", "--json"))["counts"]["added"] == 1
        assert document(run(*words, "--json"))["counts"]["unchanged"] == 1


def test_info(run: Run, filled: Path) -> None:
    facts = document(run("info", "--json"))
    assert (facts["products"], facts["searchable"], facts["images"]) == (6, 6, 6)
    assert facts["stamp"]["embedder"]["model_id"] == "fake-embedder"
    text = run("info").stdout
    assert "products: 6" in text
    assert "embedder: fake-embedder 1" in text
    run("info", "--catalogue", "nowhere", code=6)


def test_commands_without_models_work_on_a_catalogue_of_other_models(
    run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("floorlens.lens.load_stages", lambda *_a, **_k: fake_stages(version="2"))
    for command in (["info"], ["export"], ["products", "list"], ["products", "remove", "oak"]):
        run(*command)


# -- settings, doctor, demo --------------------------------------------------------------------


def test_the_option_goes_before_the_variable(
    run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORLENS_CATALOGUE", "nowhere")
    run("info", code=6)
    run("info", "--catalogue", "catalogue")
    monkeypatch.setenv("FLOORLENS_CATALOGUE", "catalogue")
    run("info")
    monkeypatch.setenv("FLOORLENS_THREADS", "many")
    assert "FLOORLENS_THREADS" in run("info", code=2).stderr


def test_the_megapixel_setting_reaches_search_mask_and_index(
    run: Run, filled: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORLENS_MAX_MEGAPIXELS", "0.001")
    for command in (["search", room], ["mask", room]):
        assert "more than the allowed 0.001" in run(*command, code=3).stderr
    Image.new("RGB", (50, 50)).save(filled.parent / "new.png")
    run("index", filled.parent, code=8)


def test_doctor(run: Run, filled: Path) -> None:
    out = document(run("doctor", "--json"))
    assert out["settings"]["FLOORLENS_CATALOGUE"] == "./catalogue"
    assert all(check["ok"] for check in out["checks"])
    assert "ok   catalogue: 6 products" in run("doctor").stdout
    (filled.parent / "oak.png").unlink()
    sick = run("doctor", code=1).stdout
    assert "BAD  catalogue" in sick
    assert "first: oak" in sick


def test_demo(run: Run, product_folder: Path, room: Path, blank: Path) -> None:
    rooms = room.parent / "rooms"
    rooms.mkdir()
    room.rename(rooms / "a.png")
    blank.rename(rooms / "b.png")
    out = run("demo", "--rooms", rooms, "--products", product_folder, "--out", "out").stdout
    assert "a.png" in out
    assert "b.png: no floor was found" in out
    assert "Report: out/report.html" in out
    assert Path("out/report.html").is_file()
    run("demo", "--rooms", "gone", "--products", product_folder, code=3)
    (product_folder / "bad.jpg").write_bytes(b"x")
    run("demo", "--rooms", rooms, "--products", product_folder, "--out", "out", code=8)


# -- eval --------------------------------------------------------------------------------------


@pytest.fixture
def pairs(product_folder: Path, room: Path, tmp_path: Path) -> Path:
    """One room, of oak, and the six products."""
    folder = tmp_path / "data"
    (folder / "rooms").mkdir(parents=True)
    room.rename(folder / "rooms" / "a.png")
    product_folder.rename(folder / "products")
    (folder / "pairs.csv").write_text("room,product,source\na.png,oak.png,made\n")
    return folder


def test_eval_measures_prints_and_writes(run: Run, pairs: Path) -> None:
    out = run("eval", "pairs", pairs, "--json", "new/out.json", "--html", "worst").stdout
    assert "mrr" in out
    figures = json.loads(Path("new/out.json").read_text("utf-8"))
    assert (figures["n"], figures["mrr"], figures["failed"]) == (1, 1.0, [])
    assert Path("worst/index.html").is_file()
    assert document(run("eval", "pairs", pairs, "--json", "-"))["top1"] == 1.0
    assert "no such folder" in run("eval", "masks", pairs, code=3).stderr


def test_eval_measures_other_weights_and_no_reranking(run: Run, pairs: Path) -> None:
    """The options are those of `search`; the report says which weights were used."""
    (pairs / "judgments.csv").write_text("query,product,grade\na.png,oak.png,3\n")
    (pairs / "queries").mkdir()
    (pairs / "queries" / "a.png").write_bytes((pairs / "rooms" / "a.png").read_bytes())
    for kind, *options in (["pairs"], ["ranking"], ["simulated", "--views", "1"]):
        measure = ("eval", kind, pairs, *options, "--json", "-")
        weights = ["--weight", "colour=.25", "--weight", "texture=0"]
        figures = document(run(*measure, *weights))
        assert figures["stamp"]["weights"] == {"colour": 1.0, "texture": 0.0}
        assert document(run(*measure, "--retrieval-only"))["stamp"]["weights"] is None
    assert "not NAME=NUMBER" in run("eval", "pairs", pairs, "--weight", "colour", code=2).stderr
    assert "unknown component" in run("eval", "pairs", pairs, "--weight", "a=1", code=2).stderr
    both = ["--retrieval-only", "--weight", "colour=1"]
    assert "nothing is re-ranked" in run("eval", "pairs", pairs, *both, code=2).stderr


def test_eval_compares_two_files(run: Run, pairs: Path) -> None:
    run("eval", "pairs", pairs, "--json", "a.json")
    figures = json.loads(Path("a.json").read_text("utf-8"))
    for row in figures["per_query"]:
        row["rank"] = 6
    Path("b.json").write_text(json.dumps(figures), encoding="utf-8")
    out = run("eval", "compare", "a.json", "b.json", "--html", "page", "--json", "c.json").stdout
    assert "mrr" in out
    assert "-0.8333" in out
    assert "1 row: 0 better in B, 1 worse" in out
    assert "a.png" in out
    comparison = json.loads(Path("c.json").read_text("utf-8"))
    assert comparison["differences"]["top1"]["difference"] == -1
    assert Path("page/index.html").is_file()
    assert document(run("eval", "compare", "b.json", "b.json", "--json", "-"))["changes"] == []
    assert "cannot be read" in run("eval", "compare", "a.json", "gone.json", code=3).stderr


def test_eval_report_writes_and_goes_on(run: Run, pairs: Path) -> None:
    out = run("eval", "report", pairs, "--out", "docs/own.md", "--curve-rooms", "1").stdout
    assert "system ours:" in out
    assert "Document: docs/own.md" in out
    text = Path("docs/own.md").read_text("utf-8")
    assert f"floorlens eval report {pairs} --curve-rooms 1 --out docs/own.md\n" in text
    assert Path("docs/own/robustness.svg").is_file()
    assert Path("reports/evaluation/system-ours.json").is_file()
    run("eval", "report", pairs, "--out", "docs/own.md", "--curve-rooms", "1")
    assert Path("docs/own.md").read_text("utf-8") == text
    assert "1 row:" in run("eval", "compare", *["reports/evaluation/system-ours.json"] * 2).stdout
    Path("mine.md").write_text("mine", encoding="utf-8")
    assert "generated part" in run("eval", "report", pairs, "--out", "mine.md", code=3).stderr
    missing = run("eval", "report", "gone", "--out", "new.md", code=3)
    assert "gone/pairs.csv: cannot be read (No such file or directory)" in missing.stderr


def test_eval_report_says_the_command_that_makes_it_again(run: Run, pairs: Path) -> None:
    spaced = pairs.rename(pairs.with_name("my data"))
    given = ["--preset", "builtin", "--catalogue", "gone", "--curve-rooms", "0"]
    run("eval", "report", spaced, *given, "--results", "my results", "--out", "a.md")
    command = Path("a.md").read_text("utf-8").split("```")[1].removeprefix("sh\n").strip()
    words = shlex.split(command)
    assert words[:4] == ["floorlens", "eval", "report", str(spaced)]
    assert words[4:] == [*given, "--results", "my results", "--out", "a.md"]
    given[3] = "postgresql://user:secret@host/shop"
    run("eval", "report", spaced, *given, "--results", "my results", "--out", "b.md")
    assert "secret" not in Path("b.md").read_text("utf-8")


def test_the_megapixel_setting_reaches_the_report(
    run: Run, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own search and the simple systems alike."""
    monkeypatch.setenv("FLOORLENS_MAX_MEGAPIXELS", "0.01")
    run("eval", "report", pairs, "--curve-rooms", "0", "--out", "a.md")
    for name in ("ours", "mean-colour"):
        text = Path(f"reports/evaluation/system-{name}.json").read_text("utf-8")
        assert [item["file"] for item in json.loads(text)["failed"]] == ["rooms/a.png"], name
    monkeypatch.delenv("FLOORLENS_MAX_MEGAPIXELS")
    run("eval", "report", pairs, "--curve-rooms", "0", "--out", "a.md")
    text = Path("reports/evaluation/system-mean-colour.json").read_text("utf-8")
    assert json.loads(text)["failed"] == []


def test_eval_says_which_command_to_take(run: Run) -> None:
    for kind, other in (("pairs", "ranking"), ("ranking", "pairs")):
        text = " ".join(run("eval", kind, "--help").stdout.split())
        assert "Take this where" in text
        assert f"eval {other}" in text


def test_eval_says_where_products_are_indexed(run: Run) -> None:
    for kind in ([], ["pairs"], ["ranking"], ["simulated"], ["masks"], ["report"], ["attributes"]):
        text = " ".join(run("eval", *kind, "--help").stdout.split())
        temporary = kind in (["pairs"], ["ranking"], ["simulated"])
        assert ("temporary catalogue" in text) == temporary, kind


def test_eval_checks_that_it_can_write_before_it_measures(run: Run, pairs: Path) -> None:
    Path("file").write_text("x")
    for option in (["--json", "."], ["--json", "file/out.json"], ["--html", "file"]):
        assert "cannot be written" in run("eval", "pairs", pairs, *option, code=2).stderr


def test_the_megapixel_setting_reaches_eval(
    run: Run, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORLENS_MAX_MEGAPIXELS", "0.01")
    figures = document(run("eval", "pairs", pairs, "--json", "-"))
    assert [item["file"] for item in figures["failed"]] == ["rooms/a.png"]


def test_eval_masks_prints_every_measure(run: Run, tmp_path: Path) -> None:
    """The fake segmenter finds the lower half, and no floor in a plain picture."""
    data, walls = tmp_path / "data", tmp_path / "walls"
    for folder in (data / "images", data / "masks", walls):
        folder.mkdir(parents=True)
    for stem, wall in (("a", 90), ("b", 60), ("c", 30)):
        photo = np.full((60, 80, 3), wall, dtype=np.uint8)
        photo[40:] = 150
        truth = np.where(photo[..., 0] == 150, np.uint8(255), np.uint8(0))
        Image.fromarray(photo).save(data / "images" / f"{stem}.png")
        Image.fromarray(truth).save(data / "masks" / f"{stem}.png")
    Image.new("RGB", (80, 60), (200, 200, 200)).save(walls / "plain.png")
    options = ["--negatives", walls, "--clicks", "2", "--robustness", "--limit", "1"]
    out = run("eval", "masks", data, *options, "--json", "out.json").stdout
    for word in ("visible_auroc", "accepted_floorless", "mean_iou, clicks: 2", "light of 2700 K"):
        assert word in out
    figures = json.loads(Path("out.json").read_text("utf-8"))
    assert figures["n"] == 1
    assert (figures["visible_auroc"], figures["refused"]) == (1.0, 0.0)
    assert figures["accepted_floorless"] == 0.0
    assert len(figures["mean_iou_after_clicks"]) == 3
    assert figures["mean_iou_after_clicks"][0] == pytest.approx(2 / 3)
    assert figures["robustness"]["clean"]["mean_iou"] == pytest.approx(2 / 3)
    assert "no such folder" in run("eval", "masks", data, "--negatives", "gone", code=3).stderr
    run("eval", "masks", data, "--limit", "0", code=2)


def test_eval_simulated_needs_only_products(run: Run, pairs: Path) -> None:
    """Of the products alone; the fake stages tell them apart by their colour."""
    options = ["--views", "6", "--seed", "1"]
    out = run("eval", "simulated", pairs, *options, "--json", "out.json").stdout
    assert "top3" in out
    figures = json.loads(Path("out.json").read_text("utf-8"))
    assert (figures["n"], figures["products"], figures["seed"]) == (6, 6, 1)
    assert len({row["product"] for row in figures["per_query"]}) == 6
    assert figures["failed"] == []
    assert "no such folder" in run("eval", "simulated", "gone", code=3).stderr
    run("eval", "simulated", pairs, "--views", "0", code=2)


def test_help_names_every_command_and_the_exit_codes(run: Run) -> None:
    text = run("--help").stdout
    for name in ("index", "search", "mask", "products", "export", "info", "doctor", "eval", "demo"):
        assert name in text
        assert run(name, "--help").stdout
    assert "130 stopped by Ctrl-C" in " ".join(text.split())


def test_index_without_a_source_says_what_is_missing(run: Run) -> None:
    assert "name a folder or list" in run("index", code=2).stderr
    assert "no such folder or file" in run("index", "gone", code=3).stderr


def test_an_import_that_cannot_begin_leaves_no_catalogue_behind(
    run: Run, product_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next command would take the empty one for the user's own."""
    Path("empty").mkdir()
    Path("list.csv").write_text("name,price\nOak,5\n", "utf-8")
    for source in ("gone", "empty", "list.csv"):
        run("index", source, code=3)
    run("demo", "--products", "empty", "--out", "out", code=3)

    def missing(*_a: object, **_k: object) -> None:
        raise ModelUnavailable("no CLIPSeg: pull it")

    with monkeypatch.context() as without:
        without.setattr("floorlens.lens.load_stages", missing)
        run("index", product_folder, code=7)
    assert not Path("catalogue").exists()
    assert not Path("out").exists()
    assert "catalogue: catalogue" in (run("index", product_folder), run("info"))[1].stdout


def test_every_other_command_refuses_a_catalogue_that_is_not_there(run: Run, room: Path) -> None:
    commands = [
        ("search", room),
        ("adapt",),
        ("products", "list"),
        ("products", "show", "oak"),
        ("products", "remove", "oak"),
        ("export",),
        ("info",),
        ("index", "--rebuild"),
        ("engine", "sync", "--to", "lancedb"),
        ("engine", "verify", "--to", "lancedb"),
    ]
    for command in commands:
        text = " ".join(run(*command, code=6).stderr.split())
        assert "no catalogue at catalogue: make one with `floorlens index PRODUCTS" in text, command
    assert not Path("catalogue").exists()
