"""Train the scene's head on the exported segmenter, and put it in there.

    python -m training.segmentation.train_scene --photographs .cache/photographs --out .cache/scene

The features of all pictures are computed once and kept in ``--out``; training takes a minute. Each
family of pictures without a floor is left out in turn: what is said of pictures of a kind that was
never seen is printed, and calibrates the head.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import helper
from torch import Tensor, nn
from torch.nn import functional as F

from floorlens.evaluation.metrics import auroc
from floorlens.models.onnx import WEIGHTS
from floorlens.presets import BUILTIN
from training.segmentation.evaluate import STRIDE, fit_side
from training.segmentation.export_model import INPUT_SIDE
from training.segmentation.halves import read_joined, write_split
from training.segmentation.model import CLICK_STRIDE
from training.segmentation.scene import (
    CLICKS,
    MAPS,
    PICTURES,
    SceneHead,
    feature_session,
    graft,
    pooled,
)
from training.segmentation.scene_pictures import Scene, floors, no_floors, turned

VERSION = "0.5"
#: Groups that are akin are left out together.
FAMILIES = {
    "outdoors": ("landscapes", "skies_deb", "skies_npm"),
    "nature": ("nature", "wallpapers"),
    "people": ("themes",),
    "things": ("things", "samples"),
    "painted": ("painted",),
    "rooms": ("floorless", "parts", "looking_up"),
}
#: The trunk was trained on these: only what is held out of them says anything.
OWN = ("painted", "floorless", "parts")
EPOCHS, UPRIGHT_EPOCHS, BATCH, RATE, DECAY = 30, 100, 256, 1e-3, 0.05
#: Of the photos that users bring, so many show a floor: "floor visible" is calibrated for that.
ROOMS = 0.85
#: Upright photos are more common than others: a false alarm costs more.
UPRIGHT_SHARE = 0.7


@dataclass(frozen=True)
class Table:
    """The features of pictures, and what they show.

    Attributes:
        visible, upright: float32 [N, F] and [N, G], as `pooled` returns them.
        floor: bool [N].
        group: [N], where each comes from.
        held_out: bool [N].
        turn: int64 [N], quarter turns clockwise that make it upright.
    """

    visible: NDArray[np.float32]
    upright: NDArray[np.float32]
    floor: NDArray[np.bool_]
    group: NDArray[np.str_]
    held_out: NDArray[np.bool_]
    turn: NDArray[np.int64]

    def part(self, rows: NDArray[np.bool_]) -> Table:
        """The rows that are True."""
        return Table(*(getattr(self, name)[rows] for name in COLUMNS))


COLUMNS = tuple(Table.__dataclass_fields__)


def features(
    session: onnxruntime.InferenceSession, image: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The features of one picture, float32 [F] and [G]."""
    small = fit_side(np.ascontiguousarray(image), INPUT_SIDE)
    height, width = small.shape[:2]
    pads = ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0))
    padded = np.pad(small, pads, mode="reflect")
    x = ((padded.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]
    clicks = np.zeros((1, 2, x.shape[2] // CLICK_STRIDE, x.shape[3] // CLICK_STRIDE), np.float32)
    maps = session.run(list(MAPS.values()), {PICTURES: x, CLICKS: clicks})
    visible, upright = pooled(*(torch.from_numpy(values) for values in maps))
    return visible[0].numpy(), upright[0].numpy()


def tabulate(session: onnxruntime.InferenceSession, scenes: Iterable[Scene], file: Path) -> Table:
    """The features of scenes; kept in a file, and read from there if it exists."""
    if not file.exists():
        rows = [
            (*features(session, scene.image), scene.floor, scene.group, scene.held_out, scene.turn)
            for scene in scenes
        ]
        file.parent.mkdir(parents=True, exist_ok=True)
        columns = [np.array(column) for column in zip(*rows, strict=True)]
        np.savez(file, allow_pickle=False, **dict(zip(COLUMNS, columns, strict=True)))
    with np.load(file) as columns:
        return Table(**{name: columns[name] for name in COLUMNS})


def joined(tables: Sequence[Table]) -> Table:
    """Several tables as one."""
    return Table(*(np.concatenate([getattr(table, name) for table in tables]) for name in COLUMNS))


def train(table: Table, poses: Table, upright_epochs: int = UPRIGHT_EPOCHS) -> SceneHead:
    """A head trained on the rows that are not held out, not yet calibrated.

    Args:
        table: Of pictures that show a floor and others, all upright.
        poses: Of rooms turned any way.
        upright_epochs: 0 leaves out whether a picture is upright.
    """
    torch.manual_seed(0)
    table, poses = table.part(~table.held_out), poses.part(~poses.held_out)
    visible, upright = torch.from_numpy(table.visible), torch.from_numpy(poses.upright)
    head = SceneHead(
        (visible.mean(dim=0), upright.mean(dim=0)), (visible.std(dim=0), upright.std(dim=0))
    ).train()
    _fit(head.visible, head.seen, visible, table.floor, weights(table, table.floor, 0.5), EPOCHS)
    up = poses.turn == 0
    pose_weights = weights(poses, up, UPRIGHT_SHARE)
    _fit(head.upright, head.up, upright, up, pose_weights, upright_epochs)
    return head.eval()


def _fit(
    networks: nn.Module,
    answer: Callable[[Tensor], Tensor],
    features: Tensor,
    label: NDArray[np.bool_],
    weight: Tensor,
    epochs: int,
) -> None:
    """Train networks that answer features [N, F] with logits [M, N]."""
    wanted = torch.from_numpy(label).float()
    optimizer = torch.optim.AdamW(networks.parameters(), lr=RATE, weight_decay=DECAY)
    steps = epochs * (len(features) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3 * RATE, total_steps=max(steps, 1))
    for _ in range(steps):
        batch = torch.randint(len(features), (BATCH,))
        logits = answer(features[batch])
        losses = F.binary_cross_entropy_with_logits(
            logits, wanted[batch].expand_as(logits), reduction="none"
        )
        optimizer.zero_grad()
        (losses * weight[batch]).mean(dim=1).sum().backward()
        optimizer.step()
        schedule.step()


def weights(table: Table, label: NDArray[np.bool_], share: float) -> Tensor:
    """Weights of the pictures: those with the label count for ``share`` of all.

    Groups count by the square root of their sizes.
    """
    _, place, counts = np.unique(table.group, return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(counts[place])
    for value, part in ((True, share), (False, 1 - share)):
        rows = label == value
        weight[rows] *= part * len(weight) / weight[rows].sum()
    return torch.from_numpy(weight).float()


def logits_of(head: SceneHead, table: Table) -> NDArray[np.float64]:
    """Logits [N] that a floor is seen."""
    with torch.inference_mode():
        logits, _ = head.classify(torch.from_numpy(table.visible), torch.from_numpy(table.upright))
    return logits.numpy().astype(np.float64)


def left_out(
    table: Table, poses: Table
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Family → logits of its pictures and of held-out rooms, of a head trained without it."""
    rooms = table.part(table.floor & table.held_out)
    answers = {}
    for name, groups in FAMILIES.items():
        inside = np.isin(table.group, groups)
        head = train(table.part(~inside), poses, upright_epochs=0)
        # Of what the trunk has seen only the held-out part counts.
        fresh = inside & (~np.isin(table.group, OWN) | table.held_out)
        answers[name] = logits_of(head, table.part(fresh)), logits_of(head, rooms)
    return answers


def calibration(
    answers: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> tuple[float, float]:
    """Slope and offset of least cross-entropy; all families weigh the same, rooms as `ROOMS` says.

    J. Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    x, y, w = [], [], []
    for without, with_floor in answers.values():
        x += [*without, *with_floor]
        y += [0.0] * len(without) + [1.0] * len(with_floor)
        w += [1 / len(without)] * len(without) + [1 / len(with_floor)] * len(with_floor)
    logit, label, weight = (torch.tensor(values, dtype=torch.float64) for values in (x, y, w))
    values = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([values], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(
            values[0] * logit + values[1], label, weight=weight / weight.mean()
        )
        loss.backward()
        return loss

    optimizer.step(closure)
    # Fitted with both answers alike, then moved to how common they are.
    prior = float(np.log(ROOMS / (1 - ROOMS)))
    return float(values[0].detach()), float(values[1].detach()) + prior


def report(
    answers: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    slope: float,
    offset: float,
) -> None:
    """Print what is said of each family by a head that has not seen it."""
    for name, pair in answers.items():
        without, with_floor = (1 / (1 + np.exp(-(slope * x + offset))) for x in pair)
        print(
            json.dumps(
                {
                    "left_out": name,
                    "n": len(without),
                    "auroc": round(auroc(list(with_floor), list(without)), 4),
                    "refused": round(float((without < BUILTIN.min_visible).mean()), 3),
                    "doubted": round(float((without < BUILTIN.sure_visible).mean()), 3),
                    "rooms_refused": round(float((with_floor < BUILTIN.min_visible).mean()), 3),
                    "rooms_doubted": round(float((with_floor < BUILTIN.sure_visible).mean()), 3),
                }
            ),
            flush=True,
        )


def main() -> None:
    """Train the head and write it into the model files."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for features; not for git")
    parser.add_argument("--model", type=Path, default=WEIGHTS, help="folder of both files")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = read_joined(args.model)
    session = feature_session(model)
    table = joined(
        [
            tabulate(session, floors(args.photographs), args.out / "floors.npz"),
            tabulate(session, no_floors(args.photographs), args.out / "no_floors.npz"),
        ]
    )
    poses = tabulate(session, turned(), args.out / "turned.npz")
    answers = left_out(table, poses)
    slope, offset = calibration(answers)
    report(answers, slope, offset)
    head = train(table, poses)
    head.calibration.copy_(torch.tensor([slope, offset]))
    torch.save(head.state_dict(), args.out / "head.pt")
    graft(model, head)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, properties | {"version": VERSION})
    size = round(write_split(model, args.model) / 1e6, 2)
    print(json.dumps({"slope": slope, "offset": offset, "n": len(table.floor), "megabytes": size}))


if __name__ == "__main__":
    main()
