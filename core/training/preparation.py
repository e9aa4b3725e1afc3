"""An experiment made ready to train: its rows, its batches, what learns and what judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from core.judging.baselines import fingerprint, null_scores
from core.judging.evaluation import Evaluator
from core.judging.lens import gradient_lens
from core.judging.observer import Observer
from core.network.groups import make_groups, make_stack
from core.records import Facts, RangeTest
from core.spec import ExperimentSpec, Protocol
from core.training import device, protocols
from core.training.batches import Batches
from core.training.learner import Learner
from core.training.rows import load_rows


@dataclass
class Prepared:
    """The parts of a training. ``settle`` comes before the first step."""

    spec: ExperimentSpec
    device: torch.device
    learner: Learner
    batches: Batches
    evaluator: Evaluator
    observer: Observer
    baselines: list[float]
    null_scores: dict[str, list[float]]
    range_test: RangeTest | None = field(default=None, init=False)

    def settle(self) -> Iterator[float]:
        """Find what the protocol asks for; yields each learning rate that was tried."""
        match self.spec.training.protocol:
            case Protocol.MATCHED_GRADIENTS:
                self.learner.gradient_scales = protocols.matching_scales(self.learner, self.batches)
            case Protocol.BEST_RATE:
                self.range_test = yield from protocols.range_test(
                    self.learner, self.batches, self.evaluator, self.baselines
                )
                self.learner.restart(protocols.best_rates(self.range_test, self.spec))
                self.batches.restart()

    def facts(self) -> Facts:
        learner, task = self.learner, self.spec.dataset.task
        return Facts(
            device=self.device.type,
            torch_version=torch.__version__,
            baselines=self.baselines,
            null_scores=self.null_scores,
            trunk_sha256=[
                fingerprint(trunk) for trunk in learner.start[:, : learner.stack.trunk_size]
            ],
            learning_rates=learner.learning_rates,
            gradient_scales=learner.gradient_scales,
            range_test=self.range_test,
            lens=gradient_lens(learner.groups, task),
        )


def prepare(spec: ExperimentSpec) -> Prepared:
    """Raises ``DeviceError`` for a device that is not there, ``SpecError`` for targets that a
    loss does not take."""
    where = device.resolve(spec.training.device)
    task = spec.dataset.task
    rows = load_rows(spec, where)
    groups = make_groups(spec, rows.offset)
    stack = make_stack(spec, groups, where)
    is_one_function = spec.training.protocol is Protocol.ONE_FUNCTION
    if is_one_function:
        protocols.start_as_one_function(stack, groups)
    learner = Learner(stack, groups, spec.optimizer)
    if is_one_function:
        learner.head_factors = protocols.faster_head(stack, groups)
    targets = [group.encode(rows.y, task) for group in groups]
    evaluator = Evaluator(stack, groups, task, rows.judged)
    return Prepared(
        spec=spec,
        device=where,
        learner=learner,
        batches=Batches(rows.x, targets, spec.seeds, spec.training.batch_size),
        evaluator=evaluator,
        observer=Observer(stack, groups, evaluator, task, rows.x, rows.pictures),
        baselines=[group.baseline(rows.y, task) for group in groups],
        null_scores=null_scores(rows.y, evaluator.judged.y, spec.dataset),
    )
