"""Fetching a picture from an address: of hosts that are allowed, and of no private network.

An address in a list is written by whoever wrote the list. So that it cannot make this machine talk
to its own network, a name is resolved once, every address that it has is checked, and the
connection goes to one of those very addresses. Each redirect is checked anew. Settings of a proxy
are not used: a proxy would resolve the name itself.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar, cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from floorlens.errors import ImageError, SettingsError
from floorlens.images.addresses import is_address, shown_address
from floorlens.images.decoding import PICTURE_SECONDS, decode_photo
from floorlens.images.formats import media_type, without_mark
from floorlens.images.loading import MAX_MEGAPIXELS, Photo

Answer = TypeVar("Answer")

MAX_MEGABYTES = 50.0
SECONDS = 30.0
"""What one picture may take, from the first name that is resolved to the last byte."""
MAX_REDIRECTS = 5
_CONNECT_SECONDS = 10.0
_PAUSE = 0.5
_CHUNK = 1 << 16
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
# The server says itself that the same request may succeed later.
_PASSING = (502, 503, 504)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# Only these are given to hosts of the public internet.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# 6to4 and NAT64 carry an IPv4 address, which a gateway would connect to.
_GATEWAYS = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("64:ff9b::/96"))


@dataclass(frozen=True)
class Download:
    """A picture that was fetched.

    Attributes:
        data: the bytes of the file; None where the server says that it is as it was.
        etag, modified: what the server calls this state of it; "" where it does not say.
    """

    data: bytes | None
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True)
class AllowedHost:
    """A host that may be asked: `cdn.example.com`, `*.example.com`, `cdn.example.com:8443`.

    Attributes:
        name: in lower case; after `*.` any name below it, but not the name itself.
        port: the only port; None allows 80 and 443.
    """

    name: str
    port: int | None = None

    def allows(self, host: str, port: int) -> bool:
        """Returns whether a host and port are meant."""
        if self.port is None:
            if port not in _PORTS.values():
                return False
        elif port != self.port:
            return False
        if self.name.startswith("*."):
            return host.endswith(self.name[1:]) and host != self.name[1:]
        return host == self.name


def allowed_hosts(text: str | Iterable[str]) -> tuple[AllowedHost, ...]:
    """Returns the hosts of a list such as `FLOORLENS_FETCH_HOSTS`, which commas separate.

    Raises:
        SettingsError: an entry is no name of a host.

    Example:
        >>> [host.name for host in allowed_hosts("cdn.example.com, *.example.org:8443")]
        ['cdn.example.com', '*.example.org']
        >>> allowed_hosts("https://example.com/pictures")
        Traceback (most recent call last):
        floorlens.errors.SettingsError: FLOORLENS_FETCH_HOSTS: 'https://example.com/pictures' is no
        name of a host: write cdn.example.com, *.example.com or cdn.example.com:8443
    """
    entries = text.split(",") if isinstance(text, str) else text
    return tuple(_allowed_host(entry.strip()) for entry in entries if entry.strip())


def _allowed_host(entry: str) -> AllowedHost:
    below = "*." if entry.startswith("*.") else ""
    try:
        # A parser of addresses knows brackets and ports.
        parts = urlsplit(f"http://{entry.removeprefix(below)}")
        name, port = _host_of(parts), parts.port
    except ValueError:
        name, port = None, None
    if name is None or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise SettingsError(
            f"FLOORLENS_FETCH_HOSTS: {entry!r} is no name of a host: write cdn.example.com, "
            "*.example.com or cdn.example.com:8443"
        )
    return AllowedHost(below + name, port)


def fetcher_of(hosts: Sequence[str]) -> Fetcher:
    """Returns what fetches pictures of a list from hosts.

    Raises:
        SettingsError: there is none, or an entry is no name of a host.

    Example:
        >>> fetcher_of(["cdn.example.com"]).hosts[0].name
        'cdn.example.com'
    """
    allowed = allowed_hosts(hosts)
    if not allowed:
        raise SettingsError(
            "FLOORLENS_FETCH_HOSTS (fetch_hosts=) names no host, and --fetch (fetch=True) fetches "
            "only from those that it names: set FLOORLENS_FETCH_HOSTS=cdn.example.com"
        )
    return Fetcher(allowed)


def is_public(address: str) -> bool:
    """Returns whether an IP address is one of the public internet.

    Private, loopback, link-local, shared, multicast and reserved ones are not, and neither are
    IPv6 addresses that carry an IPv4 address for a gateway.

    Example:
        >>> is_public("93.184.216.34"), is_public("127.0.0.1"), is_public("::ffff:10.0.0.1")
        (True, False, False)
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.version == 6 and (ip not in _GLOBAL_UNICAST or any(ip in net for net in _GATEWAYS)):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def resolve(host: str, port: int) -> list[str]:
    """Returns the IP addresses of a host, as the system resolves its name.

    Raises:
        OSError: there is no such name, or no answer.

    Example:
        >>> resolve("127.0.0.1", 80)
        ['127.0.0.1']
    """
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


