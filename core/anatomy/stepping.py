"""One real training step, looked at in slow motion. Needs torch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anatomy.shapes import OneStep
from core.data import DataSpec
from core.losses import Formula, Link
from core.spec import EntrantSpec, ExperimentSpec
from core.training.batches import Block
from core.training.learner import Learner
from core.training.preparation import prepare

EXAMPLES: Final = 4
HIDDEN: Final = 6
LEARNING_RATE: Final = 0.1

_OUTPUTS: dict[Link, Callable[[Tensor], Tensor]] = {
    Link.SOFTMAX: lambda z: z.softmax(-2),
    Link.SIGMOID: torch.sigmoid,
    Link.IDENTITY: lambda z: z,
    Link.EXP: torch.exp,
}


def alone(entrant: EntrantSpec, dataset: str, **parts: object) -> ExperimentSpec:
    """A training of this entrant alone on ``dataset``; raises ``SpecError``."""
    # A batch size that fits all data, for who does not care.
    training = {"batch_size": 1}
    described = {"data": {"name": dataset}, "entrants": [entrant], "training": training}
    return ExperimentSpec.parse(described | parts)


@torch.inference_mode()
def one_step(entrant: EntrantSpec, dataset: str, step: int) -> OneStep:
    """The ``step``-th training step, from 1, of a small network on ``dataset``, with a batch of
    ``EXAMPLES`` rows, or of all where there are fewer.

    Plain SGD, so that a weight's way is its gradient times the learning rate. Batches that
    an epoch's end cuts short are left out. Raises ``SpecError`` for a loss that does not fit
    the data.
    """
    examples = min(EXAMPLES, DataSpec(name=dataset).train_rows)
    prepared = prepare(
        alone(
            entrant,
            dataset,
            network={"hidden_sizes": [HIDDEN]},
            optimizer={"name": "sgd", "learning_rate": LEARNING_RATE},
            training={"batch_size": examples, "device": "cpu"},
        )
    )
    learner = prepared.learner
    whole = (batch for batch in prepared.batches.endless() if batch.size == examples)
    for batch in itertools.islice(whole, step - 1):
        learner.step(batch)
    return _in_slow_motion(learner, next(whole), step)


def _in_slow_motion(learner: Learner, batch: Block, step: int) -> OneStep:
    (group,) = learner.groups
    (part,) = learner.parts
    stack = learner.stack
    (y,) = batch.newest
    mean = learner.differentiate(batch)
    logits = learner.logits(batch.size)[0].clone()
    losses, _saved = group.formula.forward(logits, y)
    gradients = stack.layers[-1].weight_gradient[0, : group.width].clone()
    row, column = divmod(int(gradients.abs().argmax()), gradients.shape[1])
    values = {
        "x": batch.rows[0],
        "hidden": part.activations(batch.size)[0].T,
        "logits": logits[0].T,
        "outputs": _OUTPUTS[group.formula.link](logits)[0].T,
        "targets": y[0].T,
        "losses": losses[0],
        "logit_gradients": part.logit_gradients(batch.size).T / batch.size,
        "weight_gradients": gradients,
    }
    arrays = {name: _array(each) for name, each in values.items()}
    weight = stack.layers[-1].weight[0, row, column]
    before = float(weight)
    learner.step(batch)
    after = float(weight)
    mean_after = learner.differentiate(batch)
    return OneStep(
        step=step,
        **arrays,
        total_weight=_total_weight(group.formula, y),
        mean=float(mean),
        weight=(row, column),
        before=before,
        after=after,
        mean_after=float(mean_after),
        learning_rate=LEARNING_RATE,
        parameters=stack.run_size,
    )


def _total_weight(formula: Formula, y: Tensor) -> float:
    weights = formula.example_weights
    return y.shape[-1] if weights is None else float(weights(y).sum())


def _array(values: Tensor) -> NDArray[np.float32]:
    return values.clone().numpy()
