"""What may be asked for is parsed; what may not is refused in sentences."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from core import spec as bounds
from core.data import DATASETS, NOISE, ROWS, VALIDATION_FRACTION
from core.errors import SpecError
from core.losses import LOSSES, Task
from core.spec import (
    LEARNING_RATES,
    LESSON,
    EntrantSpec,
    ExperimentSpec,
    OptimizerName,
    Origin,
    Protocol,
    SwitchSpec,
    size,
)
from core.spec.sentences import _ALLOWED
from tests.core.refusal import refusal
from tests.core.spec.generated import specs


def entrants(*losses: str) -> dict[str, Any]:
    return {"entrants": [{"loss": loss} for loss in losses]}


def nested(path: str, value: Any) -> dict[str, Any]:
    """``{"training": {"epochs": value}}`` from "training.epochs"."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


def field(spec: ExperimentSpec, path: str) -> Any:
    for part in path.split("."):
        spec = getattr(spec, part)
    return spec


# ------------------------------------------------------------------ in and out


@given(spec=specs())
def test_json_gives_the_same_spec_back(spec):
    again = ExperimentSpec.parse(spec.to_json())
    assert again == spec
    assert hash(again) == hash(spec)
    assert ExperimentSpec.parse(json.loads(spec.to_json())) == spec
    assert again.lineup == spec.lineup
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_spec_never_changes():
    spec = ExperimentSpec()
    with pytest.raises(ValidationError, match="frozen"):
        spec.entrants = (EntrantSpec(loss="mse"),)
    with pytest.raises(ValidationError, match="frozen"):
        spec.training.epochs = 3
    with pytest.raises(TypeError):
        spec.entrants[0].parameters["gamma"] = 1  # type: ignore[index]
    assert {spec: 1}[ExperimentSpec()] == 1


# ------------------------------------------------------------------ numbers in bounds

NUMBERS = [
    ("data.rows", ROWS, 1),
    ("data.noise", NOISE, 1e-9),
    ("data.validation_fraction", VALIDATION_FRACTION, 1e-9),
    ("network.start.head_factor", bounds.HEAD_FACTOR, 1e-9),
    ("optimizer.learning_rate", bounds.LEARNING_RATE, 1e-9),
    ("optimizer.momentum", bounds.MOMENTUM, 1e-9),
    ("optimizer.weight_decay", bounds.WEIGHT_DECAY, 1e-9),
    ("training.batch_size", bounds.BATCH_SIZE, 1),
    ("training.epochs", bounds.EPOCHS, 1),
]
every_number = pytest.mark.parametrize(("path", "limits", "beyond"), NUMBERS)
#: Batches of any size in bounds but the largest, which no data set has rows for.
ROOMY = {"data": {"name": "moons", "rows": 20_000, "validation_fraction": 0.05}}


@every_number
def test_a_number_at_its_bound_is_accepted_and_one_beyond_refused(path, limits, beyond):
    for edge in (limits.low, limits.high):
        if path != "training.batch_size" or edge == limits.low:
            assert field(ExperimentSpec.parse(nested(path, edge)), path) == edge
    for outside in (limits.low - beyond, limits.high + beyond):
        message = refusal(nested(path, outside))
        assert f"{limits.label} was {outside:,}; allowed is {limits}." in message


@every_number
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "many", None, [], {}, 1e300])
def test_what_is_no_such_number_is_refused_with_the_range(path, limits, beyond, value):
    message = refusal(nested(path, value))
    assert f"{limits.label} was {value!r}; allowed is " in message
    assert f"{limits}." in message
    assert refusal(json.dumps(nested(path, value))) == message


@pytest.mark.parametrize("path", ["data.rows", "training.batch_size", "training.epochs"])
def test_a_count_has_no_fraction(path):
    assert "was 60.5; allowed is a whole number from" in refusal(nested(path, 60.5))


def test_bounds_read_as_people_write_numbers():
    assert str(bounds.SEED) == "0 to 2,147,483,647"
    assert str(bounds.MOMENTUM) == "0 to 0.999"


def test_the_offered_learning_rates_fill_the_bounds():
    assert list(LEARNING_RATES) == sorted(set(LEARNING_RATES))
    limits = bounds.LEARNING_RATE
    assert (LEARNING_RATES[0], LEARNING_RATES[-1]) == (limits.low, limits.high) == (1e-6, 1000)
    assert LEARNING_RATES[:4] == (1e-6, 2e-6, 5e-6, 1e-5)


