"""The entrants of a training or a race: added, edited, duplicated and removed by clicks.

The draft has a list for each page and for each kind of task, as losses for classes do not fit
values: changing the data and changing it back loses nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from functools import partial
from typing import Any

import streamlit as st
from pydantic import ValidationError

from core.bounds import as_text
from core.data import DATASETS
from core.losses import CUSTOM, LOSSES, RIVALS, Task, fitting
from core.losses.custom import EXAMPLE
from core.spec import (
    LEARNING_RATES,
    MAX_ENTRANTS,
    NAME_LENGTH,
    EntrantSpec,
    ExperimentSpec,
    Protocol,
    successors,
)
from core.spec.entrants import lineup
from pages.parts.form import draft, losses
from pages.parts.form.draft import Draft, Form, Part
from pages.parts.shell import layout
from pages.parts.shell.text import escaped, in_a_row

_PRESET_SIZE = 3
#: Where room is short.
_SHORT = {"CrossEntropy": "CE"}


# ------------------------------------------------------------------ in and out


def kind(task: Task) -> str:
    return "classes" if task.is_classification else "values"


def rivals(picked: str, task: Task) -> tuple[str, ...]:
    """The losses among CrossEntropy, BCE and MSE that fit the task, but for the picked one."""
    return tuple(key for key in RIVALS if key != picked and task in LOSSES[key].formulas)


def preset(task: Task) -> list[EntrantSpec]:
    """CrossEntropy, BCE and MSE as far as they fit, and others where that leaves one."""
    fits = [loss.key for loss in fitting(task)]
    of_three = [key for key in fits if key in RIVALS]
    keys = of_three if len(of_three) > 1 else fits[:_PRESET_SIZE]
    return [EntrantSpec(loss=key) for key in keys]


def first_lists(numbers: Any) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What both pages begin with; ``numbers`` gives each entrant its own."""
    return {
        page: {
            kind(task): [losses.drafted(each, next(numbers)) for each in preset(task)]
            for task in (Task.MULTICLASS, Task.REGRESSION)
        }
        for page in ("train", "compare")
    }


def put(into: Draft, page: str, spec: ExperimentSpec) -> None:
    """Set the list of a page to the spec's entrants."""
    drafted = []
    for entrant in spec.entrants:
        into["numbered"] += 1
        drafted.append(losses.drafted(entrant, into["numbered"]))
    into["entrants"][page][kind(spec.dataset.task)] = drafted


