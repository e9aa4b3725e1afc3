"""Which loss the Losses page is about, what is set on it, and the data it is shown on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.data import DATASETS, DataSpec
from core.errors import LossExpressionError, SpecError
from core.losses import CUSTOM, LOSSES
from core.losses.custom import EXAMPLE
from core.spec import EntrantSpec, ExperimentSpec, TrainingSpec
from pages.parts.form import draft, losses
from pages.parts.form.draft import Form
from pages.parts.shell import session
from pages.parts.shell.text import escaped

#: The data that a loss is shown on where it does not fit what is picked.
_DATASETS = ("iris", "diabetes", "moons")
#: Where the draft has the loss that is explained, and the data.
_ENTRANT = ("explained", "entrant")
_DATASET = ("explained", "dataset")
_FORM = Form("losses")

_EXAMPLES = (
    EXAMPLE,
    "-(1 - p)**2 * y * log(p)",
    "abs(p - y)**1.5",
    "log(1 + exp(-(2*y - 1) * z))",
    "where(abs(z - y) < 1, (z - y)**2, abs(z - y))",
)


def read() -> tuple[EntrantSpec, str]:
    """The loss and data that it fits, as they are set; ``SpecError`` where that is no loss."""
    draft.hear()
    drafted = draft.value(*_ENTRANT)
    dataset = _fitted_dataset(drafted["loss"])
    return experiment([losses.described(drafted)], dataset).entrants[0], dataset


def experiment(
    entrants: Sequence[Any], dataset: str, seeds: Sequence[int] = (0,)
) -> ExperimentSpec:
    """A training of these entrants with the defaults, but for a batch that the data has not."""
    rows = DataSpec(name=dataset).train_rows
    return ExperimentSpec.parse(
        {
            "data": {"name": dataset},
            "training": {"batch_size": min(TrainingSpec().batch_size, rows)},
            "entrants": list(entrants),
            "seeds": list(seeds),
        }
    )


def draw() -> str:
    """Fields for the loss, its parameters and the data that it fits; the data's name."""
    _FORM.choice(
        "Loss",
        list(LOSSES),
        *_ENTRANT,
        "loss",
        format_func=lambda each: LOSSES[each].title,
    )
    dataset = _draw_dataset(draft.value(*_ENTRANT, "loss"))
    losses.draw_parameters(_FORM, _ENTRANT)
    return dataset


def draw_own_button() -> None:
    """The way to an expression, and examples of such."""
    is_own = draft.value(*_ENTRANT, "loss") == CUSTOM
    st.button(
        "Write your own",
        icon=":material/edit:",
        on_click=draft.change,
        args=(CUSTOM, *_ENTRANT, "loss"),
        disabled=is_own,
    )
    if is_own:
        _draw_examples()


def entrant(dataset: str) -> EntrantSpec | None:
    """What is set, its expression in a field; None, with a sentence, while that is no loss."""
    return _own(dataset) if draft.value(*_ENTRANT, "loss") == CUSTOM else _known()


def _fitting(key: str) -> list[str]:
    return [name for name, data in DATASETS.items() if data.task in LOSSES[key].formulas]


def _fitted_dataset(key: str) -> str:
    """The data that is picked, or the first that the loss fits."""
    fitting, picked = _fitting(key), draft.value(*_DATASET)
    return next(name for name in (picked, *_DATASETS) if name in fitting)


def _draw_dataset(key: str) -> str:
    draft.change(_fitted_dataset(key), *_DATASET)
    _FORM.choice(
        "Data set to show it on",
        _fitting(key),
        *_DATASET,
        format_func=lambda name: DATASETS[name].title,
        help="The data sets that the loss fits.",
    )
    dataset: str = draft.value(*_DATASET)
    return dataset


def _known() -> EntrantSpec | None:
    try:
        return read()[0]
    except SpecError as error:
        st.error(escaped(str(error)), icon=":material/error:")
        return None


def _draw_examples() -> None:
    with st.popover("Examples", icon=":material/lightbulb:"):
        for example in _EXAMPLES:
            st.button(
                f"`{example}`",
                on_click=draft.change,
                args=(example, *_ENTRANT, "expression"),
                type="tertiary",
            )


def _own(dataset: str) -> EntrantSpec | None:
    expression = losses.draw_expression(_FORM, _ENTRANT, DATASETS[dataset].task)
    if expression is None:
        return None
    try:
        session.ask("try_out", expression, dataset)
    except LossExpressionError as error:
        losses.draw_error(error, expression)
        return None
    return EntrantSpec(loss=CUSTOM, expression=expression)
