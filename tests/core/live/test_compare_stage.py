"""The stage of the Compare page: a race in each status, and every tab of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core import example
from core.compare.courses import CurveAxis
from core.compare.curves import Curves
from core.compare.intervals import Spread
from core.data import DATASETS
from core.judging.yardsticks import shared, yardsticks
from core.live import verdict
from core.live.blocks import Block
from core.live.moments import Moments
from core.live.reading import Reading
from core.live.view import Tab, View
from core.losses import Task, fitting
from core.records import Progress, Snapshot, Status
from core.spec import ExperimentSpec
from core.store import Store
from core.training import train
from tests.core.live.staging import (
    REASON,
    charts,
    controls,
    race_of,
    reported,
    stage,
    table,
    whole,
    words,
)


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store for races that several tests look at."""
    return Store(f"sqlite:///{tmp_path_factory.mktemp('races') / 'lab.db'}")


@pytest.fixture(scope="module")
def moons(raced: Store) -> str:
    return reported(raced, race_of())


@pytest.fixture(scope="module")
def diabetes(raced: Store) -> str:
    return reported(raced, race_of("diabetes", ("mse", "l1")))


def compared(store: Store, experiment_id: str, **options: str) -> dict[str, Block]:
    """All blocks by their ids, with those that others hold."""
    shown = stage(store, experiment_id, page="compare", **options)
    return {block["id"]: block for block in whole(shown)}


# ------------------------------------------------------------------ as it stands


def test_the_example_is_a_finished_race(store: Store) -> None:
    shown = compared(store, example.ensure(store, "compare"))
    assert shown["readout"]["status"] == "Finished"
    assert shown["readout"]["fraction"] == 1
    assert "CrossEntropy" in table(shown, "matrix")
    assert list(charts(shown)) == ["forest", "shared_chart"]


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.FINISHED])
def test_every_status_has_its_blocks(store: Store, status: Status) -> None:
    shown = compared(store, reported(store, race_of(), status))
    assert shown["readout"]["status"] == status.value.capitalize()
    assert shown["reason"]["text"] == REASON
    assert list(charts(shown)) == ["forest", "shared_chart"]


def test_one_that_waits_has_all_tabs(store: Store) -> None:
    store.create(race_of())
    waiting = store.create(race_of())
    assert compared(store, waiting)["readout"]["pace"] == "Number 2 in the queue"
    for tab in Tab:
        shown = compared(store, waiting, tab=tab.value)
        assert controls(shown)["tab"]["value"] == tab.value
        if tab is not Tab.UNITS:
            assert list(shown)[-1] != "tabs"
            assert shown[list(shown)[-1]]["kind"] == "info"


def test_rows_that_are_trained_on_are_not_called_held_out(store: Store) -> None:
    """The lesson has 32 rows, all of them for training."""
    experiment_id = reported(store, race_of("lesson", ("cross_entropy", "mse")))
    shown = compared(store, experiment_id)
    title = shown["shared_chart"]["figure"]["layout"]["yaxis"]["title"]["text"]
    assert title == "training error"
    assert "training rows, as none are held out" in shown["matrix_caption"]["text"]
    for tab in Tab:
        sent = json.dumps(compared(store, experiment_id, tab=tab.value))
        assert "validation" not in sent
        assert "held-out" not in sent
        assert "split" not in sent


def test_a_report_without_steps_has_its_blocks(store: Store) -> None:
    spec = race_of(training={"epochs": 3, "protocol": "best_rate"})
    experiment_id = store.create(spec)
    none = np.empty((0, spec.run_count), np.float32)
    store.report(experiment_id, Progress(0, 0, 0.0, none, (), (None,) * spec.run_count))
    shown = compared(store, experiment_id)
    assert shown["readout"]["pace"] == "trying learning rates"
    assert "once the first epoch is complete" in shown["said"]["text"]
    store.set_status(experiment_id, Status.DIVERGED)
    ended = compared(store, experiment_id)
    assert ended["said"]["text"].startswith("There is nothing to compare")


def test_what_was_equal_is_said_without_fingerprints(raced: Store, moons: str) -> None:
    assert compared(raced, moons)["equal"]["text"] == (
        "**Equal:** first weights of the hidden layers, batches and their order, split, 3 epochs, "
        "learning rate 0.001. **Different:** loss, last layer, which has as many outputs as the "
        "loss needs, first weights of the last layer."
    )
    assert "unequal" not in compared(raced, moons)


