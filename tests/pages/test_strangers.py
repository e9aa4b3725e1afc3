"""A shared server without log-in: strangers look, and change nothing that others started."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from core.example import ensure
from core.exhibits import EXHIBITS
from core.records import Status
from core.sharing import SHARED_VARIABLE
from core.store import Store
from core.store.tables import experiments, metadata
from tests.browser.app import ROOT
from tests.core.live.staging import recorded
from tests.pages.looking import button, click, enter, errors, opened, read, run, said, shown, unfold
from tests.pages.test_exhibits import at, param

pytestmark = pytest.mark.usefixtures("nothing_trains")
WHO = "Somebody else started this: only they, or who has the link for it, can pause or stop it."
KEY = next(iter(EXHIBITS))


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED_VARIABLE, "1")


@pytest.fixture
def forged(monkeypatch: pytest.MonkeyPatch) -> None:
    """No button is greyed out, so that what a page refuses is not left to how it is drawn."""
    drawn = st.button

    def draw(*arguments: Any, **options: Any) -> bool:
        return drawn(*arguments, **options | {"disabled": False})

    monkeypatch.setattr(st, "button", draw)


def buttons(app: AppTest) -> list[str]:
    """The keys of all, or their labels."""
    return [each.key or each.label for each in app.button]


def kept(store: Store, *ids: str) -> list[Any]:
    """All that is stored of these experiments and showings."""
    found = []
    with store._database.read() as connection:
        for table in metadata.sorted_tables:
            names = [name for name in ("experiment_id", "showing_id", "id") if name in table.c]
            rows = connection.execute(select(table).where(table.c[names[0]].in_(ids)))
            found += [(table.name, *row) for row in rows]
    assert found
    return found


def of_another(store: Store, status: Status) -> str:
    """An experiment that nobody here started; the training service takes it for looked after."""
    experiment_id = recorded(store, status)
    later = {"heartbeat": time.time() + 3600}
    with store._database.write() as connection:
        it = experiments.c.id == experiment_id
        connection.execute(update(experiments).where(it).values(later))
    return experiment_id


def press_all(store: Store, go: Callable[[], AppTest], *ids: str) -> set[str]:
    """Press every button of a page, from its address; returns what was pressed."""
    before, pressed = kept(store, *ids), set()
    app = go()
    address, names = dict(app.query_params), buttons(app)
    for name in names:
        if name not in buttons(app) or dict(app.query_params) != address:
            app = go()
        if name in buttons(app):
            click(app, name)
            pressed.add(name)
            assert kept(store, *ids) == before, name
    return pressed


# ------------------------------------------------------------------ all that can be pressed


@pytest.mark.usefixtures("clickable", "forged")
@pytest.mark.parametrize(
    ("where", "status"),
    [("train", Status.PAUSED), ("compare", Status.STOPPED)],
)
def test_no_button_changes_what_another_started(
    lab_store: Store, where: str, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.parts.shell.session._SAME_PRESS", timedelta(0))
    victim = of_another(lab_store, status)
    app = unfold(opened(where), "Program")
    pressed = press_all(lab_store, lambda: shown(app, victim), victim)
    assert {"Stop", "pause", "One epoch", "Train" if where == "train" else "Race"} <= pressed
    assert "delete" not in pressed


@pytest.mark.usefixtures("forged")
def test_no_button_of_an_exhibit_changes_what_another_shows(lab_store: Store) -> None:
    presenter = run(opened("exhibits"))
    click(presenter, f"run_{KEY}")
    running = param(presenter, "showing")
    waiting = lab_store.showings.create(KEY, "somebody else")
    ids = (running, waiting, *lab_store.showings.get(running).experiments)
    for showing, step in ((running, {}), (waiting, {"tour": "1", "step": "1"})):

        def go(showing: str = showing, **params: str) -> AppTest:
            return at(exhibit=KEY, showing=showing, **params)

        press_all(lab_store, partial(go, **step), *ids)
        assert not {"Stop", "run"} & {*buttons(go())}


# ------------------------------------------------------------------ what is said


@pytest.mark.usefixtures("forged")
@pytest.mark.parametrize("name", ["pause", "Stop"])
def test_what_is_not_allowed_is_a_sentence(train: AppTest, lab_store: Store, name: str) -> None:
    click(shown(train, of_another(lab_store, Status.PAUSED)), name)
    assert errors(train) == [f"{WHO} You can watch it."]


@pytest.mark.usefixtures("nothing_trains")
@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.PAUSED])
def test_a_stranger_is_told_who_may_stop_it_and_may_start_one_of_their_own(
    train: AppTest, lab_store: Store, status: Status
) -> None:
    victim = of_another(lab_store, status)
    shown(train, victim)
    assert WHO in said(train)
    assert button(train, "Stop").disabled
    assert button(train, "Resume" if status is Status.PAUSED else "Pause").disabled
    click(train, "Train")
    own = train.query_params["experiment"]
    assert own != victim
    assert WHO not in said(train)
    click(train, "Stop")
    assert lab_store.get(own).status is Status.STOPPED


def test_who_shows_an_exhibit_alone_may_run_and_stop_it(lab_store: Store) -> None:
    app = run(opened("exhibits"))
    click(app, f"run_{KEY}")
    other = opened("exhibits")
    other.query_params["showing"] = param(app, "showing")
    run(other)
    assert WHO in said(other)
    click(app, "Stop")
    assert WHO not in said(run(other))


# ------------------------------------------------------------------ keys and limits


def test_the_link_with_the_key_stops_it_and_the_address_does_not_keep_the_key(
    train: AppTest, lab_store: Store
) -> None:
    click(run(train), "Train")
    own = train.query_params["experiment"]
    assert not train.code
    click(train, "link")
    key = re.search(r"key=([0-9a-f]{32})", train.code[0].value)
    assert key is not None
    friend = opened("train")
    friend.query_params["key"] = key[1]
    shown(friend, own)
    assert "key" not in friend.query_params
    assert "link" not in buttons(friend)
    assert WHO not in said(friend)
    click(friend, "Stop")
    assert lab_store.get(own).status is Status.STOPPED
    assert "delete" not in buttons(friend)
    assert "delete" in buttons(run(train))


def test_a_wrong_key_is_none(train: AppTest, lab_store: Store) -> None:
    victim = of_another(lab_store, Status.RUNNING)
    train.query_params["key"] = "0" * 32
    assert WHO in said(shown(train, victim))


def test_a_start_beyond_a_limit_is_a_sentence_and_the_form_stays(
    train: AppTest, lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOSSLAB_MOST_STORED", "1")
    click(run(train), "Train")
    first = train.query_params["experiment"]
    click(train, "Stop")
    enter(train, "train", "epochs", "77")
    before = read(train, "train")
    click(train, "Train")
    assert errors(train) == [
        "That would make 2 stored experiments of yours; allowed are 1 a visitor. Delete one that "
        "has ended."
    ]
    assert read(train, "train") == before
    assert train.query_params["experiment"] == first
    click(train, "delete")
    assert "experiment" not in train.query_params
    click(train, "Train")
    assert not errors(train)
    click(train, "Stop")


def test_yours_has_what_one_started_and_deletes_what_has_ended(
    train: AppTest, lab_store: Store
) -> None:
    click(run(train), "Train")
    ended = train.query_params["experiment"]
    click(train, "Stop")
    enter(train, "train", "epochs", "78")
    click(train, "Train")
    trains = train.query_params["experiment"]
    train.session_state["yours"] = True
    run(train)
    assert "2 of 100 experiments are stored." in said(train)
    ticking = next(each for each in train.multiselect if each.key == "yours_ticked")
    assert len(ticking.options) == 1
    ticking.set_value([ended])
    click(train, "delete_ticked")
    assert [each.id for each in lab_store.owned(lab_store.get(trains).owner)] == [trains]
    assert train.query_params["experiment"] == trains
    click(train, "Stop")


def test_a_setting_that_is_none_is_a_sentence_in_place_of_the_page(
    train: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOSSLAB_MOST_QUEUED", "many")
    run(train)
    assert "LOSSLAB_MOST_QUEUED was 'many'" in errors(train)[0]


# ------------------------------------------------------------------ log-in


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the login service says, which a test may change; nobody to begin with."""
    said: dict[str, Any] = {}

    class User:
        is_logged_in = property(lambda self: bool(said))

        def to_dict(self) -> dict[str, Any]:
            return said

    monkeypatch.setattr("pages.parts.shell.visitor.has_login", lambda: True)
    monkeypatch.setattr("streamlit.user", User())
    return said


