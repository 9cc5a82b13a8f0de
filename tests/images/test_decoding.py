"""Decoding in other processes: the same picture, and nothing that a file does gets in the way."""

from __future__ import annotations

import errno
import gc
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from floorlens.errors import (
    DecoderUnavailable,
    ImageError,
    ImageTimeout,
    ImageTooLarge,
    MissingDependency,
)
from floorlens.images import decoding
from floorlens.images.decoding import Decoders, decode_photo, shared_decoders
from floorlens.images.loading import load_photo
from tests.doubles.hanging_decoder import decoder_command

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def decoders() -> Iterator[Callable[..., Decoders]]:
    """`decoders(hook, most)` makes some, which are closed at the end."""
    made = []

    def make(hook: str | None = None, most: int | None = None) -> Decoders:
        made.append(Decoders(None if hook is None else decoder_command(hook), most))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def gif(picture: Any) -> bytes:
    """What the hook of `decoder_command` is called for."""
    return encode(Image.fromarray(picture()), "GIF")


@pytest.fixture
def png(picture: Any) -> bytes:
    return encode(Image.fromarray(picture()))


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not waited for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


# -- the same picture --------------------------------------------------------------------------


def test_a_file_gives_what_it_gives_in_this_process(picture: Any, tmp_path: Path) -> None:
    clear = Image.fromarray(picture()).convert("RGBA")
    clear.putalpha(Image.new("L", clear.size, 0))
    clear.paste(Image.fromarray(picture()).crop((0, 0, 30, 48)), (0, 0))
    file = tmp_path / "größe.png"
    file.write_bytes(encode(clear))
    large = encode(Image.fromarray(picture(3000, 2000)), "JPEG")
    for source in (file, str(file), file.read_bytes(), memoryview(large), bytearray(large)):
        there, here = decode_photo(source), load_photo(source)
        assert np.array_equal(there.pixels, here.pixels)
        assert there.pixels.dtype == np.uint8
        assert (there.size, there.content_hash) == (here.size, here.content_hash)
        assert (there.opaque is None) == (here.opaque is None)
        if there.opaque is not None and here.opaque is not None:
            assert there.opaque.dtype == np.bool_
            assert np.array_equal(there.opaque, here.opaque)
    assert decode_photo(large, working_side=100).pixels.shape == (67, 100, 3)


def test_arrays_and_images_of_pillow_stay_here(
    picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "shared_decoders", None)
    for source in (picture(), Image.fromarray(picture())):
        assert np.array_equal(decode_photo(source).pixels, picture())


def test_errors_are_those_of_loading(picture: Any, tmp_path: Path, png: bytes) -> None:
    for source, kind, text in (
        (b"%PDF-1.7", ImageError, "^the image: is not an image that can be read"),
        (png[:90], ImageError, "^the image: is truncated or damaged"),
        (tmp_path / "gone.png", ImageError, "gone.png: no such file"),
        (tmp_path, ImageError, "is a folder"),
    ):
        with pytest.raises(kind, match=text):
            decode_photo(source)
    with pytest.raises(ImageTooLarge, match=r"a\nb: has 0\.0 megapixels"):
        decode_photo(png, max_megapixels=0.001, name="a\nb")


def test_a_missing_extra_is_told(decoders: Callable[..., Decoders], gif: bytes) -> None:
    hook = "from floorlens.errors import MissingDependency\nraise MissingDependency('the cure')"
    with pytest.raises(MissingDependency, match=r"^the cure$"):
        decoders(hook).decode(gif, name="a.gif")


def test_decoders_are_shared_and_used_again(png: bytes) -> None:
    decode_photo(png)
    before = {one.process.pid for one in shared_decoders()._all}
    for _ in range(20):
        decode_photo(png)
    assert {one.process.pid for one in shared_decoders()._all} == before


def test_many_threads_get_each_their_own_picture(decoders: Callable[..., Decoders]) -> None:
    some = decoders(most=3)
    files = [encode(Image.new("RGB", (20 + number, 20), (number, 0, 0))) for number in range(40)]

    def first(number: int) -> tuple[tuple[int, int], int]:
        if number % 4 == 3:
            with pytest.raises(ImageError, match=f"^{number}: is not an image"):
                some.decode(b"nothing", name=str(number))
        photo = some.decode(files[number], name=str(number))
        return photo.size, int(photo.pixels[0, 0, 0])

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(first, range(40)))
    assert results == [((20 + number, 20), number) for number in range(40)]
    assert len(some._all) <= 3


