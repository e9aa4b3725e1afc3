"""What the form says, as one plain value of the session, and the widgets that show it.

A widget's own state lives only while the widget is drawn on one page, so the form's values are
kept here, in the **draft**, and each widget is set from it before it is drawn and writes to it
when it is changed. What is not drawn, on a page or in a fold, keeps its value that way.

Streamlit calls a widget back once for a change, and breaks even that call off where another
click follows at once. So what each widget was last set to is kept too: one that has something
else was changed since, and ``hear`` takes that into the draft, whoever calls it. What a widget
had just before it was set is no such change: the browser did not know of it yet.

Numbers that are typed are kept as the text that was typed. The form is read from that text, so
what is on the screen is what trains, and what is no number is refused with a sentence.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import streamlit as st

#: How long after the last key a field of a number tells the server: sooner than a click on Train
#: can follow. It tells at once when it loses the focus, but not when that goes to its own help.
_TYPING = "50ms"
#: So long a browser may take to hear that a widget was set; a person needs longer to set it back.
_UNHEARD_SECONDS = 0.5
#: Session keys: the draft, the one that the last large change replaced, and how each widget was
#: last set, by the widget's key.
_DRAFT = "draft"
_BEFORE = "draft_before"
_SET = "draft_set"

T = TypeVar("T", int, float, str)
Draft = dict[str, Any]
#: One name of a path.
Part = str | int


def exists() -> bool:
    return _DRAFT in st.session_state


def current() -> Draft:
    draft: Draft = st.session_state[_DRAFT]
    return draft


def replace(draft: Draft) -> None:
    """Set everything at once. The widgets follow when they are drawn next."""
    st.session_state[_DRAFT] = draft


def remember() -> None:
    """Keep the draft as it is now, for ``undo``."""
    if exists():
        hear()
        st.session_state[_BEFORE] = copy.deepcopy(current())


def can_undo() -> bool:
    return _BEFORE in st.session_state


def undo() -> None:
    """Back to what was remembered; undoing again goes forth."""
    hear()
    now = current()
    replace(st.session_state[_BEFORE])
    st.session_state[_BEFORE] = now


@dataclass(frozen=True)
class Form:
    """The form as one page shows it: a method for each kind of widget, tied to a value.

    A value's ``path`` are the names that lead to it in the draft; within a list an item goes
    by its ``"id"``. ``problems`` are the sentences that say what is wrong with the values.
    """

    page: str
    problems: tuple[str, ...] = ()

    def number(self, label: str, *path: Part, **options: Any) -> None:
        """A field of text: one of numbers changes in the browser what was typed, or ignores it."""
        self.text(label, *path, live=_TYPING, autocomplete="off", **options)

    def slider(self, label: str, low: T, high: T, *path: Part, **options: Any) -> None:
        at = value(*path)
        self._draw(path, at, partial(st.slider, label, low, high, value=at, **options))

    def select_slider(
        self,
        label: str,
        offered: Iterable[T],
        *path: Part,
        fitted: T | None = None,
        **options: Any,
    ) -> None:
        """What is set stands among what is offered; ``fitted`` is set where the draft has more
        than fits."""
        at = value(*path) if fitted is None else fitted
        every = sorted({*offered, at})
        self._draw(path, at, partial(st.select_slider, label, every, value=at, **options))

    def slid(
        self, label: str, offered: Sequence[str], at: str, *path: Part, **options: Any
    ) -> None:
        """A slider beside the field of the same text; ``at`` is where among ``offered`` it is."""
        self._draw(path, at, partial(st.select_slider, label, offered, value=at, **options), "slid")

    def choice(
        self,
        label: str,
        offered: Sequence[T],
        *path: Part,
        fitted: T | None = None,
        **options: Any,
    ) -> None:
        """What is set stands among what is offered; ``fitted`` as for ``select_slider``."""
        at: Any = value(*path) if fitted is None else fitted
        every = [*offered] if at in offered else sorted({*offered, at})
        self._draw(path, at, partial(st.selectbox, label, every, index=every.index(at), **options))

    def pills(self, label: str, offered: Sequence[Any], *path: Part, **options: Any) -> None:
        at = value(*path)
        self._draw(path, at, partial(st.pills, label, offered, default=at, **options))

    def text(self, label: str, *path: Part, **options: Any) -> None:
        at = value(*path)
        self._draw(path, at, partial(st.text_input, label, value=at, **options))

    def toggle(self, label: str, *path: Part, **options: Any) -> None:
        at = value(*path)
        self._draw(path, at, partial(st.toggle, label, value=at, **options))

    def _draw(
        self, path: tuple[Part, ...], at: Any, widget: Callable[..., Any], *kind: str
    ) -> None:
        """Draw the widget of the value at the path; it shows ``at``.

        The key differs from page to page, as the widgets themselves do: with one key for all,
        a page's first pass would find the last page's widget under it. A widget that is new
        begins with the value that its method gives it, in whichever pass the browser first
        hears of it; one that is there is set where the draft was changed by something else.
        """
        key = "/".join([self.page, *map(str, path), *kind])
        known = _set().setdefault(key, _Set(path, at))
        now = st.session_state.get(key, at)
        if now != at:
            known.before, known.since = now, time.monotonic()
            st.session_state[key] = at
        known.shown = widget(key=key, on_change=hear)


@dataclass
class _Set:
    """What a widget shows since it was set, where in the draft that stands, and what it showed
    ``before``."""

    path: tuple[Part, ...]
    shown: Any
    before: Any = None
    since: float = float("-inf")

    def is_changed(self, now: Any) -> bool:
        is_unheard = now == self.before and time.monotonic() - self.since < _UNHEARD_SECONDS
        return bool(now != self.shown) and not is_unheard


def _set() -> dict[str, _Set]:
    known: dict[str, _Set] = st.session_state.setdefault(_SET, {})
    return known


def hear() -> None:
    """Take into the draft what widgets were changed to since they were set."""
    for key, known in list(_set().items()):
        now = st.session_state.get(key, known.shown)
        if known.is_changed(now):
            # An entrant may be gone, or the loss that it was to go on with.
            with suppress(StopIteration, TypeError):
                change(now, *known.path)
            known.shown = now


def value(*path: Part) -> Any:
    """The value at a path of the draft."""
    return _holder(path)[path[-1]]


def change(new: Any, *path: Part) -> None:
    """Set the value at a path of the draft."""
    _holder(path)[path[-1]] = new


def _holder(path: tuple[Part, ...]) -> Any:
    """The mapping that has the last name of the path."""
    holder: Any = current()
    for part in path[:-1]:
        if isinstance(holder, list):
            holder = next(item for item in holder if item["id"] == part)
        else:
            holder = holder[part]
    return holder
