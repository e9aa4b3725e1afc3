"""Entrants: by what title and look each is known, and what may be said of one in a file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.losses import LOSSES, LossSpec
from core.spec import MAX_ENTRANTS, NAME_LENGTH, Entrant, EntrantSpec, ExperimentSpec
from core.spec.entrants import lineup
from tests.core.refusal import refusal

RATE = 0.001


def named(*entrants: dict[str, Any]) -> tuple[Entrant, ...]:
    return lineup(tuple(EntrantSpec(**entrant) for entrant in entrants), RATE)


def titles(*entrants: dict[str, Any]) -> list[str]:
    return [entrant.title for entrant in named(*entrants)]


CE, BCE, MSE = ({"loss": key} for key in ("cross_entropy", "bce", "mse"))


def own(expression: str, **others: Any) -> dict[str, Any]:
    return {"loss": "custom", "expression": expression} | others


@pytest.fixture
def catalogue(monkeypatch):
    """Changes a loss of the catalogue; ``lineup`` forgets what it made of the one before."""

    def change(key: str, how: Callable[[LossSpec], LossSpec]) -> None:
        monkeypatch.setitem(LOSSES, key, how(LOSSES[key]))
        lineup.cache_clear()

    yield change
    monkeypatch.undo()
    lineup.cache_clear()


def with_symbols(symbols: dict[str, tuple[str, Any]]) -> Callable[[LossSpec], LossSpec]:
    """The same loss, its parameters with these symbols and neutral values."""

    def change(loss: LossSpec) -> LossSpec:
        parameters = (
            replace(each, symbol=symbols[each.name][0], neutral=symbols[each.name][1])
            for each in loss.parameters
        )
        return replace(loss, parameters=tuple(parameters))

    return change


@pytest.fixture
def symbols(catalogue):
    """Symbols that no change of the catalogue moves."""
    smoothing_and_weights = {"label_smoothing": ("ε", 0.0), "class_weights": ("w", ())}
    catalogue("cross_entropy", with_symbols(smoothing_and_weights))
    catalogue("focal", with_symbols({"gamma": ("γ", None)}))
    catalogue("hinge", with_symbols({"margin": ("m", None), "p": ("p", 1.0)}))


# ------------------------------------------------------------------ titles


def test_losses_at_their_defaults_have_their_titles():
    assert titles(CE, BCE, MSE) == ["CrossEntropy", "BCE", "MSE"]


def test_a_name_wins_over_all_that_is_special():
    special = {"loss": "focal", "parameters": {"gamma": 3}, "learning_rate": 0.1}
    entrants = (special | {"name": "Mine"}, {"loss": "focal"}, own("z - y", name="  My  own "))
    assert [title for title in titles(*entrants) if "Focal" not in title] == ["Mine", "My  own"]


def test_parameters_that_were_changed_stand_in_the_title(symbols):
    smooth = CE | {"parameters": {"label_smoothing": 0.1}}
    weighted = CE | {"parameters": {"label_smoothing": 0.1, "class_weights": [1, 2.5]}}
    assert titles(smooth) == ["CrossEntropy ε 0.1"]
    assert titles(weighted) == ["CrossEntropy ε 0.1 w 1, 2.5"]
    assert titles({"loss": "hinge", "parameters": {"margin": 2}}) == ["Hinge m 2"]


def test_parameters_in_which_siblings_differ_stand_there_unless_they_do_nothing(symbols):
    focal = [{"loss": "focal", "parameters": {"gamma": gamma}} for gamma in (0, 2, 5)]
    assert titles(*focal) == ["Focal γ 0", "Focal γ 2", "Focal γ 5"]
    assert titles(focal[1], CE) == ["Focal", "CrossEntropy"]
    smooth = CE | {"parameters": {"label_smoothing": 0.1}}
    assert titles(CE, smooth) == ["CrossEntropy", "CrossEntropy ε 0.1"]
    powers = [{"loss": "hinge", "parameters": {"p": p}} for p in (1, 2)]
    assert titles(*powers) == ["Hinge", "Hinge p 2"]


def test_many_class_weights_are_cut(symbols):
    (title,) = titles(CE | {"parameters": {"class_weights": [1.25] * 10}})
    assert title == "CrossEntropy w 1.25, 1.25, 1.25, 1.25,…"


def test_a_rate_of_its_own_stands_where_rates_differ():
    slow = CE | {"learning_rate": 0.01}
    assert titles(CE, slow) == ["CrossEntropy", "CrossEntropy, rate 0.01"]
    assert titles(slow, BCE | {"learning_rate": 0.01}) == ["CrossEntropy", "BCE"]
    assert titles(slow, BCE | {"learning_rate": RATE}) == ["CrossEntropy, rate 0.01", "BCE"]
    assert titles(slow) == ["CrossEntropy"]


def test_another_start_of_the_head_stands_in_the_title():
    other = CE | {"head_seed": 1}
    assert titles(CE, other) == ["CrossEntropy", "CrossEntropy, last layer 1"]
    assert titles(CE, other | {"learning_rate": 0.01}) == [
        "CrossEntropy", "CrossEntropy, rate 0.01, last layer 1"
    ]  # fmt: skip
    assert titles(CE, other | {"name": "Again"}) == ["CrossEntropy", "Again"]


def test_an_entrant_stored_without_a_head_seed_has_none():
    stored = '{"entrants": [{"loss": "mse", "parameters": {}, "name": null}]}'
    assert ExperimentSpec.parse(stored).lineup[0].head_seed is None


def test_own_expressions_stand_where_there_are_two():
    assert titles(own("(p - y)**2"), MSE) == ["Your own", "MSE"]
    long = "-y * log(p) - (1 - y) *\n log(1 - p)"
    assert titles(own("(p - y)**2"), own(long)) == [
        "Your own: (p - y)**2",
        "Your own: -y * log(p) - (1 - y) *…",
    ]


def test_equal_entrants_are_numbered():
    assert titles(MSE, BCE, MSE, MSE) == ["MSE #1", "BCE", "MSE #2", "MSE #3"]


def test_a_name_that_looks_like_a_number_keeps_it():
    assert titles(MSE, {"loss": "bce", "name": "MSE #1"}, MSE) == ["MSE #2", "MSE #1", "MSE #3"]
    assert titles(MSE | {"name": "#2"}, MSE | {"name": "#2"}) == ["#2 #1", "#2 #2"]


@pytest.mark.skipif("mse_on_raw_outputs" not in LOSSES, reason="the loss is not there yet")
def test_the_full_title_stands_beside_a_longer_sibling():
    raw = {"loss": "mse_on_raw_outputs"}
    assert titles(MSE, raw) == ["MSE on probabilities", "MSE on raw outputs"]
    assert titles(MSE, raw, MSE)[::2] == ["MSE on probabilities #1", "MSE on probabilities #2"]
    assert titles(BCE, {"loss": "bce_on_probabilities"}) == [
        "BCE on logits",
        "BCE on probabilities",
    ]
    assert titles(MSE, BCE) == ["MSE", "BCE"]


def any_entrant() -> st.SearchStrategy[dict[str, Any]]:
    """Few values, so that many are equal, and names that look like titles."""
    names = st.none() | st.sampled_from(
        ["MSE", "MSE #1", "MSE #2", "#2", " #2", "Hinge p 2", "MSE, rate 0.01", " a  b ", ""]
    ) | st.text(max_size=NAME_LENGTH).filter(str.isprintable)  # fmt: skip
    common = {"name": names, "learning_rate": st.sampled_from([None, 0.001, 0.01, 0.010000001])}
    return st.one_of(
        st.fixed_dictionaries({"loss": st.sampled_from(["mse", "bce"])}, optional=common),
        st.fixed_dictionaries(
            {
                "loss": st.just("hinge"),
                "parameters": st.fixed_dictionaries(
                    {}, optional={"p": st.sampled_from([1, 2]), "margin": st.floats(0.01, 100)}
                ),
            },
            optional=common,
        ),
        st.fixed_dictionaries(
            {
                "loss": st.just("custom"),
                "expression": st.sampled_from(["z", "p - y", "(p - y)**2 + (p - y)**4 + 1"]),
            },
            optional=common,
        ),
    )


@given(entrants=st.lists(any_entrant(), min_size=1, max_size=MAX_ENTRANTS))
def test_titles_and_looks_always_differ(entrants):
    made = named(*entrants)
    assert [entrant.place for entrant in made] == list(range(len(entrants)))
    assert len({entrant.title for entrant in made}) == len(entrants)
    assert len({(entrant.color, entrant.dash) for entrant in made}) == len(entrants)
    assert all(entrant.title and entrant.title.isprintable() for entrant in made)
    names = [(entrant.get("name") or "").strip() for entrant in entrants]
    shown = [entrant.title for entrant in made]
    for name, title in zip(names, shown, strict=True):
        assert title.startswith(name)
        if name and not any(other.startswith(f"{name} #") for other in shown):
            assert title == name


# ------------------------------------------------------------------ looks


def test_entrants_look_like_their_losses_while_these_differ():
    for entrant, key in zip(named(MSE, CE, BCE), ("mse", "cross_entropy", "bce"), strict=True):
        assert (entrant.color, entrant.dash) == (LOSSES[key].color, LOSSES[key].dash)


def test_entrants_look_by_their_place_where_a_loss_repeats():
    many = named(*[MSE] * MAX_ENTRANTS)
    assert len({entrant.color for entrant in many}) == MAX_ENTRANTS
    mixed = named(CE, BCE, CE)
    assert [entrant.color for entrant in mixed] == [entrant.color for entrant in many[:3]]
    assert [entrant.dash for entrant in mixed] == [entrant.dash for entrant in many[:3]]
    for entrant in many:
        assert entrant.color in {loss.color for loss in LOSSES.values()}


def test_entrants_have_the_rate_that_they_train_with():
    assert [entrant.learning_rate for entrant in named(MSE, MSE | {"learning_rate": 2})] == [
        RATE,
        2,
    ]


# ------------------------------------------------------------------ in and out


def test_parameters_are_bound_into_the_losses_and_written_to_json():
    values = {"label_smoothing": 0.25, "class_weights": [1, 2, 0.5]}
    given_entrants = [CE | {"parameters": values}, BCE]
    spec = ExperimentSpec.parse({"data": {"name": "iris"}, "entrants": given_entrants})
    first, second = (entrant.loss for entrant in spec.lineup)
    assert first.values == {"label_smoothing": 0.25, "class_weights": (1, 2, 0.5)}
    assert second.values == {"pos_weight": 1}
    assert json.loads(spec.to_json())["entrants"][0]["parameters"] == values
    assert ExperimentSpec.parse(spec.to_json()) == spec
    assert spec != ExperimentSpec.parse({"data": {"name": "iris"}, "entrants": [CE, BCE]})


def test_parameters_at_their_default_are_none():
    assert EntrantSpec(loss="huber", parameters={"delta": 1}) == EntrantSpec(loss="huber")


def test_a_copy_with_other_entrants_has_their_lineup():
    spec = ExperimentSpec()
    assert spec.lineup[0].title == "CrossEntropy"
    copy = spec.model_copy(update={"entrants": (EntrantSpec(loss="mse"),)})
    assert [entrant.title for entrant in copy.lineup] == ["MSE"]


def test_runs_are_numbered_entrant_by_entrant():
    spec = ExperimentSpec.parse({"entrants": [CE, MSE], "seeds": [7, 3, 5]})
    assert spec.run_count == 6
    assert [spec.entrant_of(run).place for run in range(6)] == [0, 0, 0, 1, 1, 1]
    assert [spec.seed_of(run) for run in range(6)] == [7, 3, 5] * 2
    assert (spec.runs_of(0), spec.runs_of(1)) == (slice(0, 3), slice(3, 6))


def test_a_loss_of_ones_own_has_its_expression():
    spec = ExperimentSpec.parse({"entrants": [own("-y * log(p)"), own("(z - y)**2")]})
    assert [entrant.details for entrant in spec.entrants] == ["-y * log(p)", "(z - y)**2"]
    formulas = [next(iter(entrant.loss.formulas.values())).latex for entrant in spec.lineup]
    assert formulas[0] != formulas[1]
    assert ExperimentSpec.parse(spec.to_json()) == spec


def test_what_is_not_at_its_default_is_said_in_words():
    hinge = EntrantSpec(loss="hinge", parameters={"margin": 1.0, "p": 2})
    assert hinge.details == "power 2"
    weights = {"label_smoothing": 0.2, "class_weights": [1, 2, 3]}
    assert EntrantSpec(**CE, parameters=weights).details.endswith("0.2, class weight 1, 2, 3")
    assert EntrantSpec(**own("(z - y)**2")).details == "(z - y)**2"
    assert EntrantSpec(**MSE).details == ""


def test_a_name_of_white_space_is_none():
    assert EntrantSpec(**MSE, name="  \t ") == EntrantSpec(**MSE)
    assert EntrantSpec(**MSE, name=f" {'ü' * NAME_LENGTH} ").name == "ü" * NAME_LENGTH


# ------------------------------------------------------------------ refusals

OBJECT = "allowed is an object with values by name."


@pytest.mark.parametrize(
    ("entrant", "sentence"),
    [
        ({}, "The field 'loss' is missing."),
        ({"loss": "MSE"}, f"Loss was 'MSE'; allowed is any of {', '.join(LOSSES)}."),
        ({"loss": None}, f"Loss was None; allowed is any of {', '.join(LOSSES)}."),
        (MSE | {"colour": 1}, "There is no field called 'colour'."),
        (MSE | {"losses": 1}, "There is no field called 'losses'."),
        (3, "Entrant was 3; allowed is an object with the fields loss, parameters, expression, "
            "name, learning_rate, head_seed, then."),
        ("mse", "Entrant was 'mse'; allowed is an object with the fields loss, parameters, "
                "expression, name, learning_rate, head_seed, then."),
        (MSE | {"parameters": {"x": 1}}, "Parameter of MSE was 'x'; it has none."),
        (MSE | {"parameters": 3}, f"Parameters of MSE was 3; {OBJECT}"),
        (MSE | {"parameters": None}, f"Parameters of MSE was None; {OBJECT}"),
        ({"loss": "huber", "parameters": {"beta": 1}},
         "Parameter of Huber was 'beta'; allowed is any of delta."),
        ({"loss": "huber", "parameters": {"delta": 0}}, "Delta was 0; allowed is 0.01 to 100."),
        ({"loss": "huber", "parameters": {"delta": "1"}},
         "Delta was '1'; allowed is a number from 0.01 to 100."),
        ({"loss": "huber", "parameters": {"delta": None}},
         "Delta was None; allowed is a number from 0.01 to 100."),
        ({"loss": "huber", "parameters": {"delta": True}},
         "Delta was True; allowed is a number from 0.01 to 100."),
        ({"loss": "huber", "parameters": {"delta": math.nan}},
         "Delta was nan; allowed is 0.01 to 100."),
        ({"loss": "hinge", "parameters": {"p": 1.5}},
         "Power was 1.5; allowed is a whole number from 1 to 2."),
        (CE | {"parameters": {"class_weights": [1, 0, 1]}},
         "Class weight was 0; allowed is 0.01 to 100."),
        (CE | {"parameters": {"class_weights": 2}},
         "Class weight was 2; allowed is a list of numbers, one a class from 0.01 to 100."),
        (CE | {"parameters": {"class_weights": [1, 2]}},
         "Class weight was [1.0, 2.0]; Iris has 3 classes, so allowed is a list of 3, or an "
         "empty one."),
        (CE | {"expression": "z - y"}, "CrossEntropy had the expression 'z - y'; only the loss "
                                       "'custom' has one."),
        ({"loss": "custom"}, "Your own has no expression; write one of z, p and y."),
        (own(3), "The expression was 3; allowed is text, or none."),
        (own(None), "Your own has no expression; write one of z, p and y."),
        (own(""), "The expression is empty; write one of z, p and y."),
        (own("q + 1"), "'q' is not known; allowed are z, p, y, pi, e, abs,"),
        (own("z" * 201), "The expression has 201 characters; allowed are up to 200."),
        (own("y + 1"), "The expression does not depend on z or p, so nothing can be learned from "
                       "it."),
        (MSE | {"name": "x" * 41},
         f"Name was '{'x' * 12}...{'x' * 13}'; allowed are up to 40 characters on one line."),
        (MSE | {"name": "a\nb"}, r"Name was 'a\nb'; allowed are up to 40 characters on one line."),
        (MSE | {"name": 3}, "Name was 3; allowed is text, or none."),
        (MSE | {"learning_rate": 0}, "Learning rate was 0.0; allowed is 1e-06 to 1,000."),
        (MSE | {"learning_rate": 1001}, "Learning rate was 1,001.0; allowed is 1e-06 to 1,000."),
        (MSE | {"learning_rate": math.nan}, "Learning rate was nan; allowed is 1e-06 to 1,000."),
        (MSE | {"learning_rate": "fast"},
         "Learning rate was 'fast'; allowed is a number from 1e-06 to 1,000."),
        (MSE | {"head_seed": -1}, "Seed of the last layer was -1; allowed is 0 to 2,147,483,647."),
        (MSE | {"head_seed": 1.5},
         "Seed of the last layer was 1.5; allowed is a whole number from 0 to 2,147,483,647."),
    ],
)  # fmt: skip
def test_a_bad_entrant_is_refused_by_its_place(entrant, sentence):
    experiment = {"data": {"name": "iris"}, "entrants": [CE, entrant]}
    for source in (experiment, json.dumps(experiment)):
        message = refusal(source)
        assert message.startswith("Entrant 2: ")
        assert sentence in message


def test_class_weights_are_no_trouble_of_their_own_where_there_are_no_classes():
    entrant = CE | {"parameters": {"class_weights": [1, 2]}}
    assert refusal({"data": {"name": "diabetes"}, "entrants": [entrant]}) == (
        "CrossEntropy does not fit Diabetes. It needs classes; this data set's target is a number."
    )


def test_each_bad_entrant_has_its_own_sentence():
    with pytest.raises(SpecError) as refused:
        ExperimentSpec.parse({"entrants": [MSE | {"learning_rate": 0, "x": 1}, CE, {"loss": "x"}]})
    places = [sentence[:11] for sentence in refused.value.sentences]
    assert places == ["Entrant 1: ", "Entrant 1: ", "Entrant 3: "]


@pytest.mark.parametrize(
    ("entrants", "sentence"),
    [
        ([], "Number of entrants was 0; allowed is 1 to 10."),
        (set(), "Number of entrants was 0; allowed is 1 to 10."),
        ([MSE] * 11, "Number of entrants was 11; allowed is 1 to 10."),
        (MSE, "Entrants was {'loss': 'mse'}; allowed is a list of 1 to 10 entrants."),
        ("mse", "Entrants was 'mse'; allowed is a list of 1 to 10 entrants."),
        (None, "Entrants was None; allowed is a list of 1 to 10 entrants."),
    ],
)
def test_what_is_no_list_of_entrants_is_refused(entrants, sentence):
    assert refusal({"entrants": entrants}) == sentence


def test_ten_entrants_are_allowed():
    assert len(ExperimentSpec.parse({"entrants": [MSE] * 10}).lineup) == 10


def test_a_file_of_the_version_before_is_refused_in_one_sentence():
    before = {
        "data": {"name": "digits"},
        "losses": ["cross_entropy", "mse"],
        "seeds": [0],
        "loss_parameters": {},
        "custom_loss": None,
    }
    assert refusal(json.dumps(before)) == (
        "The experiment has a list called 'losses', as an earlier version of Loss Lab wrote it; "
        'this version has \'entrants\', a list of objects such as {"loss": "mse"}.'
    )
