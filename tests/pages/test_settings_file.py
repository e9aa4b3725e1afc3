"""Settings as a file: downloaded and opened again, and what is no such file."""

from __future__ import annotations

import json
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.spec import LESSON, ExperimentSpec
from core.store import Store
from pages.parts.form.whole import DEFAULT
from tests.pages.looking import (
    button,
    click,
    enter,
    errors,
    fields,
    go_to,
    opened,
    read,
    run,
    unfold,
)

FOLD = "Settings as a file"
on_both_pages = pytest.mark.parametrize("where", ["train", "compare"])

RICH: dict[str, Any] = {
    "data": {"name": "spirals", "rows": 320, "noise": 0.35, "validation_fraction": 0.35},
    "network": {
        "hidden_sizes": [24, 12, 6, 3, 2, 1],
        "activation": "gelu",
        "start": {"scheme": "kaiming", "head_factor": 7.5},
    },
    "optimizer": {
        "name": "momentum",
        "learning_rate": 0.0123,
        "momentum": 0.85,
        "weight_decay": 0.004,
    },
    "training": {"batch_size": 77, "epochs": 1234, "device": "cpu"},
    "entrants": [
        {"loss": "cross_entropy", "parameters": {"label_smoothing": 0.123}},
        {"loss": "focal", "parameters": {"gamma": 0.7}, "learning_rate": 0.0345},
        {"loss": "focal", "parameters": {"gamma": 5}, "name": "**Sharp** $x$"},
        {"loss": "custom", "expression": "-(1 - p)**2 * y * log(p)", "name": "Own"},
        {"loss": "custom", "expression": "abs(p - y)**1.5", "learning_rate": 1e-6},
        {"loss": "mse_on_raw_outputs", "parameters": {"k": 3, "M": 15.5}},
        {"loss": "hinge", "parameters": {"margin": 0.5, "p": 2}},
    ],
    "seeds": [41],
}
VALUES: dict[str, Any] = {
    "data": {"name": "diabetes", "validation_fraction": 0.05},
    "network": {"hidden_sizes": [], "activation": "tanh"},
    "optimizer": {"name": "sgd", "learning_rate": 1000.0, "momentum": 0.0, "weight_decay": 1.0},
    "training": {"batch_size": 1, "epochs": 1, "device": "cuda"},
    "entrants": [
        {"loss": "huber", "parameters": {"delta": 2.5}},
        {"loss": "gaussian_nll", "name": "!(x)[y]"},
    ],
    "seeds": [2**31 - 5],
}


def of(described: dict[str, Any], **parts: Any) -> ExperimentSpec:
    return ExperimentSpec.parse(described | parts)


TRAININGS = [DEFAULT, LESSON, of(RICH), of(VALUES)]
RACES = [
    DEFAULT,
    of(RICH, seeds=[3, 4, 5]),
    of(VALUES, seeds=list(range(20))),
    of(RICH, training=RICH["training"] | {"protocol": "matched_gradients"}),
    of(
        {},
        data={"name": "moons"},
        optimizer={"name": "sgd"},
        training={"protocol": "one_function"},
        entrants=[{"loss": "bce"}, {"loss": "cross_entropy"}],
        seeds=[7, 8],
    ),
]
CASES = [("train", spec) for spec in TRAININGS] + [("compare", spec) for spec in RACES]


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What each download button would save, by its label."""
    found: dict[str, str] = {}
    original = st.download_button

    def recording(label: str, *, data: Any, **options: Any) -> bool:
        found[label] = data
        return original(label, data=data, **options)

    monkeypatch.setattr(st, "download_button", recording)
    return found


def open_file(app: AppTest, where: str, content: str | bytes) -> AppTest:
    content = content if isinstance(content, bytes) else content.encode()
    uploader = app.file_uploader(key=f"settings_file_{where}")
    uploader.set_value(("loss-lab.json", content, "application/json"))
    return run(app)


@pytest.mark.some(4)
@pytest.mark.parametrize(("where", "spec"), CASES)
def test_a_file_gives_the_experiment_back(
    lab_store: Store, downloads: dict[str, str], where: str, spec: ExperimentSpec
) -> None:
    app = open_file(unfold(opened(where), FOLD), where, spec.to_json())
    assert not app.error
    assert read(app, where) == spec
    saved = downloads["Download settings"]
    assert ExperimentSpec.parse(saved) == spec
    again = open_file(unfold(opened(where), FOLD), where, saved)
    assert read(again, where) == spec
    run(again)
    go_to(go_to(again, "losses"), where)
    assert read(again, where) == spec
    assert not again.error


def test_a_file_of_clicks_gives_the_experiment_back(
    train: AppTest, lab_store: Store, downloads: dict[str, str]
) -> None:
    unfold(train, FOLD, "Add an entrant", "Start, device and more")
    click(train, "add_focal")
    enter(train, "train", "validation_fraction", 0.25)
    enter(train, "train", "scheme", "xavier")
    spec, saved = read(train, "train"), downloads["Download settings"]
    other = open_file(unfold(opened("train"), FOLD), "train", saved)
    assert read(other, "train") == spec


def test_opening_a_file_can_be_undone(train: AppTest) -> None:
    unfold(train, FOLD)
    open_file(train, "train", LESSON.to_json())
    assert read(train, "train") == LESSON
    click(train, "Undo")
    assert read(train, "train") == DEFAULT


def test_there_is_no_file_of_settings_that_are_wrong(train: AppTest) -> None:
    unfold(train, FOLD)
    enter(train, "train", "epochs", 0)
    assert next(each for each in train.download_button if "settings" in each.label).disabled


EARLIER = json.dumps({"losses": ["mse", "bce"], "seeds": [0]})


@pytest.mark.some(8)
@on_both_pages
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "The experiment is not valid JSON."),
        ("no json", "The experiment is not valid JSON."),
        (b"{\xff}", "The file can't be read from byte 2 on; allowed is text in UTF-8,"),
        ("[]", "The experiment was []; allowed is an object with the fields data, network,"),
        ('{"colour": 1}', "There is no field called 'colour'."),
        ('{"training": {"epochs": 0}}', "Epochs was 0; allowed is 1 to 10,000."),
        (
            '{"entrants": [{"loss": "mse"}, {"loss": "focal", "parameters": {"gamma": 11}}]}',
            "Entrant 2: Gamma was 11; allowed is 0 to 10.",
        ),
        ('{"seeds": [1, 1]}', "Seeds were [1, 1]; each may stand there once."),
        (EARLIER, "The experiment has a list called 'losses', as an earlier version of Loss Lab"),
        (" " * 30_000 + "{}", "The file is larger than 20,000 bytes;"),
    ],
)
def test_a_file_that_is_none_says_why_and_changes_nothing(
    lab_store: Store, where: str, content: str | bytes, sentence: str
) -> None:
    app = unfold(opened(where), FOLD)
    enter(app, where, "epochs", 33)
    before, spec = fields(app, where), read(app, where)
    open_file(app, where, content)
    (error,) = errors(app)
    assert error.startswith(f"loss-lab.json was not opened. {sentence}")
    assert error.rstrip().endswith(".")
    assert fields(app, where) == before
    assert read(app, where) == spec
    assert button(app, "Undo").disabled
    open_file(app, where, LESSON.to_json())
    assert not any("was not opened" in each for each in errors(app))


def test_a_name_in_a_refused_file_is_no_markdown(train: AppTest) -> None:
    unfold(train, FOLD)
    open_file(train, "train", '{"![x](http://example.org/x.png)": 1}')
    (error,) = train.error
    assert "![x](http" not in error.value
