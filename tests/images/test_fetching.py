"""Fetching pictures: real servers on this machine, and names that lead to them or elsewhere."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floorlens.errors import ImageError, SettingsError
from floorlens.images.fetching import (
    MAX_REDIRECTS,
    Fetcher,
    allowed_hosts,
    is_public,
    load_address,
)
from floorlens.images.loading import load_photo
from tests.doubles.picture_server import HOST, fetcher, png, response, serving, url


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("floorlens.images.fetching._PAUSE", 0.01)


# -- what is fetched ---------------------------------------------------------------------------


def test_a_picture_is_fetched_as_it_is() -> None:
    with serving(lambda *_: response(png(), ETag='"1"', Last_Modified="yesterday")) as server:
        download = fetcher(server).fetch(url(server, "/a b/ö.png?v=1&w=ü#top"))
    assert (download.data, download.etag, download.modified) == (png(), '"1"', "yesterday")
    ((path, headers),) = server.requests
    assert path == "/a%20b/%C3%B6.png?v=1&w=%C3%BC"
    assert headers["Host"] == f"{HOST}:{server.port}"
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization", "Referer"} & headers.keys()


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve the name itself, and connect to what nobody has checked."""
    with (
        serving(lambda *_: response(png("red"))) as proxy,
        serving(lambda *_: response(png())) as server,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert fetcher(server).fetch(url(server)).data == png()
        assert not proxy.requests


def test_what_is_escaped_stays_so() -> None:
    with serving(lambda *_: response(png())) as server:
        fetcher(server).fetch(url(server, "/a%20b%2Fc.png?sig=x%3D%3D"))
    assert server.requests[0][0] == "/a%20b%2Fc.png?sig=x%3D%3D"


def test_the_type_is_told_by_the_content_not_by_the_header() -> None:
    with serving(lambda *_: response(png(), Content_Type="text/html")) as server:
        assert fetcher(server).fetch(url(server)).data == png()
    page = response(b"<!DOCTYPE html>" * 20, Content_Type="image/png; x=1")
    with serving(lambda *_: page) as server, pytest.raises(ImageError, match=r"sent image/png$"):
        fetcher(server).fetch(url(server))


def test_a_body_in_chunks_or_without_a_length_is_read_to_its_end() -> None:
    body = png()
    chunks = b"".join(
        f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (body[:50], body[50:])
    )
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    for answer in (chunked, b"HTTP/1.0 200 OK\r\n\r\n" + body):
        with serving(lambda *_, answer=answer: answer) as server:
            assert fetcher(server).fetch(url(server)).data == body


def test_what_has_not_changed_is_not_sent_again() -> None:
    def answer(_path: str, headers: dict[str, str]) -> bytes:
        if headers.get("If-None-Match") == '"1"' and headers.get("If-Modified-Since") == "then":
            return response(status="304 Not Modified", Content_Length="")
        return response(png())

    with serving(answer) as server:
        assert fetcher(server).fetch(url(server), etag='"1"', modified="then").data is None
        assert fetcher(server).fetch(url(server), etag='"0"').data == png()


def test_redirects_are_followed_a_few_times() -> None:
    def answer(path: str, _headers: dict[str, str]) -> bytes:
        step = int(path.rpartition("/")[2])
        if step == 0:
            return response(png())
        return response(status="302 Found", Location=f"../deep/{step - 1}")

    with serving(answer) as server:
        assert fetcher(server).fetch(url(server, f"/a/{MAX_REDIRECTS}")).data == png()
        with pytest.raises(ImageError, match=f"is redirected more than {MAX_REDIRECTS} times"):
            fetcher(server).fetch(url(server, f"/a/{MAX_REDIRECTS + 1}"))


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Busy", "504 Late"])
def test_what_may_pass_is_tried_once_more(status: str) -> None:
    answers = [response(status=status), response(png())]
    with serving(lambda *_: answers.pop(0)) as server:
        assert fetcher(server).fetch(url(server)).data == png()
    with serving(lambda *_: response(status=status)) as server:
        with pytest.raises(ImageError, match=f"the server answers {status}"):
            fetcher(server).fetch(url(server))
        assert len(server.requests) == 2


def test_a_connection_that_breaks_is_tried_once_more() -> None:
    answers = [b"", response(png())[:-20], response(png())]
    with serving(lambda *_: answers.pop(0)) as server:
        with pytest.raises(ImageError, match="20 bytes too early"):
            fetcher(server).fetch(url(server))
        assert fetcher(server).fetch(url(server)).data == png()


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "500 Broken", "204 Empty"])
def test_other_answers_are_no_pictures(status: str) -> None:
    with serving(lambda *_: response(status=status)) as server:
        with pytest.raises(ImageError, match=f"answers {status}"):
            fetcher(server).fetch(url(server))
        assert len(server.requests) == 1


