"""Decoding in other processes: what a stranger sends cannot stop this one, nor fill its memory.

A thread cannot be ended, so a picture that a decoder hangs on would keep its thread for ever. A
process can be. Each decoder is a Python process that reads one picture after the other with
`load_photo`, and is killed when one takes too long. It has a limit on its memory, an environment
without the settings' secrets, and starts no program.

The two speak over pipes: a header of JSON after its length in four bytes, then the bytes that the
header tells. The decoder's answers are checked like those of a stranger, which it has to do with.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import itertools
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import (
    DecoderUnavailable,
    FloorlensError,
    ImageError,
    ImageTimeout,
    ImageTooLarge,
    MissingDependency,
)
from floorlens.images.loading import (
    MAX_MEGAPIXELS,
    WORKING_SIDE,
    Photo,
    PhotoSource,
    load_photo,
    read_bytes,
    read_stream,
)

if TYPE_CHECKING:
    from subprocess import Popen

LOG = logging.getLogger("floorlens.images")

#: Seconds that a picture may take.
PICTURE_SECONDS = 30.0
#: Bytes of memory that a decoder may take beyond its own: for itself, and for each pixel allowed.
MEMORY, MEMORY_PER_PIXEL = 512 << 20, 24

_START_SECONDS = 120.0
_IDLE_SECONDS = 60.0
# A decoder whose process was left behind by a killed program ends itself so much later.
_GRACE_SECONDS = 10.0
_MAX_HEADER = 1 << 16
_PIPE = 1 << 20
_ERRORS: dict[str, type[FloorlensError]] = {
    kind.code: kind for kind in (ImageError, ImageTooLarge, MissingDependency)
}
# Without these no interpreter or library would start.
_ENVIRONMENT = (
    *("SYSTEMROOT", "WINDIR", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
)
# Ctrl-C, and systemd's SIGTERM, reach all processes of a service, which first ends its requests.
# The caller's own module path, since the process must import the same package. `-m` would not do:
# with `-I` it sees neither PYTHONPATH nor the folder that the program was started in.
_BOOT = (
    "import json, signal, sys; "
    "[signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, signal.SIGTERM)]; "
    "sys.path[:] = json.loads(sys.argv[1]); "
    "from floorlens.images.decoding import serve; serve()"
)
# What passes: too many files or processes, or too little memory, at this moment.
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)
_FORBIDDEN = frozenset(
    (
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
        *("os.forkpty", "os.startfile", "pty.spawn", "socket.connect", "socket.bind"),
    )
)


def decode_photo(
    source: PhotoSource,
    *,
    working_side: int = WORKING_SIDE,
    max_megapixels: float = MAX_MEGAPIXELS,
    seconds: float = PICTURE_SECONDS,
    name: str | None = None,
) -> Photo:
    """Returns what `load_photo` does; a file is decoded in another process, within a time limit.

    Arrays and PIL images are of this process, and stay in it.

    Args:
        source: the picture.
        working_side: the longer side in pixels that it is shrunk to; it is never enlarged.
        max_megapixels: a larger picture is refused, see `load_photo`.
        seconds: how long it may take, from the moment that a decoder begins.
        name: what errors call the picture; by default its path.

    Raises:
        ImageError: as for `load_photo`; also where the file makes the decoder crash.
        ImageTimeout: it took longer.
        ImageTooLarge, MissingDependency: as for `load_photo`.
        DecoderUnavailable: the process cannot be started now.

    Example:
        >>> decode_photo("room.jpg").size
        (1024, 768)
    """
    if hasattr(source, "read"):
        source = read_stream(source, name or "the image")
    if isinstance(source, str | Path):
        data, name = read_bytes(source), name or str(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        data, name = bytes(source), name or "the image"
    else:
        return load_photo(
            source, working_side=working_side, max_megapixels=max_megapixels, name=name
        )
    return shared_decoders().decode(
        data, name=name, working_side=working_side, max_megapixels=max_megapixels, seconds=seconds
    )


class Decoders:
    """Processes that decode pictures, at most as many as there are cores. Safe for threads.

    They start when they are needed, and end when they were idle for a minute while others worked,
    with `close`, and with this process, however it ends.

    Example:
        >>> decoders = Decoders()
        >>> decoders.decode(Path("room.jpg").read_bytes(), name="room.jpg").size
        (1024, 768)
        >>> decoders.close()
    """

    def __init__(self, command: Sequence[str] | None = None, most: int | None = None) -> None:
        """Starts nothing.

        Args:
            command: what is run as a decoder; None: this module, with this Python.
            most: at most so many at a time; None: as many as there are cores, two at least.
        """
        self._command = command
        self._most = most or max(2, os.cpu_count() or 2)
        self._tickets = itertools.count(1)
        # Whether a decoder can be started here; None as long as none was tried.
        self._possible: bool | None = None
        self._forget()

    def _forget(self) -> None:
        """Begins anew without the processes there are: after a fork they are the parent's."""
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(self._most)
        self._idle: list[_Decoder] = []
        self._all: set[_Decoder] = set()
        # The thread that starts one beforehand.
        self._preparation: threading.Thread | None = None

    def decode(
        self,
        data: bytes,
        *,
        name: str,
        working_side: int = WORKING_SIDE,
        max_megapixels: float = MAX_MEGAPIXELS,
        seconds: float = PICTURE_SECONDS,
    ) -> Photo:
        """Returns the picture in a file's bytes, see `decode_photo`.

        Waits for a decoder while all are at work, which is no part of the picture's seconds.

        Example:
            >>> decoders = Decoders(most=1)
            >>> decoders.decode(b"", name="empty.jpg")
            Traceback (most recent call last):
            floorlens.errors.ImageError: empty.jpg: is empty (0 bytes)
            >>> decoders.close()
        """
        request = {
            "name": name,
            "working_side": working_side,
            "max_megapixels": max_megapixels,
            "seconds": seconds,
            "bytes": len(data),
        }
        with self._places:
            decoder = self._take()
            if decoder is None:
                return load_photo(
                    data, working_side=working_side, max_megapixels=max_megapixels, name=name
                )
            try:
                with _Limit(decoder, next(self._tickets), seconds):
                    header = decoder.ask(request, data)
                    error = _ERRORS.get(str(header.get("error")))
                    if error is not None:
                        raise error(str(header.get("text")))
                    photo = decoder.photo(header, working_side)
            except _BrokenError as broken:
                self._remove(decoder)
                if decoder.expired:
                    raise ImageTimeout(
                        f"{name}: took longer than {seconds:g} s to decode; save it anew as JPEG, "
                        "or raise FLOORLENS_PICTURE_SECONDS"
                    ) from broken
                status = decoder.process.returncode
                LOG.warning("%s: its decoder ended with status %s", name, status)
                raise ImageError(
                    f"{name}: is damaged, or needs more memory than a picture may; save it anew "
                    "as JPEG"
                ) from broken
            except FloorlensError:
                self._release(decoder)
                raise
            except BaseException:
                # Ctrl-C, say: half an answer may be in the pipe.
                self._remove(decoder)
                raise
            self._release(decoder)
            return photo

    def prepare(self) -> None:
        """Starts a decoder, if there is none, while the caller does something else.

        Example:
            >>> decoders = Decoders()
            >>> decoders.prepare()
            >>> decoders.close()
        """
        with self._lock:
            if self._all or self._preparation is not None:
                return
            self._preparation = threading.Thread(target=self._prepare, daemon=True)
            self._preparation.start()

    def _prepare(self) -> None:
        # If none can be started now, the first picture tells.
        with contextlib.suppress(DecoderUnavailable):
            decoder = self._take()
            if decoder is not None:
                self._release(decoder)

    def close(self) -> None:
        """Ends all decoders, also those at work; afterwards pictures start new ones.

        Example:
            >>> Decoders().close()
        """
        with self._lock:
            decoders = list(self._all)
            self._all.clear()
            self._idle.clear()
        for decoder in decoders:
            decoder.end()

    def _take(self) -> _Decoder | None:
        """Returns a decoder that is idle or new; None where this program can never start any."""
        preparation = self._preparation
        if preparation is not None and preparation is not threading.current_thread():
            preparation.join()
            self._preparation = None
        while True:
            with self._lock:
                decoder = self._idle.pop() if self._idle else None
            if decoder is None:
                return self._start()
            if decoder.process.poll() is None:
                return decoder
            self._remove(decoder)

    def _start(self) -> _Decoder | None:
        if self._possible is False:
            return None
        decoder = None
        try:
            decoder = _Decoder(self._command or _command())
            with self._lock:
                self._all.add(decoder)
            with _Limit(decoder, next(self._tickets), _START_SECONDS):
                decoder.header()
        except (OSError, ValueError, _BrokenError) as error:
            with self._lock:
                closed = decoder is not None and decoder not in self._all
            if decoder is not None:
                self._remove(decoder)
            if closed or self._possible or getattr(error, "errno", None) in _SHORTAGES:
                # It would start at another time. Decoded in this process a picture has no limit.
                raise DecoderUnavailable(
                    f"no process could be started to decode pictures ({error}): try again later"
                ) from error
            # A frozen program, or Python inside another one: it would not start next time.
            self._possible = False
            LOG.warning(
                "no process could be started to decode pictures (%s): they are decoded in this "
                "one, where nothing limits the time that they take",
                error,
            )
            return None
        except BaseException:
            if decoder is not None:
                self._remove(decoder)
            raise
        self._possible = True
        return decoder

    def _release(self, decoder: _Decoder) -> None:
        now = time.monotonic()
        decoder.idle_since = now
        with self._lock:
            closed = decoder not in self._all
            if not closed:
                self._idle.append(decoder)
            # The last one is taken first: those at the front were not needed for a while.
            old = [one for one in self._idle if now - one.idle_since > _IDLE_SECONDS]
            self._idle = [one for one in self._idle if one not in old]
            self._all.difference_update(old)
        if closed:
            # All were closed while it was at work.
            decoder.end()
        for one in old:
            one.end()

    def _remove(self, decoder: _Decoder) -> None:
        with self._lock:
            self._all.discard(decoder)
            if decoder in self._idle:
                self._idle.remove(decoder)
        decoder.end()


