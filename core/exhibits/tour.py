"""The guided tour: five exhibits that fit into five minutes, in this order."""

from __future__ import annotations

TOUR: tuple[str, ...] = (
    "one_neuron",
    "sure_and_wrong",
    "wrong_labels",
    "loss_rises",
    "trained_bugs",
)
