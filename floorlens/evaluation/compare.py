"""`eval compare`: which photos two systems treat differently, and whether that is more than chance.

It reads two files that `floorlens eval … --json` wrote of the same data. Nothing is measured anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import DatasetError, FloorlensError
from floorlens.evaluation.datasets import ProductFolder, read_products
from floorlens.evaluation.masks import MIN_FLOOR_SHARE, SEARCHABLE_SHARE
from floorlens.evaluation.paired import Difference, Ratio, paired_difference
from floorlens.evaluation.simulated import simulate_room
from floorlens.evaluation.worst_cases import MOST, Card, RoomCase, write_rooms

FIRST = 5
"""How many first products of each system the page shows."""


@dataclass(frozen=True)
class Row:
    """What a file says of one photo (and of one product on its floor).

    Attributes:
        photo: what the photo is called; rows of one photo are drawn together.
        truth: the product on its floor, as the file names it; "" where there is none or are many.
        source: where the photo comes from; "" where the file does not say it.
        parts: figure -> what the photo adds above and below the line.
        place: what a change is seen by: a rank, an nDCG or an IoU.
        gain: the same where more is better, in 0..1: the size of a change is a difference of it.
        first: id and score of the first products, best first; a score is None where not told.
        file: the photo's path inside the evaluation folder; "" where there is none.
        view: number of a simulated view; None of a photo.
    """

    photo: str
    truth: str
    source: str
    parts: Mapping[str, tuple[float, float]]
    place: float
    gain: float
    first: tuple[tuple[str, float | None], ...] = ()
    file: str = ""
    view: int | None = None

    @property
    def name(self) -> str:
        """What the page and the list of changes call it."""
        return self.photo if self.view is None else f"view {self.view} of {self.photo}"


@dataclass(frozen=True)
class EvaluationFile:
    """A file that `floorlens eval … --json` wrote.

    Attributes:
        path: where it lies.
        command: the evaluation that wrote it.
        rows: what it says of each photo, by a key that another file of the same data has as well.
        figures: all of it.
    """

    path: Path
    command: str
    rows: Mapping[str, Row]
    figures: Mapping[str, Any]

    @property
    def folder(self) -> Path | None:
        """The evaluation folder, if the file names one that is there."""
        name = self.figures.get("data", {}).get("folder")
        return Path(name) if name and Path(name).is_dir() else None


@dataclass(frozen=True)
class Change:
    """A photo that both systems treat differently.

    Attributes:
        before, after: its row in the first file and in the second.
    """

    before: Row
    after: Row

    @property
    def gain(self) -> float:
        """How much better the second system is, -1..1; by ranks, the difference of 1 / rank."""
        return self.after.gain - self.before.gain

    def as_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON values."""
        row = self.before
        truth = {"product": row.truth} if row.truth else {}
        places = {"a": self.before.place, "b": self.after.place}
        return {"photo": row.name, **truth, **places, "gain": self.gain}


