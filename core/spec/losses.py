"""Which loss an entrant trains with, and with which one it goes on where it switches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from core.bounds import Bounds, Frozen, any_of, quoted
from core.data import Dataset
from core.errors import LossExpressionError
from core.losses import CUSTOM, LOSSES, LossSpec, own_loss, parse
from core.losses.parameters import FrozenMapping, Value, in_words

#: Whether a step lies within a training is checked with the training; no training has more.
SWITCH_STEP = Bounds("Step of the switch", 1, 50_000_000)


def _known_loss(key: str) -> str:
    if key not in LOSSES:
        raise ValueError(f"Loss was {quoted(key)}; allowed is {any_of(LOSSES)}.")
    return key


def _readable_expression(text: str | None) -> str | None:
    if text is not None:
        try:
            parse(text)
        except LossExpressionError as error:
            raise ValueError(str(error)) from error
    return text


class LossChoice(Frozen):
    """A loss as a person describes it; all but ``loss`` may be left out.

    ``parameters`` has those of the loss that are not at their default, by name;
    ``expression`` is that of a person's own loss.
    """

    loss: Annotated[str, AfterValidator(_known_loss)]
    parameters: Annotated[
        Mapping[str, Value], PlainSerializer(lambda parameters: dict(parameters))
    ] = FrozenMapping({})
    expression: Annotated[str | None, AfterValidator(_readable_expression)] = None

    @field_validator("parameters", mode="plain")
    @classmethod
    def _allowed_parameters(cls, given: object, info: ValidationInfo) -> FrozenMapping[Value]:
        """Checked against the loss, unless the loss itself is already refused."""
        if "loss" not in info.data:
            return FrozenMapping({})
        loss = LOSSES[info.data["loss"]]
        return FrozenMapping(loss.with_parameters(loss.parse_parameters(given)).changed)

    @model_validator(mode="after")
    def _expression_where_it_belongs(self) -> Self:
        if self.loss == CUSTOM and self.expression is None:
            raise ValueError(f"{LOSSES[CUSTOM].title} has no expression; write one of z, p and y.")
        if self.loss != CUSTOM and self.expression is not None:
            raise ValueError(
                f"{LOSSES[self.loss].title} had the expression {quoted(self.expression)}; only "
                f"the loss {CUSTOM!r} has one."
            )
        return self

    @property
    def loss_spec(self) -> LossSpec:
        """The loss with its parameters, or a person's own with its expression."""
        if self.expression is not None:
            return own_loss(self.expression)
        return LOSSES[self.loss].with_parameters(self.parameters)

    @property
    def details(self) -> str:
        """What the loss is beside its title: its expression, or what is not at its default."""
        if self.expression is not None:
            return self.expression
        loss = self.loss_spec
        labels = {each.name: each.label.lower() for each in loss.parameters}
        return ", ".join(
            f"{labels[name]} {in_words(value)}" for name, value in loss.changed.items()
        )


class SwitchSpec(LossChoice):
    """The loss that an entrant goes on with after ``step`` steps, from the same weights, with the
    same state of the optimizer and on the same batches."""

    step: int

    @field_validator("step", mode="after")
    @classmethod
    def _allowed_step(cls, step: int) -> int:
        return int(SWITCH_STEP.check(step))


# ------------------------------------------------------------------ what fits


def misfits(loss: LossSpec, dataset: Dataset, number: int) -> Iterator[str]:
    """Why the data can't be trained on with the loss of entrant ``number``, counted from 1."""
    if refusal := loss.refusal(dataset.task):
        yield f"{loss.title} does not fit {dataset.title}. {refusal}"
        return
    for parameter in loss.parameters:
        value = loss.values[parameter.name]
        if isinstance(value, tuple) and len(value) not in (0, dataset.outputs):
            yield (
                f"Entrant {number}: {parameter.label} was {quoted(list(value))}; "
                f"{dataset.title} has {dataset.outputs} classes, so allowed is a list of "
                f"{dataset.outputs}, or an empty one."
            )


def successors(loss: LossSpec, dataset: Dataset) -> dict[str, str | None]:
    """Every loss by its key, with why training can't go on with it after ``loss``; None: it can."""
    return {key: _no_successor(loss, other, dataset) for key, other in LOSSES.items()}


def _no_successor(first: LossSpec, second: LossSpec, dataset: Dataset) -> str | None:
    if refusal := second.refusal(dataset.task):
        return refusal
    given, needed = (each.head.width(dataset.outputs) for each in (first, second))
    if given == needed:
        return None
    return (
        f"It needs {_outputs(needed)} of the network on {dataset.title}, and {first.title} has "
        f"trained {_outputs(given)}."
    )


def _outputs(count: int) -> str:
    return "1 output" if count == 1 else f"{count} outputs"


def switch_misfits(
    first: LossSpec, switch: SwitchSpec, dataset: Dataset, total_steps: int, number: int
) -> Iterator[str]:
    """Why entrant ``number`` can't go from its first loss to that of the switch."""
    second = switch.loss_spec
    yield from misfits(second, dataset, number)
    reasons = successors(first, dataset)
    if not second.refusal(dataset.task) and (reason := reasons[second.key]):
        allowed = [key for key, refusal in reasons.items() if refusal is None]
        yield (
            f"Entrant {number}: training can't go on with {second.title}. {reason} Allowed is "
            f"{any_of(allowed)}."
        )
    if total_steps < 2:
        yield (
            f"Entrant {number}: a training of 1 step has no step after which its loss could be "
            "switched; allowed is no 'then'."
        )
    elif switch.step >= total_steps:
        yield (
            f"Entrant {number}: {SWITCH_STEP.label} was {quoted(switch.step)}; the training has "
            f"{total_steps:,} steps, so allowed is 1 to {total_steps - 1:,}."
        )
