"""Where the picture of a product lies: the file that its name in a list means.

A list travels: from Windows to Linux, from a Mac's disk to a server's, out of the folder of its
pictures. The name of a picture then differs from the file's in what one system minds and the other
does not. Such a file is found, if only one can be meant. But a list may come from elsewhere, and
must not bring any file of this machine into the catalogue: pictures lie in the list's own folder,
in one that the user names, or are the catalogue's already.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from floorlens.errors import ImageError, ProductSourceError, UsageError
from floorlens.images.addresses import explain_fetching, is_address, shown_address
from floorlens.images.formats import FORMATS, SUFFIXES

_ROOT = re.compile(r"[A-Za-z]:|[/\\]")
_FILE_ADDRESS = re.compile(r"file:(?://(?:localhost)?(?=/))?(?:/(?=[A-Za-z]:))?", re.IGNORECASE)
# `//cdn.example.com/oak.jpg`, as pages write it to be fetched in the way that they are.
_ANY_SCHEME = re.compile(r"//[^/\\.]+\.[^/\\]+/")
# Ending -> all endings of its format.
_EQUIVALENT = {suffix: one.suffixes for one in FORMATS for suffix in one.suffixes}
# Comparing names is slow: a list that names nothing rightly shall not take hours to be refused.
_NEAREST_SEARCHES = 50
_NEAREST_NAMES = 2000


class Places:
    """Where the pictures of one list may lie.

    Example:
        >>> places = Places(Path("products"))
        >>> Path(places.find("OAK-natural-plank.JPG", "line 2")).name
        'oak-natural-plank.jpg'
    """

    def __init__(
        self,
        folder: Path,
        *,
        pictures: Sequence[Path] = (),
        known: Callable[[], Collection[str]] = tuple,
        address: Callable[[str], str | None] = lambda _: None,
        option: str = "--pictures",
        silent: bool = False,
    ) -> None:
        """Names the folders.

        Args:
            folder: the list's own.
            pictures: further folders that the user allows.
            known: gives the whole paths of the pictures that the catalogue holds already.
            address: gives the name by which a product holds the picture at an `http(s)://` address;
                None where nothing may be fetched. Its ImageError refuses the address.
            option: of the command line, with which a user allows a further folder.
            silent: whether what lies elsewhere is as good as absent, since whoever wrote the list
                must not learn what lies on this machine.

        Raises:
            UsageError: one of the further folders is none.
        """
        for further in pictures:
            if not further.is_dir():
                raise UsageError(f"{further}: no such folder of pictures")
        self._folders = [follow(folder), *(follow(further) for further in pictures)]
        self._known_pictures = known
        self._address = address
        self._option = option
        self._silent = silent
        self._names: dict[Path, dict[str, list[str]]] = {}
        self._stems: dict[Path, dict[str, list[str]]] = {}
        self._searches = 0
        self._missed = 0

    @property
    def note(self) -> str | None:
        r"""What was tried for the pictures that were not there, once for all; None if all were.

        Example:
            >>> Places(Path("products")).note is None
            True
        """
        if not self._missed:
            return None
        return (
            f"pictures that cannot be found: {self._missed}; they were looked for in upper and "
            "lower case, with / and \\, with accents and spaces written in any way, and without "
            "their ending"
        )

    @cached_property
    def _known(self) -> Collection[str]:
        return self._known_pictures()

    def find(self, name: str, where: str) -> str:
        r"""Returns the whole path of a picture, or what stands for its address.

        Found is also what only differs in `\` for `/`, in upper and lower case, in how accents and
        spaces are written, in `%20`, or, of a whole path of another machine, in how it begins. So
        is a name without an ending, or with another one of its format, if one picture has that
        stem.

        Args:
            name: what the list calls it.
            where: where it stands there, for the error.

        Raises:
            ProductSourceError: it cannot be found, several files can be meant, it lies outside the
                folders, or it is an address that may not be fetched.

        Example:
            >>> places = Places(Path("products"))
            >>> Path(places.find("C:\\shop\\pictures\\terrazzo-grigio.jpg", "line 2")).name
            'terrazzo-grigio.jpg'
        """
        if is_address(name):
            return self._fetchable(name, where)
        plain = _FILE_ADDRESS.sub("", name, count=1)
        try:
            picture = self._find(plain, where)
        except (OSError, RuntimeError, ValueError) as error:
            # A ring of links, or what cannot be the name of a file.
            raise ProductSourceError(f"{where}: the image {name!r} cannot be found") from error
        if picture is not None:
            return picture
        if _ANY_SCHEME.match(name):
            return self._fetchable(f"https:{name}", where)
        raise ProductSourceError(f"{where}: {self._missing(plain, name)}")

    def _fetchable(self, address: str, where: str) -> str:
        try:
            picture = self._address(address)
        except ImageError as error:
            raise ProductSourceError(f"{where}: the image {error}") from error
        if picture is None:
            cause = f"{shown_address(address)} {explain_fetching(address)}"
            raise ProductSourceError(f"{where}: the image {cause}")
        return picture

    def _find(self, plain: str, where: str) -> str | None:
        """Returns the whole path of a picture, None if there is none.

        Raises:
            ProductSourceError: it lies outside, or several files can be meant.
        """
        outside: Path | None = None
        for folder in self._folders:
            path = (folder / plain).resolve()
            if path.exists():
                if self._silent and not self._allowed(path):
                    continue
                if not (path.is_file() or path.is_dir()):
                    # To read a pipe is to wait for ever.
                    raise ProductSourceError(
                        f"{where}: the image {Path(plain).name} is a pipe or a device: name a file"
                    )
                if self._allowed(path):
                    return storable(path, where)
                outside = outside or path
        if outside is None:
            match = self._match(plain, where) or self._match(plain, where, by_stem=True)
            if match is not None:
                path = match.resolve()
                if self._allowed(path):
                    return storable(path, where)
                outside = path
        if outside is None or self._silent:
            return None
        if outside.is_file() and _ending(_folded(outside.name)) not in SUFFIXES:
            raise ProductSourceError(
                f"{where}: the image {Path(plain).name} lies outside {self._folders[0]} and does "
                "not have the ending of a picture: name a picture"
            )
        raise ProductSourceError(
            f"{where}: the image {Path(plain).name} lies outside {self._folders[0]}; to allow its "
            f"folder, give {self._option} {outside.parent}"
        )

    def _allowed(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self._folders) or (
            str(path) in self._known
        )

    def _match(self, plain: str, where: str, *, by_stem: bool = False) -> Path | None:
        """Returns the file that a name means although it is written in another way.

        With `by_stem` its ending may be lacking, or another one of the same format.
        """
        for text in _spellings(plain):
            parts = _parts(text)
            # A whole path of another machine has an end that is as it is here.
            starts = range(len(parts)) if _leaves(text) else range(min(1, len(parts)))
            for start in starts:
                for folder in self._folders:
                    match = self._walk(folder, parts[start:], where, by_stem=by_stem)
                    if match is not None:
                        return match
        return None

    def _walk(
        self, folder: Path, parts: Sequence[str], where: str, *, by_stem: bool = False
    ) -> Path | None:
        for number, part in enumerate(parts):
            names = self._names_in(folder).get(_folded(part), [])
            if by_stem and number == len(parts) - 1:
                names = self._pictures_of_stem(folder, part)
            if part in names:
                folder = folder / part
            elif len(names) > 1:
                raise ProductSourceError(
                    f"{where}: the image {part!r} can be {' or '.join(map(repr, sorted(names)))} "
                    f"in {folder}: write its name as one of them"
                )
            elif names:
                folder = folder / names[0]
            else:
                return None
        return folder

    def _names_in(self, folder: Path) -> dict[str, list[str]]:
        """Returns the names in a folder by how they compare."""
        if folder not in self._names:
            names: dict[str, list[str]] = {}
            if folder.is_dir():
                for path in folder.iterdir():
                    names.setdefault(_folded(path.name), []).append(path.name)
            self._names[folder] = names
        return self._names[folder]

    def _pictures_of_stem(self, folder: Path, name: str) -> list[str]:
        """Returns the pictures in a folder that a name may mean if its ending does not count."""
        if folder not in self._stems:
            stems: dict[str, list[str]] = {}
            for key, names in self._names_in(folder).items():
                if _ending(key) in SUFFIXES:
                    stems.setdefault(key.removesuffix(_ending(key)), []).extend(names)
            self._stems[folder] = stems
        folded = _folded(name)
        endings = _EQUIVALENT.get(_ending(folded))
        if endings is None:
            return self._stems[folder].get(folded, [])
        names = self._stems[folder].get(folded.removesuffix(_ending(folded)), [])
        # A PNG is not meant by the name of a JPEG.
        return names if any(_ending(_folded(each)) in endings for each in names) else []

    def _missing(self, plain: str, name: str) -> str:
        folders = " or ".join(str(folder) for folder in self._folders)
        try:
            nearest = self._nearest(_parts(plain))
        except OSError:
            # A folder that may not be read.
            nearest = None
        hint = f"; the nearest is {nearest!r}" if nearest else ""
        parts = _parts(plain)
        if nearest and len(parts) == 1 and _folded(Path(nearest).name) == _folded(parts[0]):
            hint += f": to look in that folder too, give {self._option} {self._folder_of(nearest)}"
        self._missed += 1
        return f"the image {name!r} cannot be found in {folders}{hint}"

    def _folder_of(self, nearest: str) -> Path:
        paths = (folder / nearest for folder in self._folders)
        return next(path.parent for path in paths if path.exists())

    def _nearest(self, parts: Sequence[str]) -> str | None:
        """Returns what is most like a missing name, relative to the list.

        That is a file of this name in a folder that the name lacks, else one of a similar name.
        """
        self._searches += 1
        if not parts or self._searches > _NEAREST_SEARCHES:
            return None
        for folder in self._folders:
            for below in sorted(filter(Path.is_dir, folder.iterdir())):
                # A link may lead out of the folder.
                if below.is_symlink():
                    continue
                names = self._names_in(below).get(_folded(parts[-1]))
                if names:
                    return str((below / names[0]).relative_to(folder))
        wanted = Path(_folded(parts[-1])).stem
        for folder in self._folders:
            places = (self._walk(folder, parts[start:-1], "") for start in range(len(parts)))
            place = next((place for place in places if place is not None), folder)
            # By their stems: a common ending makes any two names alike.
            stems = {Path(key).stem: names[0] for key, names in self._names_in(place).items()}
            alike = (stem for stem in stems if abs(len(stem) - len(wanted)) <= 4)
            matches = get_close_matches(wanted, islice(alike, _NEAREST_NAMES), 1)
            if matches:
                return str((place / stems[matches[0]]).relative_to(folder))
        return None


def follow(path: Path) -> Path:
    """Returns where a path leads once its links are followed; a ring of links leads nowhere.

    Example:
        >>> from pathlib import Path
        >>> follow(Path("room.jpg")).is_absolute()
        True
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        # A ring of links: reading it fails, and only this product with it.
        return path.absolute()


def storable(path: Path, where: str) -> str:
    """Returns a path as text.

    Raises:
        ProductSourceError: it is not UTF-8.

    Example:
        >>> from pathlib import Path
        >>> storable(Path("room.jpg"), "line 2")
        'room.jpg'
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ProductSourceError(
            f"{where}: the path is not UTF-8, so it cannot be stored; rename it"
        ) from error
    return str(path)


def _spellings(plain: str) -> Iterator[str]:
    """Yields what a name can be meant to be: as it is, and as it was before it was an address."""
    yield plain
    if "%" in plain:
        yield unquote(plain)
    if "?" in plain:
        yield unquote(plain.split("?", 1)[0])


def _parts(text: str) -> list[str]:
    """Returns the names in a path, without its root, `.` and what `..` takes back."""
    parts: list[str] = []
    for part in re.split(r"[/\\]+", re.sub(r"^[A-Za-z]:", "", text)):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _leaves(text: str) -> bool:
    """Returns whether a path does not begin in the list's folder, or leads out of it."""
    depth = 0
    for part in re.split(r"[/\\]+", text):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return True
    return _ROOT.match(text) is not None


def _ending(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:] if dot > 0 else ""


def _folded(name: str) -> str:
    """Returns a name without what some systems do not mind: case, how accents and spaces are."""
    text = unicodedata.normalize("NFKC", name).casefold()
    visible = "".join(mark for mark in text if unicodedata.category(mark) != "Cf")
    return unicodedata.normalize("NFC", " ".join(visible.split()))
