"""The form's settings as a file, downloaded and opened again."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.errors import SpecError
from core.spec import ExperimentSpec, parse_file
from pages.parts.form import whole
from pages.parts.form.draft import Form
from pages.parts.shell import layout
from pages.parts.shell.text import escaped


def draw(form: Form, spec: ExperimentSpec | None) -> None:
    """Download the settings, or fill the form from a file."""
    layout.fold("Settings as a file", partial(_draw, form, spec), icon=":material/save:")


def _draw(form: Form, spec: ExperimentSpec | None) -> None:
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
    key = f"settings_file_{form.page}"
    file = st.file_uploader(
        "Open settings", type="json", key=key, on_change=_fill, args=(form.page, key)
    )
    problem = st.session_state.get(_problem_key(form.page))
    if file and problem:
        st.error(escaped(problem), icon=":material/error:")


def _problem_key(page: str) -> str:
    """The session key of the sentence that says why a file was refused."""
    return f"file_problem_{page}"


def _fill(page: str, key: str) -> None:
    """Fill the form if the file holds a spec; otherwise say why and change nothing."""
    file = st.session_state[key]
    problem = None
    if file is not None:
        try:
            whole.fill(page, parse_file(file.getvalue()))
        except SpecError as error:
            problem = f"{file.name} was not opened. {error}"
    st.session_state[_problem_key(page)] = problem
