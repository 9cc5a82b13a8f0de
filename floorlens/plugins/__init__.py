"""What other packages bring: presets and engines, by the entry points that they declare.

A package declares `floorlens.presets` (a `Preset`) or `floorlens.engines` (a class with the methods
of `Collection`) in its `pyproject.toml`. Floorlens's own names never ask for them: other packages
are looked through when another name is used, and imported only if it is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from floorlens.errors import FloorlensError, SettingsError

Kind = Literal["preset", "engine"]
GROUPS: dict[Kind, str] = {"preset": "floorlens.presets", "engine": "floorlens.engines"}
"""The group of entry points for each kind."""

# An engine's name is part of a key of 64 characters in the catalogue.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}")


@dataclass(frozen=True)
class Plugin:
    """A preset or an engine that another package declares.

    Attributes:
        kind: which of the two.
        name: what users call it.
        target: where it is, "module:name".
        package: the name of the package, as one installs it.
        version: of the package.
    """

    kind: Kind
    name: str
    target: str
    package: str
    version: str

    def __str__(self) -> str:
        """Returns it in words, for messages."""
        return f"the {self.kind} {self.name!r} of the package {self.package} {self.version}"


def plugins(kind: Kind) -> list[Plugin]:
    """Returns what the installed packages declare, sorted by name; nothing is imported.

    Example:
        >>> [plugin.name for plugin in plugins("preset")]
        []
    """
    # Nobody pays for this import who names what Floorlens has itself.
    from importlib.metadata import entry_points

    declared = {
        Plugin(
            kind,
            point.name,
            point.value,
            point.dist.name if point.dist else "?",
            point.dist.version if point.dist else "?",
        )
        for point in entry_points(group=GROUPS[kind])
    }
    return sorted(declared, key=lambda plugin: (plugin.name, plugin.package))


def known_names(kind: Kind, own: Collection[str]) -> list[str]:
    """Returns all names that can be used: Floorlens's own, and those of other packages.

    Example:
        >>> known_names("preset", ["builtin"])
        ['builtin']
    """
    return sorted({*own, *(plugin.name for plugin in plugins(kind))})


def plugin_named(kind: Kind, name: str, own: Collection[str]) -> Plugin:
    """Returns what another package declares under a name.

    Args:
        kind: a preset or an engine.
        name: the name.
        own: the names that Floorlens itself has, which nobody else can have.

    Raises:
        SettingsError: no package declares it, two do, or it is no name to be used.

    Example:
        >>> plugin_named("preset", "mine", ["builtin"])
        Traceback (most recent call last):
        floorlens.errors.SettingsError: unknown preset 'mine': known are builtin
    """
    declared = [plugin for plugin in plugins(kind) if plugin.name == name]
    if not declared:
        raise SettingsError(
            f"unknown {kind} {name!r}: known are {', '.join(known_names(kind, own))}"
        )
    plugin, *others = declared
    if others:
        packages = " and ".join(other.package for other in declared)
        raise SettingsError(f"{packages} both bring a {kind} {name!r}: uninstall one of them")
    if name in own:
        raise SettingsError(
            f"{plugin} cannot be used: Floorlens has a {kind} of that name; the package must "
            "choose another one"
        )
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{plugin} cannot be used: a name has at most 30 letters, digits, '-', '_' and '.'; "
            "the package must choose another one"
        )
    return plugin


def load_plugin(plugin: Plugin) -> Any:
    """Returns the object that a package declares.

    Raises:
        SettingsError: it cannot be imported.

    Example:
        >>> load_plugin(Plugin("preset", "mine", "nowhere:PRESET", "my-package", "1.0"))
        Traceback (most recent call last):
        floorlens.errors.SettingsError: the preset 'mine' of the package my-package 1.0 cannot ...
    """
    return load_object(plugin.target, str(plugin))


def load_object(target: str, owner: str) -> Any:
    """Returns what stands at "module:name".

    Args:
        target: where it is.
        owner: whose it is, in words, for the message.

    Raises:
        SettingsError: it cannot be imported.

    Example:
        >>> load_object("floorlens.presets:DEFAULT_PRESET", "ours")
        'builtin'
    """
    module, _, name = target.partition(":")
    try:
        place: Any = import_module(module)
        for part in name.split("."):
            place = getattr(place, part)
    except FloorlensError:
        raise
    except Exception as error:
        raise SettingsError(
            f"{owner} cannot be used: {target} could not be imported "
            f"({type(error).__name__}: {error}); install or upgrade that package and what it needs"
        ) from error
    return place


def missing_members(backend: object, protocol: type) -> list[str]:
    """Returns what a backend lacks of the methods and properties of a protocol.

    Args:
        backend: an object, or a class; properties are not read, since some load a model.
        protocol: which.

    Example:
        >>> from floorlens.reranking import Reranker
        >>> missing_members(object(), Reranker)
        ['stamp', 'signature_format', 'weights', 'compare']
    """
    members = [name for name in vars(protocol) if not name.startswith("_")]
    return [
        name for name in members if not hasattr(type(backend), name) and not hasattr(backend, name)
    ]