# ------------------------------------------------------------------ lists


@pytest.mark.parametrize("sizes", [[], [1], [1] * 6, [4096]])
def test_hidden_sizes_within_bounds(sizes):
    spec = ExperimentSpec.parse(nested("network.hidden_sizes", sizes))
    assert spec.network.hidden_sizes == tuple(sizes)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"network": {"hidden_sizes": [1] * 7}}, "Hidden layers was 7; allowed is 0 to 6."),
        ({"network": {"hidden_sizes": [8, 0]}}, "Hidden size was 0; allowed is 1 to 4,096."),
        ({"network": {"hidden_sizes": [4097]}}, "Hidden size was 4,097; allowed is 1 to 4,096."),
        (
            {"network": {"hidden_sizes": [8, "x"]}},
            "Hidden size was 'x'; allowed is a whole number from 1 to 4,096.",
        ),
        (
            {"network": {"hidden_sizes": 8}},
            "Hidden sizes was 8; allowed is a list of whole numbers, which may be empty.",
        ),
        ({"seeds": []}, "Number of seeds was 0; allowed is 1 to 20."),
        ({"seeds": list(range(21))}, "Number of seeds was 21; allowed is 1 to 20."),
        ({"seeds": [-1]}, "Seed was -1; allowed is 0 to 2,147,483,647."),
        ({"seeds": [2**31]}, "Seed was 2,147,483,648; allowed is 0 to 2,147,483,647."),
        ({"seeds": [3, 1, 3]}, "Seeds were [3, 1, 3]; each may stand there once."),
        ({"data": {"name": "mnist"}}, f"'mnist'; allowed is any of {', '.join(DATASETS)}."),
        ({"network": {"activation": "swish"}}, "allowed is any of relu, tanh, sigmoid, gelu."),
        ({"training": {"device": "tpu"}}, "Device was 'tpu'; allowed is any of auto, cuda, mps"),
        (
            {"network": {"start": {"scheme": "he"}}},
            "Scheme of the start was 'he'; allowed is any of default, xavier, kaiming, zeros, "
            "by_hand.",
        ),
        (
            {"network": {"start": 1}},
            "Start was 1; allowed is an object with the fields scheme, head_factor, weights.",
        ),
        ({"epochs": 3}, "There is no field called 'epochs'."),
        ({"data": {"name": "moons", "x": 1}}, "There is no field called 'data.x'."),
        ({"data": None}, "Data was None; allowed is an object with the fields name, rows, noise,"),
        ({3: 4}, "There is no field called '3'."),
        ("[1, 2]", "The experiment was [1, 2]; allowed is an object with the fields data, network"),
        ("{", "The experiment is not valid JSON."),
        ("", "The experiment is not valid JSON."),
        ("[" * 100_000, "lists and objects up to 20 levels deep."),
        ('{"training":{"epochs":' + "1" * 5000 + "}}", "The experiment is not valid JSON."),
    ],
)  # fmt: skip
def test_a_refusal_says_what_was_wrong_and_what_is_allowed(parts, sentence):
    assert sentence in refusal(parts)


def test_seeds_and_seed_at_their_bounds_are_accepted():
    assert ExperimentSpec.parse({"seeds": [0, 2**31 - 1]}).seeds == (0, 2**31 - 1)
    assert len(ExperimentSpec.parse({"seeds": list(range(20))}).seeds) == 20


# ------------------------------------------------------------------ anything at all

FIELDS = [path for path in _ALLOWED if "item" not in path]
#: None is allowed where there is no branch, and the parts of one come together.
OF_BRANCH = "branched_from"
OF_ENTRANTS = list(EntrantSpec.model_fields)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(path=st.sampled_from(FIELDS), value=values)
def test_any_value_in_any_field_is_parsed_or_refused_in_sentences(path, value):
    try:
        ExperimentSpec.parse(nested(path, value))
    except SpecError:
        refusal(nested(path, value))


@given(given_entrants=st.lists(st.dictionaries(st.sampled_from(OF_ENTRANTS), values), max_size=3))
def test_any_entrants_are_parsed_or_refused_in_sentences(given_entrants):
    known = [{"loss": "huber"} | entrant for entrant in given_entrants]
    for parts in ({"entrants": given_entrants}, {"entrants": known}):
        try:
            ExperimentSpec.parse(parts)
        except SpecError:
            refusal(parts)