class Entrants:
    """The list of one page for one task, and all that can be done to it by a click."""

    def __init__(self, form: Form, task: Task) -> None:
        self.form = form
        self.task = task
        self.path: tuple[Part, ...] = ("entrants", form.page, kind(task))

    @property
    def items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = draft.value(*self.path)
        return items

    @property
    def described(self) -> list[dict[str, Any]]:
        """As ``ExperimentSpec`` takes them, unchecked."""
        return [losses.described(each) for each in self.items]

    def add(self, loss: str) -> None:
        self.items.append(self._new(loss))
        self._edit(self.items[-1]["id"])

    def duplicate(self, number: int) -> None:
        place = self._place(number)
        twin = copy.deepcopy(self.items[place]) | {"id": self._next_number(), "name": ""}
        self.items.insert(place + 1, twin)
        self._edit(twin["id"])

    def remove(self, number: int) -> None:
        draft.remember()
        del self.items[self._place(number)]
        self._edit(None)

    def keep_only(self, number: int) -> None:
        draft.remember()
        self.items[:] = [self.items[self._place(number)]]

    def set_preset(self) -> None:
        draft.remember()
        self.items[:] = [losses.drafted(each, self._next_number()) for each in preset(self.task)]
        self._edit(None)

    def set_aa_check(self) -> None:
        """Let the first entrant race itself from another start of the last layer."""
        draft.remember()
        first = self.items[0] | {"head_seed": None}
        other = {"id": self._next_number(), "name": "", "head_seed": 1}
        self.items[:] = [first, copy.deepcopy(first) | other]
        # One function of p is a race of two losses.
        if draft.value("protocol", self.form.page) is Protocol.ONE_FUNCTION:
            draft.change(Protocol.SAME_RATE, "protocol", self.form.page)
        self._edit(None)

    def titles(self, learning_rate: float) -> dict[int, str]:
        """By number; an entrant that can't be read yet goes by its loss."""
        known = lineup(tuple(_readable(each) for each in self.items), learning_rate)
        numbers = [each["id"] for each in self.items]
        return {number: each.title for number, each in zip(numbers, known, strict=True)}

    def _new(self, loss: str) -> dict[str, Any]:
        return losses.drafted(_plain(loss), self._next_number())

    def _next_number(self) -> int:
        draft.current()["numbered"] += 1
        number: int = draft.current()["numbered"]
        return number

    def _place(self, number: int) -> int:
        return next(i for i, each in enumerate(self.items) if each["id"] == number)

    def _edit(self, number: int | None) -> None:
        draft.change(number, "edited", self.form.page)

    # -------------------------------------------------------- drawing

    def draw_list(self, learning_rate: float) -> None:
        """The entrants to choose from, and the fields of the chosen one."""
        titles = self.titles(learning_rate)
        edited = draft.value("edited", self.form.page)
        if edited not in titles:
            self._edit(None)
        self.form.pills(
            "Losses, side by side: click one to set it",
            list(titles),
            "edited",
            self.form.page,
            format_func=lambda number: escaped(titles[number]),
        )
        edited = draft.value("edited", self.form.page)
        if edited is not None:
            with st.container(border=True, key="entrant"):
                self._draw_fields(edited, titles[edited], learning_rate)

    def _draw_fields(self, number: int, title: str, learning_rate: float) -> None:
        entrant = (*self.path, number)
        self.form.choice(
            "Loss of this entrant",
            [loss.key for loss in fitting(self.task)],
            *entrant,
            "loss",
            format_func=lambda key: LOSSES[key].title,
        )
        losses.draw_settings(self.form, entrant, self.task)
        if draft.value(*entrant, "then") is not None:
            self._draw_switch(entrant)
        with st.grid(2, min_column_width=120, gap="small"):
            own = draft.value(*entrant, "learning_rate")
            self.form.choice(
                "Own learning rate",
                sorted({losses.RATE_OF_ALL, *LEARNING_RATES, own}),
                *entrant,
                "learning_rate",
                # The browser knows an option by what stands there, which must stay the same.
                format_func=lambda rate: as_text(rate) if rate else "as all",
            )
            self.form.text(
                "Name",
                *entrant,
                "name",
                placeholder=title,
                max_chars=NAME_LENGTH,
            )
        with st.container(horizontal=True):
            st.button(
                "Duplicate",
                icon=":material/content_copy:",
                disabled=len(self.items) >= MAX_ENTRANTS,
                on_click=self.duplicate,
                args=(number,),
            )
            st.button(
                "Remove",
                icon=":material/delete:",
                disabled=len(self.items) == 1,
                on_click=self.remove,
                args=(number,),
            )
            st.button(
                "Only this",
                icon=":material/filter_1:",
                disabled=len(self.items) == 1,
                help="Remove the others. Undo brings them back.",
                on_click=self.keep_only,
                args=(number,),
            )

    def _draw_switch(self, entrant: tuple[Part, ...]) -> None:
        """With which loss it goes on, from which step on, and the way to go on with none."""
        then = (*entrant, "then")
        dataset = DATASETS[draft.value("dataset")]
        follows = successors(LOSSES[draft.value(*entrant, "loss")], dataset)
        self.form.choice(
            "Then, with the same weights",
            [key for key, reason in follows.items() if reason is None],
            *then,
            "loss",
            format_func=lambda key: LOSSES[key].title,
        )
        losses.draw_settings(self.form, then, self.task)
        self.form.number(
            "After step",
            *then,
            "step",
            help="So many steps are trained with the first loss. What the optimizer has gathered "
            "stays, and the batches go on in their order.",
        )
        st.button(
            "No other loss then",
            icon=":material/close:",
            type="tertiary",
            help="Train with the first loss to the end. Undo brings the other back.",
            on_click=self._drop_switch,
            args=(entrant,),
        )

    def _drop_switch(self, entrant: tuple[Part, ...]) -> None:
        draft.remember()
        draft.change(None, *entrant, "then")

    def draw_adding(self, keys: Collection[str]) -> None:
        """A button for each of these losses, to be added beside what is there."""
        if len(self.items) < MAX_ENTRANTS:
            losses.draw_adding(keys, self.task, self.add)
        else:
            st.caption(f"There are {MAX_ENTRANTS} entrants, as many as can race.")

    def draw_preset(self) -> None:
        titles = [each.loss_spec.title for each in preset(self.task)]
        st.button(
            escaped(", ".join(_SHORT.get(title, title) for title in titles)),
            icon=":material/sports_score:",
            help=f"Race just {escaped(in_a_row(titles))}, with their defaults.",
            on_click=self.set_preset,
        )

    def draw_aa_check(self) -> None:
        st.button(
            "A/A check",
            icon=":material/balance:",
            type="tertiary",
            help="Race the first entrant against itself from another start of its last layer. "
            "What differs then is the noise floor.",
            on_click=self.set_aa_check,
        )


def _plain(loss: str, name: str | None = None) -> EntrantSpec:
    """An entrant of the loss with its defaults."""
    expression = EXAMPLE if loss == CUSTOM else None
    return EntrantSpec(loss=loss, expression=expression, name=name)


def _readable(drafted: dict[str, Any]) -> EntrantSpec:
    """What the draft says of an entrant; where that is none yet, one whose name says so."""
    try:
        return EntrantSpec.model_validate(losses.described(drafted))
    except ValidationError:
        return _plain(drafted["loss"], f"{LOSSES[drafted['loss']].title} (to be mended)")


# ------------------------------------------------------------------ on both pages


def draw(form: Form, task: Task, learning_rate: float) -> None:
    """What is trained side by side, and what can be added."""
    entrants = Entrants(form, task)
    entrants.draw_list(learning_rate)
    every = [loss.key for loss in LOSSES.values()]
    layout.fold("Add an entrant", partial(entrants.draw_adding, every), icon=":material/add:")