# -- a decoder that hangs, crashes, or does what it may not ------------------------------------


def test_a_decoder_that_hangs_is_ended_and_its_place_is_free(
    decoders: Callable[..., Decoders], gif: bytes, png: bytes
) -> None:
    some = decoders("time.sleep(1000)", 1)
    for _ in range(2):
        with pytest.raises(ImageTimeout, match=r"^a\.gif: took longer than 0\.2 s to decode; save"):
            some.decode(gif, name="a.gif", seconds=0.2)
        assert not some._all
        assert some.decode(png, name="b.png").size == (64, 48)


def test_a_picture_that_hangs_delays_no_other(
    decoders: Callable[..., Decoders], gif: bytes, png: bytes
) -> None:
    some = decoders("time.sleep(1000)", 2)
    some.decode(png, name="b.png")
    failure: list[BaseException] = []

    def hang() -> None:
        try:
            some.decode(gif, name="a.gif")
        except ImageError as error:
            failure.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    until(lambda: not some._idle)
    for _ in range(5):
        assert some.decode(png, name="b.png").size == (64, 48)
    assert thread.is_alive()
    # Closing ends it as well.
    some.close()
    thread.join(120)
    assert isinstance(failure[0], ImageError)


@pytest.mark.parametrize(
    "hook",
    [
        "os.abort()",
        "os._exit(0)",
        "raise SystemExit",
        # What a decoder that a file has taken over could answer.
        "os.write(4, b'x' * 100)\nos._exit(0)",
        "os.write(4, b'\\x00\\x00\\x00\\x02[]')\ntime.sleep(1000)",
        "os.write(4, b'\\x00\\x00\\x00\\x02{}')\ntime.sleep(1000)",
        'text = b\'{"shape": [9000, 9000], "size": [1, 1], "hash": "", "opaque": false}\'\n'
        "os.write(4, len(text).to_bytes(4, 'big') + text)\ntime.sleep(1000)",
    ],
)
def test_a_decoder_that_ends_or_talks_nonsense_is_replaced(
    decoders: Callable[..., Decoders], gif: bytes, png: bytes, hook: str
) -> None:
    some = decoders(hook, 1)
    with pytest.raises(ImageError, match=r"^a\.gif: is damaged, or needs more memory"):
        some.decode(gif, name="a.gif")
    assert some.decode(png, name="b.png").size == (64, 48)


def test_an_idle_decoder_that_was_killed_is_replaced(
    decoders: Callable[..., Decoders], png: bytes
) -> None:
    some = decoders(most=1)
    some.decode(png, name="b.png")
    (decoder,) = some._all
    decoder.process.kill()
    decoder.process.wait()
    assert some.decode(png, name="b.png").size == (64, 48)


@pytest.mark.parametrize(
    "hook",
    [
        "import subprocess\nsubprocess.Popen(['/bin/true'])",
        "os.system('true')",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
    ],
)
def test_a_decoder_starts_no_program(
    decoders: Callable[..., Decoders], gif: bytes, hook: str
) -> None:
    some = decoders(hook + "\nopen(os.devnull).read()\nos.abort()")
    with pytest.raises(ImageError, match="is a damaged GIF picture"):
        some.decode(gif, name="a.gif")


@LINUX
def test_a_library_in_a_decoder_finds_no_program(
    decoders: Callable[..., Decoders], gif: bytes
) -> None:
    """Python does not see what a library in C starts."""
    hook = """
import ctypes
from floorlens.errors import ImageError
raise ImageError(f"exit code {os.waitstatus_to_exitcode(ctypes.CDLL(None).system(b'id'))}")
"""
    with pytest.raises(ImageError, match=r"^exit code 127$"):
        decoders(hook).decode(gif, name="a.gif")


