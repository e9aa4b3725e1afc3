"""Which losses, and what can be set on them: buttons, parameters, a person's own expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.errors import LossExpressionError
from core.losses import (
    CUSTOM,
    LOSSES,
    RIVALS,
    Kind,
    LossSpec,
    Parameter,
    Task,
    own_loss,
    parse,
)
from core.losses.custom import EXAMPLE
from core.losses.expression import CONSTANTS
from core.losses.operations import FUNCTIONS
from core.losses.parameters import Value, in_words
from core.spec import ExperimentSpec
from pages.parts import layout

#: Session key of the expression.
EXPRESSION = "form_expression"

#: Always in sight; the others are one click away.
_FIRST = ("cross_entropy", "bce", "mse", "l1", "huber", "hinge")

_EXPRESSION_HELP = (
    "z: the logits. p: their softmax; for a value, z itself. y: the target, one-hot for classes. "
    "The loss of a row is the sum over its outputs. Numbers, + - * / ** and "
    f"{', '.join((*CONSTANTS, *FUNCTIONS))}. Without p its outputs are judged as scores, not "
    "as probabilities."
)


def _key(loss: str, parameter: str) -> str:
    return f"form_parameter_{loss}_{parameter}"


# ------------------------------------------------------------------ in and out


def fill(spec: ExperimentSpec) -> None:
    """Set every field to what the spec says, those of losses that it has not to defaults."""
    st.session_state[EXPRESSION] = spec.custom_loss or EXAMPLE
    for loss in LOSSES.values():
        values = loss.with_parameters(spec.loss_parameters.get(loss.key, {})).values
        for parameter in loss.parameters:
            shown = _shown(parameter, values[parameter.name])
            st.session_state[_key(loss.key, parameter.name)] = shown


def _shown(parameter: Parameter, value: Value) -> float | int | str:
    """The value as its field holds it."""
    if isinstance(value, tuple):
        return in_words(value) if value else ""
    return int(value) if parameter.kind is Kind.WHOLE_NUMBER else value


def read(losses: Sequence[str]) -> dict[str, Any]:
    """Their part of a spec; ``LossExpressionError`` says what is wrong with the expression."""
    parameters = {key: changed for key in losses if (changed := _changed(LOSSES[key]))}
    expression = None
    if CUSTOM in losses:
        expression = st.session_state[EXPRESSION]
        parse(expression)
    return {"loss_parameters": parameters, "custom_loss": expression}


def _changed(loss: LossSpec) -> dict[str, Any]:
    """The parameters whose field does not have the default, unchecked."""
    values = [(each, _value(each, _key(loss.key, each.name))) for each in loss.parameters]
    return {each.name: value for each, value in values if value != each.default}


def _value(parameter: Parameter, key: str) -> Any:
    value = st.session_state[key]
    return _numbers(value) if parameter.kind is Kind.CLASS_WEIGHTS else value


def _numbers(text: str) -> tuple[float, ...] | str:
    """The numbers between commas; what is none of it as it was typed, to be refused."""
    try:
        return tuple(float(number) for number in text.split(",")) if text.strip() else ()
    except ValueError:
        return text


def keep_fitting(classes: int) -> None:
    """After a change of data: no weights of another number of classes."""
    for loss in LOSSES.values():
        for parameter in loss.parameters:
            key = _key(loss.key, parameter.name)
            if parameter.kind is Kind.CLASS_WEIGHTS and len(_value(parameter, key)) != classes:
                st.session_state[key] = ""


# ------------------------------------------------------------------ which losses


def draw_choice(label: str, chosen: Sequence[str], task: Task, pick: Callable[[str], None]) -> None:
    """A button for each loss, those that do not fit the task disabled with the reason.

    Open from the start are the losses that most come for, and any others that are chosen.
    """
    first = [LOSSES[key] for key in _FIRST]
    others = [loss for loss in LOSSES.values() if loss.key not in _FIRST]
    st.markdown(f":small[{label}]")
    _draw_buttons("losses", first, chosen, task, pick)
    layout.fold(
        "More losses",
        lambda: _draw_buttons("more_losses", others, chosen, task, pick),
        matters=any(loss.key in chosen for loss in others),
    )


def _draw_buttons(
    key: str,
    losses: Sequence[LossSpec],
    chosen: Sequence[str],
    task: Task,
    pick: Callable[[str], None],
) -> None:
    with st.container(horizontal=True, gap="xsmall", key=key):
        for loss in losses:
            st.button(
                loss.title,
                key=f"pick_{loss.key}",
                type="primary" if loss.key in chosen else "secondary",
                disabled=loss.refusal(task) is not None,
                help=loss.refusal(task),
                on_click=pick,
                args=(loss.key,),
            )
    for reason, titles in _refusals(losses, task).items():
        st.caption(f"{', '.join(titles)}: {reason}")


def _refusals(losses: Sequence[LossSpec], task: Task) -> dict[str, list[str]]:
    """The reasons why losses do not fit the task, each with their titles."""
    reasons: dict[str, list[str]] = {}
    for loss in losses:
        if reason := loss.refusal(task):
            reasons.setdefault(reason, []).append(loss.title)
    return reasons


# ------------------------------------------------------------------ what is set on them


def draw_settings(losses: Sequence[str], task: Task) -> None:
    """The expression, where it is a person's own that trains, and the parameters of each."""
    if CUSTOM in losses:
        draw_expression(task)
    with_some = [LOSSES[key] for key in losses if LOSSES[key].parameters]
    if with_some:
        layout.fold(
            "Loss parameters",
            lambda: _draw_all_parameters(with_some),
            matters=_are_worth_seeing(with_some),
        )


