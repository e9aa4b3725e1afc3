"""Train, Pause or Resume, One epoch, Stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core.errors import SpecError
from core.records import Experiment, Status, Wanted
from core.spec import ExperimentSpec
from pages.parts.shell import session
from pages.parts.shell.text import escaped

Read = Callable[[], ExperimentSpec]


def draw(page: str, shown: Experiment | None, can_start: bool, name: str, read: Read) -> None:
    """The row of buttons. Each acts before the page is drawn anew, so one pass shows it.

    ``name`` stands on the one that starts what ``read`` reads from the form.
    """
    active = shown if shown is not None and not shown.status.is_finished else None
    with st.container(horizontal=True, key="controls"):
        st.button(
            name,
            type="primary",
            icon=":material/play_arrow:",
            shortcut="Ctrl+Enter",
            disabled=active is not None or not can_start,
            on_click=_start,
            args=(page, read),
        )
        _pause_or_resume(active)
        st.button(
            "One epoch",
            icon=":material/skip_next:",
            disabled=not can_start if active is None else active.status is Status.QUEUED,
            help="Train to the end of one epoch, then pause.",
            on_click=_one_epoch,
            args=(page, active, read),
        )
        st.button(
            "Stop",
            icon=":material/stop:",
            disabled=active is None,
            on_click=_ask,
            args=(active, Wanted.STOPPED),
        )


def _start(page: str, read: Read, pause_after_epoch: int | None = None) -> None:
    with session.errors_as_sentences():
        session.start(page, read(), pause_after_epoch)


def _one_epoch(page: str, active: Experiment | None, read: Read) -> None:
    if active is None:
        _start(page, read, pause_after_epoch=1)
    else:
        with session.errors_as_sentences():
            epoch = session.store().get(active.id).epoch
            session.store().want(active.id, Wanted.RUNNING, pause_after_epoch=epoch + 1)


def _pause_or_resume(active: Experiment | None) -> None:
    paused = active is not None and Wanted.PAUSED in (active.wanted, active.status)
    st.button(
        "Resume" if paused else "Pause",
        key="pause",
        icon=":material/resume:" if paused else ":material/pause:",
        disabled=active is None,
        on_click=_ask,
        args=(active, Wanted.RUNNING if paused else Wanted.PAUSED),
    )


def _ask(active: Experiment, wanted: Wanted) -> None:
    with session.errors_as_sentences():
        session.store().want(active.id, wanted)
        session.await_answer(
            active.id, lambda now: wanted.is_met_by(now.status) or now.status.is_finished
        )


@dataclass(frozen=True)
class Described:
    """What a form describes, or the sentences that say why it describes nothing."""

    spec: ExperimentSpec | None
    problems: tuple[str, ...] = ()

    def draw_problems(self) -> None:
        for sentence in self.problems:
            st.error(escaped(sentence), icon=":material/error:")


def read_form(read: Read) -> Described:
    """What the form describes, read from its draft: no widget need be drawn yet."""
    try:
        return Described(read())
    except SpecError as error:
        return Described(None, tuple(error.sentences))
