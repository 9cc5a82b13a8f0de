"""Where the picture of a product lies: the file that its name in a list means."""

from __future__ import annotations

from pathlib import Path

from floorlens.errors import ProductSourceError


def find_picture(folder: Path, path: Path, where: str) -> str:
    """Returns the whole path of a picture that lies in a list's folder.

    Args:
        folder: the list's folder, resolved.
        path: the picture.
        where: where it is named, for the error.

    Raises:
        ProductSourceError: it cannot be found, or lies outside the folder.

    Example:
        >>> from pathlib import Path
        >>> folder = Path("products").resolve()
        >>> picture = find_picture(folder, folder / "oak-natural-plank.jpg", "line 2")
        >>> Path(picture).name
        'oak-natural-plank.jpg'
    """
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        # A ring of links, or what cannot be the name of a file.
        raise ProductSourceError(f"{where}: the image {path.name!r} cannot be found") from error
    if not resolved.is_relative_to(folder):
        raise ProductSourceError(f"{where}: the image {path.name} lies outside {folder}")
    return storable(resolved, where)


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
            f"{where!r}: the path is not UTF-8, so it cannot be stored; rename it"
        ) from error
    return str(path)
