"""The form's controls of what makes training data worse, and how the draft of it is read."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.bounds import as_text
from core.data import Dataset, Flips, OutliersIn, StressSpec
from core.data.conditions import FLIPPED_LABELS, OUTLIERS
from core.losses import Task
from pages.parts.form import draft
from pages.parts.form.draft import Form

TITLE = "Stress the training rows"

_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_FLIPPED = tuple(share for share in _SHARES if share <= FLIPPED_LABELS.high)
_OUTLIERS = tuple(share for share in _SHARES if share <= OUTLIERS.high)
_SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
_NOISES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_RATIOS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_KEPT = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
_FLIP_TITLES = {Flips.RANDOM: "Any other class", Flips.PAIRS: "The next class"}
_PLACE_TITLES = {OutliersIn.FEATURES: "Features", OutliersIn.TARGETS: "Targets"}


def drafted(stress: StressSpec) -> dict[str, Any]:
    return stress.model_dump()


def described(entry: Dataset) -> dict[str, Any]:
    """As ``StressSpec`` takes it: without what is set but does not fit the data, which may be but
    a visit."""
    stress: dict[str, Any] = dict(draft.value("stress"))
    clean = StressSpec().model_dump()
    unfit: set[str] = set()
    if not entry.split:
        unfit = {"flipped_labels", "outliers", "imbalance", "feature_noise", "kept_rows"}
    elif not entry.task.is_classification:
        unfit = {"flipped_labels", "imbalance"}
    elif stress["outliers"]:
        unfit = {"outliers_in"}  # The targets of classes have none.
    return stress | {name: clean[name] for name in unfit}


def draw(form: Form, task: Task) -> None:
    """A slider for each condition that fits the task; all fall on the training rows."""
    if task.is_classification:
        _slider(form, "Labels flipped", "flipped_labels", _FLIPPED, _percent)
        if draft.value("stress", "flipped_labels"):
            _choice(form, "Flipped to", "flips", _FLIP_TITLES)
        _slider(form, "Class imbalance", "imbalance", _RATIOS, _ratio)
    _slider(form, "Outliers", "outliers", _OUTLIERS, _percent)
    if draft.value("stress", "outliers"):
        _slider(form, "Size of the outliers, SD", "outlier_size", _SIZES, as_text)
        if not task.is_classification:
            _choice(form, "Outliers in", "outliers_in", _PLACE_TITLES)
    _slider(form, "Noise on features, SD", "feature_noise", _NOISES, as_text)
    _slider(form, "Training rows kept", "kept_rows", _KEPT, _percent)
    form.toggle("Judge on stressed rows too", "stress", "on_held_out", help=_HELP["on_held_out"])
    st.caption("The same rows for all entrants of a seed.")


_HELP = {
    "flipped_labels": "The share of training rows that get the label of another class.",
    "imbalance": "So many rows of the first class for each row of the last one.",
    "outliers": "The share of training rows that are moved far away, in a random direction.",
    "outlier_size": "How far, in standard deviations.",
    "feature_noise": "Normal noise on every feature, in its standard deviations.",
    "kept_rows": "The share of the training rows that is trained on.",
    "on_held_out": "Held-out rows stay clean, so that they tell what was learned. With this, "
    "labels, noise and outliers fall on them as well.",
}


def _slider(form: Form, label: str, name: str, offered: tuple[float, ...], written: Any) -> None:
    form.select_slider(label, offered, "stress", name, format_func=written, help=_HELP[name])


def _choice(form: Form, label: str, name: str, titles: dict[Any, str]) -> None:
    form.choice(label, list(titles), "stress", name, format_func=titles.__getitem__)


def _ratio(ratio: float) -> str:
    return f"{as_text(ratio)} : 1"


def _percent(share: float) -> str:
    """With all its digits: the browser tells options apart by what is written."""
    return f"{as_text(100 * share)}%"
