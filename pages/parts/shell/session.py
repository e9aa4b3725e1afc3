"""What a session keeps (ids and choices, under these keys), and what all sessions share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from core.access import Access
from core.engine import Engine
from core.errors import LabError, UnknownExperiment
from core.example import ensure
from core.lab import lab
from core.records import Experiment, Status
from core.sharing import limits
from core.spec import ExperimentSpec
from core.store import Store
from pages.parts.shell import visitor
from pages.parts.shell.text import escaped

#: The address's parameter that names the experiment on the page.
EXPERIMENT = "experiment"

#: Session key: which experiments filled a page's form or were started from it.
FILLED_FROM = "filled_from"
#: The page that was drawn last.
DRAWN = "drawn"
#: Which experiment a page showed last, by the page's name.
LAST_SHOWN = "last_shown"

#: The page to go to at the next pass: a click can't go there itself.
_GO_TO = "go_to"

#: Which experiment a page showed before that one.
_BEFORE = "before"

#: What was started last, by page.
_STARTED = "started"

#: Clicks that follow each other faster are one. A key that is held repeats after half a second.
_SAME_PRESS = timedelta(seconds=1)
#: Streamlit begins the pass of a second click in a thread of its own, while the first click may
#: still be on its way into the store.
_STARTING = threading.Lock()
#: How long a click waits for its answer, and between two looks for it.
ANSWER_SECONDS = 0.3
_LOOK_SECONDS = 0.005


def store() -> Store:
    return lab().store


def access() -> Access:
    """What this visitor may do. Pages read from the store, and change it by this alone."""
    allowed = limits()
    has_login = allowed is not None and visitor.has_login()
    who = visitor.current(has_login)
    return Access(store(), lab().programs, who, allowed, has_login)


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


def example(page: str) -> Experiment:
    """What the page shows before anything else: a recorded training or race."""
    return store().get(_example_in(store().url, page))


@st.cache_data(show_spinner=False)
def _example_in(store_url: str, page: str) -> str:
    """``store_url`` tells the stores of several tests apart."""
    return ensure(store(), page)


def opened(page: str) -> Experiment | None:
    """The experiment that the address names, or that this session last saw on the page.

    A sentence if there is none of that id.
    """
    last = f"{LAST_SHOWN}_{page}"
    experiment_id = st.query_params.get(EXPERIMENT) or st.session_state.get(last)
    if not experiment_id:
        return None
    visitor.take_key(experiment_id)
    with errors_as_sentences():
        try:
            experiment = store().get(experiment_id)
        except UnknownExperiment:
            # It may have been deleted since.
            _forget(experiment_id)
            raise
        before = st.session_state.get(last)
        if before not in (None, experiment_id):
            st.session_state[f"{_BEFORE}_{page}"] = before
        st.session_state[last] = st.query_params[EXPERIMENT] = experiment_id
        return experiment
    return None


def delete(experiment_id: str) -> None:
    """Delete an experiment, and show another one in its place."""
    access().delete(experiment_id)
    _forget(experiment_id)
    if st.query_params.get(EXPERIMENT) == experiment_id:
        del st.query_params[EXPERIMENT]


def _forget(experiment_id: str) -> None:
    """Show it no more where it was shown last."""
    for key, value in st.session_state.to_dict().items():
        if value == experiment_id and str(key).startswith((LAST_SHOWN, _BEFORE)):
            del st.session_state[key]


def before(page: str, shown: Experiment) -> str:
    """The id of what is drawn behind what is shown: of a branch its origin, else what the page
    showed before, the example at first; empty where there is none."""
    if origin := shown.spec.branched_from:
        with suppress(UnknownExperiment):
            return store().get(origin.experiment).id
    first = example(page).id
    before: str = st.session_state.get(f"{_BEFORE}_{page}", first)
    return "" if shown.id in (before, first) else before


def go_to(page: str) -> None:
    """Leave for another page in the pass that follows the click."""
    st.session_state[_GO_TO] = page


def follow_click() -> None:
    """Go where the last click wanted to; to be called before a page draws anything."""
    if page := st.session_state.pop(_GO_TO, None):
        st.switch_page(f"{page}.py")


def await_answer(experiment_id: str, is_answer: Callable[[Status], bool]) -> None:
    """Give the training process a moment to obey, so that this pass shows that it did.

    Another pass for it would cost a round trip to the browser, which is slower.
    """
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline and not is_answer(store().standing(experiment_id)[0]):
        time.sleep(_LOOK_SECONDS)


def start(page: str, spec: ExperimentSpec, pause_after_epoch: int | None = None) -> None:
    """Start an experiment on the page that is open, and put it into the address."""
    try:
        start_on(page, spec, pause_after_epoch)
    finally:
        if shown := st.session_state.get(f"{LAST_SHOWN}_{page}"):
            st.query_params[EXPERIMENT] = shown


@dataclass
class _Started:
    """What was started last for a page, and when that was asked for last."""

    id: str
    pressed: datetime


def start_on(page: str, spec: ExperimentSpec, pause_after_epoch: int | None = None) -> None:
    """Start an experiment that the page shows from now on.

    A click that repeats the last one (a double click, a key that is held down) starts nothing.
    Neither does one while what was started last still trains, as nobody would see it any more
    or could stop it: the page shows it, and the click has a sentence. A branch names its origin,
    which may rest meanwhile.
    """
    with _STARTING:
        is_refused = _start_or_refuse(page, spec, pause_after_epoch)
    if is_refused:
        raise LabError(
            f"What was started last on {page.capitalize()} is still training; stop it before "
            "you start another."
        )


def _start_or_refuse(page: str, spec: ExperimentSpec, pause_after_epoch: int | None) -> bool:
    """Whether the click is refused; the page shows what was started last in any case."""
    state = st.session_state
    # Plain values: at each use of its own state Streamlit may break the pass off for the next
    # click, which is to know of this one.
    started: dict[str, _Started] = state.setdefault(_STARTED, {})
    filled: list[tuple[str, str]] = state.setdefault(FILLED_FROM, [])
    known = started.get(page)
    last = None
    if known:
        # It may have been deleted since.
        with suppress(UnknownExperiment):
            last = store().get(known.id)
    is_repeated = last is not None and known is not None and _is_repeated(last, spec, known.pressed)
    is_busy = last is not None and not last.status.is_finished and not _may_rest(last, spec)
    is_refused = is_busy and not is_repeated
    if known is None or not (is_repeated or is_refused):
        experiment_id = access().create(spec, pause_after_epoch)
        known = started[page] = _Started(experiment_id, datetime.now(UTC))
        filled.append((page, experiment_id))
        try:
            engine().look()
        except LabError:
            del started[page]
            raise
    known.pressed = datetime.now(UTC)
    state[f"{LAST_SHOWN}_{page}"] = known.id
    return is_refused


def _may_rest(last: Experiment, spec: ExperimentSpec) -> bool:
    """Whether ``last`` is paused and the spec is a branch of it."""
    origin = spec.branched_from
    is_origin = origin is not None and origin.experiment == last.id
    return is_origin and last.status is Status.PAUSED


def _is_repeated(last: Experiment, spec: ExperimentSpec, pressed: datetime) -> bool:
    """Whether a click for the spec is one with that for ``last``, as it follows so soon.

    A key can be held until a short experiment has ended and its button is back.
    """
    if last.status is Status.STOPPED or last.spec != spec:
        return False
    since = max(pressed, last.heartbeat) if last.status.is_finished else pressed
    return datetime.now(UTC) - since < _SAME_PRESS
