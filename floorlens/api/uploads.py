"""Requests with photos: a multipart form, or JSON with the photos in base64; one body for both."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import to_thread
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile

from floorlens.api.description import without_null
from floorlens.api.forms import check_media_type, read_json, validated
from floorlens.api.json_texts import parse_json
from floorlens.api.problems import Refusal

if TYPE_CHECKING:
    from fastapi import Request

    from floorlens.settings import Settings

Body = TypeVar("Body", bound=BaseModel)

FIELDS = 50
"""Parts of a form, at most."""
MAX_MASK = 8 << 20
"""Bytes of a JSON body that may hold a mask in base64."""
_RAW = ("cursor", "group")
"""Fields of a form that are texts; all others are JSON."""
_FILE = "is a file: send it as a text"
_JSON = "application/json"
_FORM = "multipart/form-data"


async def read_body(request: Request, model: type[Body], settings: Settings) -> Body:
    """Returns the body of a request, of JSON or of a form, as a model; `photo` is a list of bytes.

    Raises:
        Refusal: it is neither, or cannot be read.
        RequestValidationError: a field cannot be used.
    """
    if check_media_type(request, _FORM, _JSON) == _JSON:
        # Photos in base64 are long: reading them would keep all others waiting.
        values = await to_thread.run_sync(_values_of_json, await request.body())
    else:
        async with request.form(max_files=FIELDS, max_fields=FIELDS) as form:
            values = await _values_of_form(form, model.model_fields)
    most = settings.max_upload_mb * 1e6
    if any(isinstance(one, bytes) and len(one) > most for one in values.get("photo", ())):
        raise Refusal(413, "upload-too-large")
    return validated(model, values)


async def read_json_body(request: Request, model: type[Body]) -> Body:
    """Returns the body of a request, of JSON and of nothing else, as a model.

    Raises:
        Refusal: it is no JSON, or too large.
        RequestValidationError: a field cannot be used.
    """
    check_media_type(request, _JSON)
    return await read_json(request, model, most=MAX_MASK)


def _values_of_json(body: bytes) -> dict[str, Any]:
    values = parse_json(body)
    if not isinstance(values, dict):
        raise Refusal(422, "request-invalid", errors={"body": "must be an object"})
    if "photo" in values:
        values["photo"] = _photos_of_json(values["photo"])
    return values


def _photos_of_json(value: Any) -> list[bytes]:
    texts = value if isinstance(value, list) else [value]
    photos = []
    for number, text in enumerate(texts):
        try:
            photos.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError, TypeError) as error:
            field = f"photo.{number}" if isinstance(value, list) else "photo"
            raise Refusal(
                422, "request-invalid", errors={field: "is no file of a picture in base64"}
            ) from error
    return photos


async def _values_of_form(form: FormData, known: Collection[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in dict.fromkeys(form):
        parts = form.getlist(name)
        if name == "photo":
            values[name] = [await _bytes(part) for part in parts]
        elif len(parts) > 1:
            raise Refusal(
                422, "request-invalid", errors={name: "is given more than once: send a list"}
            )
        elif isinstance(parts[0], UploadFile):
            if name not in known:
                cure = "is not known; send the photo as the file 'photo'"
                raise Refusal(422, "request-invalid", errors={name: cure})
            if name != "region":
                raise Refusal(422, "request-invalid", errors={name: _FILE})
            values[name] = base64.b64encode(await parts[0].read()).decode()
        elif name in _RAW or (name == "region" and _is_plain(parts[0])):
            values[name] = _text(parts[0], name)
        else:
            values[name] = parse_json(parts[0], name)
    return values


def _is_plain(region: str) -> bool:
    """Returns whether a region of a form is a mask in base64, as it is, and no JSON."""
    return region != "null" and not region.startswith(("[", '"'))


def _text(value: str, field: str) -> str:
    if "\0" in value:
        raise Refusal(422, "request-invalid", errors={field: "holds the character U+0000"})
    return value


async def _bytes(part: UploadFile | str) -> bytes:
    if isinstance(part, str):
        raise Refusal(
            422, "request-invalid", errors={"photo": "is a text: send the file of a picture"}
        )
    return await part.read()


def request_body(model: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how OpenAPI describes both encodings of a body with photos.

    Args:
        model: the body; its field `photo` is described here.
        example: the other fields, as JSON values.
    """
    schema = _schema(model)
    most = schema["properties"]["photo"].get("maxItems", 1)
    in_base64 = {"type": "string", "contentEncoding": "base64", "minLength": 1}
    text = "the file of a picture: JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP, GIF, JPEG 2000 or PPM"
    one_or_more: dict[str, Any] = in_base64
    if most > 1:
        array = {"type": "array", "items": in_base64, "minItems": 1, "maxItems": most}
        one_or_more = {"anyOf": [in_base64, array]}
    binary = {"type": "string", "contentMediaType": "application/octet-stream"}
    files = {"type": "array", "items": binary, "minItems": 1, "maxItems": most}
    return {
        "required": True,
        "content": {
            _FORM: {
                "schema": _with_photo(_of_form(schema), {**files, "description": text}),
                "encoding": {
                    name: {"contentType": _JSON}
                    for name in schema["properties"]
                    if name not in _RAW
                }
                | {"photo": {"contentType": "image/*"}},
            },
            _JSON: {
                "schema": _with_photo(schema, {**one_or_more, "description": f"{text}, in base64"}),
                "example": {"photo": "/9j/4AAQSkZJRgABAQAAAQABAAD/", **example},
            },
        },
    }


def _of_form(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the schema of a form: a field that is no JSON cannot be null."""
    fields = {
        name: without_null(field) if name in _RAW else field
        for name, field in schema["properties"].items()
    }
    return {**schema, "properties": fields}


def json_body(model: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how OpenAPI describes a body of JSON that `read_json_body` reads."""
    return {
        "required": True,
        "content": {_JSON: {"schema": _schema(model), "example": dict(example)}},
    }


def _with_photo(schema: Mapping[str, Any], photo: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "properties": {**schema["properties"], "photo": photo}}


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Returns the JSON schema of a model, with what it refers to written out in place."""
    schema = model.model_json_schema(by_alias=True)
    parts = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            rest = {key: one for key, one in value.items() if key != "$ref"}
            return {**inlined(parts[value["$ref"].rpartition("/")[2]]), **rest}
        return {key: inlined(one) for key, one in value.items()}

    whole: dict[str, Any] = inlined(schema)
    return whole
