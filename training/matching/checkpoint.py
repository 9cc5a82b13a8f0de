"""The state of a run: whole, to go on exactly, and as half-precision weights, to travel."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.matching.recipe import Recipe, recipe_of

#: Share of the running average of the weights that stays at each step.
KEPT = 0.998


@dataclass
class State:
    """A run as it stands.

    Attributes:
        recipe: what it is made of.
        labels: names of the classes, in the order of the class vectors.
        matcher: the network that is trained.
        average: the running average of its weights, which is what is used in the end.
        optimiser: with its moments.
        step: steps done; batches are functions of it, so it is the random state as well.
        seconds: spent in them.
    """

    recipe: Recipe
    labels: list[str]
    matcher: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0

    @torch.no_grad()
    def follow(self) -> None:
        """Lets the average follow the weights: at first a plain mean, later of some hundred."""
        share = 1 - min(KEPT, (1 + self.step) / (10 + self.step))
        ours, theirs = self.average.state_dict(), self.matcher.state_dict()
        for name, value in ours.items():
            if value.is_floating_point():
                value.lerp_(theirs[name], share)
            else:
                value.copy_(theirs[name])


def averaged(matcher: nn.Module) -> nn.Module:
    """Returns a copy to average in."""
    copied = copy.deepcopy(matcher)
    for parameter in copied.parameters():
        parameter.requires_grad_(False)
    return copied.eval()


def save_state(state: State, path: Path) -> None:
    """Writes all of a run; a reader finds the old file or the new one, never half of one."""
    draft = path.with_suffix(".draft")
    torch.save(
        {
            "recipe": state.recipe.as_json(),
            "labels": state.labels,
            "matcher": state.matcher.state_dict(),
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "step": state.step,
            "seconds": state.seconds,
        },
        draft,
    )
    draft.replace(path)


def load_saved(path: Path) -> dict[str, Any]:
    """Returns what `save_state` wrote, on the CPU."""
    return torch.load(path, map_location="cpu", weights_only=True)


def restore(state: State, saved: dict[str, Any]) -> None:
    """Sets a run to where it was.

    Raises:
        ValueError: it was a run on other products.
    """
    if saved["labels"] != state.labels:
        raise ValueError("the checkpoint is of a run on other products: was the pack rebuilt?")
    state.matcher.load_state_dict(saved["matcher"])
    state.average.load_state_dict(saved["average"])
    state.optimiser.load_state_dict(saved["optimiser"])
    state.step, state.seconds = int(saved["step"]), float(saved["seconds"])


def save_weights(state: State, path: Path) -> None:
    """Writes the averaged weights alone, matrices as float16: a few MB that can travel."""
    arrays: dict[str, Any] = {
        f"weights/{name}": value.cpu().numpy().astype(np.float16 if value.ndim > 1 else None)
        if value.is_floating_point()
        else value.cpu().numpy()
        for name, value in state.average.state_dict().items()
    }
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        np.savez(
            file,
            recipe=np.array(state.recipe.as_json()),
            labels=np.array(state.labels),
            step=np.array(state.step),
            **arrays,
        )
    draft.replace(path)


@dataclass(frozen=True)
class Weights:
    """What `save_weights` wrote: the recipe, the classes, the step, and float32 tensors by name."""

    recipe: Recipe
    labels: list[str]
    step: int
    tensors: dict[str, Tensor]


def load_weights(path: Path) -> Weights:
    """Returns the weights in a file."""
    with np.load(path, allow_pickle=False) as data:
        tensors = {
            name.removeprefix("weights/"): torch.from_numpy(data[name])
            for name in data.files
            if name.startswith("weights/")
        }
        return Weights(
            recipe_of(str(data["recipe"])),
            data["labels"].tolist(),
            int(data["step"]),
            {
                name: value.float() if value.is_floating_point() else value
                for name, value in tensors.items()
            },
        )


def start_from(matcher: nn.Module, labels: list[str], weights: Weights) -> int:
    """Sets a network to saved weights; returns how many of its classes they knew.

    Classes are found by name: the set may have grown, or be another part of it.
    """
    tensors = dict(weights.tensors)
    theirs = tensors.pop("proxies")
    places = {name: place for place, name in enumerate(weights.labels)}
    known = [(ours, places[name]) for ours, name in enumerate(labels) if name in places]
    matcher.load_state_dict(tensors, strict=False)
    if known:
        ours, found = (torch.tensor(column) for column in zip(*known, strict=True))
        with torch.no_grad():
            matcher.get_parameter("proxies")[ours] = theirs[found]
    return len(known)