_SHARED: Decoders | None = None
_SHARED_LOCK = threading.Lock()


def shared_decoders() -> Decoders:
    """Returns the decoders that this process's pictures share.

    Example:
        >>> shared_decoders() is shared_decoders()
        True
    """
    global _SHARED
    with _SHARED_LOCK:
        if _SHARED is None:
            _SHARED = Decoders()
            atexit.register(_SHARED.close)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_leave_to_parent)
        return _SHARED


def _leave_to_parent() -> None:
    """In a process that was forked: two programs must not speak to one decoder."""
    global _SHARED_LOCK
    _SHARED_LOCK = threading.Lock()
    if _SHARED is not None:
        for decoder in _SHARED._all:
            decoder.leave()
        _SHARED._forget()


class _BrokenError(Exception):
    """The decoder has ended, or answers nonsense."""


class _Decoder:
    """One process, of which one thread at a time asks something."""

    def __init__(self, command: Sequence[str]) -> None:
        # Half of the time that importing this module would take otherwise.
        import subprocess

        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        # Each decoder works for one picture, and threads would ask for address space.
        # Without a PATH a library would look for programs in the usual places.
        kept["PATH"] = os.devnull
        kept |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        self.process: Popen[bytes] = subprocess.Popen(  # noqa: S603 - this Python, our module
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=kept,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.idle_since = 0.0
        # Which request it works for, so that a timer that is late ends nothing else.
        self.ticket = 0
        self.expired = False
        self.lock = threading.Lock()
        self._input: IO[bytes] = _pipe(self.process.stdin)
        self._output: IO[bytes] = _pipe(self.process.stdout)

    def ask(self, request: dict[str, Any], data: bytes) -> dict[str, Any]:
        """Returns the header of the answer."""
        try:
            _send(self._input, request, data)
        except OSError as error:
            raise _BrokenError(f"it takes nothing: {error}") from error
        return self.header()

    def header(self) -> dict[str, Any]:
        """Returns the next header."""
        length = int.from_bytes(self._read(4), "big")
        if length > _MAX_HEADER:
            raise _BrokenError("a header that is too long")
        try:
            header = json.loads(bytes(self._read(length)))
        except ValueError as error:
            raise _BrokenError("a header that is no JSON") from error
        if not isinstance(header, dict):
            raise _BrokenError("a header that is no object")
        return header

    def photo(self, header: dict[str, Any], working_side: int) -> Photo:
        """Returns the picture that follows a header."""
        try:
            height, width = (int(side) for side in header["shape"])
            across, down = (int(side) for side in header["size"])
            content_hash, has_opaque = str(header["hash"]), bool(header["opaque"])
        except (KeyError, TypeError, ValueError) as error:
            raise _BrokenError("a header without a picture") from error
        if not (1 <= height <= working_side and 1 <= width <= working_side):
            raise _BrokenError(f"a picture of {width} x {height}")
        pixels = self._array((height, width, 3))
        opaque = self._array((height, width)) > 0 if has_opaque else None
        return Photo(pixels, (across, down), content_hash, opaque)

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self.process.kill()
        # Waited for, so that no zombie stays.
        self.process.wait()
        self._close()

    def leave(self) -> None:
        """Forgets the process: it is the one of the program that this one was forked from."""
        self._close()
        self.process.poll()

    def _close(self) -> None:
        for stream in (self._input, self._output):
            with contextlib.suppress(OSError):
                stream.close()

    def _array(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        array = np.empty(shape, np.uint8)
        self._fill(array.data.cast("B"))
        array.flags.writeable = False
        return array

    def _read(self, count: int) -> bytearray:
        data = bytearray(count)
        self._fill(memoryview(data))
        return data

    def _fill(self, view: memoryview) -> None:
        if not _receive(self._output, view):
            raise _BrokenError("it has ended")


class _Limit:
    """Kills a decoder that is still at the same request after so many seconds."""

    def __init__(self, decoder: _Decoder, ticket: int, seconds: float) -> None:
        self._decoder, self._ticket = decoder, ticket
        self._timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._expire)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._decoder.ticket = self._ticket
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._decoder.lock:
            self._decoder.ticket = 0
            expired = self._decoder.expired
        if expired:
            # Also if the answer came in the last moment: the process is dead.
            raise _BrokenError("it took too long")

    def _expire(self) -> None:
        with self._decoder.lock:
            if self._decoder.ticket == self._ticket:
                self._decoder.expired = True
                self._decoder.process.kill()


def _command() -> list[str]:
    if getattr(sys, "frozen", False) or not sys.executable:
        raise ValueError("this program has no Python of its own")
    path = []
    for entry in sys.path:
        # Relative ones, if the folder that the program is in was deleted.
        with contextlib.suppress(FileNotFoundError):
            path.append(str(Path(entry or ".").absolute()))
    return [sys.executable, "-I", "-c", _BOOT, json.dumps(path)]


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise _BrokenError("it has no pipes")
    if sys.platform == "linux":
        import fcntl

        # A picture then takes a few turns between the two processes and not sixty.
        with contextlib.suppress(OSError):
            fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, _PIPE)
    return stream