def test_without_hidden_layers_and_with_own_rates_it_says_so(store: Store) -> None:
    spec = race_of(
        network={"hidden_sizes": []},
        entrants=[{"loss": "bce"}, {"loss": "mse", "learning_rate": 0.3}],
    )
    words_of = compared(store, store.create(spec))["equal"]["text"]
    assert "no hidden layers, batches" in words_of
    assert "**Different:** loss, learning rate." in words_of


def test_hidden_layers_that_differ_are_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_id = store.create(race_of())
    monkeypatch.setattr("core.live.compare_stage.trunks_agree", lambda experiment: False)
    assert compared(store, experiment_id)["unequal"]["kind"] == "error"


# ------------------------------------------------------------------ the verdict, first of all


def test_the_verdict_comes_first_then_differences_curves_and_tabs(raced: Store, moons: str) -> None:
    names = list(stage(raced, moons, page="compare"))
    first = ["readout", "said", "verdict_controls", "forest", "best_rates", "race_at_best_rates",
             "chart_controls", "shared_chart", "equal", "tabs", "matrix_heading"]  # fmt: skip
    assert names[: len(first)] == first
    shown = compared(raced, moons)
    assert shown["sentences"]["kind"] == "fold"
    assert shown["race_at_best_rates"]["disabled"] is False


@pytest.mark.parametrize("measure", ["accuracy", "nll", "brier"])
def test_the_sentence_and_the_plot_are_those_of_the_picked_yardstick(
    raced: Store, moons: str, measure: str
) -> None:
    shown = compared(raced, moons, verdict_by=measure)
    (yardstick,) = (each for each in yardsticks(Task.BINARY) if each.measure.value == measure)
    assert yardstick.name in shown["said"]["text"]
    assert yardstick.name in shown["forest"]["figure"]["layout"]["xaxis"]["title"]["text"]
    # Hinge gives no probabilities, so only accuracy has all three pairs.
    assert shown["forest"]["label"].count("interval") == (3 if measure == "accuracy" else 1)


def test_under_best_rates_the_sentence_says_so_and_nothing_is_offered(store: Store) -> None:
    training = {"epochs": 2, "device": "cpu", "protocol": "best_rate"}
    shown = compared(store, reported(store, race_of(training=training)))
    assert shown["said"]["text"].startswith("After training, each at its own best learning rate, ")
    assert "race_at_best_rates" not in shown


def test_best_rates_are_offered_once_the_race_is_over(store: Store) -> None:
    running = compared(store, reported(store, CLEAR, Status.RUNNING))
    assert running["race_at_best_rates"]["disabled"] is True
    assert running["said"]["text"].startswith("So far, ")


def test_without_pairs_of_seeds_the_curves_stand_alone(store: Store) -> None:
    for spec in (race_of(seeds=[4]), race_of(losses=["bce"])):
        shown = compared(store, reported(store, spec))
        assert "verdict_controls" not in shown
        assert "forest" not in shown


def test_one_seed_that_diverged_is_said_with_its_step(store: Store) -> None:
    experiment_id = store.create(CLEAR.model_copy(update={"seeds": (0,)}))
    for progress in train(CLEAR.model_copy(update={"seeds": (0,)})):
        steps = (26, None) if progress.step >= 26 or progress.outcome else (None, None)
        late = replace(progress, diverged_steps=steps)
        store.report(experiment_id, late, Status.RUNNING)
    (line,) = compared(store, experiment_id)["findings"]["lines"]
    assert line["text"] == "BCE diverged at step 26: its loss is no longer a finite number."


def test_terms_have_a_sentence_each(raced: Store, moons: str) -> None:
    shown = compared(raced, moons, pairs="true")
    tips = dict(zip(shown["matrix"]["columns"], shown["matrix"]["tips"], strict=True))
    assert set(tips) == {
        "", "Accuracy ↑", "NLL ↓", "Brier ↓", "ECE ↓", "NLL, rescaled ↓", "ECE, rescaled ↓",
        "AUROC ↑", "AURC ↓",
    }  # fmt: skip
    assert all(tip.endswith(" is better.") for column, tip in tips.items() if column)
    for option in ("judged_by", "verdict_by", "axis", "band"):
        control = controls(shown)[option]
        assert set(control["tips"]) == {value for value, _ in control["offered"]}
    pairs = shown["pairs_table"]
    assert all(tip for column, tip in zip(pairs["columns"][2:7], pairs["tips"][2:7], strict=True))
    conditions = compared(raced, moons, tab="conditions")["fingerprints"]
    assert sum(map(bool, conditions["tips"])) == 2


