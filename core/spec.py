"""What a person can ask for: one immutable ``ExperimentSpec``, checked once, here.

The bounds live here; widgets read them and the validators enforce them, so whatever
reaches the rest of ``core`` needs no further check. JSON goes both ways.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)

from core.bounds import Bounds, shown
from core.datasets import DATASETS, Dataset, split_sizes
from core.errors import LossExpressionError, SpecError
from core.losses import CUSTOM, LOSSES, LossSpec, own_loss, parse
from core.losses.parameters import FrozenMapping, Value, in_words
from core.losses.settings import PARAMETERS_BY_LOSS, parse_parameters, plain

T = TypeVar("T")

NOISE = Bounds("Noise", 0, 1)
ROWS = Bounds("Rows", 50, 20_000)
VALIDATION_FRACTION = Bounds("Validation fraction", 0.05, 0.5)
HIDDEN_LAYERS = Bounds("Hidden layers", 0, 6)
HIDDEN_SIZE = Bounds("Hidden size", 1, 4096)
LEARNING_RATE = Bounds("Learning rate", 1e-5, 10)
WEIGHT_DECAY = Bounds("Weight decay", 0, 1)
MOMENTUM = Bounds("Momentum", 0, 0.999)
BATCH_SIZE = Bounds("Batch size", 1, 20_000)
EPOCHS = Bounds("Epochs", 1, 10_000)
SEED = Bounds("Seed", 0, 2**31 - 1)
SEEDS = Bounds("Number of seeds", 1, 20)

#: All runs of an experiment together.
MAX_PARAMETERS = 50_000_000
MAX_MEMORY_BYTES = 2 * 2**30
MAX_RECORDED_LOSSES = 50_000_000

#: Estimated, of all steps together: six hours.
MAX_SECONDS = 21_600
#: What a step costs on an ordinary core: a fixed part, arithmetic, and each activation's share.
_SECONDS_PER_STEP = 7e-5
_OPERATIONS_PER_SECOND = 5e10
_SECONDS_PER_ACTIVATION = 5e-9

#: What the learning-rate control offers: 1, 2 and 5 in each decade of its bounds.
LEARNING_RATES = (
    *(float(f"{mantissa}e{exponent}") for exponent in range(-5, 1) for mantissa in (1, 2, 5)),
    10.0,
)


class Activation(StrEnum):
    RELU = "relu"
    TANH = "tanh"
    SIGMOID = "sigmoid"
    GELU = "gelu"


class OptimizerName(StrEnum):
    SGD = "sgd"
    MOMENTUM = "momentum"
    ADAM = "adam"
    ADAMW = "adamw"


class Protocol(StrEnum):
    """What is held equal between the losses of an experiment, beyond starts and batches.

    ``SAME_RATE``: the learning rate. ``BEST_RATE``: the budget for finding each loss's own,
    a short training at each of the same rates. ``MATCHED_GRADIENTS``: the norm of the first
    gradient, and the learning rate. ``ONE_FUNCTION``: CrossEntropy and BCE as one function
    of p; the BCE head starts as the difference of CrossEntropy's two rows and learns twice
    as fast.
    """

    SAME_RATE = "same_rate"
    BEST_RATE = "best_rate"
    MATCHED_GRADIENTS = "matched_gradients"
    ONE_FUNCTION = "one_function"


class DeviceName(StrEnum):
    AUTO = "auto"
    CUDA = "cuda"
    MPS = "mps"
    CPU = "cpu"


def _any_of(names: Iterable[str]) -> str:
    return f"any of {', '.join(names)}"


def _known_dataset(name: str) -> str:
    if name not in DATASETS:
        raise ValueError(f"Data set was {shown(name)}; allowed is {_any_of(DATASETS)}.")
    return name


def _known_losses(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in LOSSES:
            raise ValueError(f"Loss was {shown(name)}; allowed is {_any_of(LOSSES)}.")
    if not names:
        raise ValueError("No loss was picked; pick at least one.")
    return _distinct(names, "Losses")


def _expression(text: str | None) -> str | None:
    """An expression that can be read, for the loss that is a person's own."""
    if text is not None:
        try:
            parse(text)
        except LossExpressionError as error:
            raise ValueError(str(error)) from error
    return text


