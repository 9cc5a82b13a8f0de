"""Texts of the library for clients of a service: without the paths of its machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# A whole path of which nothing is known: its last name says enough. No part of an address.
_PATH = re.compile(r"(?<![\w.:/~-])/(?:[^\s/'\",;:()]+/)+(?=[^\s/'\",;:()])")
_HOME = re.compile(r"(?<![\w.:/])[A-Za-z]:\\(?:[^\s\\'\",;:()]+\\)+")


class PublicTexts:
    """Takes folders of the server out of texts.

    Example:
        >>> texts = PublicTexts([Path("/var/shop/uploads/1")])
        >>> texts.clean("/var/shop/uploads/1/list.csv: line 2 names /etc/ssl/key.pem")
        'list.csv: line 2 names key.pem'
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        """Names folders; what lies in them is called by its path from there."""
        names = {str(path) for folder in folders for path in (folder.absolute(), folder.resolve())}
        # The longest first: one may lie in another.
        self._folders = sorted(names, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """Returns a text without folders of the server."""
        for folder in self._folders:
            text = text.replace(f"{folder}/", "").replace(folder, "the upload")
        return _HOME.sub("", _PATH.sub("", text))

    def clean_values(self, value: Any) -> Any:
        """Returns plain JSON values, all of whose texts are clean; keys as well."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {self.clean(str(key)): self.clean_values(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean_values(item) for item in value]
        return value