def test_what_a_server_says_cannot_steer_a_terminal() -> None:
    away = response(status="302 Found", Location="http://\x1b[2Jevil.test/\x1b[2J" + "x" * 999)
    for answer in (
        response(status="404 \x1b[2J\x07"),
        response(b"<html>" * 20, Content_Type="text/\x1b[2J"),
        b"\x1b[2J\r\n\r\n",
        away,
    ):
        with serving(lambda *_, answer=answer: answer) as server, pytest.raises(ImageError) as e:
            fetcher(server).fetch(url(server))
        assert str(e.value).isprintable()
        assert len(str(e.value)) < 500


# -- which hosts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "address", "allowed"),
    [
        ("a.test", "http://a.test/x", True),
        ("A.Test.", "https://a.TEST./x", True),
        ("a.test", "http://a.test:443/x", True),
        ("a.test", "http://a.test:8080/x", False),
        ("a.test:8080", "http://a.test:8080/x", True),
        ("a.test:8080", "http://a.test/x", False),
        ("a.test", "http://b.a.test/x", False),
        ("a.test", "http://xa.test/x", False),
        ("a.test", "http://a.test.evil.test/x", False),
        ("*.a.test", "http://b.a.test/x", True),
        ("*.a.test", "http://c.b.a.test/x", True),
        ("*.a.test", "http://a.test/x", False),
        ("*.a.test", "http://ba.test/x", False),
        ("bücher.test", "http://xn--bcher-kva.test/x", True),
        ("xn--bcher-kva.test", "http://BÜCHER.test/x", True),
        ("93.184.216.34", "http://93.184.216.34/x", True),
        ("[2606:2800::1]:8443", "http://[2606:2800:0::1]:8443/x", True),
        ("", "http://a.test/x", False),
        ("b.test, a.test", "http://a.test/x", True),
    ],
)
def test_only_hosts_that_are_named_are_asked(hosts: str, address: str, allowed: bool) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    # With the real rule for addresses: it stops what is allowed after the name is resolved.
    with pytest.raises(ImageError, match="no address of the public" if allowed else "HOSTS"):
        Fetcher(allowed_hosts(hosts), resolve=resolve).fetch(address)
    assert bool(asked) == allowed


@pytest.mark.parametrize(
    "entry",
    [
        *("https://a.test", "a.test/b", "*", "*.", "a.*.test", "a b", "a@b", "a.test:x"),
        *("a.test:99999", "-a.test", "?", "a.test#b", "a" * 64, "."),
    ],
)
def test_what_is_no_name_of_a_host_is_refused(entry: str) -> None:
    with pytest.raises(SettingsError, match=r"FETCH_HOSTS: .* is no name of a host: write cdn"):
        allowed_hosts(f"b.test, {entry}")


