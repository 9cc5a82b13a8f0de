"""The process of one job: `python -m floorlens.service.runner`, with its order on standard input.

It works with one thread and gives way to searches. It ends by itself when the service that started
it is gone: then its standard input ends.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from floorlens.errors import FloorlensError, InputError, JobNotFound, UsageError
from floorlens.service.jobs import Attempt, Job, JobEnded, Jobs, Kind
from floorlens.service.public_texts import PublicTexts
from floorlens.service.store import Store

LOG = logging.getLogger("floorlens.service.runner")

NICENESS = 10
WORST = 20
"""How many of the worst cases an evaluation reports apart."""


@dataclass(frozen=True)
class Order:
    """What a job's process must know.

    Attributes:
        state: the folder of the store.
        job_id, attempt: which job, and how often it was begun.
        options: how the catalogue is opened (`Floorlens.options`), pickled by itself: what it
            holds may need modules that are not here, and then the job must fail, not vanish.
        folders: of the server, which may be read.
        max_import_mb: of a file at an address.
    """

    state: Path
    job_id: str
    attempt: int
    options: bytes
    folders: tuple[Path, ...]
    max_import_mb: float


@dataclass(frozen=True)
class _Desk:
    """What the work on a job has at hand."""

    job: Job
    order: Order
    options: dict[str, Any]
    attempt: Attempt
    upload: Path
    pictures: Path

    def texts(self, *folders: Path) -> PublicTexts:
        location = str(self.options["location"])
        places = [] if "://" in location else [Path(location) / "pictures", Path(location)]
        return PublicTexts([*folders, self.upload, *places, self.order.state, *self.order.folders])

    def step(self, stage: str) -> Callable[[int, int], None]:
        """Returns a progress that reports steps of a stage."""
        return lambda done, total: self.attempt.progress(stage, done, total)

    def row(self, stage: str, texts: PublicTexts) -> Callable[[int, int, Any], None]:
        """Returns a progress that reports rows, in words for clients."""

        def report(done: int, total: int, row: Any) -> None:
            values = row.as_dict()
            for name in ("reason", "note", "place"):
                values[name] = None if values[name] is None else texts.clean(values[name])
            self.attempt.progress(stage, done, total, values)

        return report


def main() -> None:
    """Does the job that stands on standard input, and returns when that has ended.

    Example:
        >>> import subprocess, sys
        >>> command = [sys.executable, "-m", "floorlens.service.runner"]
        >>> subprocess.run(command, input=pickle.dumps(order))  # doctest: +SKIP
    """
    # Of the service that started this process, and of nobody else.
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    store = Store(order.state)
    with _alone(order.state):
        try:
            jobs = Jobs(store)
            job = jobs.get(order.job_id)
        except JobNotFound:
            return
        attempt = Attempt(store, order.job_id, order.attempt)

        def stop(*_: object) -> None:
            attempt.stopping = True

        signal.signal(signal.SIGTERM, stop)
        try:
            _do(job, order, attempt, jobs.pictures(job.id))
        except JobEnded:
            return


def _do(job: Job, order: Order, attempt: Attempt, pictures: Path) -> None:
    upload = order.state / "uploads" / job.id
    texts = PublicTexts([upload, order.state, *order.folders])
    try:
        options = pickle.loads(order.options)  # noqa: S301 - as above
        desk = _Desk(job, order, options, attempt, upload, pictures)
        texts = desk.texts()
        attempt.progress("starting")
        report = WORK[job.kind](desk)
    except FloorlensError as error:
        LOG.exception("the %s failed", job.kind)
        # What was sent is the client's own: what is wrong with it must be said.
        own = isinstance(error, InputError | UsageError)
        attempt.fail(error.code, texts.clean(str(error)) if own else "")
    except JobEnded:
        raise
    except Exception:
        LOG.exception("the %s failed", job.kind)
        attempt.fail("internal")
    else:
        attempt.done(report)


# -- kinds of work -------------------------------------------------------------------------------


def _import(desk: _Desk) -> dict[str, Any]:
    from floorlens.lens import Floorlens
    from floorlens.service.sources import Source, allowed_folder, fetched, uploaded

    arguments = desk.job.arguments
    unpacking = desk.step("unpacking")
    # What an attempt that died had unpacked is not whole.
    shutil.rmtree(desk.upload / "content", ignore_errors=True)
    if "file" in arguments:
        path = desk.upload / arguments["file"]
        source = uploaded(path, desk.upload, desk.order.max_import_mb, unpacking)
    elif "address" in arguments:
        desk.attempt.progress("fetching")
        source = fetched(
            arguments["address"],
            desk.options["fetch_hosts"],
            desk.upload,
            desk.order.max_import_mb,
            unpacking,
        )
    else:
        folder = allowed_folder(arguments["folder"], desk.order.folders)
        source = Source(folder, folder)
    texts = desk.texts(source.folder)
    options = {
        name: arguments[name]
        for name in ("id_prefix", "strict", "numbers", "columns", "layout", "adapt", "fetch")
        if arguments.get(name) is not None
    }
    try:
        with Floorlens.open(**desk.options) as lens:
            desk.attempt.progress("reading")
            report = lens.add(
                source.products,
                copy=source.temporary,
                progress=desk.row("importing", texts),
                adapt_progress=desk.step("adapting"),
                **options,
            )
    except (InputError, UsageError) as error:
        raise type(error)(texts.clean(str(error))) from error
    return _import_report(report.as_dict(), texts, source.notes)


def _rebuild(desk: _Desk) -> dict[str, Any]:
    from floorlens.lens import Floorlens

    options = {name: value for name, value in desk.options.items() if name != "create"}
    texts = desk.texts()
    report = Floorlens.rebuild(
        **options,
        adapt=desk.job.arguments.get("adapt"),
        progress=desk.row("rebuilding", texts),
        adapt_progress=desk.step("adapting"),
    )
    return _import_report(report.as_dict(), texts)


def _import_report(
    report: dict[str, Any], texts: PublicTexts, notes: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Returns the report of an import without its rows, which are stored one by one."""
    ids = {name: report[name] for name in ("same_pictures", "shared_pictures")}
    rest = {name: value for name, value in report.items() if name not in ("rows", *ids)}
    rest["notes"] = [*notes, *rest["notes"]]
    return {**texts.clean_values(rest), **ids}