# ------------------------------------------------------------------ the verdict


def test_the_matrix_says_what_is_no_probability(raced: Store, moons: str) -> None:
    shown = compared(raced, moons)
    hinge = table(shown, "matrix")["Hinge"]
    assert [cell == "not a probability" for cell in hinge] == [
        False, *[True] * 5, False, False,
    ]  # fmt: skip
    assert shown["matrix"]["columns"][0] == ""
    assert len(shown["matrix"]["columns"]) == 1 + len(hinge)
    assert shown["matrix_heading"]["text"] == "Trained with, measured with (epoch 3)"
    (download,) = shown["matrix_heading"]["controls"]
    assert download["address"] == "scores.csv"
    assert "95% interval" in words(shown)
    assert "n = 3" in words(shown)


def test_the_best_is_bold(store: Store) -> None:
    spec = race_of(
        entrants=[{"loss": "bce"}, {"loss": "bce", "learning_rate": 1e-6}],
        training={"epochs": 20, "device": "cpu"},
    )
    shown = compared(store, reported(store, spec))
    best, worst = table(shown, "matrix").values()
    assert any(cell.startswith("**") and cell.endswith("**") for cell in best)
    assert not any("**" in cell for cell in worst)


def test_every_yardstick_gives_its_verdict(raced: Store, moons: str) -> None:
    offered = yardsticks(Task.BINARY)
    menu = controls(compared(raced, moons))["verdict_by"]
    assert [value for value, _ in menu["offered"]] == [each.measure.value for each in offered]
    assert menu["value"] == offered[0].measure.value
    verdicts = set()
    for yardstick in offered:
        shown = compared(raced, moons, verdict_by=yardstick.measure.value)
        assert controls(shown)["verdict_by"]["value"] == yardstick.measure.value
        verdicts.add("\n".join(shown["verdict"]["lines"]))
    assert len(verdicts) == len(offered)


#: Two entrants of which one learns nothing, so that there is a winner from the first epoch on.
CLEAR = race_of(
    entrants=[{"loss": "bce"}, {"loss": "bce", "learning_rate": 1e-6}],
    optimizer={"learning_rate": 0.05},
    training={"epochs": 4, "device": "cpu"},
)
OPENINGS = {
    Status.FINISHED: "After training, ",
    Status.RUNNING: "So far, ",
    Status.PAUSED: "So far, ",
    Status.STOPPED: "When it was stopped, after epoch 4 of 9, ",
    Status.FAILED: "When it failed, after epoch 4 of 9, ",
    Status.INTERRUPTED: "When it was interrupted, after epoch 4 of 9, ",
    Status.DIVERGED: "When all had diverged, after epoch 4 of 9, ",
}


@pytest.mark.parametrize("status", OPENINGS)
def test_only_a_race_that_went_to_its_end_is_judged_after_training(
    store: Store, status: Status
) -> None:
    longer = CLEAR.model_copy(update={"training": CLEAR.training.model_copy(update={"epochs": 9})})
    experiment_id = store.create(longer if status is not Status.FINISHED else CLEAR)
    for progress in train(CLEAR):
        is_end = progress.outcome is not None
        store.report(experiment_id, progress, status if is_end else Status.RUNNING)
    lines = compared(store, experiment_id, verdict_by="nll")["verdict"]["lines"]
    (winner,) = [line for line in lines if " NLL is " in line]
    assert winner.startswith(OPENINGS[status])


def test_verdict_and_matrix_are_of_the_snapshot_though_evaluations_are_ahead(
    store: Store,
) -> None:
    experiment_id = store.create(CLEAR)
    seen = []
    for progress in train(CLEAR):
        late = progress if progress.epoch < 2 else replace(progress, snapshot=None, outcome=None)
        store.report(experiment_id, late, Status.RUNNING)
        if progress.evaluations and progress.epoch:
            shown = compared(store, experiment_id, pairs="true")
            assert shown["matrix_heading"]["text"].endswith("(epoch 1)")
            seen.append([shown[name] for name in ("verdict", "pairs", "matrix")])
    assert len(seen) == CLEAR.training.epochs
    assert all(each == seen[0] for each in seen)


