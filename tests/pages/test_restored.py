"""Whatever is stored comes back from an address or a file: the form drops no part of it."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, assume, given, settings
from streamlit.testing.v1 import AppTest

from core.spec import ExperimentSpec, Protocol
from core.store import Store
from pages.parts.form import draft, stress, whole
from tests.core.live.staging import race_of
from tests.core.spec.generated import specs
from tests.pages.looking import (
    asked,
    button,
    click,
    errors,
    go_to,
    opened,
    read,
    run,
    said,
    shown,
    unfold,
    widgets,
)

READ = {"train": whole.read_training, "compare": whole.read_race}
BUTTONS = {"train": "Train", "compare": "Race"}
MORE = "Start, device and more"
FOLDS = ("Add an entrant", MORE, stress.TITLE, "Settings as a file")
on_both_pages = pytest.mark.parametrize("where", READ)


@on_both_pages
@given(spec=specs(), other=specs())
def test_the_form_reads_what_it_was_filled_with(
    where: str, spec: ExperimentSpec, other: ExperimentSpec
) -> None:
    assume(where == "train" or len(spec.entrants) > 1)
    (elsewhere,) = READ.keys() - {where}
    now = whole.first()
    with patch.object(draft, "current", lambda: now):
        whole.put(where, other)
        whole.put(elsewhere, other)
        whole.put(where, spec)
        assert READ[where]() == spec


@on_both_pages
@given(spec=specs())
@settings(
    max_examples=settings.default.max_examples // 8,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_an_address_restores_everything_and_keeps_it(
    lab_store: Store, where: str, spec: ExperimentSpec
) -> None:
    """Also after each widget was drawn, in folds too, and on coming back from other pages."""
    assume(where == "train" or len(spec.entrants) > 1)
    app = shown(opened(where), lab_store.create(spec))
    assert not app.error
    assert read(app, where) == spec
    unfold(app, *FOLDS)
    for number in [each["id"] for each in _entrants(app, where)]:
        widgets(app)[f"{where}/edited/{where}"].set_value(number)
        assert read(run(app), where) == spec
    unfold(app, *FOLDS, folded=True)
    go_to(go_to(app, "losses"), where)
    assert read(app, where) == spec
    assert not app.error


def _entrants(app: AppTest, where: str) -> list[dict[str, object]]:
    lists = app.session_state["draft"]["entrants"][where]
    kind = "classes" if read(app, where).dataset.task.is_classification else "values"
    listed: list[dict[str, object]] = lists[kind]
    return listed


# ------------------------------------------------------------------ what a page can't show

RACE = race_of(
    seeds=[3, 4, 5, 6, 7],
    training={"epochs": 1, "device": "cpu", "protocol": "best_rate"},
    network={"hidden_sizes": [5, 3]},
)
GAPS = race_of(seeds=[7, 0, 2**31 - 1])


def test_train_keeps_the_seeds_and_the_fairness_of_a_race_and_says_so(
    train: AppTest, lab_store: Store, nothing_trains: None
) -> None:
    shown(train, lab_store.create(RACE))
    assert "Trained from 5 seeds: 3, 4, 5, 6 and 7." in said(train)
    assert "Fairness, as on Compare: Each its own best learning rate." in said(train)
    assert "train/seed" not in widgets(train)
    click(train, "Stop")
    assert asked(train, lab_store, "Train") == RACE


def test_a_click_goes_back_to_one_seed_and_one_rate_and_can_be_undone(
    train: AppTest, lab_store: Store
) -> None:
    shown(train, lab_store.create(RACE))
    click(train, "One seed")
    assert read(train, "train") == RACE.model_copy(update={"seeds": (3,)})
    assert widgets(train)["train/seed"].value == "3"
    assert "Trained from" not in said(train)
    click(train, "Undo")
    assert read(train, "train") == RACE
    click(train, "Same learning rate for all")
    assert read(train, "train").training.protocol is Protocol.SAME_RATE
    assert read(train, "train").seeds == RACE.seeds
    assert "Fairness" not in said(train)


def test_seeds_that_do_not_follow_each_other_are_kept_and_named(
    compare: AppTest, lab_store: Store, nothing_trains: None
) -> None:
    shown(compare, lab_store.create(GAPS))
    assert "Trained from 3 seeds: 7, 0 and 2147483647." in said(compare)
    assert not {"compare/seed", "compare/seed_count"} & widgets(compare).keys()
    click(compare, "Stop")
    assert asked(compare, lab_store, "Race") == GAPS
    click(compare, "Seeds in a row")
    assert read(compare, "compare").seeds == (7, 8, 9)
    assert widgets(compare)["compare/seed"].value == "7"
    assert widgets(compare)["compare/seed_count"].value == "3"


def test_what_one_page_keeps_does_not_go_to_the_other(train: AppTest, lab_store: Store) -> None:
    shown(train, lab_store.create(RACE))
    go_to(train, "compare")
    assert read(train, "compare").seeds == (3, 4, 5, 6, 7)
    assert read(train, "compare").training.protocol is Protocol.SAME_RATE
    click(train, "Defaults")
    go_to(train, "train")
    assert read(train, "train").training.protocol is Protocol.BEST_RATE


def test_a_training_of_one_entrant_fills_a_race_that_says_what_it_lacks(
    compare: AppTest, lab_store: Store
) -> None:
    spec = race_of(losses=("focal",), seeds=[4], training={"epochs": 3, "device": "cpu"})
    shown(compare, lab_store.create(spec))
    assert errors(compare) == ["A race needs two entrants or more; there was 1."]
    assert button(compare, "Race").disabled
    click(unfold(compare, "Add an entrant"), "add_mse")
    raced = read(compare, "compare")
    assert raced.entrants[0] == spec.entrants[0]
    assert raced.model_copy(update={"entrants": spec.entrants}) == spec


@on_both_pages
def test_the_address_of_the_example_fills_the_form(lab_store: Store, where: str) -> None:
    from core.example import EXAMPLES, ensure

    app = shown(opened(where), ensure(lab_store, where))
    assert read(app, where) == EXAMPLES[where].spec


def test_two_rates_that_are_nearly_one_are_two_choices(train: AppTest, lab_store: Store) -> None:
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "moons", "noise": 0.3500000004},
            "optimizer": {"learning_rate": 0.0100000001},
            "network": {"start": {"head_factor": 0.300000003}},
            "entrants": [{"loss": "mse", "learning_rate": 0.0500000002}],
        }
    )
    shown(train, lab_store.create(spec))
    unfold(train, MORE)
    assert widgets(train)["train/learning_rate"].value == "0.0100000001"
    for path in ("learning_rate/slid", "head_factor", "noise"):
        options = widgets(train)[f"train/{path}"].options
        assert len(set(options)) == len(options)
    assert read(run(train), "train") == spec
