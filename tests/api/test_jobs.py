"""Jobs over HTTP: what is asked for, what is refused, and what clients see."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from PIL import Image

from floorlens import Floorlens
from floorlens.api.routes.jobs import FAMILIES
from floorlens.service.jobs import Jobs
from floorlens.service.store import Store
from floorlens.settings import Settings
from tests.api.test_products import picture, problem

if TYPE_CHECKING:
    from starlette.testclient import TestClient

LIMIT = 180.0


def archive(count: int = 3) -> bytes:
    """Returns a ZIP of so many pictures and of a list that names one more."""
    chance = np.random.default_rng(0)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        rows = ["SKU,name,image"]
        for number in range(count):
            pixels = chance.integers(0, 255, (24, 24, 3), dtype=np.uint8)
            data = io.BytesIO()
            Image.fromarray(pixels).save(data, "PNG")
            packed.writestr(f"shop/pictures/n{number}.png", data.getvalue())
            rows.append(f"N{number},New {number},pictures/n{number}.png")
        rows.append("N-lost,Lost,pictures/lost.png")
        rows.append("N-out,Out,/etc/passwd")
        packed.writestr("shop/products.csv", "\n".join(rows))
    return file.getvalue()


def ended(client: TestClient, location: str) -> dict[str, Any]:
    """Returns a job when it has ended."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(location).json()
        if job["status"] in ("done", "failed", "cancelled"):
            return job
        time.sleep(0.05)
    pytest.fail(f"the job did not end: {job}")


