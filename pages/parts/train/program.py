"""The settings as a whole PyTorch program: part by part, to copy, to download and to run."""

from __future__ import annotations

import contextlib

import streamlit as st

from core.lab import lab
from core.program import Program, of_experiment, written
from core.program.running import Running, UnknownRun
from core.records import Experiment
from pages.parts.shell import session
from pages.parts.shell.controls import Described
from pages.parts.shell.text import escaped
from pages.parts.widgets import program_run

#: Session key: the id of the program that was run last.
_RUN = "program_run_id"


def draw(described: Described, shown: Experiment | None) -> None:
    """The program of what the form describes, or why that is none."""
    if described.spec is None:
        described.draw_problems()
        return
    is_shown = shown is not None and shown.spec == described.spec
    program = of_experiment(shown) if shown and is_shown else written(described.spec)
    st.markdown(
        "What the settings say, as a PyTorch program that runs as it stands: the first entrant, "
        "from the first seed."
    )
    for part in program.parts:
        st.markdown(f"**{escaped(part.title)}.** {part.sentence}")
        st.code(part.code, language="python", wrap_lines=True)
    _draw_whole(program)
    _draw_run(program, shown)


def _draw_whole(program: Program) -> None:
    st.download_button(
        "Download program.py",
        data=program.code,
        file_name="program.py",
        mime="text/x-python",
        on_click="ignore",
        icon=":material/download:",
    )
    with st.expander("The whole program, to copy"):
        st.code(program.code, language="python", wrap_lines=True)


def _draw_run(program: Program, shown: Experiment | None) -> None:
    run: str | None = st.session_state.get(_RUN)
    running = _running(run)
    is_running = running is not None and not running.status.is_finished
    with st.container(horizontal=True):
        st.button(
            "Run it",
            icon=":material/terminal:",
            disabled=is_running,
            on_click=_start,
            args=(program,),
            help="In a process of its own on the server, on the CPU, with one thread.",
        )
        st.button(
            "Stop it",
            icon=":material/stop:",
            disabled=not is_running,
            on_click=_stop,
        )
    if run is None or running is None:
        return
    if running.program.code != program.code:
        st.caption("The settings have changed since; this is what the program before printed.")
    program_run.draw(run, running.status, shown.id if shown else None)


def _running(run: str | None) -> Running | None:
    with contextlib.suppress(UnknownRun):
        return lab().programs.get(run) if run else None
    return None


def _start(program: Program) -> None:
    with session.errors_as_sentences():
        st.session_state[_RUN] = session.access().run_program(program)


def _stop() -> None:
    with session.errors_as_sentences():
        session.access().stop_program(st.session_state[_RUN])
