"""Which loss the Losses page is about, what is set on it, and the data it is shown on."""

from __future__ import annotations

import streamlit as st

from core.anatomy.choice import Choice
from core.data import DATASETS
from core.errors import LossExpressionError, SpecError
from core.losses import CUSTOM, LOSSES
from core.losses.custom import EXAMPLE
from pages.parts import loss_form, session, spec_form

#: What the page opens with, and the data that a loss is shown on where it does not fit that.
_LOSS, _DATASETS = "cross_entropy", ("iris", "diabetes", "moons")
_KEY, _DATASET_KEY = "anatomy_loss", "anatomy_dataset"

_EXAMPLES = (
    EXAMPLE,
    "-(1 - p)**2 * y * log(p)",
    "abs(p - y)**1.5",
    "log(1 + exp(-(2*y - 1) * z))",
    "where(abs(z - y) < 1, (z - y)**2, abs(z - y))",
)


def draw() -> tuple[Choice | None, str]:
    """The loss and data that it fits; None, with a sentence, while what is set is no loss."""
    # Its fields are those of the form, so that what is set here trains there.
    spec_form.fill_once(None)
    st.session_state.setdefault(_KEY, _LOSS)
    with st.container(horizontal=True, vertical_alignment="bottom", key="choice"):
        key = st.selectbox(
            "Loss",
            list(LOSSES),
            key=_KEY,
            format_func=lambda each: LOSSES[each].title,
            persist_state="session",
        )
        dataset = _draw_dataset(key)
        st.button(
            "Write your own",
            icon=":material/edit:",
            on_click=st.session_state.update,
            args=({_KEY: CUSTOM},),
            disabled=key == CUSTOM,
        )
    return _draw_settings(key, dataset), dataset


def _draw_dataset(key: str) -> str:
    fitting = [name for name, data in DATASETS.items() if data.task in LOSSES[key].forms]
    if st.session_state.get(_DATASET_KEY) not in fitting:
        st.session_state[_DATASET_KEY] = next(name for name in _DATASETS if name in fitting)
    return st.selectbox(
        "Data set",
        fitting,
        key=_DATASET_KEY,
        format_func=lambda name: DATASETS[name].title,
        help="The data sets that the loss fits.",
        persist_state="session",
    )


def _draw_settings(key: str, dataset: str) -> Choice | None:
    if key == CUSTOM:
        return _draw_own(dataset)
    if LOSSES[key].parameters:
        loss_form.draw_parameters(LOSSES[key])
    parameters = loss_form.read([key])["loss_parameters"].get(key, {})
    try:
        choice = Choice(key, tuple(parameters.items()))
        choice.experiment(dataset)
    except SpecError as error:
        st.error(str(error), icon=":material/error:")
        return None
    return choice


def _draw_own(dataset: str) -> Choice | None:
    with st.popover("Examples", icon=":material/lightbulb:"):
        for example in _EXAMPLES:
            st.button(
                f"`{example}`",
                on_click=st.session_state.update,
                args=({loss_form.EXPRESSION: example},),
                type="tertiary",
            )
    expression = loss_form.draw_expression(DATASETS[dataset].task)
    if expression is None:
        return None
    try:
        session.ask("try_out", expression, dataset)
    except LossExpressionError as error:
        loss_form.draw_error(error, expression)
        return None
    return Choice(CUSTOM, expression=expression)
