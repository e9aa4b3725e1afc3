"""One experiment, with what is checked of its parts together and what follows from them."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ValidationError, ValidationInfo, model_validator

from core.bounds import Frozen, as_text, is_deeper, quoted
from core.data import Dataset, DataSpec
from core.errors import SpecError
from core.spec import by_hand
from core.spec.entrants import ENTRANTS, Entrant, EntrantSpec, lineup
from core.spec.losses import SWITCH_STEP, misfits, switch_misfits
from core.spec.parts import (
    SEED,
    SEEDS,
    Activation,
    NetworkSpec,
    OptimizerName,
    OptimizerSpec,
    Protocol,
    TrainingSpec,
)
from core.spec.sentences import DEEPEST, TOO_DEEP, sentences
from core.spec.size import Size

#: Training rows of each seed that are judged at each epoch's end; all where there are fewer, or
#: where none are held out.
JUDGED_TRAINING_ROWS = 256

#: Optimizers that divide a gradient by its own size, so that a factor on it changes nothing.
SCALE_FREE = {OptimizerName.ADAM: "Adam", OptimizerName.ADAMW: "AdamW"}
#: Protocols that tie what an entrant does to the one loss that it has.
_ONE_LOSS_EACH = {
    Protocol.ONE_FUNCTION: "CrossEntropy and BCE as one function of p",
    Protocol.MATCHED_GRADIENTS: "first gradients of one size, which are those of the first losses",
}
#: What the context of a validation says of a spec that was checked when it was stored.
_IS_STORED = "is_stored"
_ID, _ID_IN_WORDS = re.compile("[0-9a-f]{10}"), "10 of the characters 0 to 9 and a to f"
#: More sentences would not be read.
_MOST_SENTENCES = 10


def _seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    SEEDS.check(len(seeds))
    for seed in seeds:
        SEED.check(seed)
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"Seeds were {quoted(list(seeds))}; each may stand there once.")
    return seeds


def _experiment_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(f"The id of an experiment was {quoted(text)}; allowed are {_ID_IN_WORDS}.")
    return text


def _entrants(entrants: tuple[EntrantSpec, ...]) -> tuple[EntrantSpec, ...]:
    ENTRANTS.check(len(entrants))
    return entrants


class Origin(Frozen):
    """Where a branch comes from: another experiment, by its id, as it was after ``step`` steps."""

    experiment: Annotated[str, AfterValidator(_experiment_id)]
    step: Annotated[int, AfterValidator(SWITCH_STEP.check)]


class ExperimentSpec(Frozen):
    """One experiment: every entrant is trained from every seed, all runs as one stack.

    Runs are numbered entrant by entrant: with S seeds, run ``k`` is entrant ``k // S`` with
    seed ``seeds[k % S]``. ``lineup`` has the entrants with their titles and colours, and
    ``runs_of`` says which runs are an entrant's; nothing else works that out.

    ``branched_from`` is what a branch was made from: it has no effect on training, as an entrant's
    ``then`` says all that is trained.
    """

    data: DataSpec = DataSpec()
    network: NetworkSpec = NetworkSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    training: TrainingSpec = TrainingSpec()
    entrants: Annotated[tuple[EntrantSpec, ...], AfterValidator(_entrants)] = (
        EntrantSpec(loss="cross_entropy"),
    )
    seeds: Annotated[tuple[int, ...], AfterValidator(_seeds)] = (0,)
    branched_from: Origin | None = None

    # -------------------------------------------------------- entrants and runs

    @property
    def lineup(self) -> tuple[Entrant, ...]:
        """The entrants by place, with their titles, losses, learning rates and looks."""
        return lineup(self.entrants, self.optimizer.learning_rate)

    @property
    def run_count(self) -> int:
        return len(self.entrants) * len(self.seeds)

    def runs_of(self, place: int) -> slice:
        """The runs of the entrant at ``place``, one a seed in the order of ``seeds``."""
        return slice(place * len(self.seeds), (place + 1) * len(self.seeds))

    def entrant_of(self, run: int) -> Entrant:
        return self.lineup[run // len(self.seeds)]

    def seed_of(self, run: int) -> int:
        return self.seeds[run % len(self.seeds)]

    # -------------------------------------------------------- what must fit together

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        if (info.context or {}).get(_IS_STORED):
            return self
        problems = list(self._misfits())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _misfits(self) -> Iterable[str]:
        for entrant in self.lineup:
            yield from misfits(entrant.loss, self.dataset, entrant.place + 1)
        yield from self.data.problems()
        yield from by_hand.misfits(self.network, self.dataset, self.entrants)
        train_rows = self.data.train_rows
        if self.training.batch_size > train_rows:
            yield (
                f"Batch size was {self.training.batch_size:,}; {self.dataset.title} has "
                f"{train_rows:,} training rows, so allowed is 1 to {train_rows:,}."
            )
        if self.training.protocol is Protocol.ONE_FUNCTION:
            yield from self._not_one_function()
        if self.training.protocol is Protocol.MATCHED_GRADIENTS:
            yield from self._not_matchable()
        yield from self._wrong_switches()
        yield from self.size.problems()

    def _wrong_switches(self) -> Iterable[str]:
        for entrant in self.lineup:
            then = self.entrants[entrant.place].then
            if then is None:
                continue
            if how := _ONE_LOSS_EACH.get(self.training.protocol):
                yield (
                    f"{entrant.title} was to switch its loss after step {then.step:,}; allowed is "
                    f"no switch with {how}. Hold something else equal."
                )
            yield from switch_misfits(
                entrant.loss, then, self.dataset, self.total_steps, entrant.place + 1
            )
        if self.branched_from and self.branched_from.step not in self.switch_steps:
            yield (
                f"Branched from step {self.branched_from.step:,}, but no entrant switches its loss "
                "after that step; allowed is a branch in which one does."
            )

    def _not_matchable(self) -> Iterable[str]:
        if self.optimizer.name in SCALE_FREE:
            yield (
                "First gradients of one size change nothing under "
                f"{SCALE_FREE[self.optimizer.name]}: it divides every gradient by its own size, "
                "so a factor on it cancels out. Pick SGD or SGD with momentum, or hold something "
                "else equal."
            )

    def _not_one_function(self) -> Iterable[str]:
        name, decay = self.optimizer.name, self.optimizer.weight_decay
        losses = [entrant.loss for entrant in self.entrants]
        if sorted(losses) != ["bce", "cross_entropy"] or self.dataset.outputs != 2:
            yield (
                "CrossEntropy and BCE are one function of p for two classes alone: pick these "
                f"two losses and data with two classes. The losses were {quoted(losses)} on "
                f"{self.dataset.title}."
            )
        elif name not in (OptimizerName.SGD, OptimizerName.MOMENTUM) or decay:
            yield (
                "CrossEntropy and BCE train as one function of p under SGD without weight decay; "
                f"the optimizer was {name.value} with weight decay {as_text(decay)}."
            )
        for entrant in self.entrants:
            if entrant.loss_spec.changed:
                yield (
                    "CrossEntropy and BCE are one function of p with their parameters at the "
                    f"defaults; {entrant.loss_spec.title} had {entrant.details}."
                )
            if entrant.learning_rate not in (None, self.optimizer.learning_rate):
                yield (
                    "CrossEntropy and BCE train as one function of p at one learning rate; "
                    f"{entrant.loss_spec.title} had its own, {as_text(entrant.learning_rate)}."
                )
            if entrant.head_seed is not None:
                yield (
                    "CrossEntropy and BCE start from one last layer as one function of p; "
                    f"{entrant.loss_spec.title} had the head seed {entrant.head_seed:,}."
                )

    # -------------------------------------------------------- what follows from it

    @property
    def dataset(self) -> Dataset:
        return self.data.entry

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Features, hidden sizes, and the widest head among the losses."""
        widths = (entrant.loss.head.width(self.dataset.outputs) for entrant in self.lineup)
        return (self.dataset.features, *self.network.hidden_sizes, max(widths))

    @property
    def parameters(self) -> int:
        """Weights and biases of one run."""
        sizes = self.layer_sizes
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(sizes))

    @property
    def judged_training_rows(self) -> int:
        """How many training rows of each seed are judged at each epoch's end."""
        rows = self.data.train_rows
        return min(rows, JUDGED_TRAINING_ROWS) if self.data.validation_rows else rows

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.data.train_rows / self.training.batch_size)

    @property
    def total_steps(self) -> int:
        return self.steps_per_epoch * self.training.epochs

    @property
    def switch_steps(self) -> tuple[int, ...]:
        """After which steps at least one entrant goes on with another loss, in order."""
        return tuple(sorted({each.switch.step for each in self.lineup if each.switch}))

    @property
    def switches(self) -> dict[int, int]:
        """For each run of an entrant that switches its loss, after which step it does."""
        return {
            run: entrant.switch.step
            for entrant in self.lineup
            if entrant.switch
            for run in range(self.run_count)[self.runs_of(entrant.place)]
        }

    @property
    def size(self) -> Size:
        return Size(
            runs=self.run_count,
            seeds=len(self.seeds),
            parameters=self.parameters,
            units=sum(self.layer_sizes[1:]),
            features=self.dataset.features,
            rows=self.data.train_rows + self.data.validation_rows,
            batch_size=self.training.batch_size,
            total_steps=self.total_steps,
        )

    # -------------------------------------------------------- in and out

    @classmethod
    def parse(cls, source: str | Mapping[str, Any], *, is_stored: bool = False) -> Self:
        """A spec from JSON text or plain values; ``SpecError`` says all that is wrong.

        Of one that is stored, whether its parts fit together is not asked again: an earlier
        version may have allowed what is refused now, and what it trained can still be looked at.
        """
        if is_deeper(source, DEEPEST):
            raise SpecError(TOO_DEEP)
        context = {_IS_STORED: is_stored}
        try:
            if isinstance(source, str):
                return cls.model_validate_json(source, context=context)
            return cls.model_validate(source, context=context)
        except ValidationError as error:
            unique = dict.fromkeys(sentences(error, cls))
            raise SpecError(*itertools.islice(unique, _MOST_SENTENCES)) from error

    def to_json(self) -> str:
        return self.model_dump_json()


