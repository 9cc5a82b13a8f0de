"""`/docs`: the OpenAPI document as a page of HTML that runs no script and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

from floorlens.api.description import operations, scope_of
from floorlens.html import page, table

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_CODE = re.compile(r"`([^`]+)`")
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_SHELL = (
    """curl -H "Authorization: Bearer $KEY" -F photo=@room.jpg https://floors.example/v1/search"""
)


def install(app: FastAPI) -> None:
    """Adds `/docs` to an application."""

    async def show(request: Request) -> HTMLResponse:
        html = reference_page(app.openapi())
        return HTMLResponse(html, headers={"Content-Security-Policy": _policy(html)})

    app.add_route("/docs", show, methods=["GET"], include_in_schema=False)


def reference_page(document: dict[str, Any]) -> str:
    """Returns a page that shows an OpenAPI document: every operation, then every schema."""
    info = document["info"]
    parts = [
        f"<p>{escape(info['summary'])} Version {escape(info['version'])}.</p>",
        f"<p>{_text(info['description'])}</p>",
        f"<pre>{escape(_SHELL)}</pre>" if "securitySchemes" in document["components"] else "",
        '<p>For programs: <a href="openapi.json">openapi.json</a>, from which generators make '
        "clients, and which Postman, Bruno and Swagger UI import.</p>",
    ]
    tags = {tag["name"]: tag["description"] for tag in document.get("tags", ())}
    every = [
        (path, method, one)
        for path, item in document["paths"].items()
        for method, one in operations({"paths": {path: item}})
    ]
    contents = (
        (
            f"<b>{escape(tag.capitalize())}</b>",
            *(
                f'<a href="#{escape(one["operationId"])}">{method.upper()} {escape(path)}</a>'
                for path, method, one in every
                if tag in one.get("tags", ())
            ),
        )
        for tag in tags
    )
    items = "".join(f"<p>{'<br>'.join(lines)}</p>" for lines in contents)
    parts.append(f'<nav class="tags" aria-label="Contents">{items}</nav>')
    for tag, text in tags.items():
        parts.append(f"<h2>{escape(tag.capitalize())}</h2><p>{_text(text)}</p>")
        for path, item in document["paths"].items():
            for method, operation in operations({"paths": {path: item}}):
                if tag in operation.get("tags", ()):
                    parts.append(_operation(method, path, operation))
    parts.append("<h2>Schemas</h2>")
    for name, schema in document["components"]["schemas"].items():
        parts.append(_schema(name, schema))
    body = f'<div class="reference">{"".join(parts)}</div>'
    return page(f"{info['title']}: the service", body)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    scope = scope_of(operation)
    needs = "needs a key" if operation.get("security") else "needs no key"
    needs += f" with the scope <b>{escape(scope)}</b>" if scope else ""
    if any("signature" in one for one in operation.get("security", ())):
        needs += ", or a signed address"
    parts = [
        f'<section id="{escape(operation["operationId"])}">',
        f'<h3><span class="fl-word">{method.upper()}</span> {escape(path)}</h3>',
        f'<p class="soft">{needs}</p>',
        *(f"<p>{_text(part)}</p>" for part in operation.get("description", "").split("\n\n")),
    ]
    parameters = [
        [
            f"<code>{escape(one['name'])}</code>",
            escape(one["in"]),
            _kind(one["schema"]),
            _text(one.get("description", "")),
        ]
        for one in operation.get("parameters", ())
    ]
    if parameters:
        parts.append(table(("parameter", "in", "type", "meaning"), parameters))
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        rows = [[escape(kind), _kind(body.get("schema", {}))] for kind, body in content.items()]
        parts.append(table(("body", "type"), rows))
        for kind, body in content.items():
            if fields := _fields(body.get("schema", {})):
                parts.append(table((f"field of {escape(kind)}", "type", "meaning"), fields))
    answers = [
        [
            escape(status),
            _text(answer["description"]),
            "<br>".join(
                f"{escape(kind)} {_kind(body.get('schema', {}))}"
                for kind, body in answer.get("content", {}).items()
            ),
        ]
        for status, answer in operation["responses"].items()
    ]
    parts.append(table(("answer", "when", "content"), answers))
    return "".join((*parts, "</section>"))


def _fields(schema: dict[str, Any]) -> list[list[str]]:
    """Returns a row for each field of an object that is described where it is used."""
    required = schema.get("required", ())
    return [
        [
            f"<code>{escape(field)}</code>{'' if field in required else ' (optional)'}",
            _kind(part),
            _text(part.get("description", "")),
        ]
        for field, part in schema.get("properties", {}).items()
    ]


def _schema(name: str, schema: dict[str, Any]) -> str:
    rows = _fields(schema)
    body = table(("field", "type", "meaning"), rows) if rows else f"<p>{_kind(schema)}</p>"
    about = _text(schema.get("description", ""))
    return f'<section id="{escape(name)}"><h3>{escape(name)}</h3><p>{about}</p>{body}</section>'


def _kind(schema: dict[str, Any]) -> str:
    """Returns what a value may be, in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(_kind(one) for one in schema[key])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "contentMediaType" in schema or schema.get("format") == "binary":
        kind = "file"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        kind = f"object of {_kind(schema['additionalProperties'])}"
    else:
        kind = escape(kind)
    limits = [
        f"{word} {escape(str(schema[key]))}"
        for key, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("exclusiveMaximum", "below"),
            ("minLength", "characters from"),
            ("maxLength", "characters to"),
            ("minItems", "items from"),
            ("maxItems", "items to"),
            ("default", "default"),
        )
        if key in schema
    ]
    return ", ".join((kind, *limits))


def _text(text: str) -> str:
    """Returns a text as HTML; what stands in backticks is code."""
    return _CODE.sub(r"<code>\1</code>", escape(text.strip()))


def _policy(html: str) -> str:
    """Returns a policy for the page: its own style, and nothing else."""
    styles = (hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(html))
    allowed = " ".join(f"'sha256-{base64.b64encode(style).decode()}'" for style in styles)
    return (
        f"default-src 'none'; style-src {allowed}; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'none'"
    )