@dataclass(frozen=True)
class Fetcher:
    """Fetches pictures from the hosts that are allowed. Safe to call from several threads.

    Attributes:
        hosts: which ones.
        max_megabytes: a larger file is refused (10⁶ bytes).
        seconds: what one picture may take in all.
        resolve, is_public: how a name becomes addresses, and which of them may be asked; tests have
            servers on this machine.
        tls: whose certificates are trusted.
    """

    hosts: Sequence[AllowedHost]
    max_megabytes: float = MAX_MEGABYTES
    seconds: float = SECONDS
    resolve: Callable[[str, int], list[str]] = resolve
    is_public: Callable[[str], bool] = is_public
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def check(self, address: str) -> None:
        """Refuses an address that may not be asked, without asking anybody.

        Raises:
            ImageError: its host is not one of those that are allowed, or it is no address.

        Example:
            >>> Fetcher(allowed_hosts("cdn.example.com")).check("https://cdn.example.com/oak.jpg")
        """
        self._target(address, shown_address(address))

    def fetch(self, address: str, *, etag: str = "", modified: str = "") -> Download:
        """Returns the picture at an `http(s)://` address.

        A connection that fails is tried once more. `etag` and `modified` are those of an earlier
        `Download`: if nothing has changed since, the server need not send the picture again.

        Raises:
            ImageError: it may not be fetched, cannot be fetched, is too large or too slow, or is
                no picture.

        Example:
            >>> fetcher = Fetcher(allowed_hosts("cdn.example.com"))
            >>> fetcher.fetch("https://cdn.example.com/oak.jpg").data[:3]  # doctest: +SKIP
            b'\\xff\\xd8\\xff'
        """
        deadline = time.monotonic() + self.seconds
        conditions = {"If-None-Match": etag, "If-Modified-Since": modified}
        headers = {name: value for name, value in conditions.items() if value}
        receive = partial(self._download, conditional=bool(headers))
        try:
            return self._follow(address, headers, deadline, receive)
        except _Passing as error:
            if time.monotonic() + _PAUSE >= deadline:
                raise ImageError(f"{shown_address(address)}: {error}") from error
        time.sleep(_PAUSE)
        try:
            return self._follow(address, headers, deadline, receive)
        except _Passing as error:
            raise ImageError(f"{shown_address(address)}: {error}") from error

    def save(self, address: str, path: Path) -> str:
        """Writes the file at an `http(s)://` address, of whatever kind, to a path.

        Returns the media type that the server names, "" for none. No more of it is in memory at a
        time than a part.

        Raises:
            ImageError: it may not be fetched, cannot be fetched, is too large or too slow.
            OSError: it cannot be written.

        Example:
            >>> fetcher = Fetcher(allowed_hosts("shop.example.com"), max_megabytes=900)
            >>> fetcher.save("https://shop.example.com/list.csv", Path("list"))  # doctest: +SKIP
            'text/csv'
        """

        def receive(response: http.client.HTTPResponse, first: str) -> str:
            if response.status != 200:
                raise ImageError(f"{first}: the server answers {_status(response)}")
            limit, total = int(self.max_megabytes * 1e6), 0
            with path.open("wb") as file:
                while chunk := response.read(_CHUNK):
                    total += len(chunk)
                    if total > limit:
                        raise ImageError(f"{first}: has more than {self.max_megabytes:g} megabytes")
                    file.write(chunk)
            if response.length:
                raise _Passing(f"the connection ended {response.length} bytes too early")
            return (response.getheader("Content-Type") or "").split(";")[0].strip().lower()

        deadline = time.monotonic() + self.seconds
        try:
            return self._follow(address, {"Accept": "*/*"}, deadline, receive)
        except _Passing as error:
            raise ImageError(f"{shown_address(address)}: {error}") from error

    def _follow(
        self,
        address: str,
        headers: dict[str, str],
        deadline: float,
        receive: Callable[[http.client.HTTPResponse, str], Answer],
    ) -> Answer:
        first, url = shown_address(address), address
        for _ in range(MAX_REDIRECTS + 1):
            target = self._target(url, first)
            with self._response(target, headers, deadline) as response:
                location = response.getheader("Location")
                if response.status not in _REDIRECTS or not location:
                    return receive(response, first)
            try:
                following = urljoin(url, location)
            except ValueError as error:
                raise ImageError(f"{first}: is redirected to what is no address") from error
            if url.lower().startswith("https:") and not following.lower().startswith("https:"):
                raise ImageError(
                    f"{first}: is redirected from https to an address without encryption"
                )
            url = following
        raise ImageError(f"{first}: is redirected more than {MAX_REDIRECTS} times")

    def _target(self, address: str, first: str) -> _Target:
        """Returns what an address names, if that may be asked."""
        via = "" if shown_address(address) == first else f", to which {first} is redirected,"
        try:
            parts = urlsplit(address)
            host, port = _host_of(parts), parts.port
        except ValueError:
            host, port = None, None
        if not is_address(address) or host is None:
            raise ImageError(f"{shown_address(address)}{via} is no address that can be fetched")
        if parts.username is not None or parts.password is not None:
            raise ImageError(
                f"{shown_address(address)}{via} holds a user name or password: leave it out"
            )
        port = port or _PORTS[parts.scheme]
        if not any(allowed.allows(host, port) for allowed in self.hosts):
            name = host if port in _PORTS.values() else f"{host}:{port}"
            hosts = ", ".join(_written(allowed) for allowed in self.hosts) or "none"
            raise ImageError(
                f"{shown_address(address)}{via} is of a host that may not be asked: add {name} to "
                f"FLOORLENS_FETCH_HOSTS (now: {hosts})"
            )
        return _Target(parts.scheme, host, port, _path_of(parts), first)

    @contextmanager
    def _response(
        self, target: _Target, headers: dict[str, str], deadline: float
    ) -> Iterator[http.client.HTTPResponse]:
        try:
            with self._connected(target, deadline) as connection:
                client = http.client.HTTPConnection(target.host, target.port)
                # `http.client` only sends and reads: where it is connected to is decided here.
                client.sock = cast(socket.socket, _Timed(connection, deadline))
                client.request(
                    "GET",
                    target.path,
                    headers={
                        "Host": target.authority,
                        "Accept": "image/*",
                        "Accept-Encoding": "identity",
                        "Connection": "close",
                        "User-Agent": "floorlens",
                        **headers,
                    },
                )
                response = client.getresponse()
                if response.status in _PASSING:
                    raise _Passing(f"the server answers {_status(response)}")
                yield response
        except TimeoutError as error:
            if time.monotonic() < deadline:
                raise _Passing("the server does not answer") from error
            raise ImageError(
                f"{target.first}: was not here after {self.seconds:g} seconds"
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise ImageError(
                f"{target.first}: the certificate of {target.host} is not valid "
                f"({error.verify_message})"
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            # A ValueError is what `http.client` makes of some answers that are not HTTP.
            raise _Passing(f"the connection to {target.host} failed ({_cause(error)})") from error

    @contextmanager
    def _connected(self, target: _Target, deadline: float) -> Iterator[socket.socket]:
        """Connects to an address of the target's host, if all of them are public."""
        try:
            addresses = _in_time(partial(self.resolve, target.host, target.port), deadline)
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:
            raise _Passing(f"the host {target.host} is not known ({_cause(error)})") from error
        if not addresses:
            raise _Passing(f"the host {target.host} has no address")
        private = [address for address in addresses if not self.is_public(address)]
        if private:
            raise ImageError(
                f"{target.first}: {target.host} is at {private[0]}, which is no address of the "
                "public internet; nothing is fetched from there"
            )
        connection = self._connection(addresses, target.port, deadline)
        with connection:
            if target.scheme == "http":
                yield connection
                return
            connection.settimeout(_left(deadline))
            with self.tls.wrap_socket(connection, server_hostname=target.host) as secure:
                yield secure

    @staticmethod
    def _connection(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
        failure: OSError | None = None
        for address in addresses:
            try:
                seconds = min(_CONNECT_SECONDS, _left(deadline))
                # An IP address is not resolved again.
                return socket.create_connection((address, port), timeout=seconds)
            except OSError as error:
                failure = failure or error
        raise failure or TimeoutError

    def _download(
        self, response: http.client.HTTPResponse, first: str, *, conditional: bool
    ) -> Download:
        etag, modified = (_plain(response.getheader(name)) for name in ("ETag", "Last-Modified"))
        if response.status == 304 and conditional:
            return Download(None, etag, modified)
        if response.status != 200:
            raise ImageError(f"{first}: the server answers {_status(response)}")
        if (response.getheader("Content-Encoding") or "identity").lower() != "identity":
            raise ImageError(f"{first}: the server packs the picture, although it was asked not to")
        limit = int(self.max_megabytes * 1e6)
        promise = response.length
        data = bytearray()
        while len(data) <= limit and (promise is None or promise <= limit):
            chunk = response.read(_CHUNK)
            if not chunk:
                break
            data += chunk
            if len(data) >= 128 and _kind(data) is None:
                break
        else:
            raise ImageError(f"{first}: has more than {self.max_megabytes:g} megabytes")
        if _kind(data) is None:
            kind = _shown((response.getheader("Content-Type") or "nothing it names").split(";")[0])
            raise ImageError(f"{first}: is no picture that can be read; the server sent {kind}")
        if response.length:
            raise _Passing(f"the connection ended {response.length} bytes too early")
        return Download(bytes(data), etag, modified)


def load_address(
    address: str,
    hosts: str | Iterable[str],
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    seconds: float = PICTURE_SECONDS,
) -> Photo:
    """Returns the picture at an `http(s)://` address of one of the hosts, as `decode_photo` does.

    Raises:
        ImageError: it cannot be fetched, or not be read.
        SettingsError: an entry of the hosts is no name of a host.

    Example:
        >>> load_address("https://example.com/oak.jpg", ["cdn.example.com"])
        Traceback (most recent call last):
        floorlens.errors.ImageError: https://example.com/oak.jpg is of a host that may not be asked:
        add example.com to FLOORLENS_FETCH_HOSTS (now: cdn.example.com)
    """
    data = Fetcher(allowed_hosts(hosts)).fetch(address).data or b""
    return decode_photo(
        data, max_megapixels=max_megapixels, seconds=seconds, name=shown_address(address)
    )


@dataclass(frozen=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str
    first: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class _Passing(Exception):
    """What may have passed if it is tried again; its text says what failed."""


class _Timed:
    """A socket for `http.client`, each of whose operations ends at the deadline.

    A socket's own limit begins anew with every byte, so that a server that drips could hold a
    thread for ever.
    """

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(_left(self._deadline))
        self._connection.sendall(data)

    def makefile(self, _mode: Literal["rb"]) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._connection, self._deadline))

    def close(self) -> None:
        # `http.client` closes it when the answer's header is read; who opened it does that later.
        pass


class _Reader(io.RawIOBase):
    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(buffer)


def _in_time(work: Callable[[], list[str]], deadline: float) -> list[str]:
    """Returns what `work` does, which cannot be stopped, if it is done before the deadline.

    Raises:
        TimeoutError: it is not; its thread goes on, and its result is lost.
    """
    results: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def run() -> None:
        try:
            results.put(work())
        except (OSError, UnicodeError) as error:
            results.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        result = results.get(timeout=_left(deadline))
    except Empty:
        raise TimeoutError from None
    if isinstance(result, Exception):
        raise result
    return result


def _plain(value: str | None) -> str:
    """Returns the value of a header if it can be sent back as it is, else ""."""
    return value if value is not None and value.isascii() and value.isprintable() else ""


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time is up")
    return seconds


def _host_of(parts: SplitResult) -> str | None:
    """Returns the host that an address names, in lower case and in ASCII; None if it names none.

    Raises:
        ValueError: the name cannot be written in ASCII.
    """
    host = (parts.hostname or "").removesuffix(".")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    host = host.encode("idna").decode("ascii").lower()
    return host if _NAME.fullmatch(host) and len(host) <= 253 else None


def _path_of(parts: SplitResult) -> str:
    # Shops write spaces and umlauts as they are; what is escaped already stays.
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return f"{path}?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else path


def _written(host: AllowedHost) -> str:
    return host.name if host.port is None else f"{host.name}:{host.port}"


def _cause(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return _shown(text or type(error).__name__)


def _kind(data: bytearray) -> str | None:
    return media_type(without_mark(bytes(data[:128]))[:64])


def _status(response: http.client.HTTPResponse) -> str:
    return _shown(f"{response.status} {response.reason}")


def _shown(text: str) -> str:
    """Returns what a server said, fit to be shown: it could steer a terminal."""
    return "".join(letter for letter in text if letter.isprintable())[:80]
