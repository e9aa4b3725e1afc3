"""Showings and bets against real SQLite: begun once, bets closed at the first step, kept."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from core.errors import UnknownShowing
from core.records import NO_DIFFERENCE, Bet, Phase, Progress, Status, Wanted
from core.spec import ExperimentSpec
from core.store import Store, showings
from tests.core.experiments import entrants

PARTS = (ExperimentSpec(), ExperimentSpec(entrants=entrants("mse", "bce")))


def begun(store: Store) -> tuple[str, tuple[str, ...]]:
    key = store.showings.create("focal")
    assert store.showings.begin(key, PARTS)
    return key, store.showings.get(key).experiments


def train(store: Store, experiment_id: str, outcome: Status = Status.RUNNING) -> None:
    """One step."""
    runs = store.get(experiment_id).spec.run_count
    losses = np.ones((1, runs), np.float32)
    store.report(experiment_id, Progress(1, 0, 0.1, losses, (), (None,) * runs), outcome)


def test_a_new_showing_waits_and_has_no_experiments(store: Store) -> None:
    showing = store.showings.get(store.showings.create("focal"))
    assert (showing.exhibit, showing.phase) == ("focal", Phase.WAITING)
    assert (showing.experiments, showing.bets) == ((), 0)


def test_beginning_makes_an_experiment_of_each_part_in_their_order(store: Store) -> None:
    key, experiments = begun(store)
    assert [store.get(each).spec for each in experiments] == list(PARTS)
    assert {store.get(each).status for each in experiments} == {Status.QUEUED}
    assert store.showings.get(key).phase is Phase.STARTING


def test_however_many_begin_it_at_once_it_begins_once(store: Store) -> None:
    key = store.showings.create("focal")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: store.showings.begin(key, PARTS), range(16)))
    assert sum(answers) == 1
    assert len(store.showings.get(key).experiments) == len(PARTS)


def test_phases_follow_the_experiments(store: Store) -> None:
    key, (first, second) = begun(store)
    train(store, first)
    assert store.showings.get(key).phase is Phase.TRAINING
    train(store, first, Status.FINISHED)
    assert store.showings.get(key).phase is Phase.TRAINING
    store.want(second, Wanted.STOPPED)
    assert store.showings.get(key).phase is Phase.ENDED


def test_a_voter_has_one_bet_which_may_be_changed(store: Store) -> None:
    key = store.showings.create("focal")
    assert store.showings.bet(key, "a", Bet(1))
    assert store.showings.bet(key, "b", Bet(NO_DIFFERENCE, 0.25))
    assert store.showings.bet(key, "a", Bet(0, 0.5))
    assert sorted(store.showings.bets(key), key=lambda bet: bet.sketched or 0) == [
        Bet(NO_DIFFERENCE, 0.25),
        Bet(0, 0.5),
    ]
    assert store.showings.bet_of(key, "a") == Bet(0, 0.5)
    assert store.showings.bet_of(key, "nobody") == Bet()
    assert store.showings.get(key).bets == 2


@pytest.mark.parametrize("part", [0, 1])
def test_bets_close_at_the_first_step_of_any_part(store: Store, part: int) -> None:
    key, experiments = begun(store)
    assert store.showings.bet(key, "a", Bet(1))
    train(store, experiments[part])
    assert not store.showings.bet(key, "a", Bet(0))
    assert not store.showings.bet(key, "late", Bet(0))
    assert store.showings.bets(key) == (Bet(1),)


def test_bets_close_also_where_no_step_was_made(store: Store) -> None:
    key, (first, _second) = begun(store)
    store.want(first, Wanted.STOPPED)
    assert not store.showings.bet(key, "a", Bet(0))


def test_bets_on_one_showing_are_not_closed_by_another(store: Store) -> None:
    other, experiments = begun(store)
    train(store, experiments[0])
    key = store.showings.create("focal")
    assert store.showings.bet(key, "a", Bet(0))
    assert not store.showings.bet(other, "a", Bet(0))


def test_many_voters_at_once_each_have_their_bet(store: Store) -> None:
    key = store.showings.create("focal")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda voter: store.showings.bet(key, str(voter % 10), Bet(0)), range(40)))
    assert store.showings.get(key).bets == 10


def test_all_is_there_when_the_store_is_opened_again(store: Store) -> None:
    key, experiments = begun(store)
    store.showings.bet(key, "a", Bet(1, 0.5))
    again = Store(store.url)
    assert again.showings.get(key).experiments == experiments
    assert again.showings.bets(key) == (Bet(1, 0.5),)


@pytest.mark.parametrize("key", ["0123456789", "", "../../etc", "'; drop table bets", "x" * 500])
def test_an_id_that_is_not_stored_is_a_sentence(store: Store, key: str) -> None:
    for ask in (
        lambda: store.showings.get(key),
        lambda: store.showings.bets(key),
        lambda: store.showings.bet(key, "a", Bet(0)),
        lambda: store.showings.begin(key, PARTS),
    ):
        with pytest.raises(UnknownShowing, match="No showing"):
            ask()


def test_old_showings_without_use_are_removed_and_others_stay(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused, bet_on, (run, _experiments) = (
        store.showings.create("focal"),
        store.showings.create("focal"),
        begun(store),
    )
    store.showings.bet(bet_on, "a", Bet(0))
    day = showings._KEPT_SECONDS
    now = time.time()
    monkeypatch.setattr("core.store.showings.time.time", lambda: now + day / 2)
    store.showings.create("focal")
    assert store.showings.get(unused)
    monkeypatch.setattr("core.store.showings.time.time", lambda: now + day + 1)
    store.showings.create("focal")
    assert [store.showings.get(key).id for key in (bet_on, run)] == [bet_on, run]
    with pytest.raises(UnknownShowing):
        store.showings.get(unused)


def test_a_read_showing_does_not_change(store: Store) -> None:
    key = store.showings.create("focal")
    before = store.showings.get(key)
    store.showings.bet(key, "a", Bet(0))
    assert before == replace(store.showings.get(key), bets=0)