def _adaptation(desk: _Desk) -> dict[str, Any]:
    from floorlens.lens import Floorlens

    arguments = desk.job.arguments
    with Floorlens.open(**desk.options) as lens:
        report = lens.adapt(
            views=arguments.get("views"),
            limit=arguments.get("limit"),
            seed=arguments.get("seed", 0),
            progress=desk.step("simulating"),
        )
    cleaned: dict[str, Any] = desk.texts().clean_values(report.as_dict())
    return cleaned


def _evaluation(desk: _Desk) -> dict[str, Any]:
    from floorlens.evaluation.masks import evaluate_masks
    from floorlens.evaluation.measured import open_measured_lens
    from floorlens.evaluation.pairs import evaluate_pairs
    from floorlens.evaluation.ranking import evaluate_ranking
    from floorlens.service.sources import allowed_folder

    folder = allowed_folder(desk.job.arguments["folder"], desk.order.folders)
    measure = desk.job.arguments["measure"]
    options = desk.options
    names = ("threads", "models", "max_megapixels", "picture_seconds", "stages")
    opener = partial(open_measured_lens, **{name: options[name] for name in names})
    searching = desk.step("measuring")
    # What an attempt that died had drawn is not whole.
    shutil.rmtree(desk.pictures, ignore_errors=True)
    report: Any
    if measure == "masks":
        report = evaluate_masks(
            folder, options["preset"], html=desk.pictures, progress=searching, opener=opener
        )
    else:
        evaluate: Any = {"pairs": evaluate_pairs, "ranking": evaluate_ranking}[measure]
        report = evaluate(
            folder,
            options["preset"],
            html=desk.pictures,
            progress=searching,
            index_progress=lambda done, total, _: desk.attempt.progress("importing", done, total),
            opener=opener,
        )
    figures = report.as_dict()
    figures["data"] = {"folder": folder.name}
    texts = desk.texts(folder)
    values: dict[str, Any] = texts.clean_values(figures)
    cases = texts.clean_values(_cases(desk.pictures))
    return {**values, "worst": worst_cases(measure, values), "cases": cases}


def _cases(folder: Path) -> Any:
    """Returns what the pictures in a folder show; the page around them is for nobody here."""
    from floorlens.evaluation.worst_cases import CASES

    cases = json.loads((folder / CASES).read_text(encoding="utf-8"))
    for name in (CASES, "index.html"):
        (folder / name).unlink()
    return cases


def worst_cases(measure: str, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the photos that came out worst, from the figures of an evaluation.

    Args:
        measure: "pairs", "ranking" or "masks".
        figures: what `as_dict` of its report returns.

    Example:
        >>> figures = {"per_query": {"a.jpg": {"ndcg@10": 1}, "b.jpg": {"ndcg@10": 0}}}
        >>> worst_cases("ranking", figures)
        [{'file': 'b.jpg', 'ndcg@10': 0}, {'file': 'a.jpg', 'ndcg@10': 1}]
    """
    if measure == "pairs":
        cases = sorted(figures["per_query"], key=lambda case: -case["rank"])
        return [{"file": case["room"], **case} for case in cases[:WORST]]
    of_file, figure = (
        (figures["per_query"], "ndcg@10") if measure == "ranking" else (figures["per_image"], "iou")
    )
    cases = [{"file": file, **case} for file, case in of_file.items()]
    return sorted(cases, key=lambda case: float(case[figure]))[:WORST]


WORK: Mapping[Kind, Callable[[_Desk], dict[str, Any]]] = {
    "import": _import,
    "adaptation": _adaptation,
    "rebuild": _rebuild,
    "evaluation": _evaluation,
}


# -- the process ---------------------------------------------------------------------------------


def _end_with_the_service() -> None:
    # Not by `sys.stdin`, whose lock would be held when the interpreter ends.
    while os.read(0, 1024):
        pass
    # Not in good order: what is stored is whole at any moment, and nobody waits for this process.
    os._exit(1)


def _alone(state: Path) -> Any:
    """Waits until no other job's process is at work, one of a service that died included."""
    import fcntl

    file = (state / "runner.lock").open("ab")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


if __name__ == "__main__":
    # The order was made by another process, in which this module has its whole name.
    from floorlens.service.runner import main as named_main

    named_main()
