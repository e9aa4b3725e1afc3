"""The parts of an experiment beside its data and its entrants, with their bounds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from core.bounds import Bounds, Frozen, quoted

HIDDEN_LAYERS = Bounds("Hidden layers", 0, 6)
HIDDEN_SIZE = Bounds("Hidden size", 1, 4096)
HEAD_FACTOR = Bounds("Factor on the last layer", 0.01, 300)
LEARNING_RATE = Bounds("Learning rate", 1e-6, 1000)
WEIGHT_DECAY = Bounds("Weight decay", 0, 1)
MOMENTUM = Bounds("Momentum", 0, 0.999)
BATCH_SIZE = Bounds("Batch size", 1, 20_000)
EPOCHS = Bounds("Epochs", 1, 10_000)
SEED = Bounds("Seed", 0, 2**31 - 1)
SEEDS = Bounds("Number of seeds", 1, 20)
HEAD_SEED = Bounds("Seed of the last layer", SEED.low, SEED.high)
#: Weights by hand are for data with so many features at most.
MOST_BY_HAND = 2

#: What the learning-rate control offers: 1, 2 and 5 in each decade of its bounds.
LEARNING_RATES = (
    *(float(f"{mantissa}e{exponent}") for exponent in range(-6, 3) for mantissa in (1, 2, 5)),
    1000.0,
)


class Activation(StrEnum):
    RELU = "relu"
    TANH = "tanh"
    SIGMOID = "sigmoid"
    GELU = "gelu"


class Scheme(StrEnum):
    """From which weights a network starts; ``core.network.start`` has the formulas.

    ``DEFAULT`` is what ``nn.Linear`` does by itself; ``BY_HAND`` takes the weights that a person
    gives, and ``core.spec.by_hand`` says of which networks.
    """

    DEFAULT = "default"
    XAVIER = "xavier"
    KAIMING = "kaiming"
    ZEROS = "zeros"
    BY_HAND = "by_hand"


class OptimizerName(StrEnum):
    SGD = "sgd"
    MOMENTUM = "momentum"
    ADAM = "adam"
    ADAMW = "adamw"


class Protocol(StrEnum):
    """What is held equal between the entrants of an experiment, beyond starts and batches.

    ``SAME_RATE``: the learning rate, but for entrants that have one of their own.
    ``BEST_RATE``: the budget for finding each entrant's own rate, a short training at each of
    the same rates. ``MATCHED_GRADIENTS``: the norm of the first gradient, and the learning
    rate; not under Adam and AdamW, which divide a factor on the gradient out again.
    ``ONE_FUNCTION``: CrossEntropy and BCE as one function of p; the last layer of BCE starts as the
    difference of CrossEntropy's two rows and learns twice as fast.
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


def _hidden_sizes(sizes: tuple[int, ...]) -> tuple[int, ...]:
    HIDDEN_LAYERS.check(len(sizes))
    for size in sizes:
        HIDDEN_SIZE.check(size)
    return sizes


def by_hand_bounds(features: int) -> tuple[Bounds, ...]:
    """Of the weight of each feature and of the bias, each by the name that it has in the form."""
    names = ["w"] if features == 1 else [f"w{number}" for number in range(1, features + 1)]
    return tuple(
        Bounds(label, -100, 100) for label in (*(f"Weight {each}" for each in names), "Bias b")
    )


def _by_hand(given: Any) -> Any:
    """Each number is refused by its own name, so that a form can say it beside the field."""
    if not isinstance(given, list | tuple):
        return given
    features = len(given) - 1
    if given and not 1 <= features <= MOST_BY_HAND:
        raise ValueError(
            f"Weights by hand were {quoted(list(given))}; allowed is a list of w and b, of w1, w2 "
            "and b, or an empty one."
        )
    problems = []
    for bounds, value in zip(by_hand_bounds(features), given, strict=False):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not bounds.low <= value <= bounds.high:
            problems.append(
                f"{bounds.label} was {quoted(value)}; allowed is a number from {bounds}."
            )
    if problems:
        raise ValueError("\n".join(problems))
    return given


class StartSpec(Frozen):
    """The weights before training.

    The last layer's weights, not its biases, are multiplied by ``head_factor``; it is the same
    for every entrant of a seed. ``weights`` are those by hand: of each feature, then the bias.
    """

    scheme: Scheme = Scheme.DEFAULT
    head_factor: Annotated[float, AfterValidator(HEAD_FACTOR.check)] = 1.0
    weights: Annotated[tuple[float, ...], BeforeValidator(_by_hand)] = ()


class NetworkSpec(Frozen):
    """A multilayer perceptron: the hidden sizes, what follows each of them, and the start."""

    hidden_sizes: Annotated[tuple[int, ...], AfterValidator(_hidden_sizes)] = (128,)
    activation: Activation = Activation.RELU
    start: StartSpec = StartSpec()


class OptimizerSpec(Frozen):
    """The update rule. ``momentum`` is read by SGD with momentum alone.

    Weight decay is an L2 term in the gradient, but for AdamW, where it is decoupled:
    as in ``torch.optim``.
    """

    name: OptimizerName = OptimizerName.ADAM
    learning_rate: Annotated[float, AfterValidator(LEARNING_RATE.check)] = 1e-3
    momentum: Annotated[float, AfterValidator(MOMENTUM.check)] = 0.9
    weight_decay: Annotated[float, AfterValidator(WEIGHT_DECAY.check)] = 0.0


class TrainingSpec(Frozen):
    """How long, in what portions, where, and what is held equal."""

    batch_size: Annotated[int, AfterValidator(BATCH_SIZE.check)] = 32
    epochs: Annotated[int, AfterValidator(EPOCHS.check)] = 100
    device: DeviceName = DeviceName.AUTO
    protocol: Protocol = Protocol.SAME_RATE
