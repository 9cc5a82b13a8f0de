"""A double of the Hugging Face hub: one model over HTTP, for the hub's own client."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LARGE = (".safetensors", ".bin")
"""Files that the hub identifies by their SHA-256; others by git's own hash."""


@dataclass
class Hub:
    """The double: its model, and the requests so far.

    Attributes:
        model_id: the only model.
        revision: its newest commit.
        files: name -> bytes.
        damage: names whose bytes arrive changed.
        requests: the paths of all requests.
        url: its address.
        names: other names of the commit: branches, tags, its first digits.
    """

    model_id: str
    revision: str
    files: Mapping[str, bytes]
    damage: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    url: str = ""
    names: set[str] = field(default_factory=lambda: {"main"})

    def etag(self, name: str) -> str:
        """Returns the hash of a file, as the hub computes it."""
        data = self.files[name]
        if name.endswith(LARGE):
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()

    def information(self) -> bytes:
        """Returns the hub's JSON about the model."""
        siblings = []
        for name, data in self.files.items():
            entry = {"rfilename": name, "size": len(data), "blobId": "0" * 40}
            if name.endswith(LARGE):
                digest = self.etag(name)
                lfs = {"sha256": digest, "oid": digest, "size": len(data), "pointerSize": 130}
                entry["lfs"] = lfs
            siblings.append(entry)
        return json.dumps(
            {"id": self.model_id, "sha": self.revision, "siblings": siblings, "tags": []}
        ).encode()


def folder_files(folder: Path) -> dict[str, bytes]:
    """Returns the files of a folder for `Hub.files`: name -> bytes."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Runs a hub on a free port of this machine and sets `hub.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

        def _answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            hub.requests.append(path)
            prefixes = (f"/api/models/{hub.model_id}", f"/api/models/{hub.model_id}/revision/")
            commit = path.removeprefix(prefixes[1])
            file_prefix = f"/{hub.model_id}/resolve/{hub.revision}/"
            name = path.removeprefix(file_prefix)
            if path == prefixes[0] or commit in {hub.revision, *hub.names}:
                self._send(200, hub.information(), {"Content-Type": "application/json"}, body)
            elif path.startswith(prefixes[1]):
                self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
            elif path.startswith("/api/models/"):
                self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
            elif path.startswith(file_prefix) and name in hub.files:
                data = hub.files[name]
                if name in hub.damage:
                    data = data[:-1] + bytes([data[-1] ^ 1])
                etag = f'"{hub.etag(name)}"'
                headers = {"ETag": etag, "X-Repo-Commit": hub.revision}
                self._send(200, data, headers, body)
            else:
                self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"}, body)

        def _send(self, code: int, data: bytes, headers: Mapping[str, str], body: bool) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            if body:
                self.wfile.write(data)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield hub
        finally:
            server.shutdown()
