"""The entrants of an experiment: what each is, and by what title and colour it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from core.bounds import Bounds, Frozen, any_of, as_text, quoted
from core.errors import LossExpressionError
from core.losses import CUSTOM, LOSSES, LossSpec, own_loss, parse
from core.losses.parameters import FrozenMapping, Value, in_words
from core.spec.parts import HEAD_SEED, LEARNING_RATE

MAX_ENTRANTS = 10
ENTRANTS = Bounds("Number of entrants", 1, MAX_ENTRANTS)
NAME_LENGTH = 40
#: So much of an expression stands in a title.
_SHOWN_EXPRESSION = 24

#: What entrants of one loss look like, by their place: colours that differ on a light and on
#: a dark page and to eyes that see fewer colours, and dashes that differ as well.
PALETTE = (
    ("#0072B2", "solid"),
    ("#D55E00", "dash"),
    ("#009E73", "dot"),
    ("#B478A5", "dashdot"),
    ("#8769F0", "longdash"),
    ("#BB2D00", "longdashdot"),
    ("#556944", "solid"),
    ("#E1004B", "dash"),
    ("#775A77", "dot"),
    ("#224BFF", "dashdot"),
)


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


def _short_name(name: str | None) -> str | None:
    """The name without white space around it; none where nothing is left."""
    if name is None or not name.strip():
        return None
    name = name.strip()
    if len(name) > NAME_LENGTH or not name.isprintable():
        raise ValueError(
            f"Name was {quoted(name)}; allowed are up to {NAME_LENGTH} characters on one line."
        )
    return name


def _learning_rate(rate: float | None) -> float | None:
    return rate if rate is None else float(LEARNING_RATE.check(rate))


def _head_seed(seed: int | None) -> int | None:
    return seed if seed is None else int(HEAD_SEED.check(seed))


class EntrantSpec(Frozen):
    """One entrant as a person describes it; all but ``loss`` may be left out.

    ``parameters`` has those of the loss that are not at their default, by name;
    ``expression`` is that of a person's own loss. Without a ``learning_rate`` the
    optimizer's holds. Without a ``head_seed`` the last layer starts as that of every other entrant
    whose loss needs the same outputs; each number stands for another start of it, in every seed.
    """

    loss: Annotated[str, AfterValidator(_known_loss)]
    parameters: Annotated[
        Mapping[str, Value], PlainSerializer(lambda parameters: dict(parameters))
    ] = FrozenMapping({})
    expression: Annotated[str | None, AfterValidator(_readable_expression)] = None
    name: Annotated[str | None, AfterValidator(_short_name)] = None
    learning_rate: Annotated[float | None, AfterValidator(_learning_rate)] = None
    head_seed: Annotated[int | None, AfterValidator(_head_seed)] = None

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


@dataclass(frozen=True)
class Entrant:
    """An entrant as the rest of the lab knows it: its place in the experiment, from 0, the
    title and look that it has everywhere, the learning rate that it was given, and the head
    seed if it has one."""

    place: int
    title: str
    loss: LossSpec
    learning_rate: float
    color: str
    dash: str
    head_seed: int | None = None


@lru_cache(maxsize=256)
def lineup(specs: tuple[EntrantSpec, ...], learning_rate: float) -> tuple[Entrant, ...]:
    """The entrants with titles that all differ, each in its own colour and dash.

    Entrants look like their losses while these differ, and by their place where one repeats.
    Kept here and not in the experiment, whose copies and pickles would take it along.
    """
    losses = [spec.loss_spec for spec in specs]
    rates = [spec.learning_rate or learning_rate for spec in specs]
    looks = [(loss.color, loss.dash) for loss in losses]
    if len({loss.key for loss in losses}) < len(losses):
        looks = list(PALETTE[: len(losses)])
    titles = _numbered_where_equal(_titles(specs, losses, rates, learning_rate))
    return tuple(
        Entrant(place, title, loss, rate, *look, spec.head_seed)
        for place, (title, loss, rate, look, spec) in enumerate(
            zip(titles, losses, rates, looks, specs, strict=True)
        )
    )


# ------------------------------------------------------------------ titles


def _titles(
    specs: Sequence[EntrantSpec],
    losses: Sequence[LossSpec],
    rates: Sequence[float],
    learning_rate: float,
) -> Iterable[str]:
    """The name that was given, or the loss and what tells this entrant from the others."""
    for spec, loss, rate in zip(specs, losses, rates, strict=True):
        if spec.name is not None:
            yield spec.name
            continue
        siblings = [other for other in losses if other.key == loss.key]
        title = " ".join([_loss_title(loss, losses), *_settings(loss, siblings)])
        if spec.expression is not None and len(siblings) > 1:
            title += f": {_cut(spec.expression)}"
        if rate != learning_rate and len(set(rates)) > 1:
            title += f", rate {as_text(rate)}"
        if spec.head_seed is not None:
            title += f", last layer {spec.head_seed}"
        yield title


def _loss_title(loss: LossSpec, losses: Sequence[LossSpec]) -> str:
    """The full title where another loss's title begins with the short one."""
    others = {other.title for other in losses if other.key != loss.key}
    is_ambiguous = any(title.startswith(f"{loss.title} ") for title in others)
    return loss.full_title if is_ambiguous else loss.title


def _settings(loss: LossSpec, siblings: Sequence[LossSpec]) -> Iterable[str]:
    """Parameters that were changed, or in which entrants of one loss differ.

    One at the value where it does nothing is left out.
    """
    for parameter in loss.parameters:
        value = loss.values[parameter.name]
        differs = len({other.values[parameter.name] for other in siblings}) > 1
        if (differs or parameter.name in loss.changed) and value != parameter.neutral:
            yield f"{parameter.symbol} {_cut(in_words(value))}"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_EXPRESSION else f"{text[: _SHOWN_EXPRESSION - 1]}…"


def _numbered_where_equal(titles: Iterable[str]) -> list[str]:
    """Titles that occur more than once get their number among the equal ones."""
    titles = list(titles)
    counts, taken = Counter(titles), set(titles)
    numbered = []
    for title in titles:
        number = 1
        unique = title
        while counts[title] > 1 and (unique == title or unique in taken):
            unique = f"{title} #{number}"
            number += 1
        taken.add(unique)
        numbered.append(unique)
    return numbered
