from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import place
from core.lab import lab
from core.store import Store
from tests.pages.looking import opened

#: What a browser may say was clicked within a stage; some of it no stage has.
ACTIONS = (
    "set_up_one_function",
    "race_at_best_rates",
    "try_diverged_0",
    "try_diverged_1",
    "try_plateau_0",
    "try_diverged_99",
    "try_../../etc_0",
    "try_",
    "another",
    "",
)


@pytest.fixture(scope="session")
def lab_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store that the app under test uses; its one engine is ended with the session."""
    url = f"sqlite:///{tmp_path_factory.mktemp('pages') / 'lab.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOSSLAB_STORE", url)
        lab.cache_clear()
        yield Store(url)
        lab().end()
        lab.cache_clear()


@pytest.fixture
def train(lab_store: Store) -> AppTest:
    """A fresh session on the Train page."""
    return opened("train")


@pytest.fixture
def compare(lab_store: Store) -> AppTest:
    """A fresh session on the Compare page."""
    return opened("compare")


@pytest.fixture
def losses(lab_store: Store) -> AppTest:
    """A fresh session on the Losses page."""
    return opened("losses")


@pytest.fixture
def nothing_trains(lab_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a button starts is stored and stays queued: it is for a service that nobody is."""
    assert lab().engine.trouble is None
    monkeypatch.setenv(place.ENVIRONMENT_VARIABLE, "nowhere")
    monkeypatch.setattr("pages.parts.shell.session.ANSWER_SECONDS", 0)


@pytest.fixture
def clickable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage as a button for each name of an action, which sends what the browser would."""

    def stage(*, key: str, data: Any, on_action_change: Callable[[], None], **others: Any) -> None:
        def click(name: str) -> None:
            st.session_state[key] = SimpleNamespace(action=name)
            on_action_change()

        for name in ACTIONS:
            st.button(f"action {name}", on_click=click, args=(name,))

    monkeypatch.setattr("pages.parts.widgets.stage._stage", stage)
