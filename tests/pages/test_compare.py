"""The Compare page without a browser: the example, the form, and what a race shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from core import example
from core.records import Status
from core.spec import OptimizerName, Protocol
from core.store import Store
from core.store.tables import experiments
from core.training import train
from tests.core.live.staging import REASON, TWO_LOSSES, race_of, recorded, reported
from tests.core.tidy import scores
from tests.pages.looking import (
    button,
    click,
    edit,
    enter,
    errors,
    read,
    run,
    shown,
    staged,
    texts,
    unfold,
)


def stored_experiments(store: Store) -> int:
    with store._database.read() as connection:
        return connection.scalar(select(func.count()).select_from(experiments)) or 0


def test_it_opens_on_a_finished_example_that_was_really_run(
    compare: AppTest, lab_store: Store
) -> None:
    run(compare)
    assert not compare.error
    assert "runs it live" in texts(compare)
    assert not button(compare, "Race").disabled
    sent = staged(compare)
    assert sent is not None
    assert (sent["page"], sent["status"]) == ("compare", "finished")
    shown_race = lab_store.get(sent["experiment"])
    assert shown_race.spec == example.EXAMPLES["compare"].spec
    assert shown_race.step == example.EXAMPLES["compare"].spec.total_steps


def test_the_recorded_example_is_what_its_settings_give_today() -> None:
    torch.set_num_threads(1)
    recorded = example.EXAMPLES["train"]
    reports = list(example.recorded(recorded))
    now = list(train(recorded.spec))
    kept, fresh = (np.concatenate([report.losses for report in each]) for each in (reports, now))
    # Other processors round otherwise, and training spreads it.
    np.testing.assert_allclose(kept[:45], fresh[:45], rtol=1e-3, atol=1e-4)
    assert reports[0].facts is not None
    assert now[0].facts is not None
    assert reports[0].facts.trunk_sha256 == now[0].facts.trunk_sha256
    kept_rows, fresh_rows = (
        {
            (r.run, r.epoch, r.split, r.measure)
            for report in each
            for r in scores(report.evaluations)
        }
        for each in (reports, now)
    )
    assert kept_rows == fresh_rows
    assert reports[-1].snapshot is not None
    assert now[-1].snapshot is not None
    assert reports[-1].snapshot.order_sha256 == now[-1].snapshot.order_sha256


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        ("0", "Number of seeds was 0; allowed is a whole number from 1 to 20."),
        ("1000", "Number of seeds was 1,000; allowed is"),
        ("2.5", "Number of seeds was 2.5; allowed is"),
        ("", "Number of seeds was empty; allowed is"),
        ("some", "Number of seeds was 'some'; allowed is"),
    ],
)
def test_too_few_or_too_many_seeds_are_a_sentence(compare, lab_store, count, sentence) -> None:
    run(compare)
    before = stored_experiments(lab_store)
    enter(compare, "compare", "seed_count", count)
    assert errors(compare)[0].startswith(sentence)
    assert button(compare, "Race").disabled
    assert stored_experiments(lab_store) == before


def test_one_entrant_is_no_race(compare) -> None:
    run(compare)
    for _ in range(2):
        click(edit(compare, "compare", 1), "Remove")
    assert errors(compare) == ["A race needs two entrants or more; there was 1."]
    assert button(compare, "Race").disabled
    assert button(edit(compare, "compare", 0), "Remove").disabled
    click(unfold(compare, "Add an entrant"), "add_bce")
    assert not compare.error
    assert not button(compare, "Race").disabled


def test_an_estimate_is_shown_and_a_race_too_long_is_refused_with_the_numbers(compare) -> None:
    run(compare)
    assert "3 entrants x 5 seeds = 15 networks" in texts(compare)
    enter(compare, "compare", "seed_count", 20)
    enter(compare, "compare", "epochs", 10_000)
    enter(compare, "compare", "sizes/0", 4096)
    enter(compare, "compare", "sizes/1", 4096)
    assert "seconds of training estimated" in texts(compare)
    assert "allowed is up to 21,600" in texts(compare)
    assert button(compare, "Race").disabled


def test_other_data_takes_losses_that_fit(compare) -> None:
    enter(run(compare), "compare", "dataset", "diabetes")
    assert [each.loss for each in read(compare, "compare").entrants][:2] == ["mse", "l1"]
    assert not button(compare, "Race").disabled


@pytest.mark.usefixtures("nothing_trains")
@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_screen(compare, lab_store, status) -> None:
    experiment_id = recorded(lab_store, status, REASON)
    shown(compare, experiment_id)
    assert not compare.error
    assert "runs it live" not in texts(compare)
    sent = staged(compare)
    assert (sent["experiment"], sent["page"], sent["status"]) == (experiment_id, "compare", status)
    assert button(compare, "Race").disabled != status.is_finished
    assert button(compare, "Stop").disabled == status.is_finished
    assert read(compare, "compare") == TWO_LOSSES


def test_an_unknown_experiment_is_a_sentence_above_the_example(compare) -> None:
    shown(compare, "nonsense")
    assert "No experiment 'nonsense'" in errors(compare)[0]
    assert "runs it live" in texts(compare)
    assert staged(compare)["status"] == "finished"


# ------------------------------------------------------------------ a loss against itself


def test_an_a_a_check_races_the_first_loss_against_itself_from_another_head(compare) -> None:
    run(compare)
    click(unfold(compare, "Add an entrant"), "add_bce")
    click(edit(compare, "compare", 0), "Remove")
    before = read(compare, "compare")
    click(compare, "A/A check")
    one, other = read(compare, "compare").entrants
    assert (one.loss, one.head_seed) == (before.entrants[0].loss, None)
    assert other == one.model_copy(update={"head_seed": 1})
    assert not button(compare, "Race").disabled
    click(compare, "Undo")
    assert read(compare, "compare") == before


def test_an_a_a_check_keeps_the_parameters_and_leaves_one_function_behind(
    compare: AppTest, lab_store: Store
) -> None:
    spec = race_of(losses=("cross_entropy", "bce"), optimizer={"name": "sgd"},
                   training={"epochs": 1, "protocol": "one_function"})  # fmt: skip
    shown(compare, reported(lab_store, spec))
    click(compare, "A/A check")
    checked = read(compare, "compare")
    assert checked.training.protocol is Protocol.SAME_RATE
    assert [each.head_seed for each in checked.entrants] == [None, 1]


# ------------------------------------------------------------------ buttons within the stage


def test_the_exhibit_sets_up_the_race_where_ce_and_bce_agree(
    compare: AppTest, lab_store: Store, clickable: None
) -> None:
    spec = race_of(losses=("cross_entropy", "bce"))
    shown(compare, reported(lab_store, spec))
    for nothing in ("action another", "action "):
        click(compare, nothing)
        assert read(compare, "compare") == spec
    click(compare, "action set_up_one_function")
    agreeing = read(compare, "compare")
    assert agreeing.training.protocol is Protocol.ONE_FUNCTION
    assert agreeing.optimizer.name is OptimizerName.SGD
    assert [each.loss for each in agreeing.entrants] == ["cross_entropy", "bce"]
    assert not button(compare, "Race").disabled
    click(compare, "Undo")
    assert read(compare, "compare") == spec


def test_one_click_races_the_same_at_best_rates(
    compare: AppTest, lab_store: Store, clickable: None
) -> None:
    spec = race_of(losses=("cross_entropy", "bce"))
    first = reported(lab_store, spec)
    shown(compare, first)
    click(compare, "action race_at_best_rates")
    sent = compare.query_params["experiment"]
    (started,) = sent if isinstance(sent, list) else [sent]
    assert started != first
    training = spec.training.model_copy(update={"protocol": Protocol.BEST_RATE})
    best = spec.model_copy(update={"training": training})
    assert lab_store.get(started).spec == best
    assert read(compare, "compare") == best


def test_an_action_without_anybody_who_acts_does_nothing(
    train: AppTest, lab_store: Store, clickable: None
) -> None:
    shown(train, recorded(lab_store, Status.FINISHED))
    click(train, "action set_up_one_function")
    assert not train.error
    assert read(train, "train") == TWO_LOSSES
