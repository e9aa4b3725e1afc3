"""Which loss, and what can be set on it: buttons, parameters, a person's own expression."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import streamlit as st

from core.bounds import number_in
from core.errors import LossExpressionError
from core.losses import CUSTOM, LOSSES, Kind, LossSpec, Parameter, Task, own_loss
from core.losses.custom import EXAMPLE
from core.losses.expression import CONSTANTS
from core.losses.operations import FUNCTIONS
from core.losses.parameters import Value, in_words
from core.spec import EntrantSpec
from pages.parts.form import draft
from pages.parts.form.draft import Form, Part
from pages.parts.shell import layout
from pages.parts.shell.text import escaped

#: The learning rate in the draft of an entrant that has none of its own.
RATE_OF_ALL = 0.0

_EXPRESSION_HELP = (
    "z: the logits. p: their softmax; for a value, z itself. y: the target, one-hot for classes. "
    "The loss of a row is the sum over its outputs. Numbers, + - * / ** and "
    f"{', '.join((*CONSTANTS, *FUNCTIONS))}. Without p its outputs are judged as scores, not "
    "as probabilities."
)

# ------------------------------------------------------------------ an entrant in the draft


def drafted(entrant: EntrantSpec, number: int) -> dict[str, Any]:
    """An entrant as the draft holds it, its fields as their widgets have them.

    ``parameters`` are by loss and name, those of every loss, so that picking another loss and
    the first again loses nothing.
    """
    parameters = {}
    for loss in LOSSES.values():
        is_picked = loss.key == entrant.loss
        values = (loss.with_parameters(entrant.parameters) if is_picked else loss).values
        parameters[loss.key] = {
            each.name: _as_field(each, values[each.name]) for each in loss.parameters
        }
    return {
        "id": number,
        "loss": entrant.loss,
        "parameters": parameters,
        "expression": entrant.expression or EXAMPLE,
        "name": entrant.name or "",
        "learning_rate": entrant.learning_rate or RATE_OF_ALL,
        "head_seed": entrant.head_seed,
    }


def described(entrant: dict[str, Any]) -> dict[str, Any]:
    """What the draft says of an entrant, as ``EntrantSpec`` takes it, unchecked."""
    loss = LOSSES[entrant["loss"]]
    values = {
        each.name: _from_field(each, entrant["parameters"][loss.key][each.name])
        for each in loss.parameters
    }
    return {
        "loss": loss.key,
        "parameters": {
            each.name: values[each.name]
            for each in loss.parameters
            if values[each.name] != each.default
        },
        "expression": entrant["expression"] if loss.key == CUSTOM else None,
        "name": entrant["name"] or None,
        "learning_rate": entrant["learning_rate"] or None,
        "head_seed": entrant["head_seed"],
    }


def _as_field(parameter: Parameter, value: Value) -> int | str:
    """A choice of a few whole numbers, or text; none is written for no class weights."""
    if parameter.kind is Kind.WHOLE_NUMBER and not isinstance(value, tuple):
        return int(value)
    return in_words(value)


def _from_field(parameter: Parameter, value: Any) -> Any:
    match parameter.kind:
        case Kind.NUMBER:
            return number_in(value)
        case Kind.WHOLE_NUMBER:
            return value
        case Kind.CLASS_WEIGHTS:
            return _numbers(value)


def _numbers(text: str) -> tuple[float, ...] | str:
    """The numbers between commas; text that holds others as it was typed, to be refused."""
    typed = [number_in(each) for each in text.split(",")] if text.strip() else []
    numbers = tuple(each for each in typed if not isinstance(each, str))
    return numbers if len(numbers) == len(typed) else text


# ------------------------------------------------------------------ which loss


def draw_adding(keys: Collection[str], task: Task, add: Callable[[str], None]) -> None:
    """A button for each loss, to be added beside others; one that does not fit says why."""
    losses = [LOSSES[key] for key in keys]
    with st.container(horizontal=True, gap="xsmall"):
        for loss in losses:
            st.button(
                loss.title,
                key=f"add_{loss.key}",
                disabled=loss.refusal(task) is not None,
                help=loss.refusal(task),
                on_click=add,
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


# ------------------------------------------------------------------ what is set on it


def draw_settings(form: Form, entrant: tuple[Part, ...], task: Task) -> None:
    """The parameters of the loss of the entrant at a path of the draft, or its expression."""
    loss = LOSSES[draft.value(*entrant, "loss")]
    if loss.key == CUSTOM:
        draw_expression(form, entrant, task)
    elif loss.parameters:
        with st.grid(2, min_column_width=120, gap="small"):
            draw_parameters(form, entrant)


def draw_parameters(form: Form, entrant: tuple[Part, ...]) -> None:
    """A field for each parameter of its loss."""
    loss = LOSSES[draft.value(*entrant, "loss")]
    for parameter in loss.parameters:
        _draw_parameter(form, entrant, loss, parameter)


def _draw_parameter(
    form: Form, entrant: tuple[Part, ...], loss: LossSpec, parameter: Parameter
) -> None:
    """A field or a choice. It lets any value through: the spec's sentence says more."""
    path = (*entrant, "parameters", loss.key, parameter.name)
    explained = f"{parameter.help} {parameter.bounds}."
    match parameter.kind:
        case Kind.NUMBER:
            form.number(parameter.label, *path, help=explained)
        case Kind.WHOLE_NUMBER:
            choices = range(int(parameter.low), int(parameter.high) + 1)
            form.choice(parameter.label, choices, *path, help=parameter.help)
        case Kind.CLASS_WEIGHTS:
            form.number(
                f"{parameter.label}s",
                *path,
                placeholder="1 for each",
                help=f"{explained} One for each class, with commas between.",
            )


def draw_expression(form: Form, entrant: tuple[Part, ...], task: Task) -> str | None:
    """The field, and below it the formula as it is understood; None where it can't be."""
    form.text(
        "Your own loss, of z, p and y",
        *entrant,
        "expression",
        placeholder=EXAMPLE,
    )
    layout.fold("What it can be made of", _draw_expression_help)
    text: str = draft.value(*entrant, "expression")
    try:
        st.latex(own_loss(text).formulas[task].latex)
    except LossExpressionError as error:
        draw_error(error, text)
        return None
    return text


def _draw_expression_help() -> None:
    st.caption(escaped(_EXPRESSION_HELP))


def draw_error(error: LossExpressionError, expression: str) -> None:
    """The sentence, and the expression with a mark at the place."""
    st.error(escaped(str(error)), icon=":material/error:")
    st.code(error.pointed_out(expression), language=None)
