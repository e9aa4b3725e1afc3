"""Which loss, and what can be set on it: buttons, parameters, a person's own expression."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from core.bounds import as_text, number_in
from core.errors import LossExpressionError
from core.losses import CUSTOM, LOSSES, Kind, LossSpec, Parameter, Task, own_loss
from core.losses.custom import EXAMPLE
from core.losses.expression import CONSTANTS
from core.losses.operations import FUNCTIONS
from core.losses.parameters import Value, in_words
from core.spec import EntrantSpec, LossChoice
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
    """An entrant as the draft holds it, its fields as their widgets have them."""
    then = entrant.then
    return {
        "id": number,
        **drafted_loss(entrant),
        "name": entrant.name or "",
        "learning_rate": entrant.learning_rate or RATE_OF_ALL,
        "head_seed": entrant.head_seed,
        "then": {**drafted_loss(then), "step": as_text(then.step)} if then else None,
    }


def drafted_loss(choice: LossChoice) -> dict[str, Any]:
    """A loss as the draft holds it.

    ``parameters`` are by loss and name, those of every loss, so that picking another loss and
    the first again loses nothing.
    """
    parameters = {}
    for loss in LOSSES.values():
        is_picked = loss.key == choice.loss
        values = (loss.with_parameters(choice.parameters) if is_picked else loss).values
        parameters[loss.key] = {
            each.name: _as_field(each, values[each.name]) for each in loss.parameters
        }
    return {
        "loss": choice.loss,
        "parameters": parameters,
        "expression": choice.expression or EXAMPLE,
    }


def described(entrant: dict[str, Any]) -> dict[str, Any]:
    """What the draft says of an entrant, as ``EntrantSpec`` takes it, unchecked."""
    then = entrant["then"]
    return {
        **described_loss(entrant),
        "name": entrant["name"] or None,
        "learning_rate": entrant["learning_rate"] or None,
        "head_seed": entrant["head_seed"],
        "then": {**described_loss(then), "step": number_in(then["step"])} if then else None,
    }


def described_loss(choice: dict[str, Any]) -> dict[str, Any]:
    """What the draft says of a loss, as ``LossChoice`` takes it, unchecked."""
    loss = LOSSES[choice["loss"]]
    values = {
        each.name: _from_field(each, choice["parameters"][loss.key][each.name])
        for each in loss.parameters
    }
    return {
        "loss": loss.key,
        "parameters": {
            each.name: values[each.name]
            for each in loss.parameters
            if values[each.name] != each.default
        },
        "expression": choice["expression"] if loss.key == CUSTOM else None,
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
    mistakes = [loss for loss in losses if loss.is_mistake]
    _draw_buttons([loss for loss in losses if not loss.is_mistake], task, add)
    if mistakes:
        st.caption("Bugs, to see what they do to a training:")
        _draw_buttons(mistakes, task, add)
    draw_refusals({loss.key: loss.refusal(task) for loss in losses})


def _draw_buttons(losses: Sequence[LossSpec], task: Task, add: Callable[[str], None]) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        for loss in losses:
            st.button(
                escaped(loss.title),
                key=f"add_{loss.key}",
                disabled=loss.refusal(task) is not None,
                help=escaped(loss.refusal(task) or ""),
                on_click=add,
                args=(loss.key,),
            )


def draw_refusals(refusals: Mapping[str, str | None]) -> None:
    """The reasons why losses, by their keys, can't be picked, each with their titles."""
    reasons: dict[str, list[str]] = {}
    for key, reason in refusals.items():
        if reason:
            reasons.setdefault(reason, []).append(LOSSES[key].title)
    for reason, titles in reasons.items():
        st.caption(escaped(f"{', '.join(titles)}: {reason}"))


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
    label, explained = escaped(parameter.label), escaped(f"{parameter.help} {parameter.bounds}.")
    match parameter.kind:
        case Kind.NUMBER:
            form.number(label, *path, help=explained)
        case Kind.WHOLE_NUMBER:
            choices = range(int(parameter.low), int(parameter.high) + 1)
            form.choice(label, choices, *path, help=escaped(parameter.help))
        case Kind.CLASS_WEIGHTS:
            form.number(
                f"{label}s",
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
    # An entrant may go on with an expression from an expression.
    which = str(entrant[-1]) if entrant[-1] in ("then", "branch") else ""
    layout.fold("What it can be made of", _draw_expression_help, which=which)
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