def as_one_function(spec: ExperimentSpec) -> ExperimentSpec:
    """The same race of CrossEntropy and BCE alone, as one function of p under SGD."""
    sgd = OptimizerSpec(name=OptimizerName.SGD, learning_rate=0.1)
    training = spec.training.model_copy(update={"protocol": Protocol.ONE_FUNCTION})
    entrants = (EntrantSpec(loss="cross_entropy"), EntrantSpec(loss="bce"))
    changed = {"entrants": entrants, "optimizer": sgd, "training": training, "branched_from": None}
    return spec.model_copy(update=changed)


def at_best_rates(spec: ExperimentSpec) -> ExperimentSpec:
    """The same race with each entrant at its own best learning rate; ``SpecError`` if too long."""
    training = spec.training.model_copy(update={"protocol": Protocol.BEST_RATE})
    changed = {"training": training, "branched_from": None}
    return ExperimentSpec.parse(spec.model_copy(update=changed).model_dump())


#: "The lesson": 64-128-10, one batch of 32 random rows, Adam at 0.01, 10 epochs.
LESSON = ExperimentSpec(
    data=DataSpec(name="lesson"),
    network=NetworkSpec(hidden_sizes=(128,), activation=Activation.RELU),
    optimizer=OptimizerSpec(name=OptimizerName.ADAM, learning_rate=0.01),
    training=TrainingSpec(batch_size=32, epochs=10),
)
