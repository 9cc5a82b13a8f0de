"""A server of pictures on this machine, which answers byte for byte what a test wants."""

from __future__ import annotations

import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from PIL import Image

from floorlens.images.fetching import Fetcher, allowed_hosts

HOST = "cdn.example.test"
Answer = Callable[[str, dict[str, str]], bytes | Iterator[bytes]]


def png(colour: str = "tan") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(file, "PNG")
    return file.getvalue()


def response(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = {
        "Content-Length": str(len(body)),
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class Server:
    """Answers each request with what `answer` returns for its path and headers, byte for byte."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._answer = answer
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with connection.makefile("rb") as lines:
                    path = lines.readline().decode().split(" ")[1]
                    headers = {}
                    while (line := lines.readline().decode().strip()) != "":
                        name, _, value = line.partition(": ")
                        headers[name] = value
                self.requests.append((path, headers))
                answer = self._answer(path, headers)
                for part in [answer] if isinstance(answer, bytes) else answer:
                    connection.sendall(part)
            except (OSError, IndexError):
                # The client has gone.
                return

    def close(self) -> None:
        # Closing alone does not wake who waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(answer, tls)
    try:
        yield server
    finally:
        server.close()


def fetcher(server: Server, hosts: str = "", **options: Any) -> Fetcher:
    """A fetcher that may ask that server, and for which this machine is a public one."""
    defaults: dict[str, Any] = {
        "resolve": lambda _host, _port: ["127.0.0.1"],
        "is_public": lambda address: address == "127.0.0.1",
    }
    return Fetcher(allowed_hosts(hosts or f"{HOST}:{server.port}"), **(defaults | options))


def url(server: Server, path: str = "/oak.png", host: str = HOST, scheme: str = "http") -> str:
    return f"{scheme}://{host}:{server.port}{path}"


def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every fetcher that is made from now on ask this machine, by any name."""
    here = partial(
        Fetcher, resolve=lambda _host, _port: ["127.0.0.1"], is_public=lambda _address: True
    )
    monkeypatch.setattr("floorlens.images.fetching.Fetcher", here)
