"""What a person can ask for: one immutable ``ExperimentSpec``, checked once, here.

The bounds live here; widgets read them and the validators enforce them, so the rest of
``core`` need not check anything again. JSON goes both ways.
"""

from core.spec.branching import branched, branching_place, no_branch, race_with_origin
from core.spec.by_hand import takes_weights
from core.spec.changes import changes
from core.spec.entrants import ENTRANTS, MAX_ENTRANTS, NAME_LENGTH, Entrant, EntrantSpec, Switch
from core.spec.experiment import (
    LESSON,
    SCALE_FREE,
    ExperimentSpec,
    Origin,
    as_one_function,
    at_best_rates,
)
from core.spec.file import MOST_FILE_BYTES, parse_file
from core.spec.in_words import ACTIVATION_TITLES, OPTIMIZER_TITLES, in_a_line
from core.spec.losses import LossChoice, SwitchSpec, successors
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
    by_hand_bounds,
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
    "LossChoice",
    "NetworkSpec",
    "OptimizerName",
    "OptimizerSpec",
    "Origin",
    "Protocol",
    "Scheme",
    "StartSpec",
    "Switch",
    "SwitchSpec",
    "TrainingSpec",
    "as_one_function",
    "at_best_rates",
    "branched",
    "branching_place",
    "by_hand_bounds",
    "changes",
    "in_a_line",
    "no_branch",
    "parse_file",
    "race_with_origin",
    "successors",
    "takes_weights",
]