def test_new_data_is_a_choice_beside_the_yardstick(store: Store) -> None:
    experiment_id = reported(store, race_of("iris", ("cross_entropy", "mse")))
    plain, new = (
        compared(store, experiment_id, verdict_by="nll", scope=scope)
        for scope in ("on these splits", "on new data")
    )
    choice = controls(plain)["scope"]
    assert [value for value, _ in choice["offered"]] == ["on these splits", "on new data"]
    assert choice["value"] == "on these splits"
    assert controls(new)["scope"]["value"] == "on new data"
    assert "on new data" not in " ".join(plain["verdict"]["lines"])
    assert "% interval on new data" in " ".join(new["verdict"]["lines"])
    assert table(plain, "matrix") != table(new, "matrix")
    caption = plain["scope_caption"]["text"]
    assert "**On these splits**" in caption
    assert "**On new data**" in caption
    assert "Nadeau" in caption


@pytest.mark.parametrize(
    ("data", "why"),
    [("lesson", "Nothing is held out"), ("moons", "Every seed generates rows of its own")],
)
def test_where_new_data_is_no_question_of_its_own_it_says_why(
    store: Store, data: str, why: str
) -> None:
    spec = race_of(data, ("cross_entropy", "mse"), training={"epochs": 3, "batch_size": 16})
    experiment_id = reported(store, spec)
    shown = compared(store, experiment_id, scope="on new data")
    assert "scope" not in controls(shown)
    assert shown["scope_caption"]["text"].startswith(why)
    assert shown == compared(store, experiment_id)
    assert ("held-out" in shown["matrix_caption"]["text"]) == (data == "moons")


def test_each_pair_is_in_numbers_below_the_verdict(raced: Store, moons: str) -> None:
    fold = compared(raced, moons, pairs="true")["pairs"]
    assert fold["kind"] == "fold"
    numbers, caption = fold["blocks"]
    assert [row[0] for row in numbers["rows"]] == [
        "CrossEntropy less MSE", "CrossEntropy less Hinge", "MSE less Hinge"
    ]  # fmt: skip
    assert all(len(row) == len(numbers["columns"]) for row in numbers["rows"])
    assert "power 0.8" in caption["text"]
    assert "pairs" not in compared(raced, moons, tab="units")


def test_the_bold_best_is_who_beats_every_other_in_the_sentences(store: Store) -> None:
    shown = compared(store, reported(store, CLEAR), verdict_by="nll")
    place = shown["matrix"]["columns"].index("NLL ↓") - 1
    best, worst = (row[place] for row in table(shown, "matrix").values())
    assert best.startswith("**")
    assert not worst.startswith("**")
    (line,) = shown["verdict"]["lines"][:1]
    assert line.startswith("After training, BCE's NLL is ")


def test_two_seeds_make_nobody_bold(store: Store) -> None:
    two = CLEAR.model_copy(update={"seeds": (0, 1)})
    shown = compared(store, reported(store, two), verdict_by="nll")
    assert not any("**" in cell for row in table(shown, "matrix").values() for cell in row)
    assert "one degree of freedom" in shown["verdict"]["lines"][0]


def test_a_run_that_diverged_is_missing_in_the_matrix(store: Store) -> None:
    experiment_id = store.create(CLEAR)
    steps = (None, 9, None, *[None] * 3)
    for progress in train(CLEAR):
        late = replace(progress, diverged_steps=steps if progress.outcome else (None,) * 6)
        store.report(experiment_id, late, progress.outcome or Status.RUNNING)
    shown = compared(store, experiment_id)
    lost, whole_row = table(shown, "matrix").values()
    assert all("(2 of 3 seeds)" in cell for cell in lost)
    assert not any("seeds)" in cell for cell in whole_row)
    assert "diverged in 1 of 3 seeds; the comparison has the other 2" in words(shown)


def test_a_loss_against_itself_shows_the_noise_floor(store: Store) -> None:
    spec = race_of(entrants=[{"loss": "bce"}, {"loss": "bce", "head_seed": 1}])
    shown = compared(store, reported(store, spec), verdict_by="nll")
    assert shown["verdict"]["lines"][0].startswith(
        "A/A check: BCE and BCE, last layer 1 are the same"
    )
    assert "noise floor" in shown["verdict"]["lines"][0]
    assert len(shown["verdict"]["lines"]) == 1
    assert "**Different:** first weights of the last layer." in shown["equal"]["text"]


def test_a_yardstick_that_the_task_does_not_have_counts_as_its_first(
    raced: Store, diabetes: str
) -> None:
    assert compared(raced, diabetes, verdict_by="nll", judged_by="accuracy") == compared(
        raced, diabetes
    )


