"""What the fairness protocols take: each loss's own learning rate, or gradients of one size.

All from the start that the training then has, and on its own batches.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.records import RangeTest
from core.spec import LEARNING_RATES, ExperimentSpec, Protocol

if TYPE_CHECKING:
    from core.evaluation import Group
    from core.network import Stack
    from core.training import Trainer

#: Every loss is trained for so many steps at each of these rates.
RANGE_STEPS = 100
RANGE_RATES = tuple(rate for rate in LEARNING_RATES if rate >= 1e-4)


def range_test(trainer: Trainer) -> Generator[float, None, RangeTest]:
    """A short training of all runs at each rate; yields each rate, returns a ``RangeTest``."""
    keys = [group.loss.key for group in trainer.groups]
    skills: dict[str, list[float | None]] = {key: [] for key in keys}
    room = _room_for_losses(trainer)
    for rate in RANGE_RATES:
        trainer.restart([rate] * len(keys))
        endless = itertools.chain.from_iterable(trainer.batches() for _ in itertools.count())
        for batch in itertools.islice(endless, RANGE_STEPS):
            trainer.step(batch, room)
        for key, skill in zip(keys, _skills(trainer), strict=True):
            skills[key].append(skill)
        yield rate
    return RangeTest(rates=list(RANGE_RATES), steps=RANGE_STEPS, skills=skills)


def _room_for_losses(trainer: Trainer) -> tuple[Tensor, ...]:
    seeds = len(trainer.spec.seeds)
    return tuple(torch.zeros(seeds, device=trainer.device) for _ in trainer.groups)


def _skills(trainer: Trainer) -> Iterator[float | None]:
    """(L_null - L) / |L_null| of each loss on all training rows, mean over seeds."""
    for group, targets in zip(trainer.groups, trainer.targets, strict=True):
        logits = trainer.evaluator.logits(trainer.x, group)
        losses, _saved = group.form.forward(logits, targets)
        loss = float(group.form.mean(losses, targets).mean())
        # Less loss is better also where the best constant's is 0, or below it.
        null = trainer.baselines[group.loss.key]
        yield (null - loss) / (abs(null) or 1.0) if math.isfinite(loss) else None


def best_rates(tested: RangeTest, spec: ExperimentSpec) -> list[float]:
    """The rate of the highest skill for each loss; the spec's where none was finite."""
    rates = []
    for skills in tested["skills"].values():
        finite = [
            (skill, rate)
            for skill, rate in zip(skills, tested["rates"], strict=True)
            if skill is not None
        ]
        rates.append(max(finite)[1] if finite else spec.optimizer.learning_rate)
    return rates


def matching_scales(trainer: Trainer) -> list[float]:
    """Factors that give every loss's first gradient the norm of the first loss's.

    Of the whole gradient on the first batch, mean over seeds; 1 where one of them is 0.
    """
    trainer.differentiate(next(iter(trainer.batches())), _room_for_losses(trainer))
    norms = trainer.stack.gradients.norm(dim=1)
    own = [float(norms[group.runs].mean()) for group in trainer.groups]
    trainer.restart(trainer.learning_rates)
    ratios = [own[0] / norm if norm > 0 else 0.0 for norm in own]
    return [ratio if 0 < ratio < math.inf else 1.0 for ratio in ratios]


# ------------------------------------------------------------------ one function of p


def start_as_one_function(stack: Stack, groups: list[Group]) -> None:
    """Let the one logit of BCE start as the difference of CrossEntropy's two."""
    runs = {group.loss.key: group.runs for group in groups}
    head = stack.layers[-1]
    for values in (head.weight, head.bias):
        two = values[runs["cross_entropy"]]
        values[runs["bce"], 0] = two[:, 1] - two[:, 0]


def head_factors(trainer: Trainer) -> list[tuple[Tensor, float]]:
    """Gradients of heads that learn faster, and how much.

    Both logits of CrossEntropy move by the gradient, so their difference moves by twice it.
    """
    if trainer.spec.training.protocol is not Protocol.ONE_FUNCTION:
        return []
    head = trainer.stack.layers[-1]
    runs = next(group.runs for group in trainer.groups if group.loss.key == "bce")
    return [(gradient[runs], 2.0) for gradient in (head.weight_gradient, head.bias_gradient)]
