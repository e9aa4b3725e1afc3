"""Facts by the place of the entrant, as JSON keeps them."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from core.records import Facts
from core.records.snapshot import MARGIN_EDGES
from core.spec import ExperimentSpec
from core.store import Store
from core.training import train
from tests.facts import SOME_FACTS

ENTRANTS = [
    {"loss": "mse"},
    {"loss": "bce", "parameters": {"pos_weight": 5.0}, "learning_rate": 0.5},
    {"loss": "mse", "learning_rate": 0.25},
    {"loss": "bce"},
]


def spec_of(*entrants: dict[str, object]) -> ExperimentSpec:
    return ExperimentSpec.parse(
        {
            "data": {"name": "moons", "rows": 100},
            "network": {"hidden_sizes": [4]},
            "training": {"epochs": 1, "device": "cpu"},
            "entrants": entrants,
            "seeds": [0, 7],
        }
    )


def read(plain: dict[str, object]) -> Facts:
    return Facts.from_json(json.dumps(plain))


def test_plain_values_give_the_same_facts_back():
    assert read(asdict(SOME_FACTS)) == SOME_FACTS


def test_fields_that_are_not_known_are_left_out():
    newer = asdict(SOME_FACTS) | {"threads": 2, "colour": {"of": ["the", "sky"]}}
    assert read(newer) == SOME_FACTS


#: What only trainings have in which an entrant switches its loss, and none from before there were.
OF_SWITCHES = ["later_baselines", "later_lens"]


@pytest.mark.parametrize(
    "name", [field.name for field in fields(Facts) if field.name not in OF_SWITCHES]
)
def test_a_field_that_is_missing_is_not_made_up(name):
    plain = asdict(SOME_FACTS)
    del plain[name]
    with pytest.raises(ValueError, match=name):
        read(plain)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        '{"device": 1}',
        "[" * 5000 + "]" * 5000,
        '{"a":' * 5000 + "}" * 5000,
    ],
)
def test_what_are_no_facts_is_a_sentence(text):
    with pytest.raises(ValueError, match=r"^The facts can't be read at .*\.$"):
        Facts.from_json(text)


@pytest.mark.parametrize(
    "name", ["baselines", "learning_rates", "gradient_scales", "trunk_sha256", "later_baselines"]
)
def test_a_list_without_one_for_each_is_a_sentence(name):
    SOME_FACTS.check(entrants=2, seeds=2)
    with pytest.raises(ValueError, match="has 1 values; allowed is"):
        replace(SOME_FACTS, **{name: [0.5]}).check(entrants=2, seeds=2)


def test_facts_from_before_there_were_switches_are_read():
    plain = asdict(SOME_FACTS)
    for name in OF_SWITCHES:
        del plain[name]
    assert read(plain) == SOME_FACTS
    assert SOME_FACTS.later_baseline(0) is None


def test_facts_and_snapshot_have_a_place_for_each_entrant_and_each_run(tmp_path):
    spec = spec_of(*ENTRANTS)
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    key = store.create(spec)
    for progress in train(spec):
        store.report(key, progress)
    facts, snapshot = store.get(key).facts, store.snapshot(key)
    assert facts.learning_rates == [0.001, 0.5, 0.25, 0.001]
    assert facts.gradient_scales == [1, 1, 1, 1]
    assert len(facts.baselines) == len(facts.lens["gradients"]) == 4
    assert len(facts.trunk_sha256) == spec.run_count == 8
    assert {name: len(scores) for name, scores in facts.null_scores.items()} == {
        "nll": 2,
        "brier": 2,
    }
    assert snapshot.margins.shape == (4, len(MARGIN_EDGES) - 1)
    assert snapshot.scores.shape == (len(snapshot.measures), 8)
    assert len(snapshot.order_sha256) == 2
    # Place by place they are those of the entrant alone.
    for place, entrant in enumerate(ENTRANTS):
        reports = list(train(spec_of(entrant)))
        alone = reports[0].facts
        assert facts.baselines[place] == pytest.approx(alone.baselines[0])
        assert facts.lens["gradients"][place] == alone.lens["gradients"][0]
        assert facts.trunk_sha256[spec.runs_of(place)] == alone.trunk_sha256
        np.testing.assert_allclose(
            snapshot.scores[:, spec.runs_of(place)],
            reports[-1].snapshot.scores,
            rtol=1e-4,
            atol=1e-6,
        )
