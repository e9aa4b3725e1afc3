"""Experiments for tests that care for their losses alone."""

from __future__ import annotations

from core.losses import CUSTOM, Task, fitting
from core.losses.custom import EXAMPLE
from core.spec import MAX_ENTRANTS, EntrantSpec

#: Parameters with which it trains, for each loss that has some; "some" class weights.
CHANGED = {
    "cross_entropy": {"label_smoothing": 0.1, "class_weights": "some"},
    "bce": {"pos_weight": 2.0},
    "kl_div": {"smoothing": 0.3},
    "focal": {"gamma": 0.5},
    "hinge": {"margin": 2.0, "p": 2},
    "mse_on_raw_outputs": {"k": 2.0, "M": 3.0},
    "generalised_cross_entropy": {"q": 0.4},
    "symmetric_cross_entropy": {"alpha": 0.5, "beta": 0.8, "A": -2.0},
    "huber": {"delta": 0.3},
    "smooth_l1": {"beta": 0.3},
}
SOME_WEIGHTS = (0.5, 2.0, 1.5)


def entrants(*losses: str, expression: str = EXAMPLE) -> tuple[EntrantSpec, ...]:
    """One entrant a loss; the expression is that of a person's own."""
    return tuple(
        EntrantSpec(loss=key, expression=expression if key == CUSTOM else None) for key in losses
    )


def changed(key: str, classes: int, expression: str = EXAMPLE) -> EntrantSpec:
    """The loss with parameters that are not its defaults, where it has any."""
    weights = SOME_WEIGHTS[:classes]
    values = {name: weights if v == "some" else v for name, v in CHANGED.get(key, {}).items()}
    return EntrantSpec(
        loss=key, parameters=values, expression=expression if key == CUSTOM else None
    )


def races(task: Task) -> list[tuple[str, ...]]:
    """The losses that fit, in as few races as hold them."""
    keys = [loss.key for loss in fitting(task)]
    return [tuple(keys[at : at + MAX_ENTRANTS]) for at in range(0, len(keys), MAX_ENTRANTS)]
