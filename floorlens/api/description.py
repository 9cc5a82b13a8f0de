"""`/openapi.json`: what all routes have in common is added here, in one place.

A route declares what is its own. Here come the answers that any of them may give (who may not ask,
who asks too often, a service that fails), the headers of every answer, and what FastAPI describes
otherwise than the service behaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from floorlens.api.problems import example, problems_of

TAGS = {
    "searches": "Searches, asked again with other wishes.",
    "feedback": "Which products were right, and what can be learned of that.",
    "photos": "Where the floor is in a photo.",
    "products": "The catalogue's products and their pictures.",
    "jobs": "Work in the background: imports, adaptations, evaluations.",
    "state": "How the service is.",
    "reference design": "`POST /search` as the reference design has it.",
}
KEYS = """
Every request needs an API key, as `Authorization: Bearer …` or `X-API-Key`, unless it says that
it needs none; keys have the scopes search, read and admin, and admin includes the others. A key
may ask so many times a minute: `RateLimit-Policy` and `RateLimit` say how often, a 429 says in
`Retry-After` when again.
"""
NO_KEYS = "This service asks for no keys."
ERRORS = "Errors are `application/problem+json` (RFC 9457) with a stable `code`."
_ID = {
    "description": "the request's own if it was usable, else a new one; stands in the log",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
}
_RETRY = {
    "description": "seconds until it is worth asking again",
    "schema": {"type": "integer", "minimum": 0},
}
_POLICY = {
    "description": "requests a minute that are allowed; absent where there is no limit",
    "schema": {"type": "string"},
    "example": '"minute";q=120;w=60',
}
_RATE = {
    "description": "requests that are left now, and seconds until the next; absent as above",
    "schema": {"type": "string"},
    "example": '"minute";r=12;t=0',
}
_ASKS = {"description": "how to send a key", "schema": {"type": "string"}}
HEADERS = {
    "X-Request-ID": _ID,
    "Retry-After": _RETRY,
    "RateLimit-Policy": _POLICY,
    "RateLimit": _RATE,
    "WWW-Authenticate": _ASKS,
}
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Application(FastAPI):
    """FastAPI with a complete description of the service."""

    def openapi(self) -> dict[str, Any]:
        """Returns the OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            complete(document, asks_for_keys=self.state.settings.no_auth is None)
        return super().openapi()


def complete(document: dict[str, Any], *, asks_for_keys: bool) -> None:
    """Adds to FastAPI's document what all routes have in common; changes it in place."""
    access = KEYS.strip() if asks_for_keys else NO_KEYS
    document["info"]["description"] = f"{access} {ERRORS}"
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    document["components"]["headers"] = HEADERS
    used = {tag for _, operation in operations(document) for tag in operation.get("tags", ())}
    document["tags"] = [
        {"name": name, "description": text} for name, text in TAGS.items() if name in used
    ]
    for method, operation in operations(document):
        _add_answers(method, operation)
        for parameter in operation.get("parameters", ()):
            # "no value" in an address is a parameter that is not there.
            parameter["schema"] = without_null(parameter["schema"])
        if not asks_for_keys:
            operation.pop("security", None)
    for name, schema in schemas.items():
        if name.startswith("Body_"):
            # The service refuses fields that nobody reads.
            schema["additionalProperties"] = False
            parts = schema.get("properties", {})
            parts.update({key: without_null(part) for key, part in parts.items()})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    if not asks_for_keys:
        document["components"].pop("securitySchemes", None)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the method and the description of each operation of a document."""
    for item in document["paths"].values():
        yield from ((method, item[method]) for method in _METHODS if method in item)


def scope_of(operation: dict[str, Any]) -> str | None:
    """Returns the scope that an operation needs; None for one that is open."""
    for requirement in operation.get("security", ()):
        for scopes in requirement.values():
            if scopes:
                return str(scopes[0])
    return None


def _add_answers(method: str, operation: dict[str, Any]) -> None:
    answers: dict[str, Any] = operation["responses"]
    scope = scope_of(operation)
    asks = "security" in operation
    counted = asks and not any("signature" in one for one in operation["security"])
    invalid = answers.get("422", {}).get("content", {}).get("application/json", {})
    if "HTTPValidationError" in str(invalid):
        answers["422"] = _problem(422, "request-invalid", "a parameter cannot be used")
    if "requestBody" in operation:
        _default(answers, 400, "request-invalid", "the body is broken")
        _default(answers, 413, "upload-too-large", "the body has too many bytes")
    if asks:
        _default(answers, 401, "key-missing", "there is no key, or it does not work")
    if scope is not None:
        text = f"the key has not the scope `{scope}`"
        _default(answers, 403, "scope-missing", f"{text}, or the request comes from elsewhere")
    else:
        _default(answers, 403, "forwarded-refused", "the request comes from elsewhere")
    if counted:
        _default(answers, 429, "rate-exceeded", "the key has asked too often")
    _default(answers, 500, "internal", "the service failed")
    _default(answers, 503, "state", "the service cannot answer now")
    for status, answer in answers.items():
        content = answer.get("content", {})
        if "application/problem+json" in content:
            content.pop("application/json", None)
        headers = answer.setdefault("headers", {})
        for name in _headers_of(int(status), counted):
            headers.setdefault(name, {"$ref": f"#/components/headers/{name}"})
    operation["responses"] = dict(sorted(answers.items()))


def _headers_of(status: int, counted: bool) -> Iterator[str]:
    yield "X-Request-ID"
    if status in (429, 503):
        yield "Retry-After"
    if status == 401:
        yield "WWW-Authenticate"
    if counted and (status < 300 or status == HTTPStatus.TOO_MANY_REQUESTS):
        yield from ("RateLimit-Policy", "RateLimit")


def _default(answers: dict[str, Any], status: int, code: str, text: str) -> None:
    answers.setdefault(str(status), _problem(status, code, text))


def _problem(status: int, code: str, text: str) -> dict[str, Any]:
    answer: dict[str, Any] = problems_of(**{f"s{status}": text})[status]
    answer.pop("model")
    answer["content"]["application/problem+json"]["example"] = example(status, code)
    return answer


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns a schema that does not allow null, which addresses and forms cannot say."""
    choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) != 1 or len(schema["anyOf"]) == 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if rest.get("default", 0) is None:
        rest.pop("default")
    return {**choices[0], **rest}
