"""What an export writes is read by `floorlens eval pairs` and `floorlens adapt --pairs`."""

from __future__ import annotations
