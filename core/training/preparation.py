"""An experiment made ready to train: its rows, its batches, what learns and what judges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from numpy.typing import NDArray

from core.judging.baselines import fingerprint, null_scores
from core.judging.evaluation import Evaluator
from core.judging.lens import gradient_lens
from core.judging.observer import Observer
from core.network.groups import Group, encode_all, make_groups, make_stack
from core.network.pieces import Pieces
from core.network.stack import Batch, Layer, Workspace
from core.records import Checkpoint, Facts, RangeTest
from core.records.checkpoint import named
from core.spec import Activation, ExperimentSpec, Protocol
from core.training import device, protocols
from core.training.batches import Batches, Block
from core.training.learner import Learner
from core.training.part import BatchOf
from core.training.plan import ROWS_OF_A_PIECE, Plan
from core.training.rows import Rows, load_rows


@dataclass
class Prepared:
    """The parts of a training. ``settle`` comes before the first step.

    ``groups`` are the entrants' runs with the losses in force; those in force at a step are
    ``groups_of`` it.
    """

    spec: ExperimentSpec
    plan: Plan
    device: torch.device
    learner: Learner
    batches: Batches
    evaluator: Evaluator
    observer: Observer
    rows: Rows
    baselines: list[float]
    null_scores: dict[str, list[float]]
    trunk_sha256: list[str]
    range_test: RangeTest | None = field(default=None, init=False)

    def settle(self) -> Iterator[float]:
        """Find what the protocol asks for; yields each learning rate that was tried."""
        match self.spec.training.protocol:
            case Protocol.MATCHED_GRADIENTS:
                scales = protocols.matching_scales(self.learner, self.batches)
                self.learner.scale_gradients(scales)
            case Protocol.BEST_RATE:
                self.range_test = yield from protocols.range_test(
                    self.learner, self.batches, self.evaluator, self.baselines
                )
                self.learner.restart(protocols.best_rates(self.range_test, self.spec))
                self.batches.restart()

    def state(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint has of these parts."""
        return named("learner", self.learner.state()) | self.observer.state()

    def go_on(self, after: Checkpoint, epochs: int) -> None:
        """Be ready for the step that follows the checkpoint's, so many epochs being complete.

        It takes the place of ``settle``. Raises ``SpecError`` for one of another version.
        """
        if any(step < after.step for step in self.spec.switch_steps):
            self._switch(self.groups_of(after.step))
        self.learner.go_on(after.of("learner"), after.step)
        self.observer.go_on(after)
        self.batches.pass_over(epochs)

    @property
    def groups(self) -> tuple[Group, ...]:
        return self.learner.groups

    def groups_of(self, step: int) -> list[Group]:
        return make_groups(self.spec, self.rows.offset, step)

    def epoch(self, number: int, after: int = 0) -> Iterator[Block]:
        """The batches of an epoch, counted from 1; between two of them losses are switched.

        Only those of the steps after ``after`` are still to be trained.
        """
        passed = (number - 1) * self.spec.steps_per_epoch
        end = passed + self.spec.steps_per_epoch
        switches = [step - passed for step in self.spec.switch_steps if passed <= step < end]
        if 0 in switches and passed >= after:
            self._switch(self.groups_of(passed + 1))
        for block in self.batches.epoch(self.plan.steps_at_once, switches):
            passed += block.count
            if passed > after:
                yield block
            if after <= passed < end and passed in self.spec.switch_steps:
                self._switch(self.groups_of(passed + 1))

    def _switch(self, groups: Sequence[Group]) -> None:
        pairs = zip(self.groups, groups, strict=True)
        changed = [new.runs for old, new in pairs if old.formula is not new.formula]
        self.observer.forget_losses(changed)
        self.learner.follow(groups)
        self.judge_by(groups)
        task = self.spec.dataset.task
        self.batches.retarget(encode_all(groups, self.rows.y, task))

    def judge_by(self, groups: Sequence[Group]) -> None:
        """Have the runs judged as the losses of these groups read their outputs."""
        self.evaluator.follow(groups)
        self.observer.follow(groups)

    def _at_end(self) -> list[Group] | None:
        """The groups that training ends with, where they are not those that it begins with."""
        return self.groups_of(self.spec.total_steps) if self.spec.switch_steps else None

    def facts(self) -> Facts:
        learner, task = self.learner, self.spec.dataset.task
        later = self._at_end()
        return Facts(
            device=self.device.type,
            torch_version=torch.__version__,
            baselines=self.baselines,
            null_scores=self.null_scores,
            trunk_sha256=self.trunk_sha256,
            learning_rates=learner.learning_rates,
            gradient_scales=learner.gradient_scales,
            range_test=self.range_test,
            lens=gradient_lens(learner.groups, task),
            later_baselines=[each.baseline(self.rows.y, task) for each in later] if later else None,
            later_lens=gradient_lens(later, task) if later else None,
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
    plan = Plan.of(spec, where)
    factors = protocols.head_factors(groups) if is_one_function else ()
    in_each = device.mapping(plan.threads)
    batch_of = _batch_of(plan, in_each)
    # Threads go through the pieces of one part after another, or through whole parts.
    parts_in_each, side_by_side = (map, 1) if plan.pieces > 1 else (in_each, plan.threads)
    learner = Learner(
        stack,
        groups,
        spec.optimizer,
        factors,
        plan.parts,
        parts_in_each,
        batch_of,
        side_by_side,
    )
    targets = encode_all(groups, rows.y, task)
    evaluator = Evaluator(stack, groups, task, rows.judged, in_each, plan.threads)
    return Prepared(
        spec=spec,
        plan=plan,
        device=where,
        learner=learner,
        batches=Batches(rows.x, targets, spec.seeds, spec.training.batch_size),
        evaluator=evaluator,
        observer=Observer(
            stack, groups, evaluator, task, rows.x, rows.pictures, rows.training_pictures
        ),
        rows=rows,
        baselines=[group.baseline(rows.y, task) for group in groups],
        null_scores=null_scores(rows.y, evaluator.judged.y, spec.dataset),
        trunk_sha256=[
            fingerprint(stack.parameters_of(run)[: stack.trunk_size]) for run in range(stack.runs)
        ],
    )


def _batch_of(plan: Plan, in_each: Callable[..., Iterable[Any]]) -> BatchOf:
    """Deals out as many pieces as planned, or fewer of an epoch's last batch that is smaller."""

    def batch_of(
        layers: Sequence[Layer], activation: Activation, size: int, workspace: Workspace
    ) -> Batch | Pieces:
        pieces = min(plan.pieces, size // ROWS_OF_A_PIECE)
        if pieces > 1:
            return Pieces(layers, activation, size, pieces, in_each, workspace)
        return Batch(layers, activation, size, workspace)

    return batch_of