@pytest.mark.parametrize("path", [path for path in FIELDS if not path.startswith(OF_BRANCH)])
def test_a_value_of_another_kind_is_named_by_its_field(path):
    label, what = _ALLOWED[path]
    assert refusal(nested(path, None)) == f"{label} was None; allowed is {what}."


def test_every_field_has_a_name_for_its_refusals():
    def paths(model: type[BaseModel], before: str = "") -> Iterator[str]:
        for name, field in model.model_fields.items():
            yield before + name
            if isinstance(field.default, BaseModel):
                yield from paths(type(field.default), f"{before}{name}.")

    checked = {"parameters"}
    of_entrants = {f"entrants.item.{name}" for name in OF_ENTRANTS if name not in checked}
    of_entrants |= {
        f"entrants.item.then.{name}" for name in SwitchSpec.model_fields if name not in checked
    }
    of_branches = {f"{OF_BRANCH}.{name}" for name in Origin.model_fields}
    items = {f"{name}.item" for name in ("network.hidden_sizes", "entrants", "seeds")}
    assert set(_ALLOWED) == {*paths(ExperimentSpec)} | of_entrants | of_branches | items


@pytest.mark.parametrize(
    ("branch", "sentence"),
    [
        (4, "Branched from was 4; allowed is an object with the fields experiment, step, or none."),
        ({"experiment": 4, "step": 1}, "The id of an experiment was 4; allowed is text."),
        (
            {"experiment": "0123456789", "step": "x"},
            "Step of the switch was 'x'; allowed is a whole number from 1 to 50,000,000.",
        ),
    ],
)
def test_what_is_no_origin_of_a_branch_is_refused(branch, sentence):
    assert refusal({OF_BRANCH: branch}) == sentence


@given(text=st.text())
def test_any_text_is_refused_in_sentences(text):
    refusal(text)


def test_deep_and_long_values_are_cut():
    deep: list[Any] = []
    for _ in range(12):
        deep = [deep]
    loss = refusal({"entrants": [{"loss": deep}]})
    assert loss.startswith("Entrant 1: Loss was [[[[[[[...]]]]]]];")
    assert refusal({"entrants": [deep]}).startswith("Entrant 1: Entrant was [[[[[[[...]]]]]]];")
    for _ in range(10_000):
        deep = [deep]
    assert "nested too deep" in refusal({"entrants": [{"loss": deep}]})
    refusal({"data": [["many", "words"] * 6] * 6})
    assert "..." in refusal(nested("data.name", "x" * 10_000))
    assert "..." in refusal(nested("training.epochs", 10**400))
    refusal({"seeds": [f"{n}th" for n in range(1000)]})


# ------------------------------------------------------------------ what must fit together


#: What a person's own loss needs beside its key.
OWN = {"custom": {"expression": "(p - y)**2"}}


@pytest.mark.parametrize("entry", DATASETS.values(), ids=DATASETS)
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_loss_that_does_not_fit_is_refused_with_the_reason(loss, entry):
    parts = {
        "data": {"name": entry.key},
        "entrants": [{"loss": loss.key} | OWN.get(loss.key, {})],
        "training": {"batch_size": min(8, entry.rows or 8)},
    }
    reason = loss.refusal(entry.task)
    if reason is None:
        (entrant,) = ExperimentSpec.parse(parts).lineup
        assert entrant.loss.key == loss.key
    else:
        assert f"{loss.title} does not fit {entry.title}. {reason}" in refusal(parts)


def test_all_that_is_wrong_is_said_at_once():
    message = refusal({"data": {"name": "diabetes"}} | entrants("bce", "hinge"))
    assert message.count("does not fit") == 2
    message = refusal({"optimizer": {"learning_rate": 0}, "training": {"epochs": 0}})
    assert "Learning rate was" in message
    assert "Epochs was" in message


def test_at_least_as_many_rows_as_classes_are_held_out():
    with pytest.raises(SpecError) as caught:
        ExperimentSpec.parse({"data": {"name": "blobs", "rows": 50, "validation_fraction": 0.05}})
    assert str(caught.value) == (
        "Held-out rows of Blobs were 2; it has 3 classes, each to be trained on and held out, so "
        "allowed is 3 to 47."
    )
    ExperimentSpec.parse({"data": {"name": "blobs", "rows": 50, "validation_fraction": 0.06}})