def test_one_seed_shows_nothing(store: Store) -> None:
    shown = compared(store, reported(store, race_of(seeds=[4])))
    assert any("can't tell a better loss from luck" in line for line in shown["verdict"]["lines"])
    assert not any("**" in cell for row in table(shown, "matrix").values() for cell in row)


def test_one_entrant_alone_has_nothing_to_compare(store: Store) -> None:
    shown = compared(store, reported(store, race_of(losses=["bce"])))
    assert shown["verdict"]["lines"] == ["One entrant alone: nothing to compare."]


def test_a_regression_has_its_own_yardsticks(raced: Store, diabetes: str) -> None:
    shown = compared(raced, diabetes)
    assert shown["matrix"]["columns"] == ["", "R² ↑", "MSE ↓", "MAE ↓"]
    axis = shown["shared_chart"]["figure"]["layout"]["yaxis"]
    assert axis["title"]["text"] == "validation R²"


def test_diverged_seeds_are_counted(store: Store) -> None:
    spec = race_of(
        "diabetes", ("mse", "l1"), optimizer={"name": "sgd", "learning_rate": 1},
        training={"epochs": 6, "batch_size": 8},
    )  # fmt: skip
    experiment_id = reported(store, spec)
    ended = [run.diverged_step for run in store.runs(experiment_id)]
    assert [step is not None for step in ended] == [True] * 3 + [False] * 3
    first = min(step for step in ended if step is not None)
    for tab in Tab:
        shown = compared(store, experiment_id, tab=tab.value)
        assert shown["findings"]["lines"][0]["text"] == (
            f"MSE diverged in 3 of 3 seeds, first at step {first:,}: its loss is no longer a "
            "finite number."
        )
    shown = compared(store, experiment_id)
    assert table(shown, "matrix")["MSE"] == [f"diverged at step {first:,}"] * 3
    assert any("MSE diverged in 3 of 3 seeds" in line for line in shown["verdict"]["lines"])


@pytest.mark.parametrize("protocol", ["same_rate", "one_function"])
def test_the_exhibit_sets_up_the_race_where_ce_and_bce_agree(store: Store, protocol: str) -> None:
    spec = race_of(
        losses=("cross_entropy", "bce"),
        optimizer={"name": "sgd", "learning_rate": 0.1},
        training={"epochs": 2, "device": "cpu", "protocol": protocol},
    )
    fold = compared(store, reported(store, spec), one_function="true")["one_function"]
    assert fold["kind"] == "fold"
    why, apart, action = fold["blocks"]
    assert "both are the same function of p" in why["text"]
    assert apart["text"].startswith("Largest difference of their step losses in this race: **")
    difference = float(apart["text"].split("**")[1])
    assert (difference < 1e-5) == (protocol == "one_function")
    assert action["kind"] == "action"
    assert action["id"] == "set_up_one_function"
    assert action["disabled"] == (protocol == "one_function")


