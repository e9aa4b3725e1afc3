"""The entrants of an experiment: what each is, and by what title and colour it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from core.bounds import Bounds, as_text, quoted
from core.losses import LossSpec
from core.losses.parameters import in_words
from core.spec.losses import LossChoice, SwitchSpec
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


class EntrantSpec(LossChoice):
    """One entrant as a person describes it; all but ``loss`` may be left out.

    Without a ``learning_rate`` the optimizer's holds. Without a ``head_seed`` the last layer starts
    as that of every other entrant whose loss needs the same outputs; each number stands for another
    start of it, in every seed. With ``then`` training goes on with another loss after some steps.
    """

    name: Annotated[str | None, AfterValidator(_short_name)] = None
    learning_rate: Annotated[float | None, AfterValidator(_learning_rate)] = None
    head_seed: Annotated[int | None, AfterValidator(_head_seed)] = None
    then: SwitchSpec | None = None

    @property
    def choices(self) -> tuple[LossChoice, ...]:
        """The loss, or the two one after the other."""
        return (self,) if self.then is None else (self, self.then)


@dataclass(frozen=True)
class Switch:
    """The loss of an entrant from the step after ``step`` on."""

    step: int
    loss: LossSpec


@dataclass(frozen=True)
class Entrant:
    """An entrant as the rest of the lab knows it: its place in the experiment, from 0, the
    title and look that it has everywhere, its loss, or its first one where it has a ``switch``, the
    learning rate that it was given, and the head seed if it has one."""

    place: int
    title: str
    loss: LossSpec
    learning_rate: float
    color: str
    dash: str
    head_seed: int | None = None
    switch: Switch | None = None

    def loss_of(self, step: int) -> LossSpec:
        """The loss that a step, counted from 1, is trained with, and judged by after it."""
        is_switched = self.switch is not None and step > self.switch.step
        return self.switch.loss if self.switch and is_switched else self.loss

    @property
    def losses(self) -> tuple[LossSpec, ...]:
        """The loss, or the two one after the other."""
        return (self.loss, self.switch.loss) if self.switch else (self.loss,)


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
    titles = _numbered_where_equal(_with_steps(specs, [*_titles(specs, rates, learning_rate)]))
    return tuple(
        Entrant(place, title, loss, rate, *look, spec.head_seed, _switch(spec))
        for place, (title, loss, rate, look, spec) in enumerate(
            zip(titles, losses, rates, looks, specs, strict=True)
        )
    )


# ------------------------------------------------------------------ titles


def _switch(spec: EntrantSpec) -> Switch | None:
    return Switch(spec.then.step, spec.then.loss_spec) if spec.then else None


def _titles(
    specs: Sequence[EntrantSpec], rates: Sequence[float], learning_rate: float
) -> Iterable[str]:
    """The name that was given, or the loss and what tells this entrant from the others."""
    losses = [choice.loss_spec for spec in specs for choice in spec.choices]
    for spec, rate in zip(specs, rates, strict=True):
        if spec.name is not None:
            yield spec.name
            continue
        title = _choice_title(spec, losses)
        if spec.then is not None:
            title += f", then {_choice_title(spec.then, losses)}"
        if rate != learning_rate and len(set(rates)) > 1:
            title += f", rate {as_text(rate)}"
        if spec.head_seed is not None:
            title += f", last layer {spec.head_seed}"
        yield title


def _choice_title(choice: LossChoice, losses: Sequence[LossSpec]) -> str:
    """The loss with what it differs in from others of its kind among all ``losses``."""
    loss = choice.loss_spec
    siblings = [other for other in losses if other.key == loss.key]
    title = " ".join([_loss_title(loss, losses), *_settings(loss, siblings)])
    if choice.expression is not None and len(siblings) > 1:
        title += f": {_cut(choice.expression)}"
    return title


def _with_steps(specs: Sequence[EntrantSpec], titles: Sequence[str]) -> Iterable[str]:
    """Where titles are equal, those of entrants that switch say at which step they do."""
    for spec, title in zip(specs, titles, strict=True):
        is_told = spec.then is not None and spec.name is None and titles.count(title) > 1
        yield f"{title} after step {spec.then.step}" if spec.then and is_told else title


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
