"""Train, Pause or Resume, One epoch, Stop; and the settings as a file."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.errors import LossExpressionError, SpecError
from core.records import Experiment, Status, Wanted
from core.spec import ExperimentSpec
from pages.parts import layout, session, spec_form

#: A settings file is a few hundred bytes; anything much larger is none.
_MOST_FILE_BYTES = 20_000


Read = Callable[[], ExperimentSpec]


def draw(shown: Experiment | None, can_start: bool, name: str, read: Read) -> None:
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
            args=(read,),
        )
        _pause_or_resume(active)
        st.button(
            "One epoch",
            icon=":material/skip_next:",
            disabled=not can_start if active is None else active.status is Status.QUEUED,
            help="Train to the end of one epoch, then pause.",
            on_click=_one_epoch,
            args=(active, read),
        )
        st.button(
            "Stop",
            icon=":material/stop:",
            disabled=active is None,
            on_click=_ask,
            args=(active, Wanted.STOPPED),
        )


def _start(read: Read, pause_after_epoch: int | None = None) -> None:
    with session.told():
        session.start(read(), pause_after_epoch)


def _one_epoch(active: Experiment | None, read: Read) -> None:
    if active is None:
        _start(read, pause_after_epoch=1)
    else:
        with session.told():
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
    with session.told():
        session.store().want(active.id, wanted)
        session.await_answer(active.id, lambda now: now.status == wanted or now.status.is_finished)


def read_form(read: Read) -> ExperimentSpec | None:
    """What the form describes; what is wrong with it as sentences instead.

    What is wrong with an expression stands at its field already.
    """
    try:
        return read()
    except LossExpressionError:
        return None
    except SpecError as error:
        for sentence in error.sentences:
            st.error(sentence, icon=":material/error:")
        return None


def draw_settings_file(spec: ExperimentSpec | None) -> None:
    """Download the settings, or fill the form from a file."""
    layout.fold("Settings as a file", lambda: _draw_file(spec), icon=":material/save:")


def _draw_file(spec: ExperimentSpec | None) -> None:
    st.download_button(
        "Download settings",
        data=spec.to_json() if spec else "",
        file_name="loss-lab.json",
        mime="application/json",
        disabled=spec is None,
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
    file = st.file_uploader(
        "Open settings", type="json", key="settings_file", on_change=_fill_from_file
    )
    problem = st.session_state.get(session.FILE_PROBLEM)
    if file and problem:
        st.error(problem, icon=":material/error:")


def _fill_from_file() -> None:
    """Fill the form if the file holds a spec; otherwise say why and change nothing."""
    file = st.session_state["settings_file"]
    problem = None
    if file is not None:
        try:
            spec_form.fill(_parsed(file.getvalue()))
        except SpecError as error:
            problem = f"{file.name} was not opened. {error}"
    st.session_state[session.FILE_PROBLEM] = problem


def _parsed(content: bytes) -> ExperimentSpec:
    if len(content) > _MOST_FILE_BYTES:
        raise SpecError(
            f"The file has {len(content):,} bytes; settings have at most {_MOST_FILE_BYTES:,}."
        )
    spec = ExperimentSpec.parse(content.decode("utf-8", errors="replace"))
    first = spec.seeds[0]
    if spec.seeds != tuple(range(first, first + len(spec.seeds))):
        raise SpecError(
            f"Its seeds are {', '.join(map(str, spec.seeds))}; the form has a first seed and how "
            f"many follow it, such as {first}, {first + 1}, {first + 2}."
        )
    return spec
