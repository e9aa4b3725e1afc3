"""The Exhibits page without a browser: gallery, runs, bets, tour, addresses that lead nowhere."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.exhibits import EXHIBITS
from core.exhibits.betting import game_of
from core.exhibits.tour import TOUR
from core.records import Bet, Phase, Progress, Status
from core.store import Store
from tests.pages.looking import button, click, components, errors, opened, run, said

KEY = next(iter(EXHIBITS))
EXHIBIT = EXHIBITS[KEY]
pytestmark = pytest.mark.usefixtures("nothing_trains")


@pytest.fixture
def page(lab_store: Store) -> AppTest:
    """A fresh session on the gallery."""
    return opened("exhibits")


def at(**address: str) -> AppTest:
    """A fresh session at an address, as a reload is or another browser."""
    app = opened("exhibits")
    for name, value in address.items():
        app.query_params[name] = value
    return run(app)


def param(app: AppTest, name: str) -> str:
    """One parameter of the address."""
    found = app.query_params.get(name, "")
    return found if isinstance(found, str) else found[0]


def stages(app: AppTest) -> list[dict[str, object]]:
    return [sent for sent in components(app) if sent.get("page") == "exhibit"]


def labels(app: AppTest) -> list[str]:
    return [each.label for each in app.button]


def step(store: Store, experiment_id: str) -> None:
    """The first step of an experiment."""
    runs = store.get(experiment_id).spec.run_count
    losses = np.ones((1, runs), np.float32)
    progress = Progress(1, 0, 0.1, losses, (), (None,) * runs)
    store.report(experiment_id, progress, Status.RUNNING)


# ------------------------------------------------------------------ the gallery


def test_the_gallery_has_a_card_for_each_exhibit(page: AppTest) -> None:
    run(page)
    words = said(page)
    for exhibit in EXHIBITS.values():
        assert exhibit.question in words
        assert any(each.key == f"run_{exhibit.key}" for each in page.button)
    assert not stages(page)


@pytest.mark.parametrize(
    "address",
    [{"exhibit": "no such"}, {"showing": "0123456789"}, {"showing": "<b>"}, {"exhibit": "<b>"}],
)
def test_an_address_that_leads_nowhere_has_a_sentence_and_the_gallery(
    lab_store: Store, address: dict[str, str]
) -> None:
    app = at(**address)
    assert len(errors(app)) == 1
    assert "There is no exhibit" in errors(app)[0] or "No showing" in errors(app)[0]
    assert f"run_{KEY}" in {each.key for each in app.button}


# ------------------------------------------------------------------ running


def test_run_it_starts_every_part_and_the_address_has_the_showing(
    page: AppTest, lab_store: Store
) -> None:
    click(run(page), f"run_{KEY}")
    showing = lab_store.showings.get(param(page, "showing"))
    assert (showing.exhibit, showing.phase) == (KEY, Phase.STARTING)
    specs = [lab_store.get(each).spec for each in showing.experiments]
    assert specs == [part.spec for part in EXHIBIT.parts]
    assert [each["experiment"] for each in stages(page)] == list(showing.experiments)
    assert EXHIBIT.claim in said(page)
    # Another browser, or a reload, shows the same.
    again = at(exhibit=KEY, showing=showing.id)
    assert [each["experiment"] for each in stages(again)] == list(showing.experiments)


def test_a_second_press_starts_nothing(page: AppTest, lab_store: Store) -> None:
    click(run(page), f"run_{KEY}")
    first = param(page, "showing")
    page.query_params.clear()
    click(run(page), f"run_{KEY}")
    assert param(page, "showing") == first


def test_running_another_stops_what_still_trains_and_keeps_it(
    page: AppTest, lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.parts.exhibits.running._SAME_PRESS", timedelta(0))
    click(run(page), f"run_{KEY}")
    first = lab_store.showings.get(param(page, "showing"))
    page.query_params.clear()
    click(run(page), f"run_{KEY}")
    assert param(page, "showing") != first.id
    assert {lab_store.get(each).status for each in first.experiments} == {Status.STOPPED}


def test_what_was_stopped_has_no_verdict_and_leads_to_compare(
    page: AppTest, lab_store: Store
) -> None:
    click(run(page), f"run_{KEY}")
    click(page, "Stop")
    run(page)
    assert page.header[0].value == "No verdict"
    assert "was stopped" in said(page)
    links = [json.dumps(str(each.proto)) for each in page.get("page_link")]
    for each in lab_store.showings.get(param(page, "showing")).experiments:
        assert any(each in link for link in links)


# ------------------------------------------------------------------ bets


def test_looking_makes_one_showing_however_often_it_is_reloaded(lab_store: Store) -> None:
    app = at(exhibit=KEY)
    first = param(app, "showing")
    assert param(run(app), "showing") == first
    assert param(at(exhibit=KEY, showing=first), "showing") == first
    app.query_params.clear()
    app.query_params["exhibit"] = KEY
    assert param(run(app), "showing") == first


def test_the_claim_is_not_told_before_it_runs(lab_store: Store) -> None:
    app = at(exhibit=KEY)
    assert EXHIBIT.question in [each.value for each in app.title]
    assert EXHIBIT.claim not in said(app)
    assert EXHIBIT.why not in said(app)


def test_guests_bet_and_do_not_run(lab_store: Store) -> None:
    presenter = at(exhibit=KEY)
    key = param(presenter, "showing")
    (link,) = (each["link"] for each in components(presenter) if each.get("link"))
    assert link == f"/exhibits?exhibit={KEY}&showing={key}&guest=1"
    guest = at(exhibit=KEY, showing=key, guest="1")
    assert "Run it" not in labels(guest)
    pick = next(iter(game_of(EXHIBIT).picks))
    guest.button_group[0].set_value(pick)
    run(guest)
    assert lab_store.showings.bets(key) == (Bet(pick),)
    assert lab_store.showings.get(key).bets == 1
    click(presenter, "run")
    assert "Stop" not in labels(run(guest))
    assert stages(guest)


def test_a_sketch_is_kept_with_the_pick(lab_store: Store) -> None:
    game = game_of(EXHIBIT)
    assert game.sketch is not None
    app = at(exhibit=KEY)
    app.button_group[0].set_value(0)
    run(app)
    factor = 100 if game.sketch.judged_by.digits.is_share else 1
    app.slider[0].set_value(0.75 * factor)
    run(app)
    assert lab_store.showings.bets(param(app, "showing")) == (Bet(0, 0.75),)


def test_a_bet_after_the_first_step_is_a_sentence_and_not_stored(lab_store: Store) -> None:
    presenter = at(exhibit=KEY)
    key = param(presenter, "showing")
    guest = at(exhibit=KEY, showing=key, guest="1")
    click(presenter, "run")
    step(lab_store, lab_store.showings.get(key).experiments[0])
    guest.button_group[0].set_value(0)
    run(guest)
    assert "Bets are closed" in guest.warning[0].value
    assert lab_store.showings.bets(key) == ()


# ------------------------------------------------------------------ the tour


def test_the_tour_runs_each_step_when_it_is_come_to(page: AppTest, lab_store: Store) -> None:
    click(run(page), "tour")
    seen = []
    for place, key in enumerate(TOUR, start=1):
        showing = lab_store.showings.get(param(page, "showing"))
        assert (showing.exhibit, param(page, "step")) == (key, str(place))
        assert showing.experiments
        seen.append(showing)
        click(page, "tour_next")
    assert "tour" not in page.query_params
    # At most one trains at a time, and all are kept.
    for showing in seen:
        assert {lab_store.get(each).status for each in showing.experiments} == {Status.STOPPED}


def test_a_reload_of_a_step_runs_nothing_again(page: AppTest, lab_store: Store) -> None:
    click(run(page), "tour")
    key = param(page, "showing")
    before = lab_store.showings.get(key).experiments
    at(tour="1", step="1", exhibit=TOUR[0], showing=key)
    assert lab_store.showings.get(key).experiments == before


def test_who_leaves_the_tour_stays_at_the_exhibit_which_trains_on(
    page: AppTest, lab_store: Store
) -> None:
    click(run(page), "tour")
    key = param(page, "showing")
    click(page, "tour_leave")
    assert (param(page, "showing"), "tour" in page.query_params) == (key, False)
    assert lab_store.showings.get(key).phase is Phase.STARTING
    assert "Back" not in labels(page)


@pytest.mark.parametrize("number", ["0", "99", "x", "-1", "²"])
def test_a_step_that_there_is_not_is_the_nearest(lab_store: Store, number: str) -> None:
    app = at(tour="1", step=number)
    assert not errors(app)
    assert 1 <= int(param(app, "step")) <= len(TOUR)
    assert button(app, "Back")
