"""What a person can ask for: one immutable ``ExperimentSpec``, checked once, here.

The bounds live here; widgets read them and the validators enforce them, so the rest of
``core`` need not check anything again. JSON goes both ways.
"""

from core.spec.changes import changes
from core.spec.entrants import ENTRANTS, MAX_ENTRANTS, NAME_LENGTH, Entrant, EntrantSpec
from core.spec.experiment import LESSON, SCALE_FREE, ExperimentSpec, as_one_function, at_best_rates
from core.spec.file import MOST_FILE_BYTES, parse_file
from core.spec.in_words import ACTIVATION_TITLES, OPTIMIZER_TITLES, in_a_line
from core.spec.parts import (
    BATCH_SIZE,
    EPOCHS,
    HEAD_FACTOR,
    HEAD_SEED,
    HIDDEN_LAYERS,
    HIDDEN_SIZE,
    LEARNING_RATE,
    LEARNING_RATES,
    MOMENTUM,
    SEED,
    SEEDS,
    WEIGHT_DECAY,
    Activation,
    DeviceName,
    NetworkSpec,
    OptimizerName,
    OptimizerSpec,
    Protocol,
    Scheme,
    StartSpec,
    TrainingSpec,
)

__all__ = [
    "ACTIVATION_TITLES",
    "BATCH_SIZE",
    "ENTRANTS",
    "EPOCHS",
    "HEAD_FACTOR",
    "HEAD_SEED",
    "HIDDEN_LAYERS",
    "HIDDEN_SIZE",
    "LEARNING_RATE",
    "LEARNING_RATES",
    "LESSON",
    "MAX_ENTRANTS",
    "MOMENTUM",
    "MOST_FILE_BYTES",
    "NAME_LENGTH",
    "OPTIMIZER_TITLES",
    "SCALE_FREE",
    "SEED",
    "SEEDS",
    "WEIGHT_DECAY",
    "Activation",
    "DeviceName",
    "Entrant",
    "EntrantSpec",
    "ExperimentSpec",
    "NetworkSpec",
    "OptimizerName",
    "OptimizerSpec",
    "Protocol",
    "Scheme",
    "StartSpec",
    "TrainingSpec",
    "as_one_function",
    "at_best_rates",
    "changes",
    "in_a_line",
    "parse_file",
]