def _send(stream: IO[bytes], header: dict[str, Any], *parts: bytes | memoryview) -> None:
    text = json.dumps(header).encode()
    for part in (len(text).to_bytes(4, "big") + text, *parts):
        view = memoryview(part).cast("B")
        while view:
            # A raw stream takes as much as there is room for.
            view = view[stream.write(view) or 0 :]


def _receive(stream: IO[bytes], view: memoryview) -> bool:
    """Fills a view; returns False if the stream ends before."""
    while view:
        try:
            count = stream.readinto(view)  # type: ignore[attr-defined]
        except (OSError, ValueError):
            # ValueError: another thread has closed it.
            return False
        if not count:
            return False
        view = view[count:]
    return True


# -- in the process of a decoder ---------------------------------------------------------------


def serve() -> NoReturn:
    """Decodes what comes in, until the pipe is closed: the whole work of a decoder's process.

    Example:
        >>> serve()  # doctest: +SKIP
    """
    stdin = os.fdopen(os.dup(0), "rb", buffering=0)
    stdout = os.fdopen(os.dup(1), "wb", buffering=0)
    # What a library prints must not get among the answers.
    silence = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(silence, number)
    sys.addaudithook(_forbid)
    memory = _limit_process()
    try:
        _send(stdout, {"ready": True})
        while True:
            length = bytearray(4)
            if not _receive(stdin, memoryview(length)):
                break
            text = bytearray(int.from_bytes(length, "big"))
            _receive(stdin, memoryview(text))
            request = json.loads(bytes(text))
            data = bytearray(request["bytes"])
            if not _receive(stdin, memoryview(data)):
                break
            _answer(stdout, request, bytes(data), memory)
    except OSError:
        # The other process has ended.
        pass
    # Not by way of the interpreter's end: nothing here needs it.
    os._exit(0)


