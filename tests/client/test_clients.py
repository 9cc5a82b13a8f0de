"""Both clients against a real service: every route, and every way to get no answer."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from shutil import make_archive
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("httpx", reason="needs the extra client")

from floorlens import Floorlens
from floorlens.api.server import listen
from floorlens.client import AsyncClient, Click, Client, ServiceError, ServiceUnreachable
from floorlens.client.answers import Job
from floorlens.errors import InputError, SettingsError, UsageError
from floorlens.settings import Settings

pytestmark = pytest.mark.slow

Stranger = Callable[..., str]


def methods(kind: type) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(kind).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }


# -- what is asked -----------------------------------------------------------------------------


def test_every_route_has_a_method(client: Client, settings: Settings, lens: Floorlens) -> None:
    """A route that is new must not be forgotten here."""
    from floorlens.api import create_app

    of_routes = {
        operation["operationId"]
        for path in create_app(settings, lens=lens).openapi()["paths"].values()
        for operation in path.values()
    }
    names = {
        "search_floor": "search",
        "refine_search": "refine",
        "read_search": "get_search",
        "read_key": "key_state",
        "compare_match": "compare",
        "reference_search": "search",
        **{
            f"{verb}_{noun}{end}": method
            for noun in ("import", "adaptation", "rebuild", "evaluation")
            for verb, end, method in (
                ("start", "", f"start_{noun}"),
                ("list", "s", "list_jobs"),
                ("get", "", "get_job"),
                ("list", "_rows", "job_rows"),
                ("cancel", "", "cancel_job"),
            )
        },
    }
    for name in of_routes:
        assert hasattr(client, names.get(name, name)), name


def test_both_clients_have_the_same_methods() -> None:
    one, other = methods(Client), methods(AsyncClient)
    assert one.keys() == other.keys()
    for name, method in one.items():
        parameters = list(inspect.signature(method).parameters.values())
        twins = list(inspect.signature(other[name]).parameters.values())
        assert [str(own) for own in parameters[1:]] == [str(own) for own in twins[1:]], name
        assert method.__doc__, name


def test_help_shows_parameters_and_result() -> None:
    signature = inspect.signature(Client.search)
    assert list(signature.parameters)[:3] == ["self", "photo", "region"]
    assert signature.return_annotation == "SearchPage"
    assert inspect.signature(Client.products).return_annotation == "Iterator[Product]"
    assert inspect.signature(AsyncClient.products).return_annotation == "AsyncIterator[Product]"


def test_a_ranking_is_that_of_the_library(client: Client, lens: Floorlens, room: Path) -> None:
    page = client.search(room, limit=2)
    expected = lens.search(room)
    assert [(one.id, one.score) for one in page.matches] == [
        (one.product.id, one.score) for one in expected.matches[:2]
    ]
    assert page.total == 6
    assert page.floors[0] is not None
    assert page.floors[0].share == expected.floor.share
    whole = [match.id for match in client.matches(page, limit=3)]
    assert whole == [one.product.id for one in expected.matches]
    assert [match.id for match in client.matches(str(page.id))] == whole
    again = client.get_search(page, limit=2, cursor=page.next_cursor)
    assert [match.rank for match in again.matches] == [3, 4]


def test_photos_come_in_any_way(client: Client, room: Path) -> None:
    data = room.read_bytes()
    ids = {client.search(one).matches[0].id for one in (room, str(room), data, io.BytesIO(data))}
    assert ids == {"oak"}
    assert len(client.search([room, data]).floors) == 2
    with pytest.raises(InputError, match="cannot be read"):
        client.search("no such room.jpg")


def test_wishes_arrive(client: Client, room: Path) -> None:
    clicks: list[Any] = [(10, 100), Click(150, 70, False), (80, 110, True)]
    page = client.search(
        room,
        region=(0, 60, 160, 120),
        clicks=clicks,
        where={"material": "wood"},
        weights={"colour": 2},
        like=["moss"],
        unlike=["brick"],
        group="design",
        limit=3,
    )
    query = page.query
    assert list(query.region[0]) == [0, 60, 160, 120]
    assert [(one.x, one.floor) for one in query.clicks[0]] == [
        (10, True),
        (150, False),
        (80, True),
    ]
    assert (query.where, query.weights) == ({"material": "wood"}, {"colour": 2})
    assert (query.like, query.unlike, query.group) == (("moss",), ("brick",), "design")
    assert len(page.matches) == 3
    assert page.floors[0] is not None
    assert page.floors[0].source == "box+clicks"


@pytest.mark.parametrize("kind", ["polygon", "array", "mask", "png"])
def test_regions_come_in_any_way(client: Client, room: Path, kind: str) -> None:
    points = [(0, 60), (160, 60), (160, 120), (0, 120)]
    mask = np.zeros((120, 160), bool)
    mask[60:] = True
    png = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(png, "PNG")
    regions: dict[str, Any] = {
        "polygon": points,
        "array": np.array(points),
        "mask": mask,
        "png": png.getvalue(),
    }
    page = client.search([room, room], region=[regions[kind], None], clicks=[[(80, 100)], []])
    assert [None if one is None else one.source for one in page.floors] == [
        ("mask" if kind in ("mask", "png") else "polygon") + "+clicks",
        "automatic",
    ]
    assert client.find_floor(room, region=regions[kind]).share == pytest.approx(0.5, abs=0.02)


def test_refining_keeps_what_is_not_named(client: Client, room: Path) -> None:
    page = client.search(room, where={"material": "wood"}, like=["moss"])
    other = client.refine(page, weights={"colour": 3}, limit=1)
    assert other.id != page.id
    assert (other.query.where, other.query.like) == ({"material": "wood"}, ("moss",))
    wide = client.refine(other, where=None, like=[], region=(0, 60, 80, 120), clicks=[])
    assert (wide.query.where, wide.query.like) == (None, ())
    assert wide.query.weights == {"colour": 3}
    assert wide.total == 6


def test_pictures_and_tables_of_a_search(client: Client, room: Path, lens: Floorlens) -> None:
    page = client.search(room)
    for picture, kind in (
        (client.search_photo(page), "JPEG"),
        (client.floor_picture(page), "PNG"),
        (client.floor_picture(page, kind="mask"), "PNG"),
        (client.patch_picture(page), "PNG"),
        (client.comparison_picture(page, "oak", side=64), "PNG"),
        (client.scaled_floor(page, "oak", side=64, light="photo"), "JPEG"),
        (client.scaled_product(page, "oak", side=64), "JPEG"),
        (client.product_image("oak", width=64), "JPEG"),
        (client.product_image("oak"), "PNG"),
    ):
        with Image.open(io.BytesIO(picture)) as image:
            assert image.format == kind
    with Image.open(io.BytesIO(client.mask(room))) as image:
        assert np.array_equal(np.asarray(image) > 0, lens.mask(room).mask)
    assert len(client.matches_csv(page).splitlines()) == 7
    assert len(client.matches_csv(page, ids=["moss", "oak"]).splitlines()) == 3
    assert client.matches_pdf(page, limit=2).startswith(b"%PDF-")
    facets = client.search_facets(page)
    assert facets.total == page.total
    assert {one.value for one in facets.facets[0].values} == {"wood", "stone"}
    comparison = client.compare(page, "oak")
    assert comparison.match is not None
    assert comparison.match.rank == 1
    assert comparison.picture_url.startswith(f"{client.url}/v1/searches/{page.id}/")


def test_pictures_have_whole_addresses_that_need_no_key(client: Client, room: Path) -> None:
    import httpx

    match = client.search(room).matches[0]
    for address in (match.image_url, client.get_product("oak").images[0]):
        assert address is not None
        assert address.startswith(client.url)
        assert httpx.get(address, trust_env=False).status_code == 200


def test_feedback(client: Client, room: Path, tmp_path: Path) -> None:
    page = client.search(room)
    assert client.give_feedback(page, "oak", "wrong").verdict == "wrong"
    assert client.give_feedback(page, "oak", "right").product_id == "oak"
    client.give_feedback(page, "moss", "wrong")
    client.take_feedback_back(page, "moss")
    remarks = client.list_feedback()
    assert [(one.product_id, one.verdict) for one in remarks.feedback] == [("oak", "right")]
    assert tuple(client.remarks(limit=1)) == remarks.feedback
    assert client.get_search(page).feedback == {"oak": "right"}
    with ZipFile(client.export_feedback(tmp_path / "feedback.zip")) as archive:
        assert "feedback/pairs.csv" in archive.namelist()
    with pytest.raises(InputError, match="cannot be written"):
        client.export_feedback(tmp_path / "no such folder" / "feedback.zip")
    client.delete_feedback(page)
    assert not client.list_feedback().feedback
    with pytest.raises(ServiceError) as refusal:
        client.delete_feedback(page)
    assert refusal.value.code == "feedback-not-found"


def test_products(client: Client, product_folder: Path) -> None:
    assert [one.id for one in client.products(limit=2)] == sorted(
        path.stem for path in product_folder.glob("*.png")
    )
    page = client.list_products(where={"material": "stone"}, text="s", limit=1)
    assert [one.id for one in page.products] == ["slate"]
    added = client.add_product(
        "Eiche 50% #1? & 木",
        [product_folder / "oak.png", (product_folder / "moss.png").read_bytes()],
        name="Eiche",
        metadata={"price": 12.5, "colours": ["a", "b"]},
    )
    assert (added.name, len(added.images)) == ("Eiche", 2)
    assert added.metadata == {"price": 12.5, "colours": ["a", "b"]}
    with pytest.raises(ServiceError) as refusal:
        client.add_product(added.id, [product_folder / "oak.png"])
    assert (refusal.value.code, refusal.value.status) == ("product-exists", 409)
    changed = client.change_product(
        added.id, name="Oak", metadata={"price": None}, attributes={"tone": "light"}
    )
    assert (changed.name, changed.metadata) == ("Oak", {"colours": ["a", "b"]})
    assert changed.attributes["tone"].origin == "edited"
    assert client.similar_products("oak", limit=1).matches[0].product.id == added.id
    assert {one.value for one in client.product_facets()["material"]} == {"wood", "stone"}
    assert all(one.confidence <= 1 for one in client.product_variants("oak"))
    client.delete_product(added.id)
    with pytest.raises(ServiceError) as refusal:
        client.get_product(added.id)
    assert refusal.value.code == "product-not-found"


def test_jobs(client: Client, product_folder: Path, tmp_path: Path) -> None:
    archive = make_archive(str(tmp_path / "more"), "zip", product_folder)
    seen: list[Job] = []
    job = client.start_import(archive, id_prefix="b-", adapt=False)
    job = client.wait(job, seen.append, every=0.1)
    assert job.counts == {"added": 6}
    assert (seen[0].status, seen[-1].status) == ("queued", "done")
    assert [row.id for row in client.job_rows(job, limit=4)] == [
        f"b-{path.stem}" for path in sorted(product_folder.glob("*.png"))
    ]
    again = client.start_import(folder="products", id_prefix="b-", adapt=False)
    assert client.wait(again, every=0.1).counts == {"updated": 6}
    assert [one.id for one in client.list_jobs("import").jobs] == [again.id, job.id]
    assert client.get_job("import", job.id) == job
    assert client.cancel_job(job).status == "done"
    assert client.wait(client.cancel_job(client.start_rebuild(adapt=False)), every=0.1).has_ended
    assert client.cancel_job(client.start_adaptation(views=1)).kind == "adaptation"
    measured = client.start_evaluation("products", "pairs")
    with pytest.raises(ServiceError) as failure:
        client.wait(measured, every=0.1)
    assert failure.value.code == "dataset-invalid"


def test_an_evaluation_shows_its_worst_cases(
    client: Client, product_folder: Path, room: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    shutil.copytree(product_folder, folder / "products")
    (folder / "rooms").mkdir()
    shutil.copy(room, folder / "rooms" / "room.png")
    (folder / "pairs.csv").write_text("room,product,source\nroom.png,walnut.png,shop\n")
    job = client.wait(client.start_evaluation("set", "pairs"), every=0.1)
    assert job.report is not None
    (case,) = job.report["cases"]
    assert case["name"] == "room.png"
    for one in case["pictures"]:
        with Image.open(io.BytesIO(client.evaluation_picture(job, one["file"]))) as image:
            assert image.format == "JPEG"
    assert [one["product"] for one in case["pictures"]][:2] == [None, "walnut"]
    for name, code in (("room-999.jpg", "image-not-found"), ("../jobs.db", "not-found")):
        with pytest.raises(ServiceError) as refusal:
            client.evaluation_picture(job, name)
        assert refusal.value.code in (code, "request-invalid")


@pytest.mark.parametrize("sources", [{}, {"file": "a.zip", "folder": "b"}])
def test_an_import_has_one_source(client: Client, sources: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="one of"):
        client.start_import(**sources)  # type: ignore[arg-type]


def test_an_import_of_nothing(client: Client) -> None:
    with pytest.raises(InputError, match="is no file"):
        client.start_import("no such.zip")


def test_the_state(client: Client, service: str) -> None:
    status = client.status()
    assert (status.products, status.preset, status.jobs) == (6, "fake", ())
    assert "floorlens_requests_total" in client.metrics()
    assert client.key_state().required
    with Client(service) as nobody:
        assert nobody.health().status == "ok"
        assert nobody.readiness().ready


def test_many_at_a_time(service: str, key: str, room: Path, product_folder: Path) -> None:
    async def ask() -> None:
        async with AsyncClient(service, key=key) as client:
            pages = await asyncio.gather(*(client.search(room, limit=2) for _ in range(4)))
            assert {page.matches[0].id for page in pages} == {"oak"}
            assert len([match async for match in client.matches(pages[0])]) == 6
            archive = make_archive("more", "zip", product_folder)
            job = await client.start_import(archive, id_prefix="c-", adapt=False)
            job = await client.wait(job, every=0.1)
            assert job.counts == {"added": 6}
            assert [row.status async for row in client.job_rows(job)] == ["added"] * 6
            assert (await client.export_feedback("feedback.zip")).is_file()
            with pytest.raises(ServiceError):
                await client.get_product("none")

    asyncio.run(ask())


# -- keys --------------------------------------------------------------------------------------


def test_keys(service: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(service) as nobody, pytest.raises(ServiceError) as refusal:
        nobody.status()
    assert (refusal.value.code, refusal.value.status) == ("key-missing", 401)
    monkeypatch.setenv("FLOORLENS_API_KEY", key)
    monkeypatch.setenv("FLOORLENS_API_URL", service)
    with Client() as somebody:
        assert somebody.status().products == 6
    address = service.replace("http://", "http://me:secret@")
    with Client(address) as behind_a_password:
        assert behind_a_password.status().products == 6
        assert "secret" not in behind_a_password.url
    with pytest.raises(SettingsError, match="key"):
        Client(service, key="schlüssel")


# -- what goes wrong ---------------------------------------------------------------------------


def test_a_refusal_has_all_that_the_service_says(client: Client, blank: Path, room: Path) -> None:
    with pytest.raises(ServiceError, match="No floor was found") as refusal:
        client.search(blank)
    assert (refusal.value.code, refusal.value.status) == ("no-floor-found", 422)
    assert refusal.value.request_id
    with pytest.raises(ServiceError) as refusal:
        client.search(room, weights={"color": 2})
    assert "colour" in refusal.value.fields["weights"]
    with pytest.raises(ServiceError) as refusal:
        client.search(b"not a picture")
    assert refusal.value.code == "image-unreadable"


def test_a_search_that_is_not_kept(client: Client, room: Path) -> None:
    with pytest.raises(ServiceError) as refusal:
        client.refine("unknown", limit=3)
    assert refusal.value.code == "search-not-found"
    with pytest.raises(UsageError, match="keeps no searches"):
        client.get_search("")


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x", "http://", "http://x:y", "/x"])
def test_a_wrong_address_is_an_error_at_once(url: str) -> None:
    with pytest.raises(SettingsError, match="is not an address"):
        Client(url)


def test_nothing_answers() -> None:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    address = f"http://me:secret@127.0.0.1:{port}/"
    with Client(address, retries=1) as client, pytest.raises(ServiceUnreachable) as error:
        client.status()
    assert "floorlens serve" in str(error.value)
    assert "secret" not in str(error.value)
    assert error.value.code == "service-unreachable"


def test_a_service_that_comes_up_meanwhile(settings: Settings, key: str, room: Path) -> None:
    from threading import Thread

    from floorlens.api.server import running_service
    from floorlens.testing import fake_stages

    with closing(listen("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answers: list[str] = []

    def ask() -> None:
        with Client(f"http://127.0.0.1:{port}", key=key, retries=50, deadline=120) as client:
            answers.append(client.search(room).matches[0].id)

    thread = Thread(target=ask)
    thread.start()
    with running_service(settings, stages=fake_stages(), port=port):
        thread.join(120)
    assert answers == ["oak"]


@pytest.mark.parametrize("url", ["http://[", "http://a..b", "http://" + "x" * 300])
def test_impossible_hosts_are_unreachable(url: str) -> None:
    with pytest.raises((ServiceUnreachable, SettingsError)), Client(url, retries=0) as client:
        client.status()


def test_stages_are_told_as_they_begin(
    client: Client, service: str, key: str, room: Path, blank: Path
) -> None:
    stages: list[str] = []
    page = client.search(room, limit=2, progress=stages.append)
    assert page.matches == client.search(room, limit=2).matches
    assert len(stages) > 2
    with pytest.raises(ServiceError) as refusal:
        client.search(blank, progress=stages.append)
    assert (refusal.value.code, refusal.value.status) == ("no-floor-found", 422)
    with pytest.raises(ServiceError) as refusal:
        client.search(room, limit=0, progress=stages.append)
    assert "limit" in refusal.value.fields

    async def ask() -> list[str]:
        own: list[str] = []
        async with AsyncClient(service, key=key) as many:
            await many.search(room, progress=own.append)
        return own

    assert set(asyncio.run(ask())) <= set(stages)


def test_an_answer_in_parts_that_breaks_off(stranger: Stranger) -> None:
    event = b'event: stage\ndata: {"stage": "embed"}\n\n'
    url = stranger((200, {"Content-Type": "text/event-stream"}, event))
    with Client(url) as client, pytest.raises(ServiceError, match="broke off"):
        client.search(b"x", progress=print)


BUSY = json.dumps(
    {"code": "busy", "detail": "Try later.", "request_id": "r", "errors": []}
).encode()
LATE = BUSY.replace(b"busy", b"deadline")
HEALTH = b'{"status": "ok"}'


def test_a_busy_service_is_asked_again(stranger: Stranger) -> None:
    seen: list[str] = []
    again = {"Retry-After": "0"}
    url = stranger((503, again, BUSY), (503, again, BUSY), (200, {}, HEALTH), seen=seen)
    with Client(url) as client:
        assert client.health().status == "ok"
    assert seen == ["GET /healthz"] * 3


@pytest.mark.parametrize(
    ("answer", "times"), [((503, {"Retry-After": "0"}, LATE), 1), ((0, {}, b""), 1)]
)
def test_what_may_have_been_done_is_not_done_twice(
    stranger: Stranger, answer: Any, times: int
) -> None:
    seen: list[str] = []
    with Client(stranger(answer, seen=seen)) as client, pytest.raises(ServiceError):
        client.start_rebuild()
    assert seen == ["POST /v1/rebuilds"] * times
    with Client(stranger(answer, seen=seen), retries=1) as client, pytest.raises(ServiceError):
        client.give_feedback("search", "oak", "right")
    assert len(seen) == times + 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>a router</html>"),
        (200, b"{}"),
        (200, b"[1, 2]"),
        (200, b"7"),
        (200, b"\xff"),
        (302, b""),
        (404, b"<html>not here</html>"),
        (500, b'{"detail": "something"}'),
        (404, b'{"error": "text"}'),
        (404, b'{"code": "x", "detail": "y", "errors": 7}'),
    ],
)
def test_another_program_at_the_address(stranger: Stranger, status: int, body: bytes) -> None:
    with Client(stranger((status, {}, body))) as client:
        for call in (client.status, lambda: client.search(b"x"), lambda: client.find_floor(b"x")):
            with pytest.raises(ServiceError, match="is not a Floorlens service"):
                call()


def test_a_proxy_whose_service_is_down(stranger: Stranger) -> None:
    with (
        Client(stranger((502, {}, b"<html>bad gateway</html>"))) as client,
        pytest.raises(ServiceUnreachable, match="a proxy answers"),
    ):
        client.status()


def test_fields_of_a_newer_service_are_passed_over(stranger: Stranger) -> None:
    body = b'{"ready": false, "parts": {"models": true}, "mood": "good"}'
    with Client(stranger((503, {}, body))) as client:
        assert not client.readiness().ready


def test_no_proxy_is_used_for_this_machine(
    service: str, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not reach it; for other hosts it is used."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", stranger((200, {}, b'{"status": "of the proxy"}')))
    port = service.rsplit(":", 1)[1]
    for host in ("127.0.0.1", "localhost"):
        with Client(f"http://{host}:{port}") as client:
            assert client.health().status == "ok"
    with Client("http://floors.example") as client:
        assert client.health().status == "of the proxy"
