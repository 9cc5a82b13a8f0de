"""`eval attributes`: how often the words that are measured of product pictures are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floorlens.attributes.vocabulary import parse_value
from floorlens.errors import DatasetError, FloorlensError, UsageError
from floorlens.evaluation.datasets import Failure, inner_path, read_rows
from floorlens.evaluation.metrics import wilson_interval
from floorlens.images.decoding import PICTURE_SECONDS, decode_photo
from floorlens.images.loading import MAX_MEGAPIXELS, read_bytes
from floorlens.pipeline import examine_product, product_attributes, product_features
from floorlens.presets import Stages

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress

LABELS = "attributes.csv"
"""The file of labels in an evaluation folder, unless another one is named."""
COLUMNS = ("pattern", "tone", "material", "colour", "joints", "undertone", "gloss")
"""Attributes that can be labelled."""
SPLIT = "split"


@dataclass(frozen=True)
class Label:
    """A picture, and what a person sees in it.

    Attributes:
        file: its path below the evaluation folder.
        values: attribute -> the value that a person gave it.
    """

    file: str
    values: Mapping[str, str | float | bool]


@dataclass(frozen=True)
class AttributesReport:
    """How often what was measured is what a person sees.

    Attributes:
        right: attribute -> for each picture with a label and a measured value, whether they agree.
        confusions: attribute -> (label, measured) -> how often, where they differ.
        failed: pictures that could not be used, and why.
        pictures: how many were measured.
        stamp: the models.
    """

    right: Mapping[str, tuple[bool, ...]]
    confusions: Mapping[str, Mapping[tuple[str, str], int]]
    failed: tuple[Failure, ...]
    pictures: int
    stamp: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: shares in 0..1 with their 95 % intervals."""
        shares = {name: sum(hits) / len(hits) for name, hits in self.right.items()}
        return {
            "pictures": self.pictures,
            **shares,
            "ci95": {
                name: wilson_interval(sum(hits), len(hits)) for name, hits in self.right.items()
            },
            "confusions": {
                name: [
                    {"label": label, "measured": measured, "count": count}
                    for (label, measured), count in sorted(
                        pairs.items(), key=lambda item: (-item[1], item[0])
                    )
                ]
                for name, pairs in self.confusions.items()
            },
            "failed": [failure.as_dict() for failure in self.failed],
            "stamp": dict(self.stamp),
        }


def evaluate_attributes(
    directory: Path,
    stages: Stages,
    *,
    labels: Path | None = None,
    split: str | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    picture_seconds: float = PICTURE_SECONDS,
    progress: Progress | None = None,
) -> AttributesReport:
    r"""Returns how often attributes that are measured of pictures agree with labels.

    Args:
        directory: where the pictures lie.
        stages: which examine and describe them.
        labels: a CSV with the column `file` and one for each attribute that is labelled; None:
            `attributes.csv` in the folder.
        split: only the pictures of this value in the column `split`.
        max_megapixels, picture_seconds: as for `Floorlens.open`.
        progress: called as `progress(done, total)` after each picture.

    Raises:
        DatasetError: the labels cannot be used.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.testing import fake_stages
        >>> picture = "products/terrazzo-grigio.jpg"
        >>> _ = Path("attributes.csv").write_text(f"file,tone\n{picture},medium\n")
        >>> evaluate_attributes(Path("."), fake_stages()).as_dict()["tone"]
        1.0
    """
    rows = read_labels(directory / LABELS if labels is None else labels, split)
    right: dict[str, list[bool]] = {}
    confusions: dict[str, Counter[tuple[str, str]]] = {}
    failed: list[Failure] = []
    for done, row in enumerate(rows, 1):
        try:
            data = read_bytes(directory / row.file)
            photo = decode_photo(
                data, max_megapixels=max_megapixels, seconds=picture_seconds, name=row.file
            )
            pictures = examine_product([photo], stages)
            features = product_features([photo], stages, pictures)
            values = product_attributes([photo], pictures, features)
        except FloorlensError as error:
            failed.append(Failure(row.file, str(error)))
        else:
            for name, label in row.values.items():
                if name in values:
                    measured = values[name].value
                    right.setdefault(name, []).append(measured == label)
                    if measured != label:
                        pair = str(label), str(measured)
                        confusions.setdefault(name, Counter())[pair] += 1
        if progress is not None:
            progress(done, len(rows))
    return AttributesReport(
        {name: tuple(right[name]) for name in COLUMNS if name in right},
        {name: dict(confusions[name]) for name in COLUMNS if name in confusions},
        tuple(failed),
        len(rows) - len(failed),
        stages.stamp(),
    )


def read_labels(path: Path, split: str | None = None) -> list[Label]:
    r"""Returns the labels of a file, or those of one split.

    Raises:
        DatasetError: it cannot be read, has no column `file` or no label, names a file outside the
            evaluation folder, has a word that is none of the attribute's, or no row of the split.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("labels.csv").write_text("file,tone\noak.jpg,light\n")
        >>> read_labels(Path("labels.csv"))
        [Label(file='oak.jpg', values={'tone': 'light'})]
    """
    # Numbered as in the file, whatever the split.
    rows = list(enumerate(read_rows(path, ["file"], optional=(SPLIT, *COLUMNS)), 1))
    if not any(row[name] for _, row in rows for name in COLUMNS):
        raise DatasetError(f"{path}: labels nothing; it needs one of {', '.join(COLUMNS)}")
    if split is not None:
        rows = [(number, row) for number, row in rows if row[SPLIT] == split]
        if not rows:
            raise DatasetError(f"{path}: has no row whose {SPLIT} is {split!r}")
    labels = []
    for number, row in rows:
        file = inner_path(row["file"], f"{path}, row {number}: file")
        try:
            values = {name: parse_value(name, row[name]) for name in COLUMNS if row[name]}
        except UsageError as error:
            raise DatasetError(f"{path}, row {number} ({file}): {error}") from error
        labels.append(Label(file, values))
    return labels