def _draw_all_parameters(losses: Sequence[LossSpec]) -> None:
    for loss in losses:
        st.markdown(f":small[{loss.title}]")
        draw_parameters(loss)


def _are_worth_seeing(losses: Sequence[LossSpec]) -> bool:
    """Whether one is not at its default, or is what its loss is known by."""
    return any(loss.key not in RIVALS or _changed(loss) for loss in losses)


def draw_parameters(loss: LossSpec) -> None:
    """A field for each parameter."""
    with st.grid(2, min_column_width=120, gap="small"):
        for parameter in loss.parameters:
            _draw_parameter(parameter, _key(loss.key, parameter.name))


def _draw_parameter(parameter: Parameter, key: str) -> None:
    """A field or a choice. It lets any value through: the spec's sentence says more."""
    explained = f"{parameter.help} {parameter.bounds}."
    match parameter.kind:
        case Kind.NUMBER:
            st.number_input(
                parameter.label,
                step=parameter.step,
                format="%g",
                key=key,
                help=explained,
                persist_state="session",
            )
        case Kind.WHOLE_NUMBER:
            choices = range(int(parameter.low), int(parameter.high) + 1)
            st.selectbox(
                parameter.label, choices, key=key, help=parameter.help, persist_state="session"
            )
        case Kind.CLASS_WEIGHTS:
            st.text_input(
                f"{parameter.label}s",
                placeholder="1 for each",
                key=key,
                help=f"{explained} One for each class, with commas between.",
                persist_state="session",
            )


def draw_expression(task: Task) -> str | None:
    """The field, and below it the formula as it is understood; None where it can't be."""
    text = st.text_input(
        "Your own loss, of z, p and y",
        key=EXPRESSION,
        help=_EXPRESSION_HELP,
        placeholder=EXAMPLE,
        persist_state="session",
    )
    try:
        st.latex(own_loss(text).forms[task].formula)
    except LossExpressionError as error:
        draw_error(error, text)
        return None
    return text


def draw_error(error: LossExpressionError, expression: str) -> None:
    """The sentence, and the expression with a mark at the place."""
    st.error(str(error), icon=":material/error:")
    st.code(error.pointed_out(expression), language=None)
