"""What the fairness protocols take: each entrant's own learning rate, or gradients of one size.

All of it from the start that the training then has, and on its own batches.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterator, Sequence

from core.judging.evaluation import Evaluator
from core.network.groups import Group
from core.network.stack import Stack
from core.records import RangeTest
from core.spec import LEARNING_RATES, ExperimentSpec
from core.training.batches import Batches
from core.training.learner import Learner

#: Every entrant is trained for so many steps at each of these rates.
RANGE_STEPS = 100
RANGE_RATES = tuple(rate for rate in LEARNING_RATES if rate >= 1e-4)


def range_test(
    learner: Learner, batches: Batches, evaluator: Evaluator, baselines: Sequence[float]
) -> Generator[float, None, RangeTest]:
    """A short training of all runs at each rate; yields each rate, returns a ``RangeTest``.

    ``baselines`` has each entrant's loss of the best constant.
    """
    entrants = len(learner.groups)
    skills: list[list[float | None]] = [[] for _ in range(entrants)]
    for rate in RANGE_RATES:
        learner.restart([rate] * entrants)
        batches.restart()
        for batch in itertools.islice(batches.endless(), RANGE_STEPS):
            learner.step(batch)
        for column, skill in zip(
            skills, _skills(learner, batches, evaluator, baselines), strict=True
        ):
            column.append(skill)
        yield rate
    return RangeTest(rates=list(RANGE_RATES), steps=RANGE_STEPS, skills=skills)


def _skills(
    learner: Learner, batches: Batches, evaluator: Evaluator, baselines: Sequence[float]
) -> Iterator[float | None]:
    """(L_null - L) / |L_null| of each entrant on all training rows, mean over seeds."""
    for group, targets, null in zip(learner.groups, batches.targets, baselines, strict=True):
        logits = evaluator.logits(batches.x, group)
        loss = float(group.mean_losses(logits, targets).mean())
        # Less loss is better also where the best constant's is 0, or below it.
        yield (null - loss) / (abs(null) or 1.0) if math.isfinite(loss) else None


def best_rates(tested: RangeTest, spec: ExperimentSpec) -> list[float]:
    """For each entrant its own rate if it has one, else the tested rate of the highest skill.

    Where no tested rate ended with a finite loss, it is the optimizer's.
    """
    rates = []
    for entrant, skills in zip(spec.entrants, tested["skills"], strict=True):
        finite = [
            (skill, rate)
            for skill, rate in zip(skills, tested["rates"], strict=True)
            if skill is not None
        ]
        best = max(finite)[1] if finite else spec.optimizer.learning_rate
        rates.append(entrant.learning_rate or best)
    return rates


def matching_scales(learner: Learner, batches: Batches) -> list[float]:
    """Factors that give every entrant's first gradient the norm of the first entrant's.

    Of the whole gradient on the first batch, mean over seeds; 1 where one of them is 0.
    """
    learner.differentiate(next(batches.epoch()))
    batches.restart()
    norms = learner.stack.gradient_norms()
    own = [float(norms[group.runs].mean()) for group in learner.groups]
    ratios = [own[0] / norm if norm > 0 else 0.0 for norm in own]
    return [ratio if 0 < ratio < math.inf else 1.0 for ratio in ratios]


# ------------------------------------------------------------------ one function of p


def start_as_one_function(stack: Stack, groups: Sequence[Group]) -> None:
    """Let the one logit of BCE start as the difference of CrossEntropy's two."""
    runs = {group.entrant.loss.key: group.runs for group in groups}
    two = stack.layers[-1].parameters[runs["cross_entropy"]]
    stack.layers[-1].parameters[runs["bce"], 0] = two[:, 1] - two[:, 0]


def head_factors(groups: Sequence[Group]) -> list[float]:
    """For each entrant, how much faster its last layer learns than the rest.

    Both logits of CrossEntropy move by the gradient, so their difference moves by twice it.
    """
    return [2.0 if group.entrant.loss.key == "bce" else 1.0 for group in groups]