@dataclass(frozen=True)
class FileComparison:
    """What two files of the same data say of two systems.

    Attributes:
        first, second: the files, A and B.
        differences: figure -> its difference, over the rows that both files have.
        by_source: the same for each source, where there is more than one.
        changes: the photos whose place changed, the largest change first.
        settings: what differs in the files' stamps: key -> its value in A and in B.
    """

    first: EvaluationFile
    second: EvaluationFile
    differences: Mapping[str, Difference]
    by_source: Mapping[str, Mapping[str, Difference]]
    changes: tuple[Change, ...]
    settings: Mapping[str, tuple[Any, Any]]

    @property
    def rows(self) -> int:
        """How many rows both files have."""
        return len(self.first.rows.keys() & self.second.rows.keys())

    @property
    def only(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The rows that only the first file has, and those that only the second has."""
        first, second = self.first.rows, self.second.rows
        return tuple(sorted(first.keys() - second)), tuple(sorted(second.keys() - first))

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "command": self.first.command,
            "a": str(self.first.path),
            "b": str(self.second.path),
            "n": self.rows,
            "only_in_a": list(self.only[0]),
            "only_in_b": list(self.only[1]),
            "settings": {name: list(pair) for name, pair in self.settings.items()},
            "differences": _plain(self.differences),
            "by_source": {name: _plain(part) for name, part in self.by_source.items()},
            "better": sum(change.gain > 0 for change in self.changes),
            "worse": sum(change.gain < 0 for change in self.changes),
            "changes": [change.as_dict() for change in self.changes],
        }


def compare_files(first: Path, second: Path) -> FileComparison:
    """Returns how the second of two evaluation files differs from the first.

    Args:
        first, second: files that one command of `floorlens eval` wrote with `--json`, of the same
            data. Rows that only one of them has are left out of all figures.

    Raises:
        DatasetError: a file is not such a file; they are of different commands, of other products
            or other simulated views; or no photo is in both.

    Example:
        >>> import json
        >>> from pathlib import Path
        >>> from floorlens.evaluation.compare import compare_files
        >>> row = {"room": "a.jpg", "product": "oak.jpg", "rank": 2, "hard10_rank": 1}
        >>> for name, rank in (("a.json", 2), ("b.json", 1)):
        ...     figures = {"products": 9, "per_query": [row | {"rank": rank}]}
        ...     _ = Path(name).write_text(json.dumps(figures))
        >>> compare_files(Path("a.json"), Path("b.json")).differences["top1"].difference
        1.0
    """
    files = read_file(first), read_file(second)
    _check_comparable(*files)
    # In the order of the first file, so that equal files give equal figures.
    keys = [key for key in files[0].rows if key in files[1].rows]
    before, after = ([file.rows[key] for key in keys] for file in files)
    sources = sorted({row.source for row in before})
    by_source = {}
    for source in sources if len(sources) > 1 else ():
        chosen = [number for number, row in enumerate(before) if row.source == source]
        by_source[source] = _differences([before[i] for i in chosen], [after[i] for i in chosen])
    changes = [
        Change(one, other)
        for one, other in zip(before, after, strict=True)
        if one.place != other.place
    ]
    changes.sort(key=lambda change: (-abs(change.gain), change.before.name, change.before.truth))
    stamps = [_flat(file.figures.get("stamp", {})) for file in files]
    settings = {
        name: (stamps[0].get(name), stamps[1].get(name))
        for name in sorted({**stamps[0], **stamps[1]})
        if stamps[0].get(name) != stamps[1].get(name)
    }
    return FileComparison(*files, _differences(before, after), by_source, tuple(changes), settings)


def read_file(path: Path) -> EvaluationFile:
    """Returns what a file of `floorlens eval … --json` says of each photo.

    Raises:
        DatasetError: it cannot be read, or is not such a file.

    Example:
        >>> import json
        >>> from pathlib import Path
        >>> from floorlens.evaluation.compare import read_file
        >>> figures = {"per_query": {"1.jpg": {"ndcg@10": 0.5, "ranking": ["oak"]}}}
        >>> _ = Path("a.json").write_text(json.dumps(figures))
        >>> read_file(Path("a.json")).command
        'ranking'
    """
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise DatasetError(f"{path}: is not JSON") from error
    try:
        command = _command_of(figures)
        rows = _READERS[command](figures)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"{path}: is not a file that `floorlens eval pairs|ranking|masks|simulated --json` "
            "wrote"
        ) from error
    return EvaluationFile(path, command, rows, figures)


def write_changes(comparison: FileComparison, folder: Path) -> Path:
    """Writes a page of the photos that changed most, and returns its path.

    With pictures if the evaluation folder that a file names is still there. At most 40 photos.

    Args:
        comparison: what to show.
        folder: where index.html and its pictures go; made if absent.

    Example:
        >>> import json
        >>> from pathlib import Path
        >>> from floorlens.evaluation.compare import compare_files, write_changes
        >>> row = {"room": "a.jpg", "product": "oak.jpg", "rank": 2, "hard10_rank": 1}
        >>> _ = Path("a.json").write_text(json.dumps({"products": 9, "per_query": [row]}))
        >>> write_changes(compare_files(Path("a.json"), Path("a.json")), Path("changes"))
        PosixPath('changes/index.html')
    """
    data = comparison.first.folder or comparison.second.folder
    products = ProductFolder(folder, (), {})
    if data is not None and comparison.first.command != "masks":
        try:
            products = read_products(data / "products")
        except FloorlensError:
            data = None
    seed = int(comparison.first.figures.get("seed", 0))
    cases = []
    for change in comparison.changes[:MOST]:
        before, after = change.before, change.after
        truth = Path(before.truth).stem
        cards = [Card(truth, None, right=True)] if truth else []
        for name, row in (("A", before), ("B", after)):
            for place, (product, score) in enumerate(row.first[:FIRST], start=1):
                right = bool(truth) and (product == truth or products.are_one(product, truth))
                cards.append(Card(product, score, right=right, place=place, ranking=name))
        title = f"{before.name}{f' ({before.source})' if before.source else ''}: {_step(change)}"
        photo = None if data is None else _photo(data, before, products, seed)
        cases.append(RoomCase(title, "", before.name, photo, tuple(cards)))
    figures = comparison.as_dict()
    lead = (
        f"A is {comparison.first.path}, B is {comparison.second.path}. Of {figures['n']} rows "
        f"{figures['better']} are better in B and {figures['worse']} worse; the {len(cases)} "
        "largest changes follow."
    )
    if data is None:
        lead += " Without pictures: the evaluation folder is not where it was."
    return write_rooms(folder, "What changed between two evaluations", lead, cases, products)


def _check_comparable(first: EvaluationFile, second: EvaluationFile) -> None:
    """Raises DatasetError where two files are not of the same data."""
    names = f"{first.path} and {second.path}"
    if first.command != second.command:
        raise DatasetError(
            f"{names}: one is of `eval {first.command}`, the other of `eval {second.command}`"
        )
    for key, what in (("products", "so many products"), ("seed", "this seed of the views")):
        one, other = first.figures.get(key), second.figures.get(key)
        if one != other:
            raise DatasetError(f"{names}: not of the same data: {what}: {one} and {other}")
    digests = [file.figures.get("data", {}).get("products") for file in (first, second)]
    if all(digests) and digests[0] != digests[1]:
        raise DatasetError(f"{names}: not of the same data: the pictures in products/ differ")
    if not first.rows.keys() & second.rows.keys():
        raise DatasetError(f"{names}: not of the same data: no photo is in both")


def _differences(before: Sequence[Row], after: Sequence[Row]) -> dict[str, Difference]:
    """Returns figure -> its difference; figures that no photo adds to are left out."""
    groups = [row.photo for row in before]
    differences = {}
    for name in before[0].parts:
        parts = [np.array([row.parts[name] for row in rows]).T for rows in (before, after)]
        if all(part[1].any() for part in parts):
            differences[name] = paired_difference(Ratio(*parts[0]), Ratio(*parts[1]), groups)
    return differences


def _command_of(figures: Mapping[str, Any]) -> str:
    """Returns which evaluation wrote the figures; files of older versions do not say it."""
    if "command" in figures:
        return str(figures["command"])
    if "per_image" in figures:
        return "masks"
    if isinstance(figures["per_query"], dict):
        return "ranking"
    return "simulated" if "seed" in figures else "pairs"


def _rank_parts(
    rank: int, hard: int | None, places: Sequence[int]
) -> dict[str, tuple[float, float]]:
    values = {"mrr": 1.0 / rank, **{f"top{place}": float(rank <= place) for place in places}}
    if hard is not None:
        values |= {f"hard10_top{place}": float(hard <= place) for place in (1, 3)}
    return {name: (value, 1.0) for name, value in values.items()}


def _pairs_rows(figures: Mapping[str, Any]) -> dict[str, Row]:
    rows = {}
    for entry in figures["per_query"]:
        rank = int(entry["rank"])
        rows[f"{entry['room']} {entry['product']}"] = Row(
            photo=entry["room"],
            truth=entry["product"],
            source=entry.get("source", ""),
            parts=_rank_parts(rank, int(entry["hard10_rank"]), (1, 5, 10)),
            place=rank,
            gain=1.0 / rank,
            first=tuple((str(name), score) for name, score in entry.get("first", ())),
            file=f"rooms/{entry['room']}",
        )
    return rows


def _ranking_rows(figures: Mapping[str, Any]) -> dict[str, Row]:
    rows = {}
    for query, entry in figures["per_query"].items():
        value = float(entry["ndcg@10"])
        ranking = entry["ranking"]
        scores = entry.get("scores", [None] * len(ranking))
        rows[query] = Row(
            photo=query,
            truth="",
            source="",
            parts={"ndcg@10": (value, 1.0)},
            place=value,
            gain=value,
            first=tuple(zip(ranking, scores, strict=True)),
            file=f"queries/{query}",
        )
    return rows


def _simulated_rows(figures: Mapping[str, Any]) -> dict[str, Row]:
    rows = {}
    for entry in figures["per_query"]:
        rank = int(entry["rank"])
        first = entry["first"]
        rows[f"view {entry['number']} of {entry['product']}"] = Row(
            # As in `eval simulated`, the views of one product are drawn together.
            photo=entry["product"],
            truth=entry["product"],
            source="",
            parts=_rank_parts(rank, None, (1, 3, 5)),
            place=rank,
            gain=1.0 / rank,
            first=() if first is None else ((str(first), None),),
            view=int(entry["number"]),
        )
    return rows


def _masks_rows(figures: Mapping[str, Any]) -> dict[str, Row]:
    rows = {}
    for stem, entry in figures["per_image"].items():
        iou, share = float(entry["iou"]), float(entry["floor_share"])
        floor, large = float(share > MIN_FLOOR_SHARE), float(share >= SEARCHABLE_SHARE)
        seen = large * ("visible" in entry)
        rows[stem] = Row(
            photo=stem,
            truth="",
            source="",
            parts={
                "iou": (float(entry.get("intersection", 0)), float(entry.get("union", 0))),
                "mean_iou": (iou * floor, floor),
                "boundary_f": (float(entry["boundary_f"]) * floor, floor),
                "refused": (float(entry["refused"]) * seen, seen),
            },
            place=iou,
            gain=iou,
            file=entry.get("file", ""),
        )
    return rows


_READERS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Row]]] = {
    "pairs": _pairs_rows,
    "ranking": _ranking_rows,
    "simulated": _simulated_rows,
    "masks": _masks_rows,
}


def _photo(
    data: Path, row: Row, products: ProductFolder, seed: int
) -> Path | NDArray[np.uint8] | None:
    """Returns the photo of a row: its file, or its pixels where it is simulated."""
    if row.view is None:
        return data / row.file if row.file else None
    try:
        return simulate_room(products.folder / row.truth, row.view, seed).rgb
    except FloorlensError:
        return None


def _step(change: Change) -> str:
    before, after = change.before.place, change.after.place
    if isinstance(before, int):
        return f"rank {before} → {after}"
    return f"{before:.3f} → {after:.3f}"


def _plain(differences: Mapping[str, Difference]) -> dict[str, Any]:
    return {name: difference.as_dict() for name, difference in differences.items()}


def _flat(stamp: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns a stamp with the keys of its inner dicts joined by dots."""
    flat: dict[str, Any] = {}
    for name, value in stamp.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
