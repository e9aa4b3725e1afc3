"""What a session keeps (ids and choices, under these keys), and what all sessions share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from core.engine import Engine
from core.errors import LabError
from core.example import ensure
from core.lab import lab
from core.records import Experiment
from core.spec import ExperimentSpec
from core.store import Store
from pages.parts.shell.text import escaped

#: The address's parameter that names the experiment on the page.
EXPERIMENT = "experiment"

#: Session key: which experiments filled the form or were started from it.
FILLED_FROM = "filled_from"
#: Which experiment a page showed last, by the page's name.
LAST_SHOWN = "last_shown"

#: How long a click waits for its answer, and between two looks for it.
ANSWER_SECONDS = 0.3
_LOOK_SECONDS = 0.005


def store() -> Store:
    return lab().store


def engine() -> Engine:
    return lab().engine


@st.cache_data(show_spinner="Computing …", max_entries=2_000)
def ask(question: str, *arguments: Any) -> Any:
    """The answer of a process with torch; the same question is asked once."""
    return lab().calculator.ask(question, *arguments)


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show what goes wrong inside as a sentence, in place of what can't be shown."""
    try:
        yield
    except LabError as error:
        st.error(escaped(str(error)), icon=":material/error:")


def example() -> str:
    """The id of the recorded example race, in the store."""
    return _example_in(store().url)


@st.cache_data(show_spinner=False)
def _example_in(store_url: str) -> str:
    """``store_url`` tells the stores of several tests apart."""
    return ensure(store())


def opened(page: str) -> Experiment | None:
    """The experiment that the address names, or that this session last saw on the page.

    A sentence if there is none of that id.
    """
    last = f"{LAST_SHOWN}_{page}"
    experiment_id = st.query_params.get(EXPERIMENT) or st.session_state.get(last)
    if not experiment_id:
        return None
    with errors_as_sentences():
        experiment = store().get(experiment_id)
        st.session_state[last] = st.query_params[EXPERIMENT] = experiment_id
        return experiment
    return None


def await_answer(experiment_id: str, is_answer: Callable[[Experiment], bool]) -> None:
    """Give the training process a moment to obey, so that this pass shows that it did.

    Another pass for it would cost a round trip to the browser, which is slower.
    """
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline and not is_answer(store().get(experiment_id)):
        time.sleep(_LOOK_SECONDS)


def start_on(page: str, spec: ExperimentSpec) -> None:
    """Start an experiment that another page is to show when it is opened."""
    experiment_id = _start(spec)
    st.session_state[f"{LAST_SHOWN}_{page}"] = experiment_id


def start(spec: ExperimentSpec, pause_after_epoch: int | None = None) -> None:
    """Store a new experiment, hand it to the engine and put it into the address."""
    experiment_id = _start(spec, pause_after_epoch)
    st.query_params[EXPERIMENT] = experiment_id


def _start(spec: ExperimentSpec, pause_after_epoch: int | None = None) -> str:
    experiment_id = store().create(spec, pause_after_epoch=pause_after_epoch)
    engine().start(experiment_id)
    st.session_state.setdefault(FILLED_FROM, []).append(experiment_id)
    return experiment_id