def test_a_batch_is_at_most_the_training_rows():
    parts = {"data": {"name": "iris", "validation_fraction": 0.2}}
    assert ExperimentSpec.parse(parts | nested("training.batch_size", 120)).steps_per_epoch == 1
    message = refusal(parts | nested("training.batch_size", 121))
    assert message == ("Batch size was 121; Iris has 120 training rows, so allowed is 1 to 120.")


LARGE = {
    "parameters": ({"network": {"hidden_sizes": [4096] * 4}}, "MAX_PARAMETERS"),
    "bytes of memory estimated": (
        ROOMY
        | {"network": {"hidden_sizes": [4096]}, "training": {"batch_size": 19_000}}
        | {"seeds": [0, 1, 2]},
        "MAX_MEMORY_BYTES",
    ),
    "recorded losses": (
        ROOMY | {"training": {"batch_size": 1, "epochs": 2632}},
        "MAX_RECORDED_LOSSES",
    ),
}


@pytest.mark.parametrize(("what", "parts", "limit"), [(k, *v) for k, v in LARGE.items()])
def test_what_is_too_large_together_is_refused(what, parts, limit, monkeypatch):
    message = refusal(parts)
    assert message.startswith("This is too large: ")
    assert f" {what} for " in message
    assert f"allowed is up to {getattr(size, limit):,}." in message
    needed = int(message.split()[4].replace(",", ""))
    assert needed > getattr(size, limit)
    monkeypatch.setattr(size, limit, needed)
    ExperimentSpec.parse(parts)
    monkeypatch.setattr(size, limit, needed - 1)
    refusal(parts)


# ------------------------------------------------------------------ what follows from a spec


def test_sizes_follow_from_the_data_and_the_widest_head():
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "breast_cancer"},
            "network": {"hidden_sizes": [7, 5]},
            "training": {"batch_size": 100, "epochs": 3},
            "seeds": [1, 2, 3],
        }
        | entrants("bce", "cross_entropy")
    )
    assert spec.layer_sizes == (30, 7, 5, 2)
    assert spec.parameters == 31 * 7 + 8 * 5 + 6 * 2
    assert spec.run_count == 6
    assert (spec.steps_per_epoch, spec.total_steps) == (5, 15)
    narrow = spec.model_copy(update={"entrants": spec.entrants[:1]})
    assert narrow.layer_sizes == (30, 7, 5, 1)


def test_the_lesson_is_the_lessons_program():
    assert LESSON.layer_sizes == (64, 128, 10)
    assert (LESSON.steps_per_epoch, LESSON.total_steps, LESSON.run_count) == (1, 10, 1)
    assert (LESSON.optimizer.name, LESSON.optimizer.learning_rate) == ("adam", 0.01)
    assert [entrant.loss.key for entrant in LESSON.lineup] == ["cross_entropy"]
    assert LESSON.dataset.task is Task.MULTICLASS


@pytest.mark.parametrize("optimizer", OptimizerName)
def test_gradients_are_matched_only_where_their_size_matters(optimizer):
    described = {
        "optimizer": {"name": optimizer},
        "training": {"protocol": Protocol.MATCHED_GRADIENTS},
        "entrants": [{"loss": "mse"}, {"loss": "bce"}],
    }
    if optimizer in (OptimizerName.SGD, OptimizerName.MOMENTUM):
        assert ExperimentSpec.parse(described).optimizer.name is optimizer
        return
    with pytest.raises(SpecError, match=r"change nothing under Adam.* cancels out\. Pick SGD"):
        ExperimentSpec.parse(described)
    # One that an earlier version allowed and trained can still be read.
    assert ExperimentSpec.parse(described, is_stored=True).optimizer.name is optimizer


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ({"name": "digits"}, 256),
        ({"name": "iris"}, 120),
        ({"name": "lesson"}, 32),
        ({"name": "moons", "rows": 320, "validation_fraction": 0.2}, 256),
        ({"name": "moons", "rows": 319, "validation_fraction": 0.2}, 255),
    ],
)
def test_256_training_rows_are_judged_or_all_if_fewer(data, rows):
    for seeds in ([0], [0, 1, 2, 3, 4]):
        assert ExperimentSpec.parse({"data": data, "seeds": seeds}).judged_training_rows == rows
