"""Train the encoder on a packed set: swatches, real rooms and simulated ones of the same products.

    python -m training.matching.train --pack .cache/matching/pack.npz --run training/runs/matching

Resumes from the run's checkpoint; started anew elsewhere, from `--resume-weights FILE`. Runs alike
on a CPU (`--schedule cpu`, ten hours of one thread) and on a GPU (`--schedule gpu`, ten minutes).
The linear head on top stands for the projection that a catalogue fits, and is dropped in the end.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import time
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from training.encoder import normalise
from training.matching import losses
from training.matching.checkpoint import (
    State,
    Weights,
    averaged,
    load_saved,
    load_weights,
    restore,
    save_state,
    save_weights,
    start_from,
)
from training.matching.draw import Drawer, Plan, Store
from training.matching.network import Matcher
from training.matching.pack import Pack, read_pack
from training.matching.recipe import SCHEDULES, Recipe, recipe_of
from training.matching.start import freeze, make_matcher, prepare

#: Learning rate of the class vectors, in those of the encoder. They take plain steps down the
#: gradient: scaled as Adam does, the thousands that a batch does not show would all drift.
PROXY_RATE = 500.0
#: What is left of the learning rate at the end.
LAST_RATE = 0.01
#: Steps between two lines of the log.
LOGGED = 50


def make_optimiser(matcher: Matcher, recipe: Recipe) -> torch.optim.Optimizer:
    """Returns AdamW for the encoder and the head; class vectors: see `step_proxies`."""
    return torch.optim.AdamW(_network_parameters(matcher), lr=recipe.rate, weight_decay=1e-3)


def _network_parameters(matcher: Matcher) -> list[nn.Parameter]:
    parts = (matcher.encoder, matcher.head)
    return [p for part in parts for p in part.parameters() if p.requires_grad]


@torch.no_grad()
def step_proxies(matcher: Matcher, rate: float) -> None:
    """Moves the class vectors down their gradient and back to unit length."""
    if matcher.proxies.grad is not None:
        moved = matcher.proxies - rate * matcher.proxies.grad
        matcher.proxies.copy_(nn.functional.normalize(moved, dim=1))
        matcher.proxies.grad = None


def loss_of(recipe: Recipe, matcher: Matcher, vectors: Tensor, plan: Plan) -> Tensor:
    """Returns the loss of single patches and, in its share, of the means of pictures.

    `vectors` float32 [N, 256] of unit length, as `plan` says.
    """
    label = torch.from_numpy(plan.label).to(vectors.device)
    picture = torch.from_numpy(plan.picture).to(vectors.device)
    count = int(plan.picture.max()) + 1
    sums = torch.zeros(count, vectors.shape[1], device=vectors.device)
    means = nn.functional.normalize(sums.index_add(0, picture, vectors), dim=1)
    shown = torch.zeros(count, dtype=label.dtype, device=vectors.device)
    shown[picture] = label
    loss = torch.zeros((), device=vectors.device)
    shares = ((vectors, label, 1.0), (means, shown, recipe.picture_share))
    for rows, labels, share in shares:
        if not share:
            continue
        if recipe.loss == "contrastive":
            loss = loss + share * losses.contrastive(rows, labels)
        else:
            classed = losses.cosface if recipe.loss == "cosface" else losses.arcface
            loss = loss + share * classed(rows, matcher.proxies, labels, recipe.margin)
    return loss / (1 + recipe.picture_share)


def rate_at(recipe: Recipe, step: int, seconds: float, since: int) -> float:
    """Returns the encoder's learning rate: a warm-up from step `since`, then half a cosine."""
    warm = min(1.0, (step - since + 1) / max(1, recipe.warm_up))
    fall = 0.5 * (1 + math.cos(math.pi * recipe.progress(step, seconds)))
    return recipe.rate * warm * max(LAST_RATE, fall)