def _hidden_sizes(sizes: tuple[int, ...]) -> tuple[int, ...]:
    HIDDEN_LAYERS.check(len(sizes))
    for size in sizes:
        HIDDEN_SIZE.check(size)
    return sizes


def _seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    SEEDS.check(len(seeds))
    for seed in seeds:
        SEED.check(seed)
    return _distinct(seeds, "Seeds")


def _distinct(values: tuple[T, ...], label: str) -> tuple[T, ...]:
    if len(set(values)) < len(values):
        raise ValueError(f"{label} were {shown(list(values))}; each may stand there once.")
    return values


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataSpec(_Frozen):
    """The data set. ``rows`` and ``noise`` matter where it is generated."""

    name: Annotated[str, AfterValidator(_known_dataset)] = "digits"
    rows: Annotated[int, AfterValidator(ROWS.check)] = 1000
    noise: Annotated[float, AfterValidator(NOISE.check)] = 0.2
    validation_fraction: Annotated[float, AfterValidator(VALIDATION_FRACTION.check)] = 0.2


class NetworkSpec(_Frozen):
    """A multilayer perceptron: the hidden sizes, and what follows each of them."""

    hidden_sizes: Annotated[tuple[int, ...], AfterValidator(_hidden_sizes)] = (128,)
    activation: Activation = Activation.RELU


class OptimizerSpec(_Frozen):
    """The update rule. ``momentum`` is read by SGD with momentum alone.

    Weight decay is an L2 term in the gradient, but for AdamW, where it is decoupled:
    as in ``torch.optim``.
    """

    name: OptimizerName = OptimizerName.ADAM
    learning_rate: Annotated[float, AfterValidator(LEARNING_RATE.check)] = 1e-3
    momentum: Annotated[float, AfterValidator(MOMENTUM.check)] = 0.9
    weight_decay: Annotated[float, AfterValidator(WEIGHT_DECAY.check)] = 0.0


class TrainingSpec(_Frozen):
    """How long, in what portions and where."""

    batch_size: Annotated[int, AfterValidator(BATCH_SIZE.check)] = 32
    epochs: Annotated[int, AfterValidator(EPOCHS.check)] = 100
    device: DeviceName = DeviceName.AUTO
    protocol: Protocol = Protocol.SAME_RATE


