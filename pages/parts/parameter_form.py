"""The parameters of a loss, as fields of the Losses page."""

from __future__ import annotations

import streamlit as st

from core.anatomy.choice import Choice
from core.errors import SpecError
from core.losses import LOSSES, Kind, Parameter
from core.losses.parameters import Value


def draw(key: str, dataset: str) -> Choice | None:
    """The loss with its fields' values; None, with a sentence, where one is not allowed."""
    parameters = LOSSES[key].parameters
    if not parameters:
        return Choice(key)
    with st.container(horizontal=True):
        found = {each.name: _field(key, each) for each in parameters}
    try:
        values = {each.name: each.parse(found[each.name]) for each in parameters}
        choice = Choice(key, tuple(values.items()))
        choice.experiment(dataset)
    except (ValueError, SpecError) as error:
        st.error(str(error), icon=":material/error:")
        return None
    return choice


def _field(loss: str, parameter: Parameter) -> object:
    key = f"anatomy_{loss}_{parameter.name}"
    if parameter.kind is Kind.CLASS_WEIGHTS:
        text = st.text_input(
            parameter.label, key=key, help=parameter.help, placeholder="1, 1, …",
            persist_state="session",
        )  # fmt: skip
        return _numbers(text)
    default = parameter.default
    assert not isinstance(default, tuple)
    whole = parameter.kind is Kind.WHOLE_NUMBER
    return st.number_input(
        parameter.label,
        value=int(default) if whole else default,
        step=int(parameter.step) if whole else parameter.step,
        key=key,
        help=f"{parameter.help} {parameter.bounds}.",
        persist_state="session",
    )


def _numbers(text: str) -> Value | str:
    """The numbers between commas; the text itself where it holds something else."""
    try:
        return tuple(float(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        return text
