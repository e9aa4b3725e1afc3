"""Train, Pause or Resume, One epoch, Stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core.errors import SpecError
from core.records import Experiment, Status, Wanted
from core.spec import ExperimentSpec, changes, in_a_line
from core.store.database import EXAMPLE_IDS
from pages.parts.shell import owning, session
from pages.parts.shell.text import escaped

Read = Callable[[], ExperimentSpec]
Back = Callable[[str, ExperimentSpec], None]

#: How long a pass waits, so that the live frame that shows that a click was obeyed goes first. Both
#: share one interpreter, the frame for 10 ms and the pass for 30: together they delayed the frame.
_FRAME_SECONDS = 0.03


def draw(
    page: str,
    shown: Experiment,
    described: Described,
    name: str,
    read: Read,
    back: Back,
    draw_way_on: Callable[[], None],
) -> None:
    """The row of buttons. Each acts before the page is drawn anew, so one pass shows it.

    ``name`` stands on the one that starts what ``read`` reads from the form. Where the form says
    something else than what is shown, it is said, and a button calls ``back`` with what is shown.
    ``draw_way_on`` draws what else can be done with a training that rests.
    """
    access = session.access()
    can_start = described.spec is not None and access.may_start
    is_active = not shown.status.is_finished
    active = shown if is_active and access.may_change(shown) else None
    with st.container(horizontal=True, vertical_alignment="center", key="controls"):
        st.button(
            name,
            type="primary",
            icon=":material/play_arrow:",
            shortcut="Ctrl+Enter",
            disabled=active is not None or not can_start,
            help="Train from the start. What is training ends first.",
            on_click=_start,
            args=(page, read),
        )
        _pause_or_resume(shown, is_disabled=not access.may_change(shown))
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
            help="End what is training; its curves stay.",
            on_click=_ask,
            args=(shown, Wanted.STOPPED),
        )
        draw_way_on()
        owning.draw(access, shown)
        st.html('<a class="to-settings" id="buttons" href="#settings">Settings</a>')
        with st.container(key="keys", width="content"), st.popover("?", type="tertiary"):
            st.markdown(
                f"**Ctrl + Enter** starts, as **{name}** does.  \n"
                "**Tab** goes to the next control, **Space** or **Enter** presses it.  \n"
                "**← →** move a slider or go through a row of choices.  \n"
                "**Drag** over a chart to zoom, with **Shift** to move; a **double click** goes "
                "back.  \n"
                "**Escape** closes a menu or a chart in full screen."
            )
            st.page_link("status.py", label="Status of the lab", icon=":material/monitor_heart:")
        _draw_what_is_shown(page, shown, described, name, back)
    if not access.may_start:
        st.caption(f":material/lock: {escaped(access.who_may_start)}")
    elif is_active and active is None:
        st.caption(f":material/lock: {escaped(access.who_may_change)}")


def _draw_what_is_shown(
    page: str, shown: Experiment, described: Described, name: str, back: Back
) -> None:
    """Of what the results are, where that is not what the form says."""
    if described.spec is None:
        st.markdown(
            f":small[:red[:material/error: No **{name}**: {escaped(described.problems[0])}]]"
        )
    elif changed := changes(shown.spec, described.spec):
        told = changed[0] if len(changed) == 1 else f"{len(changed)} settings changed"
        st.caption(f":material/edit: {escaped(told)}", width="content")
        st.button(
            "Undo changes",
            icon=":material/undo:",
            type="tertiary",
            help=f"Changed: {escaped('; '.join(changed))}. What is shown is of "
            f"{escaped(in_a_line(shown.spec))}: back to that.",
            on_click=back,
            args=(page, shown.spec),
        )
    elif shown.id in EXAMPLE_IDS:
        st.caption(f":material/history: Recorded earlier; **{name}** runs it live", width="content")


def _start(page: str, read: Read, pause_after_epoch: int | None = None) -> None:
    with session.errors_as_sentences():
        session.start(page, read(), pause_after_epoch)


def _one_epoch(page: str, active: Experiment | None, read: Read) -> None:
    if active is None:
        _start(page, read, pause_after_epoch=1)
    else:
        with session.errors_as_sentences():
            epoch = session.store().get(active.id).epoch
            session.access().want(active.id, Wanted.RUNNING, pause_after_epoch=epoch + 1)


def _pause_or_resume(shown: Experiment, is_disabled: bool) -> None:
    is_lost = shown.status.can_be_resumed
    is_active = not shown.status.is_finished
    is_paused = is_active and Wanted.PAUSED in (shown.wanted, shown.status)
    resumes = is_lost or is_paused
    st.button(
        "Resume" if resumes else "Pause",
        key="pause",
        icon=":material/resume:" if resumes else ":material/pause:",
        disabled=is_disabled or not (is_active or is_lost),
        help="Go on from the last checkpoint; the result is the same as without the interruption."
        if is_lost
        else "What is training waits, and goes on from there.",
        on_click=_resume if is_lost else _ask,
        args=(shown,) if is_lost else (shown, Wanted.RUNNING if is_paused else Wanted.PAUSED),
    )


def _resume(lost: Experiment) -> None:
    """Queue anew what failed or was interrupted."""
    with session.errors_as_sentences():
        session.access().resume(lost.id)
        session.engine().look()
        session.await_answer(lost.id, lambda now: now is Status.RUNNING)


def _ask(shown: Experiment, wanted: Wanted) -> None:
    with session.errors_as_sentences():
        session.access().want(shown.id, wanted)
        session.await_answer(shown.id, lambda now: wanted.is_met_by(now) or now.is_finished)
        time.sleep(_FRAME_SECONDS)


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
