"""What a training run is made of: one record, kept in its checkpoint and its weights."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Literal

Loss = Literal["cosface", "arcface", "contrastive"]
Start = Literal["present", "imagenet"]


@dataclass(frozen=True)
class Recipe:
    """A run.

    Attributes:
        loss: of metric learning.
        margin: of cosface (a cosine) and arcface (radians).
        rate: learning rate of the encoder at its highest.
        products: to a batch, four patches each.
        steps: length of the schedule.
        minutes: the schedule is over after so many even if steps are left; 0 for no such end.
        warm_up: steps until the highest rate.
        picture_share: weight of the loss of picture means beside that of single patches.
        start: "present", the package's encoder, or "imagenet".
        frozen_blocks: the stem and so many blocks stay as they are; 0 trains everything.
        instance_norm: instance norm in half of the early channels.
        leave_out: sources that are not trained on, to validate with.
        licensed_only: only pictures whose licence is stated.
        seed: decides every batch.
    """

    loss: Loss = "cosface"
    margin: float = 0.2
    rate: float = 1e-4
    products: int = 14
    steps: int = 20_000
    minutes: float = 0.0
    warm_up: int = 200
    picture_share: float = 1.0
    start: Start = "present"
    frozen_blocks: int = 0
    instance_norm: bool = False
    leave_out: tuple[str, ...] = ()
    licensed_only: bool = False
    seed: int = 0

    def progress(self, step: int, seconds: float) -> float:
        """Returns how much of the schedule is over, 0..1, by steps or by time."""
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(step / self.steps, by_time))

    def as_json(self) -> str:
        """Returns the recipe as JSON."""
        return json.dumps(asdict(self))


#: Ten hours of one CPU thread, and ten minutes of one large GPU.
CPU = Recipe()
GPU = replace(CPU, products=192, steps=2_500, minutes=9.5, rate=4e-4, warm_up=100)
SCHEDULES = {"cpu": CPU, "gpu": GPU}


def recipe_of(text: str) -> Recipe:
    """Returns the recipe that `as_json` wrote."""
    values = json.loads(text)
    return Recipe(**{**values, "leave_out": tuple(values["leave_out"])})