def test_who_has_not_logged_in_sees_why_nothing_starts(
    train: AppTest, logged_in: dict[str, Any]
) -> None:
    run(train)
    assert "Log in to train here; to watch and to bet you need not." in said(train)
    assert button(train, "Train").disabled
    assert button(train, "One epoch").disabled


@pytest.mark.usefixtures("forged")
def test_who_has_not_logged_in_starts_nothing(
    train: AppTest, lab_store: Store, logged_in: dict[str, Any]
) -> None:
    run(train)
    before = stored(lab_store)
    for name in ("Train", "One epoch"):
        click(train, name)
        assert errors(train) == ["Log in to train here; to watch and to bet you need not."]
    app = opened("exhibits")
    click(run(app), f"run_{KEY}")
    assert errors(app) == ["Log in to train here; to watch and to bet you need not."]
    assert stored(lab_store) == before


def stored(store: Store) -> int:
    with store._database.read() as connection:
        return len(connection.execute(select(experiments.c.id)).all())


def test_an_account_is_the_same_in_every_session(
    train: AppTest, lab_store: Store, logged_in: dict[str, Any]
) -> None:
    logged_in |= {"iss": "https://login.example", "sub": "1", "name": "*Ada*"}
    click(run(train), "Train")
    own = train.query_params["experiment"]
    assert "*Ada*" in said(train)
    assert "link" not in buttons(train)
    logged_in |= {"sub": "2", "name": "Bob"}
    other = shown(opened("train"), own)
    assert "Somebody else started this: only they can pause or stop it." in said(other)
    assert button(other, "Stop").disabled
    logged_in |= {"sub": "1"}
    click(shown(opened("train"), own), "Stop")
    assert lab_store.get(own).status is Status.STOPPED


