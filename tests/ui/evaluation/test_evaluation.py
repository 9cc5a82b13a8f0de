"""The page "Evaluate" over a real service without models."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("httpx", reason="needs the extra ui")
pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens import Floorlens
from floorlens.api.server import running_service
from floorlens.client import Client
from floorlens.settings import Settings
from floorlens.testing import fake_stages
from floorlens.ui import texts
from floorlens.ui.evaluation import photos_csv
from floorlens.ui.markdown import plain

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow


def _evaluate() -> None:
    from floorlens.ui import evaluation

    evaluation.show()


@pytest.fixture
def service(lens: Floorlens, tmp_path: Path) -> Iterator[str]:
    settings = Settings(catalogue=str(lens.folder), import_folders=str(tmp_path / "data"))
    with running_service(settings, stages=fake_stages()) as url:
        yield url


@pytest.fixture
def evaluate(service: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    monkeypatch.setenv("FLOORLENS_API_URL", service)
    st.cache_resource.clear()
    return AppTest.from_function(_evaluate, default_timeout=120)


@pytest.fixture
def rooms(tmp_path: Path, product_folder: Path, room: Path) -> Path:
    """An evaluation folder of two rooms, both of oak; the second is said to be of brick."""
    folder = tmp_path / "data" / "rooms-2026"
    (folder / "rooms").mkdir(parents=True)
    (folder / "products").mkdir()
    for picture in product_folder.glob("*.png"):
        Image.open(picture).save(folder / "products" / picture.name)
    for name in ("a.png", "b.png"):
        Image.open(room).save(folder / "rooms" / name)
    (folder / "pairs.csv").write_text(
        "room,product,source\na.png,oak.png,shop\nb.png,brick.png,shop\n", encoding="utf-8"
    )
    return folder


def html(page: AppTest) -> str:
    return "".join(str(part.proto.body) for part in page.get("html"))


def test_a_folder_is_measured_and_its_report_shown(
    evaluate: AppTest, service: str, rooms: Path
) -> None:
    page = evaluate.run()
    assert not page.exception
    assert page.caption[-1].value == texts.NO_EVALUATION
    page.text_input(key="evaluation_folder").set_value("elsewhere")
    page.button[0].click().run()
    assert "FLOORLENS_IMPORT_FOLDERS" in page.error[0].value
    page.text_input(key="evaluation_folder").set_value(rooms.name)
    page.button[0].click().run()
    assert not page.error
    with Client(service) as client:
        job = client.wait(client.list_jobs("evaluation").jobs[0], every=0.1)
        report = job.report
        assert report is not None
        page.run()
        assert not page.exception
        assert page.header[0].value == plain(f"Rooms and products in {rooms.name}")
        body = html(page)
        assert f"<td>{report['top1']:.3f}</td>" in body
        low, high = report["ci95"]["top1"]
        assert f"{low:.3f} – {high:.3f}" in body
        # The worst first, with pictures that the service has.
        assert any(plain("b.png") in part.value for part in page.markdown)
        address = body.split('<img src="')[1].split('"')[0]
        prefix, name = address.rsplit("/", 1)
        assert prefix == f"/floorlens/v1/evaluations/{job.id}/pictures"
        assert client.evaluation_picture(job, name).startswith(b"\xff\xd8")
    lines = list(csv.DictReader(io.StringIO(photos_csv(report))))
    assert [line["room"] for line in lines] == ["a.png", "b.png"]


def test_a_failed_measurement_says_why(evaluate: AppTest, service: str, rooms: Path) -> None:
    (rooms / "pairs.csv").unlink()
    with Client(service) as client:
        job = client.start_evaluation(rooms.name, "pairs")
        while not job.has_ended:
            job = client.get_job("evaluation", job.id)
    page = evaluate.run()
    assert not page.exception
    assert plain("pairs.csv") in page.error[0].value