def test_nothing_is_worked_out_for_a_closed_fold(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worked_out(*_: object) -> None:
        raise AssertionError("nobody sees it")

    experiment_id = reported(store, race_of(losses=("cross_entropy", "bce")))
    monkeypatch.setattr(Curves, "largest_difference", worked_out)
    monkeypatch.setattr(verdict, "pairs_table", worked_out)
    shown = compared(store, experiment_id)
    for name in ("pairs", "one_function"):
        fold = shown[name]
        assert (fold["kind"], fold["option"], fold["open"]) == ("fold", name, False)
        assert fold["blocks"] == []
        with pytest.raises(AssertionError, match="nobody sees it"):
            compared(store, experiment_id, **{name: "true"})


@pytest.mark.parametrize(
    "spec",
    [
        race_of(),
        race_of("blobs", ("cross_entropy", "bce")),
        race_of(entrants=[{"loss": "cross_entropy", "parameters": {"label_smoothing": 0.1}},
                          {"loss": "bce"}]),
    ],
)  # fmt: skip
def test_where_they_are_not_one_function_there_is_no_exhibit(
    store: Store, spec: ExperimentSpec
) -> None:
    assert "one_function" not in compared(store, reported(store, spec))


def test_scores_are_no_probabilities_and_an_expression_of_p_is(store: Store) -> None:
    for expression, is_known in (("-y*log(p)", True), ("relu(1 - sum(y*z) + z)", False)):
        spec = race_of(entrants=[{"loss": "mse"}, {"loss": "custom", "expression": expression}])
        own = table(compared(store, reported(store, spec)), "matrix")["Your own"]
        assert ("not a probability" in own) != is_known


def test_all_losses_race_on_values(store: Store) -> None:
    spec = race_of(
        "diabetes",
        entrants=[
            {"loss": loss.key, "expression": "abs(p - y)**1.5" if loss.key == "custom" else None}
            for loss in fitting(Task.REGRESSION)
        ],
    )
    rows = table(compared(store, reported(store, spec)), "matrix")
    assert list(rows) == [entrant.title for entrant in spec.lineup]
    assert not {"nan", "diverged"} & {cell for row in rows.values() for cell in row}
    assert not any("nan" in cell for row in rows.values() for cell in row)


# ------------------------------------------------------------------ the curves


def test_each_shared_yardstick_can_be_on_the_axis(raced: Store, moons: str) -> None:
    offered = controls(compared(raced, moons))["judged_by"]["offered"]
    assert len(offered) == len(shared(DATASETS["moons"]))
    titles = set()
    for key, title in offered:
        shown = compared(raced, moons, judged_by=key)
        assert controls(shown)["judged_by"]["value"] == key
        assert shown["shared_chart"]["label"].startswith(title)
        titles.add(shown["shared_chart"]["figure"]["layout"]["yaxis"]["title"]["text"])
    assert len(titles) == len(offered)


def test_what_is_judged_by_nonsense_is_judged_by_the_first(raced: Store, moons: str) -> None:
    assert compared(raced, moons, judged_by="<b>luck</b>") == compared(raced, moons)


@pytest.mark.parametrize("axis", list(CurveAxis))
@pytest.mark.parametrize("band", list(Spread))
def test_axes_and_bands_are_picked(raced: Store, moons: str, axis: CurveAxis, band: Spread) -> None:
    for seeds in ("false", "true"):
        shown = compared(raced, moons, axis=axis.value, band=band.value, seeds=seeds)
        picked = controls(shown)
        assert (picked["axis"]["value"], picked["band"]["value"]) == (axis.value, band.value)
        assert picked["seeds"]["value"] == (seeds == "true")
        assert band.value in shown["shared_chart"]["label"]
    plain = compared(raced, moons, axis=axis.value, band=band.value)["shared_chart"]
    assert len(shown["shared_chart"]["figure"]["data"]) > len(plain["figure"]["data"])


def test_places_that_traces_share_are_sent_once(raced: Store, moons: str) -> None:
    traces = compared(raced, moons)["shared_chart"]["figure"]["data"]
    first, *others = (trace["x"] for trace in traces)
    assert {"dtype", "bdata"} == first.keys()
    assert all(x == {"of": 0} for x in others)


def test_a_log_axis_is_for_losses_in_their_own_units_and_for_errors(
    raced: Store, moons: str
) -> None:
    shown = compared(raced, moons, tab="units", log="true", judged_by="accuracy")
    assert controls(shown)["log"]["value"] is True
    kinds = {name: figure["layout"]["yaxis"].get("type") for name, figure in charts(shown).items()}
    assert kinds.pop("shared_chart") != "log"
    assert kinds.pop("forest") != "log"
    assert set(kinds.values()) == {"log"}
    first = charts(compared(raced, moons))["shared_chart"]
    assert first["layout"]["yaxis"]["title"]["text"] == "validation error"
    assert first["layout"]["yaxis"]["type"] == "log"


# ------------------------------------------------------------------ the tabs


EXPECTED = {
    Tab.VERDICT: [],
    Tab.UNITS: ["units_0", "units_1", "units_2"],
    Tab.CALIBRATION: ["calibration_1", "calibration_2", "risk_chart"],
    Tab.GRADIENTS: ["lens_chart", "push_chart"],
    Tab.LEARNED: ["learned_0", "learned_1", "learned_2"],
    Tab.CONDITIONS: [],
}


@pytest.fixture(scope="module")
def siblings(raced: Store) -> str:
    two = {"loss": "focal"}, {"loss": "focal", "parameters": {"gamma": 5}}
    return reported(raced, race_of(entrants=[{"loss": "hinge"}, *two]))


@pytest.mark.parametrize("tab", list(Tab))
def test_every_tab_has_a_chart_or_a_reason_for_each_entrant_by_its_place(
    raced: Store, siblings: str, tab: Tab
) -> None:
    shown = compared(raced, siblings, tab=tab.value)
    assert controls(shown)["tab"]["value"] == tab.value
    assert [value for value, _ in controls(shown)["tab"]["offered"]] == [each.value for each in Tab]
    assert list(charts(shown)) == ["forest", "shared_chart", *EXPECTED[tab]]
    headings = [each["text"] for each in shown.values() if each["id"].endswith("_heading")]
    if tab in (Tab.CALIBRATION, Tab.LEARNED):
        assert headings == ["Hinge", "Focal γ 2", "Focal γ 5"]
    if tab is Tab.CALIBRATION:
        assert "Its outputs are scores, not probabilities." in words(shown)
        assert "(epoch 3)" in shown["calibration_caption"]["text"]


def test_calibration_has_the_risks_and_temperatures_of_every_entrant(
    raced: Store, siblings: str
) -> None:
    shown = compared(raced, siblings, tab="calibration")
    lines = [
        trace for trace in shown["risk_chart"]["figure"]["data"] if trace.get("showlegend", True)
    ]
    assert [line["name"] for line in lines] == ["Hinge", "Focal γ 2", "Focal γ 5"]
    snapshot = raced.snapshot(siblings)
    assert snapshot is not None
    assert snapshot.risk is not None
    assert snapshot.temperatures is not None
    error = 1 - snapshot.score("accuracy")[3:6].mean()
    assert lines[1]["meta"]["newest"] == f"{error:.1%}"
    assert shown["temperatures"]["columns"][1:3] == ["AURC", "T"]
    assert all(shown["temperatures"]["tips"][1:])
    rows = table(shown, "temperatures")
    assert rows["Hinge"][1:] == ["–"] * 5
    assert rows["Focal γ 2"][1].startswith(f"{snapshot.temperatures[3:6].mean():.2f} ± ")
    # What is rescaled, and the area, are those of the matrix.
    in_matrix = table(compared(raced, siblings), "matrix")
    for title in rows:
        assert rows[title][0] == in_matrix[title][7]
    assert [rows["Focal γ 5"][place] for place in (3, 5)] == in_matrix["Focal γ 5"][4:6]


def test_calibration_is_of_the_moment_that_is_wound_back_to(raced: Store, siblings: str) -> None:
    view = View.parse({"page": "compare", "tab": "calibration"})
    first, *_rest, last = raced.moments(siblings)
    of_risk = []
    for moment in (first, last):
        body = Moments().body(Reading(raced, siblings), moment.step, view)
        assert body is not None
        shown = {block["id"]: block for block in json.loads(body)["blocks"]}
        of_risk.append((shown["risk_chart"]["figure"]["data"], shown["temperatures"]["rows"]))
    assert of_risk[0] != of_risk[1]


def test_a_snapshot_from_before_there_were_temperatures_has_all_else(store: Store) -> None:
    spec = race_of(losses=("cross_entropy", "mse"))
    experiment_id = store.create(spec)
    younger = ("nll_rescaled", "ece_rescaled", "aurc")

    def as_once(snapshot: Snapshot) -> Snapshot:
        places = [at for at, name in enumerate(snapshot.measures) if name not in younger]
        return replace(
            snapshot,
            measures=tuple(snapshot.measures[at] for at in places),
            scores=snapshot.scores[places],
            risk=None,
            temperatures=None,
            unscaled=None,
        )

    for progress in train(spec):
        once = progress.snapshot and as_once(progress.snapshot)
        old = replace(progress, snapshot=once, kept=tuple(map(as_once, progress.kept)))
        store.report(experiment_id, old, progress.outcome or Status.RUNNING)
    shown = compared(store, experiment_id, verdict_by="aurc")
    assert shown["matrix"]["columns"] == [
        "", "Accuracy ↑", "NLL ↓", "Brier ↓", "ECE ↓", "AUROC ↑"
    ]  # fmt: skip
    assert controls(shown)["verdict_by"]["value"] == "accuracy"
    calibration = compared(store, experiment_id, tab="calibration")
    assert list(charts(calibration)) == [
        "forest", "shared_chart", "calibration_0", "calibration_1"
    ]  # fmt: skip


def test_titles_stand_on_the_curves(raced: Store, siblings: str) -> None:
    named = [
        line["name"]
        for line in compared(raced, siblings)["shared_chart"]["figure"]["data"]
        if line.get("name")
    ]
    assert {"Hinge", "Focal γ 2", "Focal γ 5"} <= set(named)


def test_surfaces_of_the_plane_are_of_the_picked_seed(raced: Store, moons: str) -> None:
    shown = compared(raced, moons, tab="learned")
    assert controls(shown)["seed"]["offered"] == [[str(each), str(each)] for each in range(3)]
    assert controls(shown)["seed"]["value"] == "0"
    assert shown["learned_caption"]["text"].startswith("Blue is sure of class 0")
    other = compared(raced, moons, tab="learned", seed="2")
    assert controls(other)["seed"]["value"] == "2"
    for name in EXPECTED[Tab.LEARNED]:
        assert charts(other)[name] != charts(shown)[name]
    assert compared(raced, moons, tab="learned", seed="99") == shown


def test_sigmoids_a_class_are_said_to_be_divided_by_their_sum(store: Store) -> None:
    said = "are divided by their sum"
    with_bce = reported(store, race_of("blobs", ("cross_entropy", "bce"), seeds=[5]))
    for tab, name in ((None, "matrix_caption"), ("calibration", "calibration_caption")):
        parts = {} if tab is None else {"tab": tab}
        shown = compared(store, with_bce, **parts)[name]["text"]
        assert shown.endswith(
            "The sigmoids of BCE, one a class, are divided by their sum for NLL, Brier and ECE."
        )
    without = reported(store, race_of("blobs", ("cross_entropy", "mse"), seeds=[5]))
    assert said not in compared(store, without)["matrix_caption"]["text"]
    of_one_logit = reported(store, race_of("moons", ("cross_entropy", "bce"), seeds=[5]))
    assert said not in compared(store, of_one_logit)["matrix_caption"]["text"]


def test_classes_of_the_plane_have_their_colours(store: Store) -> None:
    spec = race_of("blobs", ("cross_entropy", "mse"), seeds=[5])
    assert spec.dataset.outputs > 2
    shown = compared(store, reported(store, spec), tab="learned")
    assert "in the colour of the class" in shown["learned_caption"]["text"]
    assert list(charts(shown)) == ["shared_chart", "learned_0", "learned_1"]


def test_classes_of_many_features_have_confusions_of_all_seeds(store: Store) -> None:
    shown = compared(
        store, reported(store, race_of("iris", ("cross_entropy", "mse"))), tab="learned"
    )
    assert "seed" not in controls(shown)
    assert "all seeds together" in shown["learned_caption"]["text"]
    assert list(charts(shown)) == ["forest", "shared_chart", "learned_0", "learned_1"]


def test_a_regression_has_predictions_and_no_calibration(raced: Store, diabetes: str) -> None:
    shown = compared(raced, diabetes, tab="learned")
    assert shown["learned_caption"]["text"].startswith("Predictions against the truth")
    assert "seed" in controls(shown)
    assert list(charts(shown)) == ["forest", "shared_chart", "learned_0", "learned_1"]
    calibration = compared(raced, diabetes, tab="calibration")
    assert "this data set asks for a number" in calibration["calibration_caption"]["text"]
    assert list(charts(calibration)) == ["forest", "shared_chart"]
    gradients = compared(raced, diabetes, tab="gradients")
    assert "over the residuals" in gradients["lens_caption"]["text"]


def test_the_conditions_are_those_of_every_seed(raced: Store, moons: str) -> None:
    facts, snapshot = raced.get(moons).facts, raced.snapshot(moons)
    assert facts is not None
    assert snapshot is not None
    shown = compared(raced, moons, tab="conditions")
    assert table(shown, "fingerprints") == {
        str(seed): [
            facts.trunk_sha256[seed][:16],
            "3 of 3 entrants",
            snapshot.order_sha256[seed][:16],
        ]
        for seed in range(3)
    }
    assert shown["fingerprints"]["columns"][-1] == "batch order to epoch 3"
    assert shown["protocol"]["text"].startswith("**Protocol:** ")
    assert "range_chart" not in shown


def test_the_search_for_rates_is_drawn(store: Store) -> None:
    training = {"epochs": 2, "device": "cpu", "protocol": "best_rate"}
    shown = compared(store, reported(store, race_of(training=training)), tab="conditions")
    assert list(charts(shown)) == ["forest", "shared_chart", "range_chart"]
    assert "steps at each rate" in shown["range_caption"]["text"]
    for entrant in race_of().lineup:
        assert entrant.title in shown["protocol"]["text"]


def test_each_reading_of_a_yardstick_is_explained_as_what_it_is(raced: Store, moons: str) -> None:
    tips = controls(compared(raced, moons))["judged_by"]["tips"]
    assert tips["error in accuracy"].startswith("1 - accuracy")
    assert tips["accuracy"].startswith("Share of rows whose predicted class is right")
    assert "than that of the best constant guess" in tips["skill in nll"]