@pytest.mark.parametrize(
    "address",
    [
        *("ftp://a.test/x", "file:///etc/passwd", "/etc/passwd", "http://", "http:///x"),
        *(
            "http://a.test:0x50/",
            "http://a.test:99999/",
            "http://[::1",
            "http://a b/",
            "http://:80/",
        ),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ImageError, match="is no address that can be fetched"):
        Fetcher(allowed_hosts("a.test")).fetch(address)


@pytest.mark.parametrize(
    "address",
    ["http://me:s3cret@a.test/x?k=s3cret", "http://s3cret@a.test/", "http://a.test\\@b.test/s3"],
)
def test_a_password_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ImageError, match="holds a user name or password") as caught:
        Fetcher(allowed_hosts("a.test, b.test")).fetch(address)
    assert "s3cret" not in str(caught.value)


# -- which networks ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.255.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "0.0.0.0",
            "0.1.2.3",
        ),
        *("169.254.169.254", "100.64.0.1", "100.127.255.255", "224.0.0.1", "239.1.1.1"),
        *("240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "203.0.113.1", "0.1.2.3"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1"),
        *("::ffff:127.0.0.1", "::ffff:93.184.216.34", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b::5db8:d822", "64:ff9b:1::1", "2002:7f00:1::1", "2001::1", "2001:db8::1"),
        *("100::1", "4000::1", "", "localhost", "1.2.3", "0x7f.1", "2130706433"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "1.1.1.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@settings(deadline=None, derandomize=True)
@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_a_private_address_is_private_however_it_is_written(address: Any) -> None:
    for text in (f"{address}", f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"):
        assert not is_public(text)


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["169.254.169.254"], ["::ffff:10.0.0.1"]],
)
def test_a_name_that_leads_into_a_private_network_is_not_asked(answers: list[str]) -> None:
    """Not even if it has a public address besides: which one is taken would be chance."""
    with serving(lambda *_: response(png())) as server:
        own = Fetcher(allowed_hosts(f"{HOST}:{server.port}"), resolve=lambda *_: answers)
        with pytest.raises(ImageError, match="which is no address of the public internet"):
            own.fetch(url(server))
        assert not server.requests


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433"])
def test_this_machine_is_not_asked_by_any_of_its_names(host: str) -> None:
    with serving(lambda *_: response(png())) as server:
        with pytest.raises(ImageError, match=r"no address of the public|is not known"):
            Fetcher(allowed_hosts(f"{host}:{server.port}")).fetch(url(server, host=host))
        assert not server.requests


def test_a_name_is_resolved_once_and_the_very_address_that_was_checked_is_asked() -> None:
    """Else a name could be public when it is checked, and private when it is connected to."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with serving(lambda *_: response(png())) as server:
        own = fetcher(server, resolve=resolve)
        assert own.fetch(url(server)).data == png()
        assert asked == [HOST]
        with pytest.raises(ImageError, match=r"is at 10\.0\.0\.1"):
            own.fetch(url(server))
        assert len(server.requests) == 1


def test_a_redirect_is_checked_like_a_first_address() -> None:
    names = {HOST: "127.0.0.1", "inside.example.test": "10.0.0.1", "other.test": "127.0.0.1"}
    targets = {
        "/private": "http://inside.example.test/",
        "/other": "http://other.test/?token=s3cret",
        "/port": f"http://{HOST}:22/",
        "/file": "file:///etc/passwd",
        "/broken": "http://[::1",
        "/password": f"http://me:s3cret@{HOST}/",
    }
    problems = {
        "/private": r"inside\.example\.test is at 10\.0\.0\.1",
        "/other": r"http://other\.test/, to which http.*/other is redirected, is of a host",
        "/port": "add cdn.example.test:22 to",
        "/file": "is no address that can be fetched",
        "/broken": "is redirected to what is no address",
        "/password": "holds a user name or password",
    }

    def answer(path: str, _headers: dict[str, str]) -> bytes:
        return response(status="301 Moved", Location=targets[path])

    with serving(answer) as server:
        hosts = f"{HOST}:{server.port}, *.example.test"
        own = fetcher(server, hosts, resolve=lambda host, _port: [names[host]])
        for path, problem in problems.items():
            with pytest.raises(ImageError, match=problem) as caught:
                own.fetch(url(server, path))
            assert "s3cret" not in str(caught.value)


def test_a_host_that_is_not_there_is_named() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(ImageError, match=f"the host {HOST} is not known"):
        Fetcher(allowed_hosts(HOST), resolve=unknown).fetch(f"http://{HOST}/")
    with serving(lambda *_: b"") as server:
        pass
    with pytest.raises(ImageError, match=rf"the connection to {HOST} failed"):
        fetcher(server).fetch(url(server))


def test_the_next_address_is_taken_if_the_first_does_not_answer() -> None:
    with serving(lambda *_: response(png())) as server:
        own = fetcher(
            server,
            resolve=lambda *_: ["::1", "127.0.0.1"],
            is_public=lambda _: True,
        )
        assert own.fetch(url(server)).data == png()


# -- how much, how long ------------------------------------------------------------------------


def endless(first: bytes) -> Iterator[bytes]:
    yield first
    while True:
        yield b"\0" * 65536


@pytest.mark.parametrize("length", ["", "Content-Length: 99999999999\r\n"])
def test_a_picture_that_is_too_large_is_not_read_to_its_end(length: str) -> None:
    head = f"HTTP/1.1 200 OK\r\n{length}\r\n".encode()
    with (
        serving(lambda *_: endless(head + png())) as server,
        pytest.raises(ImageError, match=r"has more than 0\.5 megabytes"),
    ):
        fetcher(server, max_megabytes=0.5).fetch(url(server))


def test_what_follows_the_promised_length_is_not_read() -> None:
    with serving(lambda *_: response(png()) + b"more") as server:
        assert fetcher(server).fetch(url(server)).data == png()


def test_what_is_no_picture_is_not_read_to_its_end() -> None:
    with (
        serving(lambda *_: endless(b"HTTP/1.1 200 OK\r\n\r\n<html>")) as server,
        pytest.raises(ImageError, match="is no picture"),
    ):
        fetcher(server, max_megabytes=1e6, seconds=120).fetch(url(server))


def drip(text: bytes) -> Iterator[bytes]:
    for byte in text:
        yield bytes([byte])
        time.sleep(0.05)


@pytest.mark.parametrize(
    "text",
    [b"H" * 4000, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 4000, response(png() + b"\0" * 4000)],
)
def test_a_server_that_drips_does_not_hold_a_thread(text: bytes) -> None:
    """In the status line, a header or the body: no pause is long, and the whole is endless."""
    with (
        serving(lambda *_: drip(text)) as server,
        pytest.raises(ImageError, match=r"was not here after 0\.5 seconds"),
    ):
        fetcher(server, seconds=0.5).fetch(url(server))


def test_a_server_that_says_nothing_does_not_hold_a_thread() -> None:
    silence = threading.Event()

    def silent(*_: object) -> bytes:
        silence.wait(120)
        return b""

    with serving(silent) as server, pytest.raises(ImageError, match="was not here after"):
        fetcher(server, seconds=0.3).fetch(url(server))
    silence.set()


def test_a_name_that_is_not_resolved_does_not_hold_a_thread() -> None:
    silence = threading.Event()

    def silent(_host: str, _port: int) -> list[str]:
        silence.wait(120)
        return []

    with pytest.raises(ImageError, match=r"was not here after 0\.2 seconds"):
        Fetcher(allowed_hosts(HOST), seconds=0.2, resolve=silent).fetch(f"http://{HOST}/")
    silence.set()


def test_endless_headers_and_packed_bodies_are_refused() -> None:
    def headers() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X: y\r\n" * 1000

    with serving(lambda *_: headers()) as server, pytest.raises(ImageError, match="failed"):
        fetcher(server).fetch(url(server))
    packed = response(png(), Content_Encoding="gzip")
    with serving(lambda *_: packed) as server, pytest.raises(ImageError, match="packs the"):
        fetcher(server).fetch(url(server))


@pytest.mark.parametrize(
    "line",
    [
        *(b"nonsense", b"HTTP/1.1 two OK", b"\0\0", b"HTTP/1.1 200 \xff"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFFFFFF",
        b"HTTP/1.1 302 Found\r\nLocation: ?\xff\x01",
    ],
)
def test_an_answer_that_is_no_http_is_an_error(line: bytes) -> None:
    answer = line + b"\r\n\r\n"
    with serving(lambda *_: answer) as server, pytest.raises(ImageError):
        fetcher(server).fetch(url(server))


@pytest.mark.slow
@settings(
    deadline=None,
    derandomize=True,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_answer_is_a_picture_or_an_error(data: st.DataObject) -> None:
    """Pieces of answers in any order, with bytes changed: only ImageError comes out."""
    pieces = [
        *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: -5\r\n", b"Content-Length: 9e9\r\n"),
        *(
            b"Location: \r\n",
            b"Location: //[\r\n",
            b"Location: ?\xff\x01\r\n",
            b"ETag: \xff\x01\r\n",
        ),
        *(b"\r\n", b"-5\r\n", b"FFFFFFFFFFFFFFFFFFFFFFFF\r\n", b"5;x=y\r\n", b"0\r\n\r\n", png()),
        *(b"Content-Encoding: br\r\n", b": \r\n", b" folded\r\n", b"\0"),
    ]
    parts = data.draw(st.lists(st.sampled_from(pieces), max_size=8))
    answer = bytearray(b"".join([b"HTTP/1.1 200 OK\r\n", *parts]))
    for place in data.draw(st.lists(st.integers(0, len(answer) - 1), max_size=3)):
        answer[place] = data.draw(st.integers(0, 255))
    with serving(lambda *_: bytes(answer)) as server:
        try:
            download = fetcher(server, seconds=20).fetch(url(server))
        except ImageError as error:
            assert str(error)
        else:
            assert download.data is not None


# -- encryption --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of `cdn.example.test` and its key, in one file."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the program openssl")
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
    make = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*make, *names, *files], check=True, capture_output=True)
    both = folder / "both"
    both.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return both


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_the_certificate_is_that_of_the_name_not_of_the_address(
    certificate: Path, server_tls: ssl.SSLContext
) -> None:
    names: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: names.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with serving(lambda *_: response(png()), server_tls) as server:
        hosts = f"{HOST}:{server.port}, other.test:{server.port}"
        own = fetcher(server, hosts, tls=trusting)
        assert own.fetch(url(server, scheme="https")).data == png()
        assert names == [HOST]
        with pytest.raises(ImageError, match=r"the certificate of other\.test is not valid"):
            own.fetch(url(server, scheme="https", host="other.test"))
        with pytest.raises(ImageError, match=f"the certificate of {HOST} is not valid"):
            fetcher(server).fetch(url(server, scheme="https"))


def test_encryption_is_not_left_by_a_redirect(
    certificate: Path, server_tls: ssl.SSLContext
) -> None:
    away = response(status="302 Found", Location=f"http://{HOST}/oak.png")
    with serving(lambda *_: away, server_tls) as server:
        trusting = ssl.create_default_context(cafile=str(certificate))
        own = fetcher(server, f"{HOST}, {HOST}:{server.port}", tls=trusting)
        with pytest.raises(ImageError, match="is redirected from https to an address"):
            own.fetch(url(server, scheme="https"))


# -- photos ------------------------------------------------------------------------------------


def test_a_photo_given_as_an_address_is_not_fetched_unless_hosts_are_named() -> None:
    with pytest.raises(ImageError, match=re.escape("FLOORLENS_FETCH_HOSTS=shop.example")) as caught:
        load_photo("https://shop.example/room.jpg?token=s3cret")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ImageError, match="no address of the public internet"):
        load_address("http://localhost/room.jpg", "localhost")
