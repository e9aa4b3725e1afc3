"""What the stages say of the rows that a loss rises with, and of those that push."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.live import learned
from core.live.blocks import Block
from core.live.reading import Reading, State
from core.live.rises import sentence
from core.live.view import View
from core.records import Snapshot, Status
from core.store import Store
from core.training import train
from tests.core.live.staging import charts, controls, race_of, reported, stage, table, whole, words


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(f"sqlite:///{tmp_path_factory.mktemp('races') / 'lab.db'}")


@pytest.fixture(scope="module")
def digits(raced: Store) -> str:
    return reported(raced, race_of("digits", ("cross_entropy", "hinge")))


@pytest.fixture(scope="module")
def moons(raced: Store) -> str:
    return reported(raced, race_of("moons", ("cross_entropy", "mse")))


def state_of(store: Store, experiment_id: str) -> State:
    return Reading(store, experiment_id).state()


def risen(snapshot: Snapshot, run: int, count: int = 7) -> Snapshot:
    """As if a run's loss had risen with so many rows."""
    facts, carrying = np.zeros_like(snapshot.risen), np.zeros_like(snapshot.carrying)
    told = np.full_like(snapshot.carriers, np.nan)
    facts[run] = [[12, 0.113, 0.96875, 9.1], [99, 0.209, 0.96875, 17.4]]
    carrying[run] = count
    shown = min(count, told.shape[1])
    told[run, :shown] = np.stack([np.arange(shown), [8] * shown, [3] * shown, [0.5] * shown,
                                  np.arange(9, 9 - shown, -1)], 1)  # fmt: skip
    return replace(snapshot, risen=facts, carrying=carrying, carriers=told)


def shown(state: State, **options: object) -> dict[str, Block]:
    built = list(learned.pictures(state, View.model_validate(options)))
    return {block["id"]: block for block in built}


def rose(store: Store, experiment_id: str, run: int, **options: Any) -> dict[str, Block]:
    state = state_of(store, experiment_id)
    count = options.pop("count", 7)
    assert state.snapshot is not None
    return shown(replace(state, snapshot=risen(state.snapshot, run, count)), **options)


# ------------------------------------------------------------------ a rising loss


def test_the_sentence_says_from_where_to_where_and_with_how_few_rows(
    raced: Store, digits: str
) -> None:
    state = state_of(raced, digits)
    assert state.snapshot is not None
    spec = state.experiment.spec
    told = sentence(spec, risen(state.snapshot, 0), spec.lineup[0], 0)
    assert told == (
        "CrossEntropy's loss on held-out rows from seed 0 rose from 0.113 (epoch 12) to 0.209 "
        "while its accuracy stayed at 96.9%: 7 of 359 rows carry 80% of the rise. The logits grew "
        "from 9.1 to 17.4 in size."
    )
    of_one = spec.model_copy(update={"seeds": (0,)})
    told = sentence(of_one, risen(state.snapshot, 0, 1), spec.lineup[0], 0)
    assert "rows rose from 0.113" in told
    assert "1 of 359 rows carries 80%" in told


def test_the_rows_are_shown_as_pictures(raced: Store, digits: str) -> None:
    blocks = rose(raced, digits, 0)
    (cell,) = blocks["rises"]["cells"]
    _said, fold = cell
    assert fold["title"] == "The 6 rows that rose most"
    (pictures,) = fold["blocks"]
    assert pictures["size"] == [8, 8]
    assert pictures["pictures"][0][1] == ("8, taken for 3: loss 0.5 → 9")
    (_said, few), *_ = rose(raced, digits, 0, count=2)["rises"]["cells"]
    assert few["title"] == "These rows"


def test_rows_that_are_no_pictures_stand_in_a_table(raced: Store, moons: str) -> None:
    blocks = {each["id"]: each for each in whole(rose(raced, moons, 4, seed=1, count=2))}
    assert blocks["rises_1_said"]["text"].startswith("MSE's loss on held-out rows from seed 1")
    assert table(blocks, "rises_1") == {
        "0": ["8", "3", "0.5", "9"],
        "1": ["8", "3", "0.5", "8"],
    }


def test_a_seed_without_a_rise_says_where_there_is_one(raced: Store, moons: str) -> None:
    blocks = rose(raced, moons, 4, seed=0, look="confusion")
    assert "rises" not in blocks
    assert blocks["rises_elsewhere"]["text"] == ("None rises from seed 0; from others (1) it does.")
    assert controls(blocks)["seed"]["value"] == "0"