def test_a_decoder_knows_no_secrets(
    decoders: Callable[..., Decoders],
    gif: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PINECONE_API_KEY", "secret")
    monkeypatch.setenv("FLOORLENS_INDEX_KEY", "secret")
    hook = "from floorlens.errors import ImageError\nraise ImageError(' '.join(sorted(os.environ)))"
    with pytest.raises(ImageError) as names:
        decoders(hook).decode(gif, name="a.gif")
    assert set(str(names.value).split()) <= {
        *decoding._ENVIRONMENT,
        *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX", "LC_CTYPE", "PATH"),
    }


@LINUX
def test_the_memory_of_a_decoder_is_limited(decoders: Callable[..., Decoders], gif: bytes) -> None:
    """By the pixels that are allowed; without any limit on these, by nothing."""
    some = decoders(
        "import numpy\nnumpy.empty(1_500_000_000, 'B')\nreturn Image.new('L', (20, 20))"
    )
    with pytest.raises(ImageTooLarge, match="needs more memory than there is"):
        some.decode(gif, name="a.gif", max_megapixels=10)
    assert some.decode(gif, name="a.gif", max_megapixels=80).size == (20, 20)
    assert some.decode(gif, name="a.gif", max_megapixels=float("inf")).size == (20, 20)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_decoder_writes_no_files(
    decoders: Callable[..., Decoders], gif: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "written"
    with pytest.raises(ImageError, match="is a damaged GIF picture"):
        decoders(f"open({str(file)!r}, 'w').write('x' * 10)").decode(gif, name="a.gif")
    assert not file.exists() or not file.read_text()


# -- starting and ending -----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["none", "frozen", "no Python", "another program"])
def test_where_no_process_can_be_started_pictures_are_decoded_here(
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    picture: Any,
    png: bytes,
) -> None:
    """With one warning, and one attempt: a frozen program would start itself over and over."""
    if how == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    elif how == "none":
        monkeypatch.setattr(sys, "executable", "")
    else:
        other = "/nowhere/python" if how == "no Python" else "/bin/true"
        monkeypatch.setattr(sys, "executable", other)
    some = Decoders()
    with caplog.at_level(logging.WARNING, "floorlens.images"):
        for _ in range(3):
            assert np.array_equal(some.decode(png, name="b.png").pixels, picture())
    assert len(caplog.records) == 1
    assert "no process could be started to decode pictures" in caplog.text
    with pytest.raises(ImageError, match=r"^b: is not an image"):
        some.decode(b"text", name="b")


@pytest.mark.parametrize("before", [False, True])
def test_a_shortage_of_processes_passes_and_no_picture_is_decoded_without_limits(
    before: bool, decoders: Callable[..., Decoders], monkeypatch: pytest.MonkeyPatch, png: bytes
) -> None:
    """A stranger's picture could hang in this process for ever, and one shortage is soon over."""
    some = decoders(most=1)
    if before:
        some.decode(png, name="b.png")
        (decoder,) = some._all
        decoder.process.kill()
        decoder.process.wait()

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as shortage:
        shortage.setattr(subprocess, "Popen", fail)
        with pytest.raises(DecoderUnavailable, match="Too many open files"):
            some.decode(png, name="b.png")
    some.decode(png, name="b.png")
    assert len(some._all) == 1


def test_a_program_whose_folder_was_deleted_has_decoders(tmp_path: Path, png: bytes) -> None:
    file, folder = tmp_path / "a.png", tmp_path / "folder"
    file.write_bytes(png)
    folder.mkdir()
    code = f"""
import os, sys
from floorlens.images.decoding import decode_photo, shared_decoders
os.chdir({str(folder)!r})
os.rmdir({str(folder)!r})
decode_photo(sys.argv[1])
assert shared_decoders()._all
"""
    with run(code, file) as program:
        _, err = program.communicate(timeout=120)
    assert (program.returncode, err) == (0, "")


def test_one_that_is_closed_while_it_starts_is_no_sign_that_none_can(
    caplog: pytest.LogCaptureFixture, png: bytes
) -> None:
    """So end programs that have begun to start one beforehand."""
    some = Decoders([sys.executable, "-c", "import time; time.sleep(1000)"], most=1)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(some.decode, png, name="b.png")
        until(lambda: bool(some._all))
        some.close()
        with pytest.raises(DecoderUnavailable):
            waiting.result(120)
    assert not caplog.records
    some._command = None
    some.decode(png, name="b.png")
    assert len(some._all) == 1
    some.close()


def test_closing_leaves_no_process_and_no_open_pipe(png: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        some = Decoders()
        some.decode(png, name="b.png")
        (decoder,) = some._all
        some.close()
        assert decoder.process.returncode is not None
        del decoder
        gc.collect()
        # It can be used again.
        some.decode(png, name="b.png")
        some.close()


def test_decoders_that_are_not_needed_end(png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    some = Decoders(most=3)
    taken = [some._take() for _ in range(3)]
    for decoder in taken:
        assert decoder is not None
        some._release(decoder)
    assert len(some._all) == 3
    monkeypatch.setattr(decoding, "_IDLE_SECONDS", 0.0)
    some.decode(png, name="b.png")
    assert len(some._all) == 1
    some.close()


def test_a_decoder_can_be_started_beforehand(png: bytes) -> None:
    some = Decoders()
    some.prepare()
    some.prepare()
    some.decode(png, name="b.png")
    assert len(some._all) == 1
    (decoder,) = some._all
    some.prepare()
    some.decode(png, name="b.png")
    assert some._all == {decoder}
    some.close()


PROGRAM = """
import sys
from floorlens.images.decoding import decode_photo, shared_decoders
decode_photo(sys.argv[1])
print(*(one.process.pid for one in shared_decoders()._all), flush=True)
"""


def run(code: str, file: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", code, str(file)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@LINUX
def test_decoders_end_with_the_program(tmp_path: Path, png: bytes) -> None:
    """At its end nothing is complained about, and they do not outlive one that is killed."""
    file = tmp_path / "a.png"
    file.write_bytes(png)
    with run(PROGRAM, file) as program:
        out, err = program.communicate(timeout=120)
    assert (program.returncode, err) == (0, "")
    assert not is_alive(int(out))
    with run(PROGRAM + "import time; time.sleep(1000)", file) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        assert is_alive(pid)
        program.kill()
        program.communicate()
        until(lambda: not is_alive(pid))


@LINUX
def test_a_decoder_that_hangs_does_not_outlive_a_killed_program(
    decoders: Callable[..., Decoders],
    gif: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody ends it any more, and it does not see that its pipe is closed: it ends itself."""
    some = decoders("import ctypes\nctypes.PyDLL(None).sleep(1000)", 1)
    decoder = some._take()
    assert decoder is not None
    request = {"name": "a", "working_side": 99, "max_megapixels": 1, "bytes": len(gif)}
    # As if the grace of ten seconds had passed already.
    decoding._send(decoder._input, request | {"seconds": 0.1 - decoding._GRACE_SECONDS}, gif)
    decoder.process.wait(120)
    assert decoder.process.returncode == -signal.SIGALRM


FORKS = """
import os, sys
from floorlens.images.decoding import decode_photo, shared_decoders
decode_photo(sys.argv[1])
ours = {one.process.pid for one in shared_decoders()._all}
child = os.fork()
if child == 0:
    decode_photo(sys.argv[1])
    theirs = {one.process.pid for one in shared_decoders()._all}
    shared_decoders().close()
    os._exit(0 if theirs and not theirs & ours else 1)
assert os.waitpid(child, 0)[1] == 0
decode_photo(sys.argv[1])
assert {one.process.pid for one in shared_decoders()._all} == ours
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_program_has_decoders_of_its_own(tmp_path: Path, png: bytes) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png)
    with run(FORKS, file) as program:
        _, err = program.communicate(timeout=120)
    assert (program.returncode, err) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM cannot be ignored there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_ends_a_service_reaches_no_decoder(
    number: signal.Signals, decoders: Callable[..., Decoders], png: bytes
) -> None:
    """A terminal and systemd send it to all; a service that ends in good order still needs them."""
    some = decoders(most=1)
    some.decode(png, name="b.png")
    (decoder,) = some._all
    decoder.process.send_signal(number)
    some.decode(png, name="b.png")
    assert some._all == {decoder}