@pytest.fixture
def stopped(serving: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A service that begins no job."""
    monkeypatch.setattr("floorlens.service.dispatcher.Dispatcher.start", lambda _: None)
    return serving()


def jobs_of(client: TestClient, settings: Settings) -> Jobs:
    """Returns the jobs as the service has them, arguments included."""
    return Jobs(Store(settings.state_folder()))


def test_a_zip_becomes_products(client: TestClient, lens: Floorlens, tmp_path: Path) -> None:
    """Live progress, a report by rows in which no path of the server stands, and no upload left."""
    started = client.post(
        "/v1/imports",
        files={"file": ("Frühjahr 2026.zip", archive())},
        data={"id_prefix": "new/", "columns": '{"id": "SKU"}', "adapt": "false"},
    )
    assert started.status_code == 202, started.text
    assert started.json()["status"] == "queued"
    assert started.json()["request"] == {
        "source": "upload",
        "name": "Frühjahr 2026.zip",
        "id_prefix": "new/",
        "columns": {"id": "SKU"},
        "adapt": False,
    }
    location = started.headers["location"]
    job = ended(client, location)
    assert (job["status"], job["error"]) == ("done", None)
    assert job["counts"] == {"added": 3, "failed": 2}
    assert job["report"]["counts"]["added"] == 3
    rows = client.get(f"{location}/rows", params={"status": "failed"}).json()["rows"]
    assert [row["id"] for row in rows] == ["new/N-lost", "new/N-out"]
    assert str(tmp_path) not in json.dumps([job, rows])
    assert "pictures/lost.png" in rows[0]["reason"]
    # That it is there must not be learned.
    assert rows[1]["reason"].replace("line 6", "line 5") == rows[0]["reason"].replace(
        "pictures/lost.png", "passwd"
    )
    first = client.get(f"{location}/rows", params={"limit": 2}).json()
    following = {"limit": 9, "cursor": first["next_cursor"]}
    rest = client.get(f"{location}/rows", params=following).json()
    assert len(first["rows"]) + len(rest["rows"]) == 5
    assert rest["next_cursor"] is None
    assert client.get("/v1/products/new/N1").json()["name"] == "New 1"
    assert lens.count() == 9


@pytest.mark.parametrize("name", ["list.jsonl", "list.json", "list.csv"])
def test_lists_of_every_kind_are_read(client: TestClient, name: str) -> None:
    """A picture that the catalogue holds already may be named by its place."""
    row = {"id": "cork", "image": "missing.png", "price": 3}
    text = {
        "list.jsonl": json.dumps(row) + "\n",
        "list.json": json.dumps([row]),
        "list.csv": "id,image,price\ncork,missing.png,3\n",
    }[name]
    started = client.post("/v1/imports", files={"file": (name, text.encode())})
    job = ended(client, started.headers["location"])
    # That no row can be used is the failure of the whole, and its words are about the list.
    assert job["error"]["code"] == "product-source-invalid"
    assert "missing.png" in job["error"]["detail"]


def test_a_folder_is_imported_if_it_is_allowed(
    serving: Callable[..., TestClient], tmp_path: Path
) -> None:
    shop = tmp_path / "allowed" / "shop"
    shop.mkdir(parents=True)
    (shop / "cork.jpg").write_bytes(picture())
    (tmp_path / "allowed" / "out").symlink_to("/etc")
    client = serving(import_folders=str(tmp_path / "allowed"))
    started = client.post("/v1/imports", json={"folder": "shop", "id_prefix": "s-"})
    assert started.json()["request"]["name"] == "shop"
    assert ended(client, started.headers["location"])["counts"] == {"added": 1}
    for folder in ("/etc", "../..", "out", str(tmp_path), "absent"):
        for path, rest in (("imports", {}), ("evaluations", {"measure": "pairs"})):
            answer = client.post(f"/v1/{path}", json={"folder": folder, **rest})
            assert problem(answer, 422, "usage").keys() == {"folder"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"folder": "a", "address": "https://shop.example.com/a.zip"},
        {"address": "ftp://shop.example.com/a.zip"},
        {"folder": "a", "adapt": "perhaps"},
        {"folder": "a", "layout": "tree"},
        {"folder": "a", "colums": {}},
        [],
        3,
    ],
)
def test_an_import_that_makes_no_sense_is_refused(stopped: TestClient, body: Any) -> None:
    problem(stopped.post("/v1/imports", json=body), 422, "request-invalid")


def test_addresses_are_those_of_allowed_hosts(serving: Callable[..., TestClient]) -> None:
    """Without any host there is none."""
    for hosts in (None, "shop.example.com"):
        client = serving(fetch_hosts=hosts)
        for address in (
            "https://other.example.com/a.zip",
            "https://me:secret@shop.example.com/a.zip",
            "http://127.0.0.1/a.zip",
        ):
            answer = client.post("/v1/imports", json={"address": address})
            assert problem(answer, 422, "usage").keys() == {"address"}


def test_uploads_that_cannot_be_one_are_refused_and_leave_nothing(
    stopped: TestClient, settings: Settings
) -> None:
    """Whatever is wrong with the form."""
    form = "multipart/form-data; boundary=x"
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK'
    field = b'--x\r\nContent-Disposition: form-data; name="adapt"\r\n\r\n'
    bodies = {
        "no boundary": (b"--x--", "multipart/form-data"),
        "no end": (file, form),
        "no file": (field + b"true\r\n--x--\r\n", form),
        "a long field": (field + b"a" * 100_000 + b"\r\n--x--\r\n", form),
        "empty": (b"", form),
    }
    for kind in ("application/zip", "text/csv", ""):
        answer = stopped.post("/v1/imports", content=b"PK", headers={"content-type": kind})
        assert problem(answer, 415, "media-type-unsupported").keys() == {"Content-Type"}
    for what, (body, kind) in bodies.items():
        answer = stopped.post("/v1/imports", content=body, headers={"content-type": kind})
        assert answer.status_code == 422, (what, answer.text)
    for files in (
        {"file": ("a.exe", b"MZ")},
        {"file": ("zip", b"PK")},
        {"other": ("a.zip", b"PK")},
    ):
        assert stopped.post("/v1/imports", files=files).status_code == 422
    twice = [("file", ("a.zip", b"PK")), ("file", ("b.zip", b"PK"))]
    assert stopped.post("/v1/imports", files=twice).status_code == 422
    unknown = stopped.post("/v1/imports", files={"file": ("a.zip", b"PK")}, data={"adpat": "true"})
    problem(unknown, 422, "request-invalid")
    columns = stopped.post("/v1/imports", files={"file": ("a.zip", b"PK")}, data={"columns": "{"})
    assert problem(columns, 422, "request-invalid").keys() == {"columns"}
    assert not list((settings.state_folder() / "uploads").iterdir())
    assert stopped.get("/v1/imports").json()["jobs"] == []


def test_an_import_may_be_larger_than_a_photo(serving: Callable[..., TestClient]) -> None:
    """And has a limit of its own."""
    client = serving(max_upload_mb=0.1, max_import_mb=1)
    fine = client.post("/v1/imports", files={"file": ("a.zip", bytes(900_000))})
    assert fine.status_code == 202
    assert ended(client, fine.headers["location"])["error"]["code"] == "product-source-invalid"
    large = client.post("/v1/imports", files={"file": ("a.zip", bytes(1_200_000))})
    problem(large, 413, "import-too-large")
    problem(client.post("/v1/mask", files={"file": bytes(900_000)}), 413, "upload-too-large")


def test_clients_see_no_arguments(stopped: TestClient, settings: Settings) -> None:
    """What an upload is called by the client is a word for people and no path."""
    names = {"../../etc/passwd.csv": "passwd.csv", "C:\\shop\\a.csv": "a.csv"}
    for name, shown in names.items():
        started = stopped.post("/v1/imports", files={"file": (name, b"id,image")})
        assert started.json()["request"]["name"] == shown
        job = jobs_of(stopped, settings).get(started.json()["id"])
        assert job.arguments["file"] == "list.csv"
        upload = settings.state_folder() / "uploads" / job.id
        assert [path.name for path in upload.iterdir()] == ["list.csv"]


def test_jobs_of_every_kind_have_their_routes(stopped: TestClient) -> None:
    """Started, listed, seen, cancelled; a job of another kind is not there."""
    bodies: dict[str, Any] = {"import": {"files": {"file": ("a.csv", b"id,image")}}}
    bodies["evaluation"] = None
    for family in FAMILIES:
        body = bodies.get(family.kind, {})
        if body is None:
            continue
        started = stopped.post(f"/v1{family.path}", **body)
        assert started.status_code == 202, started.text
        location = started.headers["location"]
        assert location == f"/v1{family.path}/{started.json()['id']}"
        assert stopped.get(location).json() == started.json()
        assert [job["id"] for job in stopped.get(f"/v1{family.path}").json()["jobs"]] == [
            started.json()["id"]
        ]
        for other in FAMILIES:
            if other is not family:
                path = f"/v1{other.path}/{started.json()['id']}"
                problem(stopped.get(path), 404, "job-not-found")
                problem(stopped.post(f"{path}/cancel"), 404, "job-not-found")
        running = stopped.get("/v1/status").json()["jobs"]
        assert [job["kind"] for job in running] == [family.kind]
        assert stopped.post(f"{location}/cancel").json()["status"] == "cancelled"
        assert stopped.post(f"{location}/cancel").json()["status"] == "cancelled"
    problem(stopped.post("/v1/adaptations", json={"views": 0}), 422, "request-invalid")
    problem(stopped.post("/v1/evaluations"), 422, "request-invalid")
    problem(stopped.get("/v1/imports/unknown/rows"), 404, "job-not-found")
    problem(stopped.get("/v1/evaluations/unknown/pictures/room-001.jpg"), 404, "job-not-found")
    problem(stopped.get("/v1/evaluations/unknown/pictures/index.html"), 422, "request-invalid")


def test_too_many_jobs_are_refused(stopped: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may have an upload of a gigabyte."""
    monkeypatch.setattr("floorlens.api.routes.jobs.MAX_WAITING", 2)
    for _ in range(2):
        assert stopped.post("/v1/rebuilds").status_code == 202
    answer = stopped.post("/v1/rebuilds")
    problem(answer, 503, "too-many-jobs")
    assert answer.headers["retry-after"] == "60"


def test_the_status_tells_what_is_served(client: TestClient, tmp_path: Path) -> None:
    status = client.get("/v1/status").json()
    assert (status["products"], status["searchable"], status["images"]) == (6, 6, 6)
    assert (status["preset"], status["adapted"], status["jobs"]) == ("fake", False, [])
    limits = (status["keep_hours"], status["max_upload_mb"], status["max_megapixels"])
    assert limits == (24, 0.2, 0.1)
    assert str(tmp_path) not in json.dumps(status)
    before = status["revision"]
    client.delete("/v1/products/oak")
    assert client.get("/v1/status").json()["revision"] > before


def test_the_description_names_every_body(client: TestClient) -> None:
    """Bodies that are read by hand stand there as well, with examples."""
    paths = client.get("/openapi.json").json()["paths"]
    for family in FAMILIES:
        operation = paths[f"/v1{family.path}"]["post"]
        assert operation["operationId"] == f"start_{family.noun}"
        content = operation["requestBody"]["content"]
        assert content["application/json"]["examples"]
        assert "Location" in operation["responses"]["202"]["headers"]
    form = paths["/v1/imports"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert "columns" in form["properties"]
    product = paths["/v1/products"]["post"]["requestBody"]["content"]
    assert product.keys() == {"multipart/form-data", "application/json"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/adaptations", {"seed": False}, "seed"),
        ("/v1/adaptations", {"views": "6"}, "views"),
        ("/v1/rebuilds", {"adapt": 0}, "adapt"),
        ("/v1/imports", {"folder": "spring", "strict": "yes"}, "strict"),
    ],
)
def test_values_of_json_are_of_the_types_that_the_description_says(
    stopped: TestClient, path: str, body: dict[str, Any], field: str
) -> None:
    answer = stopped.post(path, json=body)
    assert problem(answer, 422, "request-invalid").keys() == {field}
