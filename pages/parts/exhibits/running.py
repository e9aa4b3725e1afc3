"""The showings of this session: made when an exhibit is looked at, begun by Run it."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import streamlit as st

from core.errors import LabError, UnknownShowing
from core.exhibits import EXHIBITS, Exhibit
from core.records import Phase, Showing, Wanted
from pages.parts.shell import session

#: Session keys: the showings that have not begun by their exhibits, what was run last.
_WAITING = "showings_waiting"
_LAST = "showing_run"

#: Clicks on one exhibit that follow each other faster are one.
_SAME_PRESS = timedelta(seconds=1)
#: Streamlit begins the pass of a second click in a thread of its own.
_STARTING = threading.Lock()


def get(showing_id: str) -> Showing:
    return session.store().showings.get(showing_id)


def waiting(exhibit: Exhibit) -> Showing:
    """This session's showing of the exhibit that has not begun, a new one where there is none.

    Looking at it again and again makes no further ones.
    """
    made: dict[str, str] = st.session_state.setdefault(_WAITING, {})
    try:
        showing = get(made[exhibit.key])
    except (KeyError, UnknownShowing):
        showing = None
    if showing is None or showing.phase is not Phase.WAITING:
        made[exhibit.key] = session.access().show(exhibit.key)
        showing = get(made[exhibit.key])
    return showing


@dataclass
class _Run:
    """What was run last, and when that was asked for last."""

    exhibit: str
    showing: str
    pressed: datetime


def run_new(exhibit: Exhibit) -> str:
    """Run the exhibit as a showing of its own; returns its id. A double click is one."""
    with _STARTING:
        last: _Run | None = st.session_state.get(_LAST)
        is_repeated = (
            last is not None
            and last.exhibit == exhibit.key
            and datetime.now(UTC) - last.pressed < _SAME_PRESS
        )
        if last is not None and is_repeated:
            last.pressed = datetime.now(UTC)
            return last.showing
        showing = waiting(exhibit)
        _run(showing)
        return showing.id


def run(showing: Showing) -> None:
    """Begin a showing; does nothing where it has begun. What still trains of this session's
    last one is stopped, and its curves are kept."""
    with _STARTING:
        _run(showing)


def _run(showing: Showing) -> None:
    access, exhibit = session.access(), EXHIBITS[showing.exhibit]
    stop_last(but=showing.id)
    has_begun = access.begin(showing, [part.spec for part in exhibit.parts])
    st.session_state[_LAST] = _Run(exhibit.key, showing.id, datetime.now(UTC))
    if not has_begun:
        return
    experiments = get(showing.id).experiments
    try:
        session.engine().look()
    except LabError as error:
        for each in experiments:
            access.fail(each, str(error))
        raise


def stop(showing: Showing) -> None:
    """Stop what still trains; what was recorded stays."""
    for each in showing.experiments:
        session.access().want(each, Wanted.STOPPED)


def stop_last(but: str = "") -> None:
    """Stop what this session ran last, unless it is this one."""
    last: _Run | None = st.session_state.get(_LAST)
    if last is not None and last.showing != but:
        # It may have been deleted since.
        with suppress(UnknownShowing):
            stop(get(last.showing))
