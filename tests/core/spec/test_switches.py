"""Entrants that switch their loss, and branches: what is allowed, and what they are called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import SpecError
from core.losses import LOSSES
from core.spec import (
    ExperimentSpec,
    as_one_function,
    at_best_rates,
    branched,
    branching_place,
    changes,
    no_branch,
    race_with_origin,
    successors,
)
from tests.core.refusal import refusal

ORIGIN = "0123456789"


def spec_of(*entrants: dict[str, Any], data: str = "digits", **parts: Any) -> ExperimentSpec:
    """Digits are 45 steps an epoch, 4,500 in all."""
    return ExperimentSpec.parse({"data": {"name": data}, "entrants": entrants, **parts})


def switching(first: str, second: str, step: int = 500, **fields: Any) -> dict[str, Any]:
    return {"loss": first, "then": {"loss": second, "step": step, **fields}}


# ------------------------------------------------------------------ what is allowed


@pytest.mark.parametrize(
    ("entrant", "data", "parts", "sentence"),
    [
        (
            switching("mse", "cross_entropy", 4500),
            "digits",
            {},
            "Entrant 1: Step of the switch was 4,500; the training has 4,500 steps, so allowed is "
            "1 to 4,499.",
        ),
        (
            switching("mse", "cross_entropy", 0),
            "digits",
            {},
            "Entrant 1: Step of the switch was 0; allowed is 1 to 50,000,000.",
        ),
        (
            switching("mse", "l1"),
            "digits",
            {},
            "L1 does not fit Digits. It measures a distance to a value; class ids are names, not "
            "values.",
        ),
        (
            switching("mse", "cross_entropy", class_weights=None, parameters={"gamma": 1}),
            "digits",
            {},
            "Entrant 1: Parameter of CrossEntropy was 'gamma'; allowed is any of label_smoothing, "
            "class_weights. Entrant 1: There is no field called 'then.class_weights'.",
        ),
        (
            switching("mse", "cross_entropy", parameters={"class_weights": [1, 2]}),
            "digits",
            {},
            "Entrant 1: Class weight was [1.0, 2.0]; Digits has 10 classes, so allowed is a list "
            "of 10, or an empty one.",
        ),
        (
            switching("mse", "cross_entropy"),
            "moons",
            {},
            "Entrant 1: training can't go on with CrossEntropy. It needs 2 outputs of the network "
            "on Two moons, and MSE has trained 1 output. Allowed is any of bce, mse, "
            "bce_on_probabilities, soft_margin, mae_on_probabilities.",
        ),
        (
            switching("mse", "custom", expression="q + z"),
            "digits",
            {},
            None,
        ),
        (
            switching("mse", "bce"),
            "digits",
            {"optimizer": {"name": "sgd"}, "training": {"protocol": "matched_gradients"}},
            "MSE, then BCE was to switch its loss after step 500; allowed is no switch with first "
            "gradients of one size, which are those of the first losses. Hold something else "
            "equal.",
        ),
        (
            switching("mse", "cross_entropy", 1),
            "lesson",
            {"training": {"batch_size": 32, "epochs": 1}},
            "Entrant 1: a training of 1 step has no step after which its loss could be switched; "
            "allowed is no 'then'.",
        ),
        (
            {"loss": "mse", "then": 5},
            "digits",
            {},
            "Entrant 1: Then was 5; allowed is an object with the fields loss, parameters, "
            "expression, step, or none.",
        ),
        (
            {"loss": "mse", "then": {"loss": "bce", "step": "soon"}},
            "digits",
            {},
            "Entrant 1: Step of the switch was 'soon'; allowed is a whole number from 1 to "
            "50,000,000.",
        ),
    ],
)
def test_what_is_not_allowed_has_a_sentence(entrant, data, parts, sentence):
    found = refusal({"data": {"name": data}, "entrants": [entrant], **parts})
    assert sentence is None or found == sentence
    assert found


def test_a_branch_is_one_of_an_experiment_at_a_step_at_which_it_switches():
    entrant = switching("mse", "bce")
    there = {"experiment": ORIGIN, "step": 500}
    assert spec_of(entrant, branched_from=there).branched_from.step == 500
    assert refusal({"entrants": [entrant], "branched_from": there | {"step": 4}}) == (
        "Branched from step 4, but no entrant switches its loss after that step; allowed is a "
        "branch in which one does."
    )
    assert refusal({"entrants": [entrant], "branched_from": there | {"experiment": "../x"}}) == (
        "The id of an experiment was '../x'; allowed are 10 of the characters 0 to 9 and a to f."
    )


@pytest.mark.parametrize("data", ["digits", "moons", "iris", "diabetes"])
def test_a_loss_may_follow_just_those_that_it_says(data):
    for first, loss in LOSSES.items():
        if loss.refusal(spec_of({"loss": "custom", "expression": "p"}, data=data).dataset.task):
            continue
        dataset = spec_of({"loss": "custom", "expression": "p"}, data=data).dataset
        for second, reason in successors(loss, dataset).items():
            entrant = switching(first, second, 3)
            for choice in (entrant, entrant["then"]):
                if choice["loss"] == "custom":
                    choice["expression"] = "(p - y)**2"
            if reason is None:
                assert spec_of(entrant, data=data).lineup[0].switch.loss.key == second
            else:
                assert reason in refusal({"data": {"name": data}, "entrants": [entrant]})


# ------------------------------------------------------------------ titles, words, files


def titles(*entrants: dict[str, Any]) -> list[str]:
    return [each.title for each in spec_of(*entrants).lineup]


def test_titles_name_both_losses_and_the_step_where_they_would_be_equal():
    both = switching("mse", "cross_entropy")
    assert titles(both) == ["MSE, then CrossEntropy"]
    assert titles(both, {"loss": "mse"}) == ["MSE, then CrossEntropy", "MSE"]
    assert titles(both, switching("mse", "cross_entropy", 7)) == [
        "MSE, then CrossEntropy after step 500",
        "MSE, then CrossEntropy after step 7",
    ]
    assert titles(both | {"name": "Mine"}, both) == ["Mine", "MSE, then CrossEntropy"]
    smoothed = switching("mse", "focal", parameters={"gamma": 5})
    assert titles(smoothed, {"loss": "focal"}) == ["MSE, then Focal γ 5", "Focal γ 2"]
    own = {"loss": "custom", "expression": "p", "then": switching("mse", "custom")["then"]}
    own["then"]["expression"] = "p - y"
    assert titles(own) == ["Your own: p, then Your own: p - y"]


def test_entrants_that_begin_alike_differ_in_looks():
    spec = spec_of(switching("mse", "bce"), {"loss": "mse"}, {"loss": "bce"})
    assert len({(each.color, each.dash) for each in spec.lineup}) == 3


def test_the_loss_of_a_step_is_the_first_up_to_the_switch():
    (entrant,) = spec_of(switching("mse", "bce", 5)).lineup
    assert [entrant.loss_of(step).key for step in (0, 1, 5, 6, 9)] == ["mse"] * 3 + ["bce"] * 2
    assert spec_of(switching("mse", "bce", 5), {"loss": "mse"}).switches == {0: 5}


def test_it_goes_to_json_and_back_and_what_was_stored_before_is_read():
    spec = spec_of(
        switching("mse", "focal", parameters={"gamma": 3}),
        branched_from={"experiment": ORIGIN, "step": 500},
    )
    assert ExperimentSpec.parse(spec.to_json()) == spec
    plain = json.loads(spec_of({"loss": "mse"}).to_json())
    del plain["branched_from"], plain["entrants"][0]["then"]
    assert ExperimentSpec.parse(json.dumps(plain), is_stored=True) == spec_of({"loss": "mse"})


def test_changes_say_which_switch_is_new():
    before, after = spec_of({"loss": "mse"}), spec_of(switching("mse", "bce"))
    assert changes(before, after) == ("switch of MSE none → BCE after step 500",)
    focal = spec_of(switching("mse", "focal", parameters={"gamma": 3}))
    assert changes(after, focal) == (
        "switch of MSE BCE after step 500 → Focal (gamma 3) after step 500",
    )


# ------------------------------------------------------------------ branches


def test_a_branch_is_the_same_but_for_one_entrant_and_says_where_it_comes_from():
    mine = {"loss": "mse", "name": "Mine", "learning_rate": 0.1, "head_seed": 4}
    origin = spec_of({"loss": "bce"}, mine, seeds=[3, 4])
    branch = branched(origin, ORIGIN, 1, 70, {"loss": "cross_entropy"})
    assert branching_place(branch) == 1
    assert branching_place(origin) is None
    assert branch.branched_from.model_dump() == {"experiment": ORIGIN, "step": 70}
    assert branch.lineup[1].title == "MSE, then CrossEntropy, rate 0.1, last layer 4"
    back = branch.entrants[1].model_copy(update={"then": None, "name": "Mine"})
    undone = {"entrants": (branch.entrants[0], back), "branched_from": None}
    assert branch.model_copy(update=undone) == origin


def test_who_has_switched_can_not_switch_again_but_who_has_not_yet_can():
    once = spec_of(switching("mse", "bce", 50))
    again = "MSE, then BCE has switched its loss already, after step 50; an entrant switches once."
    assert no_branch(once, 0, 51) == again
    with pytest.raises(SpecError, match="switches once"):
        branched(once, ORIGIN, 0, 51, {"loss": "mse"})
    assert branched(once, ORIGIN, 0, 40, {"loss": "focal"}).lineup[0].title == "MSE, then Focal"
    assert "this was step 0 of 4,500" in no_branch(once, 0, 0)
    assert "this was step 4,500 of 4,500" in no_branch(once, 0, 4500)


def test_the_race_with_the_origin_has_the_three_that_answer_the_question():
    origin = spec_of({"loss": "bce"}, {"loss": "mse", "learning_rate": 0.1}, seeds=[3, 4])
    loss = {"loss": "focal", "parameters": {"gamma": 3}}
    branch = branched(origin, ORIGIN, 1, 70, loss)
    race = race_with_origin(branch, origin.entrants[1])
    assert race.entrants[0] == origin.entrants[1]
    assert race.entrants[1] == branch.entrants[1]
    assert (race.entrants[2].loss, dict(race.entrants[2].parameters)) == ("focal", {"gamma": 3})
    assert race.entrants[2].learning_rate == 0.1
    assert race_with_origin(branch) == race
    rest = {"entrants": origin.entrants, "branched_from": None}
    assert race.model_copy(update=rest) == origin
    with pytest.raises(SpecError, match="Only a branch has an origin"):
        race_with_origin(origin)


def test_what_is_changed_from_the_start_is_no_branch_any_more():
    branch = branched(spec_of({"loss": "mse"}), ORIGIN, 0, 500, {"loss": "bce"})
    assert at_best_rates(branch).branched_from is None
    assert at_best_rates(branch).entrants == branch.entrants
    assert as_one_function(branch).branched_from is None