class ExperimentSpec(_Frozen):
    """One experiment: every loss is trained from every seed, all runs as one stack.

    Runs are numbered loss by loss: run ``k`` has loss ``losses[k // S]`` and seed
    ``seeds[k % S]`` for S seeds. ``loss_parameters`` holds, by loss and name, those that
    are not at their default; ``custom_loss`` is the expression of the loss "custom".
    """

    data: DataSpec = DataSpec()
    network: NetworkSpec = NetworkSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    training: TrainingSpec = TrainingSpec()
    losses: Annotated[tuple[str, ...], AfterValidator(_known_losses)] = ("cross_entropy",)
    loss_parameters: Annotated[
        Mapping[str, Mapping[str, Value]],
        PlainValidator(parse_parameters),
        PlainSerializer(plain),
    ] = FrozenMapping({})
    custom_loss: Annotated[str | None, AfterValidator(_expression)] = None
    seeds: Annotated[tuple[int, ...], AfterValidator(_seeds)] = (0,)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = list(self._misfits())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _misfits(self) -> Iterable[str]:
        for loss in self.loss_specs:
            refusal = loss.refusal(self.dataset.task)
            if refusal:
                yield f"{loss.title} does not fit {self.dataset.title}. {refusal}"
        yield from self._incomplete_losses()
        train_rows, _ = split_sizes(self.data)
        if self.training.batch_size > train_rows:
            yield (
                f"Batch size was {self.training.batch_size:,}; {self.dataset.title} has "
                f"{train_rows:,} training rows, so allowed is 1 to {train_rows:,}."
            )
        if self.training.protocol is Protocol.ONE_FUNCTION:
            yield from self._not_one_function()
        yield from self._too_large()

    def _not_one_function(self) -> Iterable[str]:
        name, decay = self.optimizer.name, self.optimizer.weight_decay
        if sorted(self.losses) != ["bce", "cross_entropy"] or self.dataset.outputs != 2:
            yield (
                "CrossEntropy and BCE are one function of p for two classes alone: pick these "
                f"two losses and data with two classes. The losses were "
                f"{shown(list(self.losses))} on {self.dataset.title}."
            )
        elif name not in (OptimizerName.SGD, OptimizerName.MOMENTUM) or decay:
            yield (
                "CrossEntropy and BCE train as one function of p under SGD without weight decay; "
                f"the optimizer was {name.value} with weight decay {decay:g}."
            )
        for loss in self.loss_specs:
            if loss.changed:
                yield (
                    f"CrossEntropy and BCE are one function of p with their parameters at the "
                    f"defaults; {loss.title} had {self.details(loss.key)}."
                )

    def _incomplete_losses(self) -> Iterable[str]:
        if CUSTOM in self.losses and self.custom_loss is None:
            yield f"{LOSSES[CUSTOM].title} has no expression; write one of z, p and y."
        classes = self.dataset.outputs
        for loss in self.loss_specs:
            for parameter in loss.parameters:
                value = loss.values[parameter.name]
                if isinstance(value, tuple) and len(value) not in (0, classes):
                    yield (
                        f"{parameter.label} was {shown(value)}; {self.dataset.title} has "
                        f"{classes} classes, so allowed is a list of {classes}, or an empty one."
                    )

    def _too_large(self) -> Iterable[str]:
        sizes = {
            "parameters": (self.parameters * self.run_count, MAX_PARAMETERS, ""),
            "bytes of memory": (self.memory_bytes, MAX_MEMORY_BYTES, " estimated"),
            "recorded losses": (self.total_steps * self.run_count, MAX_RECORDED_LOSSES, ""),
            "seconds of training": (round(self.estimated_seconds), MAX_SECONDS, " estimated"),
        }
        for what, (value, allowed, how) in sizes.items():
            if value > allowed:
                yield (
                    f"This is too large: {value:,} {what}{how} for {self.run_count} "
                    f"run(s) together; allowed is up to {allowed:,}."
                )

    # -------------------------------------------------------- what follows from it

    @property
    def dataset(self) -> Dataset:
        return DATASETS[self.data.name]

    @property
    def loss_specs(self) -> tuple[LossSpec, ...]:
        """The losses with their parameters, and a person's own with its expression."""
        return tuple(self.loss(name) for name in self.losses)

    def loss(self, name: str) -> LossSpec:
        """One of the losses with its parameters, or with its expression."""
        if name == CUSTOM and self.custom_loss is not None:
            return own_loss(self.custom_loss)
        return LOSSES[name].with_parameters(self.loss_parameters.get(name, {}))

    def details(self, name: str) -> str:
        """What a loss is beside its title: its expression, or what is not at its default."""
        if name == CUSTOM:
            return self.custom_loss or ""
        loss = self.loss(name)
        labels = {each.name: each.label.lower() for each in loss.parameters}
        return ", ".join(
            f"{labels[each]} {in_words(value)}" for each, value in loss.changed.items()
        )

    @property
    def run_count(self) -> int:
        return len(self.losses) * len(self.seeds)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Features, hidden sizes, and the widest head among the losses."""
        head = max(loss.head.width(self.dataset.outputs) for loss in self.loss_specs)
        return (self.dataset.features, *self.network.hidden_sizes, head)

    @property
    def parameters(self) -> int:
        """Weights and biases of one run."""
        sizes = self.layer_sizes
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(sizes))

    @property
    def steps_per_epoch(self) -> int:
        train_rows, _ = split_sizes(self.data)
        return math.ceil(train_rows / self.training.batch_size)

    @property
    def total_steps(self) -> int:
        return self.steps_per_epoch * self.training.epochs

    @property
    def memory_bytes(self) -> int:
        """Estimate: parameters with gradient and two moments, activations, data."""
        train_rows, val_rows = split_sizes(self.data)
        widths = sum(self.layer_sizes[1:])
        batch = max(self.training.batch_size, 512)
        state = 4 * self.parameters * self.run_count
        activations = 3 * widths * batch * self.run_count
        data = 2 * (train_rows + val_rows) * self.dataset.features * len(self.seeds)
        return 4 * (state + activations + data)

    @property
    def estimated_seconds(self) -> float:
        """Rough, for an ordinary core: what each step costs, its judging left out."""
        examples = self.training.batch_size * self.run_count
        # Two operations a weight and example forward, four backward.
        arithmetic = 6 * self.parameters * examples / _OPERATIONS_PER_SECOND
        activations = sum(self.layer_sizes[1:]) * examples * _SECONDS_PER_ACTIVATION
        return self.total_steps * (_SECONDS_PER_STEP + arithmetic + activations)

    # -------------------------------------------------------- in and out

    @classmethod
    def parse(cls, source: str | Mapping[str, Any]) -> Self:
        """A spec from JSON text or plain values; ``SpecError`` says all that is wrong."""
        try:
            if isinstance(source, str):
                return cls.model_validate_json(source)
            return cls.model_validate(source)
        except ValidationError as error:
            sentences = dict.fromkeys(_sentences(error))
            raise SpecError(*itertools.islice(sentences, _MOST_SENTENCES)) from error

    def to_json(self) -> str:
        return self.model_dump_json()


#: More would not be read.
_MOST_SENTENCES = 10


def _sentences(error: ValidationError) -> Iterable[str]:
    for problem in error.errors():
        kind, place = problem["type"], problem["loc"]
        if kind == "value_error":
            yield from str(problem["ctx"]["error"]).splitlines()
        elif kind == "json_invalid":
            yield "The experiment is not valid JSON."
        elif kind in ("extra_forbidden", "invalid_key"):
            name = ".".join(str(part) for part in place)
            yield f"The experiment has no field called {shown(name)}."
        else:
            field = ".".join("item" if isinstance(part, int) else part for part in place)
            label, allowed = _ALLOWED[field]
            yield f"{label} was {shown(problem['input'])}; allowed is {allowed}."


def _number(bounds: Bounds) -> tuple[str, str]:
    return bounds.label, f"a number from {bounds}"


def _whole(bounds: Bounds) -> tuple[str, str]:
    return bounds.label, f"a whole number from {bounds}"


def _fields(model: type[BaseModel]) -> str:
    return f"an object with the fields {', '.join(model.model_fields)}"


#: What to call each field that holds something of the wrong kind, and what it may hold.
_ALLOWED = {
    "": ("The experiment", _fields(ExperimentSpec)),
    "data": ("Data", _fields(DataSpec)),
    "data.name": ("Data set", _any_of(DATASETS)),
    "data.rows": _whole(ROWS),
    "data.noise": _number(NOISE),
    "data.validation_fraction": _number(VALIDATION_FRACTION),
    "network": ("Network", _fields(NetworkSpec)),
    "network.hidden_sizes": ("Hidden sizes", "a list of whole numbers, which may be empty"),
    "network.hidden_sizes.item": _whole(HIDDEN_SIZE),
    "network.activation": ("Activation", _any_of(Activation)),
    "optimizer": ("Optimizer", _fields(OptimizerSpec)),
    "optimizer.name": ("Optimizer", _any_of(OptimizerName)),
    "optimizer.learning_rate": _number(LEARNING_RATE),
    "optimizer.momentum": _number(MOMENTUM),
    "optimizer.weight_decay": _number(WEIGHT_DECAY),
    "training": ("Training", _fields(TrainingSpec)),
    "training.batch_size": _whole(BATCH_SIZE),
    "training.epochs": _whole(EPOCHS),
    "training.device": ("Device", _any_of(DeviceName)),
    "training.protocol": ("Fairness protocol", _any_of(Protocol)),
    "losses": ("Losses", f"a list with {_any_of(LOSSES)}"),
    "losses.item": ("Loss", _any_of(LOSSES)),
    "loss_parameters": PARAMETERS_BY_LOSS,
    "custom_loss": ("The expression", "text, or none"),
    "seeds": ("Seeds", f"a list of {SEEDS} whole numbers"),
    "seeds.item": _whole(SEED),
}


#: "The lesson": 64-128-10, one batch of 32 random rows, Adam at 0.01, 10 epochs.
LESSON = ExperimentSpec(
    data=DataSpec(name="lesson"),
    network=NetworkSpec(hidden_sizes=(128,), activation=Activation.RELU),
    optimizer=OptimizerSpec(name=OptimizerName.ADAM, learning_rate=0.01),
    training=TrainingSpec(batch_size=32, epochs=10),
)
