"""A sentence for each term of the field, as the tooltips of the pages say it."""

from __future__ import annotations

from core.compare.courses import CurveAxis
from core.compare.intervals import Spread
from core.judging.yardsticks import Reading, Shared, Yardstick, yardsticks
from core.losses import Task
from core.records.snapshot import TEMPERATURE_RANGE

AXES = {
    CurveAxis.STEP.value: "A step is one update of the weights, by one batch.",
    CurveAxis.EPOCH.value: "An epoch is one pass over all training rows.",
    CurveAxis.SECONDS.value: "Seconds of training, of all runs together.",
}
SPREADS = {
    Spread.SD.value: "By how much one seed is typically away from the mean over seeds.",
    Spread.INTERVAL.value: "Where the mean over ever more seeds is expected, by Student's t.",
    Spread.RANGE.value: "From the worst seed to the best.",
}
LOOKS = {
    "surface": "What the network answers at every point of the plane.",
    "curve": "What the network answers at every x.",
    "network": "Its units and the weights between them.",
    "confusion": "How often each class was taken for each.",
    "truth": "How likely the network held what was true.",
    "mistakes": "The rows that the network was most sure of, and wrong about.",
    "predicted": "What the network predicts, against what was measured.",
}
SEED = "A seed is the number by which first weights, rows and the order of batches are drawn."
FINGERPRINTS = {
    "seed": SEED,
    "hidden layers at the start, SHA-256": "Equal digits mean that the weights were equal, bit "
    "for bit.",
}
PAIRS = {
    "Interval": "Where the true difference is expected, by a paired t test over seeds.",
    "p, Holm": "How often chance alone would give so large a difference, adjusted for all pairs.",
    "p, Wilcoxon": "The same by a test that assumes no normal distribution.",
    "Could show": "The smallest true difference that so many seeds would probably show.",
    "More seeds": "How many more seeds would probably show the difference that was seen.",
}
TEMPERATURES = {
    "AURC": "The mean height of the curve above, of all rows; less is better.",
    "T": "What all logits are divided by: above 1 the entrant was too sure, below 1 not sure "
    f"enough. Sought from {TEMPERATURE_RANGE[0]:g}, where rows that are all predicted rightly end, "
    f"to {TEMPERATURE_RANGE[1]:,.0f}.",
    "NLL": "Before, on the half of the rows that did not fit T.",
    "NLL, rescaled": "After, on the same half; less is better.",
    "ECE": "Before, on the half of the rows that did not fit T.",
    "ECE, rescaled": "After, on the same half; less is better.",
}


def own_loss(rows: str) -> str:
    return f"The mean of the entrant's own loss over the {rows} rows, in its own unit."


def of_yardstick(yardstick: Yardstick) -> str:
    better = "more" if yardstick.higher_is_better else "less"
    explained = yardstick.explained[0].upper() + yardstick.explained[1:]
    return f"{explained}; {better} is better."


def of_shared(task: Task, shared: Shared) -> str:
    """What an axis that entrants share has."""
    (yardstick,) = (each for each in yardsticks(task) if each.measure is shared.measure)
    match shared.reading:
        case Reading.PLAIN:
            return of_yardstick(yardstick)
        case Reading.ERROR:
            return (
                f"1 - {yardstick.name}, on a logarithmic axis; less is better. No error at all is "
                "drawn at half a row."
            )
        case Reading.SKILL:
            return (
                f"By what share the {yardstick.title} is less than that of the best constant "
                "guess: 0 is no better than guessing, 1 is perfect."
            )
