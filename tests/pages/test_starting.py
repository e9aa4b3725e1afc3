"""One wish starts one experiment, which the page shows and can stop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from core.records import Status, Wanted
from core.spec import LESSON
from core.store import Store
from core.store.tables import experiments
from pages.parts.shell import session
from tests.core.live.staging import recorded
from tests.pages.looking import click, enter, errors, opened, run, shown

STARTING = [
    ("train", "Train"),
    ("train", "One epoch"),
    ("compare", "Race"),
    ("compare", "One epoch"),
]
every_button = pytest.mark.parametrize(("where", "name"), STARTING)
pytestmark = pytest.mark.usefixtures("nothing_trains")


def count(store: Store) -> int:
    with store._database.read() as connection:
        return connection.scalar(select(func.count()).select_from(experiments)) or 0


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, each press comes long after the one before."""
    return lambda: monkeypatch.setattr("pages.parts.shell.session._SAME_PRESS", timedelta(0))


def end(app: AppTest, store: Store) -> str:
    """What the page shows is over, as if it had been short; the page has heard of it."""
    experiment_id: str = app.query_params["experiment"]
    store.set_status(experiment_id, Status.FINISHED)
    run(app)
    return experiment_id


@every_button
def test_a_second_press_at_once_starts_nothing_though_the_first_has_ended(
    lab_store: Store, slowly: Callable[[], None], where: str, name: str
) -> None:
    app = run(opened(where))
    before = count(lab_store)
    click(app, name)
    first = end(app, lab_store)
    for _ in range(3):
        click(app, name)
        assert not app.error
        assert app.query_params["experiment"] == first
    assert count(lab_store) == before + 1
    slowly()
    click(app, name)
    assert count(lab_store) == before + 2
    assert end(app, lab_store) != first


def test_a_key_that_is_held_while_it_trains_starts_nothing_when_it_has_ended(
    train: AppTest, lab_store: Store
) -> None:
    click(run(train), "Train")
    first = end(train, lab_store)
    train.session_state["started"]["train"].pressed -= timedelta(seconds=2)
    before = count(lab_store)
    click(train, "Train")
    assert train.query_params["experiment"] == first
    assert count(lab_store) == before


def test_a_second_press_that_is_heard_while_the_first_starts_starts_nothing(
    lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit hears it in a thread of its own; here both would create at the same time."""
    before, create, both = count(lab_store), Store.create, Barrier(2)

    def create_when_both_would(*arguments: Any, **options: Any) -> str:
        with suppress(BrokenBarrierError):
            both.wait(timeout=0.5)
        return create(*arguments, **options)

    monkeypatch.setattr(Store, "create", create_when_both_would)
    st.session_state.clear()
    with ThreadPoolExecutor(2) as threads:
        for press in [threads.submit(session.start_on, "train", LESSON) for _ in range(2)]:
            press.result()
    assert count(lab_store) == before + 1


def test_after_a_stop_a_press_is_another_wish(train: AppTest, lab_store: Store) -> None:
    before = count(lab_store)
    for _ in range(2):
        click(run(train), "Train")
        click(train, "Stop")
    assert count(lab_store) == before + 2


def test_other_settings_are_another_wish(train: AppTest, lab_store: Store) -> None:
    before = count(lab_store)
    click(run(train), "Train")
    end(train, lab_store)
    enter(train, "train", "seed", 1)
    click(train, "Train")
    assert lab_store.get(end(train, lab_store)).spec.seeds == (1,)
    assert count(lab_store) == before + 2


@every_button
def test_what_still_trains_is_shown_and_not_left_behind(
    lab_store: Store, slowly: Callable[[], None], where: str, name: str
) -> None:
    app = run(opened(where))
    slowly()
    click(app, name)
    first = app.query_params["experiment"]
    shown(app, recorded(lab_store, Status.FINISHED))
    before = count(lab_store)
    click(app, name)
    assert errors(app) == [
        f"What was started last on {where.capitalize()} is still training; stop it before you "
        "start another."
    ]
    assert app.query_params["experiment"] == first
    assert count(lab_store) == before
    click(app, "Stop")
    assert lab_store.get(first).status is Status.STOPPED
    click(app, name)
    assert not app.error
    assert count(lab_store) == before + 1
    end(app, lab_store)


@pytest.mark.parametrize(("label", "where"), [("Train it", "Train"), ("Race it", "Compare")])
def test_the_losses_page_leaves_nothing_behind_either(
    losses: AppTest, lab_store: Store, slowly: Callable[[], None], label: str, where: str
) -> None:
    click(run(losses), label)
    first = losses.query_params["experiment"]
    slowly()
    run(losses.switch_page("losses.py"))
    before = count(lab_store)
    click(losses, label)
    assert losses.title[0].value == "Losses"
    assert errors(losses) == [
        f"What was started last on {where} is still training; stop it before you start another."
    ]
    assert count(lab_store) == before
    lab_store.want(first, Wanted.STOPPED)
    click(losses, label)
    assert count(lab_store) == before + 1
    end(losses, lab_store)


def test_each_page_starts_its_own(train: AppTest, lab_store: Store) -> None:
    before = count(lab_store)
    click(run(train), "The lesson")
    click(train, "Train")
    first = train.query_params["experiment"]
    train.query_params.clear()
    click(run(train.switch_page("compare.py")), "Defaults")
    click(train, "Race")
    assert count(lab_store) == before + 2
    assert lab_store.get(first).spec == LESSON
    end(train, lab_store)
    lab_store.want(first, Wanted.STOPPED)