def test_nothing_is_said_where_no_loss_rises_or_it_is_not_known(raced: Store, moons: str) -> None:
    state = state_of(raced, moons)
    assert state.snapshot is not None
    none = replace(state.snapshot, carrying=np.zeros_like(state.snapshot.carrying))
    unknown = replace(state.snapshot, carrying=None, carriers=None, risen=None)
    for snapshot in (none, unknown):
        assert "ris" not in " ".join(shown(replace(state, snapshot=snapshot)))


def test_a_training_that_overfits_says_it_on_both_pages(store: Store) -> None:
    spec = race_of(
        "digits",
        ("cross_entropy", "bce"),
        seeds=[0],
        network={"hidden_sizes": [32]},
        optimizer={"learning_rate": 0.03},
        training={"epochs": 25, "device": "cpu"},
    )
    experiment_id, told = store.create(spec), []
    for progress in train(spec, kept_seconds=1000.0):
        store.report(experiment_id, progress, Status.RUNNING)
        if progress.snapshot is not None and progress.snapshot.carrying.any():
            told = [each for each in spec.lineup if progress.snapshot.carrying[each.place]]
            break
    assert told, "The training does overfit."
    for options in ({}, {"page": "compare", "tab": "learned"}):
        found = words(stage(store, experiment_id, **options))
        said = re.findall(r"(\w+)'s loss on held-out rows rose from", found)
        assert said == [entrant.title for entrant in told]


# ------------------------------------------------------------------ who pushes


def gradients(store: Store, experiment_id: str, **options: str) -> dict[str, Block]:
    drawn = stage(store, experiment_id, page="compare", tab="gradients", **options)
    return {block["id"]: block for block in whole(drawn)}


def test_the_sentence_has_what_a_tenth_of_the_rows_makes(raced: Store, digits: str) -> None:
    snapshot = raced.snapshot(digits)
    assert snapshot is not None
    first, second = (snapshot.push[at : at + 3, 5].astype(float).mean() for at in (0, 3))
    assert gradients(raced, digits)["push_said"]["text"] == (
        f"10% of the rows make {first:.0%} of CrossEntropy's gradient, {second:.0%} of Hinge's."
    )


def test_each_entrant_has_its_line_and_its_rows(raced: Store, digits: str) -> None:
    blocks = gradients(raced, digits, seed="1")
    names = [trace["name"] for trace in charts(blocks)["push_chart"]["data"]]
    assert names == ["CrossEntropy", "Hinge"]
    assert controls(blocks)["seed"]["value"] == "1"
    titles = [title for _picture, title in blocks["pushing_0"]["pictures"]]
    assert all(re.fullmatch(r"\d, it says \d at [\d.]+%: [\d.]+%", title) for title in titles)
    titles = [title for _picture, title in blocks["pushing_1"]["pictures"]]
    assert all(re.fullmatch(r"\d, it says \d: [\d.]+%", title) for title in titles)


def test_rows_without_pictures_stand_in_tables(raced: Store, moons: str) -> None:
    rows = table(gradients(raced, moons), "pushing_0")
    assert len(rows) == 6
    for row, (true, said, share) in rows.items():
        assert re.fullmatch(r"\d+", row)
        assert true in "01"
        assert re.fullmatch(r"[01] at [\d.]+%", said)
        assert share.endswith("%")


def test_values_push_too(store: Store) -> None:
    blocks = gradients(store, reported(store, race_of("diabetes", ("mse", "l1"))))
    assert len(charts(blocks)["push_chart"]["data"]) == 2
    assert blocks["pushing_0"]["columns"] == ["training row", "true value", "predicted", "share"]


def test_what_was_recorded_before_there_were_pushes_has_none(raced: Store, moons: str) -> None:
    state = state_of(raced, moons)
    assert state.snapshot is not None
    old = replace(state, snapshot=replace(state.snapshot, push=None, pushing=None))
    ids = [block["id"] for block in learned.lens(old, View())]
    assert ids == ["lens_caption", "lens_chart"]


def test_an_entrant_that_no_row_pushes_has_no_line(raced: Store, moons: str) -> None:
    state = state_of(raced, moons)
    snapshot = state.snapshot
    assert snapshot is not None
    push, pushing = snapshot.push.copy(), snapshot.pushing.copy()
    push[:3], pushing[:3, :, 4] = np.nan, np.nan
    seen = replace(state, snapshot=replace(snapshot, push=push, pushing=pushing))
    blocks = {each["id"]: each for each in learned.lens(seen, View())}
    assert [trace["name"] for trace in blocks["push_chart"]["figure"]["data"]] == ["MSE"]
    assert blocks["pushing"]["cells"][0][1]["text"].startswith("No row pushes")
    push[:] = np.nan
    blocks = {each["id"]: each for each in learned.lens(seen, View())}
    assert blocks["push_said"]["text"] == "No row pushes: every gradient is 0 or no number."