class Stop:
    """Whether the run was asked to end (SIGTERM, SIGINT): it does so after the step at hand."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def make_state(
    recipe: Recipe,
    drawer: Drawer,
    store: Store,
    weights: Weights | None,
    *,
    resumed: bool,
    refit: bool = False,
) -> State:
    """Returns a run at its start: from saved weights, or fitted; neither if it is `resumed`.

    With `refit` the encoder alone is taken from the weights, and the rest is fitted to it.
    """
    matcher = make_matcher(recipe, len(drawer.labels)).to(store.device)
    freeze(matcher, recipe.frozen_blocks)
    step = 0
    if weights is not None and not resumed:
        known = start_from(matcher, drawer.labels, weights)
        step = weights.step
        print(f"weights of step {step}, {known} of {len(drawer.labels)} classes", flush=True)
    if not resumed and (weights is None or refit):
        prepare(matcher, drawer, store, recipe.seed)
    state = State(
        recipe, drawer.labels, matcher, averaged(matcher), make_optimiser(matcher, recipe)
    )
    state.step = step
    return state


def train(
    recipe: Recipe,
    pack: Pack,
    run: Path,
    *,
    device: str = "cpu",
    minutes: float = math.inf,
    last_step: int | None = None,
    save_every: float = 4.0,
    weights: Weights | None = None,
    refit: bool = False,
) -> State:
    """Trains until the schedule, the time or the steps are over; returns the run as it stands.

    Args:
        recipe: what to do; that of the run's checkpoint where there is one.
        pack: the set.
        run: folder of `checkpoint.pt`, `weights.npz` and `log.jsonl`.
        device: "cpu" or "cuda".
        minutes: of this call.
        last_step: ends after this step, whatever the schedule; for short comparisons.
        save_every: minutes between checkpoints.
        weights: to begin with, where there is no checkpoint.
        refit: take the encoder alone from them.
    """
    run.mkdir(parents=True, exist_ok=True)
    path = run / "checkpoint.pt"
    saved = load_saved(path) if path.exists() else None
    if saved is not None:
        recipe = recipe_of(saved["recipe"])
    pictures = pack.pictures_of(recipe.leave_out, recipe.licensed_only)
    drawer = Drawer(pack, pictures, recipe.products, recipe.seed)
    store = Store(pack, torch.device(device), whole=device != "cpu")
    started = time.monotonic()
    state = make_state(recipe, drawer, store, weights, resumed=saved is not None, refit=refit)
    if saved is not None:
        restore(state, saved)
    matcher, stop = cast(Matcher, state.matcher), Stop()
    print(
        f"{len(drawer.labels)} classes, {drawer.classes_with_rooms()} with real rooms; "
        f"begins at step {state.step} after {time.monotonic() - started:.0f} s",
        flush=True,
    )
    if saved is None:
        save_weights(state, run / "weights.npz")
    since = state.step if saved is None else 0
    end = min(recipe.steps, last_step or recipe.steps)
    found: list[tuple[float, float]] = []
    begun = saved_at = last = time.monotonic()
    matcher.train()
    while state.step < end and recipe.progress(state.step, state.seconds) < 1 and not stop.asked:
        if time.monotonic() - begun > 60 * minutes:
            break
        rate = rate_at(recipe, state.step, state.seconds, since)
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        plan = drawer.plan(state.step)
        room = torch.from_numpy(plan.room).to(device)
        vectors = matcher(normalise(store.cut(plan)), room)
        loss = loss_of(recipe, matcher, vectors, plan)
        state.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(_network_parameters(matcher), 5.0)
        state.optimiser.step()
        step_proxies(matcher, PROXY_RATE * rate)
        state.step += 1
        state.follow()
        found.append((loss.item(), _share_right(matcher, vectors, plan)))
        now = time.monotonic()
        state.seconds, last = state.seconds + now - last, now
        if state.step % LOGGED == 0 or state.step == end:
            _log(run, state, found, rate, now - begun)
            found.clear()
        if now - saved_at > 60 * save_every:
            save_state(state, path)
            save_weights(state, run / "weights.npz")
            saved_at = now
    save_state(state, path)
    save_weights(state, run / "weights.npz")
    return state


@torch.no_grad()
def _share_right(matcher: nn.Module, vectors: Tensor, plan: Plan) -> float:
    """Returns the share of rooms' patches whose own class is the nearest of all."""
    rooms = torch.from_numpy(np.flatnonzero(plan.room)).to(vectors.device)
    label = torch.from_numpy(plan.label).to(vectors.device)[rooms]
    proxies = nn.functional.normalize(matcher.get_parameter("proxies"), dim=1)
    nearest = (vectors[rooms] @ proxies.T).argmax(dim=1)
    return float((nearest == label).float().mean())


def _log(
    run: Path, state: State, found: list[tuple[float, float]], rate: float, seconds: float
) -> None:
    loss, right = np.mean(found, axis=0)
    row = {
        "step": state.step,
        "minutes": round(state.seconds / 60, 1),
        "this_call_minutes": round(seconds / 60, 1),
        "loss": round(float(loss), 4),
        "rooms_right": round(float(right), 4),
        "rate": float(f"{rate:.3g}"),
    }
    with (run / "log.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")
    print(row, flush=True)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, default=Path(".cache/matching/pack.npz"))
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--schedule", choices=sorted(SCHEDULES), default="cpu")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--minutes-now", type=float, default=math.inf, help="of this call")
    parser.add_argument("--last-step", type=int, help="end here, whatever the schedule")
    parser.add_argument("--save-every", type=float, default=4.0, help="minutes")
    parser.add_argument("--resume-weights", type=Path, help="begin with these, at their step")
    parser.add_argument("--refit", action="store_true", help="take the encoder alone from them")
    own = parser.add_argument_group("recipe", "what is not given is the schedule's")
    own.add_argument("--leave-out", nargs="+", metavar="SHOP")
    own.add_argument("--licensed-only", action="store_true", default=None)
    own.add_argument("--instance-norm", action="store_true", default=None)
    own.add_argument("--loss", choices=("cosface", "arcface", "contrastive"))
    own.add_argument("--start", choices=("present", "imagenet"))
    for name, kind in (("steps", int), ("products", int), ("frozen-blocks", int), ("seed", int)):
        own.add_argument(f"--{name}", type=kind)
    for name in ("rate", "margin", "picture-share", "minutes"):
        own.add_argument(f"--{name}", type=float)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    weights = load_weights(arguments.resume_weights) if arguments.resume_weights else None
    recipe = weights.recipe if weights else SCHEDULES[arguments.schedule]
    given = {field.name: getattr(arguments, field.name, None) for field in fields(Recipe)}
    given["leave_out"] = tuple(arguments.leave_out) if arguments.leave_out else None
    recipe = replace(recipe, **{name: value for name, value in given.items() if value is not None})
    train(
        recipe,
        read_pack(arguments.pack),
        arguments.run,
        device=arguments.device,
        minutes=arguments.minutes_now,
        last_step=arguments.last_step,
        save_every=arguments.save_every,
        weights=weights,
        refit=arguments.refit,
    )


if __name__ == "__main__":
    main()
