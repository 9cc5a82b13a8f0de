"""The description for programs, and the page for people made of it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.api.description import HEADERS, operations, scope_of
from floorlens.api.docs import reference_page
from floorlens.products.ids import MAX_ID_LENGTH
from floorlens.service.keys import SCOPES

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow

OPEN = {"health", "readiness"}
ANY_KEY = {"read_key"}


@pytest.fixture
def document(serving: Serving) -> dict[str, Any]:
    answer = serving(no_auth=None).get("/openapi.json")
    assert answer.status_code == 200
    result: dict[str, Any] = answer.json()
    return result


def test_every_operation_says_who_may_ask_and_what_may_fail(document: dict[str, Any]) -> None:
    """In one place for all of them, so that none is forgotten."""
    assert {"bearer", "header"} <= document["components"]["securitySchemes"].keys()
    count = 0
    for _, operation in operations(document):
        name, answers = operation["operationId"], operation["responses"]
        count += 1
        assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}, name
        assert operation["summary"], name
        assert operation["description"], name
        assert {"403", "500", "503"} <= answers.keys(), name
        if name in OPEN:
            assert "security" not in operation
            continue
        assert scope_of(operation) in SCOPES or name in ANY_KEY, name
        assert "401" in answers, name
        assert "429" in answers or name == "product_image", name
    assert count >= 5


def test_ids_of_products_have_a_length(document: dict[str, Any], client: TestClient) -> None:
    """An id of millions of letters would be compared with all others."""
    count = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "product_id":
                    count += 1
                    assert parameter["schema"]["maxLength"] == MAX_ID_LENGTH, path
                    address = path.replace("{product_id}", "o" * (MAX_ID_LENGTH + 1))
                    answer = client.request(method, address.replace("{search_id}", "none"), json={})
                    assert answer.status_code == 422, path
                    assert answer.json()["errors"][0]["field"] == "product_id"
    assert count >= 8
    for name in ("like", "unlike"):
        for path in ("/v1/search", "/v1/searches/{search_id}/refine"):
            content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
            schema = content["schema"]["properties"][name]
            assert schema["items"]["maxLength"] == MAX_ID_LENGTH


def test_every_answer_declares_its_headers(document: dict[str, Any]) -> None:
    assert document["components"]["headers"].keys() == HEADERS.keys()
    for _, operation in operations(document):
        for status, answer in operation["responses"].items():
            assert "X-Request-ID" in answer["headers"], (operation["operationId"], status)
            assert ("WWW-Authenticate" in answer["headers"]) == (status == "401")
            assert ("Retry-After" in answer["headers"]) == (status in ("429", "503"))
        if "429" in operation["responses"]:
            assert {"RateLimit", "RateLimit-Policy"} <= (
                operation["responses"]["429"]["headers"].keys()
            )


def test_every_error_is_a_problem_and_nothing_else(document: dict[str, Any]) -> None:
    for _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if operation["operationId"] == "readiness" and status == "503":
                # It says what is not ready.
                continue
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], status
                schema = answer["content"]["application/problem+json"]["schema"]
                assert schema["$ref"].endswith("/Problem")
    assert "ValidationError" not in str(document["components"]["schemas"])


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            for key, value in part.items():
                if key == "$ref":
                    yield value
                else:
                    yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    targets = set(references(document))
    assert len(targets) > 5
    for target in targets:
        place: Any = document
        for name in target.removeprefix("#/").split("/"):
            place = place[name]


def test_no_parameter_of_an_address_is_null(document: dict[str, Any]) -> None:
    for _, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert "null" not in str(parameter["schema"].get("anyOf")), parameter
    form = document["components"]["schemas"]["Body_reference_search"]
    assert form["properties"]["limit"]["type"] == "integer"


def test_without_keys_none_is_asked_for(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert "securitySchemes" not in document["components"]
    assert not any("security" in operation for _, operation in operations(document))


def test_the_page_shows_every_operation_and_runs_nothing(client: TestClient) -> None:
    """Nothing of it comes from elsewhere, and its policy forbids what somebody might slip in."""
    document = client.get("/openapi.json").json()
    answer = client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    for _, operation in operations(document):
        assert f'id="{operation["operationId"]}"' in answer.text
    for name in document["components"]["schemas"]:
        assert f'<section id="{name}">' in answer.text
    assert "<script" not in answer.text
    assert not re.findall(r'(?:src|href)="(?!#|openapi\.json)', answer.text)
    style = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "script" not in policy
    assert "unsafe" not in policy


def test_texts_of_the_document_are_texts_on_the_page(document: dict[str, Any]) -> None:
    document["info"]["summary"] = "<script>alert(1)</script>"
    document["components"]["schemas"]["Problem"]["description"] = 'a "<b>" `<i>`'
    html = reference_page(document)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<code>&lt;i&gt;</code>" in html