def test_an_answer_that_says_not_who_it_is_is_a_sentence(
    train: AppTest, logged_in: dict[str, Any]
) -> None:
    logged_in |= {"iss": "https://login.example", "name": "Ada"}
    assert "lacks iss or sub" in errors(run(train))[0]


def test_secrets_that_cannot_be_read_let_nobody_in(
    train: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text("[auth", encoding="utf-8")
    monkeypatch.setattr("streamlit.get_option", lambda name: [str(file)])
    assert "Nobody can log in" in errors(run(train))[0]


# ------------------------------------------------------------------ this machine alone


def test_on_this_machine_alone_nothing_of_this_is_in_the_way(
    train: AppTest, lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SHARED_VARIABLE)
    click(run(train), "Train")
    own = train.query_params["experiment"]
    assert len(lab_store.get(own).owner) == 64
    assert not {"link", "Log in", "yours"} & {*buttons(train), *train.session_state}
    other = shown(opened("train"), own)
    click(other, "Stop")
    assert lab_store.get(own).status is Status.STOPPED
    click(other, "delete")
    assert "experiment" not in other.query_params
    # Who still shows it is told, and can start another.
    assert "No experiment" in errors(run(train))[0]
    train.query_params.clear()
    click(run(train), "Train")
    assert not errors(train)
    click(train, "Stop")


@pytest.mark.parametrize("page", ["train", "compare"])
def test_examples_have_no_delete(lab_store: Store, page: str) -> None:
    example = ensure(lab_store, page)
    assert "delete" not in buttons(shown(opened(page), example))


# ------------------------------------------------------------------ the code

#: How a page would change what is stored, were it to pass by ``Access``; bets are each one's own.
_CHANGE = re.compile(
    r"(store\(\)|store|showings|programs|lab\(\)\.\w+)"
    r"\.(create|want|report|set_status|delete|set_key|heartbeat|interrupt_stale|begin|start|stop)"
)


def test_pages_change_nothing_but_through_access() -> None:
    files = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]
    assert len(files) > 30
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert not _CHANGE.search(ast.unparse(node)), f"{file}:{node.lineno}"


def test_routes_are_read_only() -> None:
    from app import app

    own = [each for each in app._user_routes if hasattr(each, "methods")]
    assert len(own) > 5
    assert all(each.methods <= {"GET", "HEAD"} for each in own)
