"""Bodies that come as JSON or as a form; files of any size go to the disk as they come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

from anyio import to_thread
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from floorlens.api.json_texts import parse_json
from floorlens.api.problems import Refusal
from floorlens.errors import StateError

Body = TypeVar("Body", bound=BaseModel)

JSON, FORM = "application/json", "multipart/form-data"
MAX_JSON = 1 << 20
"""Bytes of a JSON body that holds no picture."""
_MAX_FIELDS = 64 * 1024
_CHUNK = 1 << 20
_LONG = 1 << 16
_BROKEN = {"body": "is no multipart form with a file `file`"}


def media_type_of(request: Request) -> str:
    """Returns the media type of a request's body, without parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def check_media_type(request: Request, *allowed: str) -> str:
    """Returns the media type of a request's body, if it is one of those that are read.

    Raises:
        Refusal: it is another one.
    """
    kind = media_type_of(request)
    if kind not in allowed:
        cure = f"send {' or '.join(allowed)}"
        raise Refusal(415, "media-type-unsupported", errors={"Content-Type": cure})
    return kind


async def read_json(request: Request, model: type[Body], *, most: int = MAX_JSON) -> Body:
    """Returns a JSON body, whose values are of the types that the description says.

    Raises:
        Refusal: it is too large.
        RequestValidationError: it is no JSON, or a field of it cannot be used.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise Refusal(413, "upload-too-large")
    if len(data) > _LONG:
        # It would keep all others waiting.
        value = await to_thread.run_sync(parse_json, bytes(data))
    else:
        value = parse_json(bytes(data))
    return validated(model, value, strict=True)


def validated(model: type[Body], value: Any, *, strict: bool | None = None) -> Body:
    """Returns a body made of a value.

    Args:
        model: the class of the body.
        value: its fields.
        strict: whether "1" and 1.0 are no integers; None: as the class says.

    Raises:
        RequestValidationError: a field cannot be used.
    """
    try:
        return model.model_validate(value, strict=strict)
    except ValidationError as error:
        errors = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(errors) from error


def of_fields(fields: Mapping[str, str], as_json: tuple[str, ...]) -> dict[str, Any]:
    """Returns the fields of a form as a JSON body has them.

    Args:
        fields: name -> text.
        as_json: which of them are JSON texts.

    Raises:
        Refusal: one of these is no JSON.
    """
    values: dict[str, Any] = dict(fields)
    for name in as_json:
        if name in fields:
            values[name] = parse_json(fields[name], name)
    return values


async def receive_file(request: Request, folder: Path) -> tuple[dict[str, str], str | None]:
    """Writes the file `file` of a multipart form into a folder, as it comes.

    Returns the other fields of the form, and what the client calls the file; None without one. It
    lies in the folder as `upload`, whatever it is called.

    Raises:
        Refusal: the form is broken.
    """
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise Refusal(422, "request-invalid", errors=_BROKEN)
    await to_thread.run_sync(lambda: folder.mkdir(parents=True, mode=0o700))
    form = _Form(boundary, folder / "upload")
    waiting = bytearray()
    try:
        async for chunk in request.stream():
            waiting += chunk
            if len(waiting) >= _CHUNK:
                # A disk can be slow: other requests must not wait for it.
                await to_thread.run_sync(form.feed, bytes(waiting))
                waiting.clear()
        await to_thread.run_sync(form.feed, bytes(waiting))
    except OSError as error:
        raise StateError(f"{folder}: an upload cannot be written ({error.strerror})") from error
    except (FormParserError, UnicodeError, ValueError) as error:
        raise Refusal(422, "request-invalid", errors=_BROKEN) from error
    finally:
        form.close()
    if not form.is_whole:
        raise Refusal(422, "request-invalid", errors=_BROKEN)
    return form.fields, form.file_name


class _Form:
    """Takes a form apart; only its short fields are in memory."""

    def __init__(self, boundary: bytes, path: Path) -> None:
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self.is_whole = False
        self._path = path
        self._file: IO[bytes] | None = None
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._field = bytearray()
        self._size = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._add_name,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._open,
                "on_part_data": self._write,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def feed(self, data: bytes) -> None:
        """Takes the next bytes."""
        if data:
            self._parser.write(data)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _grow(self, text: bytearray, data: bytes) -> None:
        self._size += len(data)
        if self._size > _MAX_FIELDS:
            raise ValueError("the fields of the form are too long")
        text += data

    def _begin(self) -> None:
        self._headers.clear()

    def _end_header(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode()
        if b"filename" in options:
            if self._name != "file" or self.file_name is not None:
                raise ValueError("another file than the one that is asked for")
            self.file_name = options[b"filename"].decode("utf-8", "replace")
            self._file = self._path.open("xb")

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._header, data[start:end])

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._value, data[start:end])

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
        else:
            self._grow(self._field, data[start:end])

    def _end(self) -> None:
        if self._file is not None:
            self.close()
            return
        if self._name in self.fields:
            raise ValueError("a field stands there twice")
        self.fields[self._name] = self._field.decode()
        self._field.clear()

    def _finish(self) -> None:
        self.is_whole = True