def _answer(stdout: IO[bytes], request: dict[str, Any], data: bytes, memory: int) -> None:
    megapixels = float(request["max_megapixels"])
    _limit_memory(memory, megapixels, len(data))
    _limit_time(float(request["seconds"]) + _GRACE_SECONDS)
    try:
        photo = load_photo(
            data,
            working_side=int(request["working_side"]),
            max_megapixels=megapixels,
            name=str(request["name"]),
        )
    except FloorlensError as error:
        _send(stdout, {"error": error.code, "text": str(error)})
    else:
        header = {
            "shape": photo.pixels.shape[:2],
            "size": photo.size,
            "hash": photo.content_hash,
            "opaque": photo.opaque is not None,
        }
        arrays = [photo.pixels] if photo.opaque is None else [photo.pixels, photo.opaque]
        _send(stdout, header, *(np.ascontiguousarray(one).view(np.uint8).data for one in arrays))
    _limit_time(0)


def _forbid(event: str, _: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN:
        raise RuntimeError(f"a picture's decoder may not do this: {event}")


def _limit_process() -> int:
    """Forbids files and memory dumps; returns the address space in use, 0 where that is unknown."""
    try:
        import resource
    except ImportError:
        # Windows has no such limits.
        return 0
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (0, resource.getrlimit(limit)[1]))
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 0
    return pages * resource.getpagesize()


def _limit_memory(memory: int, megapixels: float, size: int) -> None:
    """Limits the address space, if that of the process itself is known."""
    if not memory:
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory + MEMORY + MEMORY_PER_PIXEL * megapixels * 1e6 + 4 * size
    unlimited = hard == resource.RLIM_INFINITY
    soft = hard if most > 1 << 62 else int(most) if unlimited else min(int(most), hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _limit_time(seconds: float) -> None:
    """Ends this process after so many seconds, by a signal that nothing holds up; 0: never."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, min(seconds, 1e7))
