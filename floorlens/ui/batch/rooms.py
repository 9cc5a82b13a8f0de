"""What there is of each photo of a batch: its place in the queue, its answer, its problem.

These change in place: an answer must not be lost if Streamlit ends the run in which it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from floorlens.client.answers import SearchPage
from floorlens.ui.states import Problem


@dataclass
class Room:
    """One photo.

    Attributes:
        number: by which the browser knows its file.
        name: of the file.
        token: of the photo while the page has it.
        file: of a sample room.
        search: the id of its search.
        page: the first matches.
        problem: why it has none.
    """

    number: str
    name: str
    token: str | None = None
    file: Path | None = None
    search: str | None = None
    page: SearchPage | None = None
    problem: Problem | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be asked."""
        return self.page is not None or self.problem is not None

    @property
    def can_be_asked(self) -> bool:
        """Whether the photo is here, or the service has it; else the browser must send it."""
        return self.token is not None or self.file is not None or self.search is not None


@dataclass
class Batch:
    """All photos.

    Attributes:
        rooms: in the order in which they came.
        stopped: whether the visitor stopped it.
        waits: why the service is not asked just now.
    """

    rooms: list[Room] = field(default_factory=list)
    stopped: bool = False
    waits: Problem | None = None

    @property
    def done(self) -> int:
        """How many photos have their answer, or a problem."""
        return sum(room.is_done for room in self.rooms)

    def next_task(self) -> Room | None:
        """Returns the first room that is not done."""
        return next((room for room in self.rooms if not room.is_done), None)

    def room(self, number: str) -> Room | None:
        """Returns the room of a number."""
        return next((room for room in self.rooms if room.number == number), None)
