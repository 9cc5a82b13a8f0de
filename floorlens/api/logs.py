"""The log of the service: one line for each request, as text or JSON. No picture, no body."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect

from floorlens.api.exchange import Exchange
from floorlens.api.problems import LOG, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from floorlens.api.metrics import Metrics
    from floorlens.settings import Settings

ACCESS = logging.getLogger("floorlens.api.access")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Requests:
    """Gives each request an id and an exchange, counts and logs it.

    The id is the request's header X-Request-ID if that is usable, else a new one. It stands in the
    answer's header and in the log. Where an exception is unexpected, the answer is 500.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get("x-request-id", "")
        request_id = header if _ID.fullmatch(header) else uuid.uuid4().hex
        exchange = Exchange(request_id, self._settings.deadline)
        state = scope.setdefault("state", {})
        state["id"], state["exchange"] = request_id, exchange
        status = sent = 0
        whole = False

        async def send_with_id(message: Message) -> None:
            nonlocal status, sent, whole
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            sent += len(message.get("body", b""))
            await send(message)
            # What goes on after the last byte is not the client's.
            whole = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            # While it sent: there is nobody to answer.
            exchange.gone, exchange.code = True, "client-gone"
        except Exception:
            LOG.exception("request %s: %s %r failed", request_id, scope["method"], scope["path"])
            if status:
                # Half the answer is sent: only a broken connection shows that the rest is missing.
                raise
            exchange.code = "internal"
            answer = problem(500, "internal", self._settings, request_id)
            await answer(scope, receive, send_with_id)
        finally:
            self._note(scope, exchange, 499 if exchange.gone and not whole else status, sent)

    def _note(self, scope: Scope, exchange: Exchange, status: int, sent: int) -> None:
        seconds = time.monotonic() - exchange.arrived
        # The pattern, not the path, and no method but those of HTTP: what clients make up would
        # make a series of metrics each.
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.note(method, route, status, seconds, exchange)
        level = logging.DEBUG if route in ("/healthz", "/readyz", "/metrics") else logging.INFO
        ACCESS.log(
            level,
            "%s %s %s",
            method,
            route,
            status,
            extra={
                "facts": {
                    "request_id": exchange.id,
                    "key_id": exchange.key_id,
                    "method": method,
                    "route": route,
                    "status": status,
                    "code": exchange.code,
                    "seconds": round(seconds, 4),
                    "bytes": sent,
                    "stages": {name: round(value, 4) for name, value in exchange.timings.items()},
                }
            },
        )


class JsonLines(logging.Formatter):
    """A line of JSON for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as JSON: time, level, logger, message and, of a request, its facts."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """A line of text for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as text; of a request with its facts as name=value."""
        facts = getattr(record, "facts", {})
        extra = " ".join(
            f"{name}={_plain(value)}"
            for name, value in facts.items()
            if value not in (None, {}) and name not in ("method", "route", "status")
        )
        # What a client sends, such as a path, must not begin a line of its own.
        text = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = f"{_time(record)} {record.levelname.lower():8} {text} {extra}".rstrip()
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}:{one}" for name, one in value.items())
    return str(value)


def configuration(log_format: str, level: str) -> dict[str, Any]:
    """Returns the logging of a service's process, for `logging.config.dictConfig`.

    Args:
        log_format: "text" or "json".
        level: the least level that is written.
    """
    formatter = JsonLines if log_format == "json" else TextLines
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": {
            name: {"handlers": ["stderr"], "level": level.upper(), "propagate": False}
            for name in ("floorlens", "uvicorn")
        },
    }
