"""Entrants by clicks on both pages: added, edited, duplicated, removed, and what each one is."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from core.losses import LOSSES, Kind, Task, fitting
from core.losses.custom import EXAMPLE
from core.spec import MAX_ENTRANTS, EntrantSpec, ExperimentSpec
from core.store import Store
from pages.parts.form.whole import DEFAULT
from tests.core.live.staging import race_of, reported, stage
from tests.pages.looking import (
    asked,
    button,
    click,
    drafted,
    edit,
    enter,
    entrant_path,
    entrants,
    errors,
    fields,
    opened,
    read,
    run,
    set_entrant,
    shown,
    texts,
    unfold,
)
from tests.waiting import wait_until

BUTTONS = {"train": "Train", "compare": "Race"}
ADDING = ("Add an entrant",)
PARAMETERS = [(loss.key, each.name) for loss in LOSSES.values() for each in loss.parameters]
on_both_pages = pytest.mark.parametrize("where", BUTTONS)


@pytest.fixture
def app(lab_store: Store, where: str) -> AppTest:
    """A fresh session on the page, with everything that can be added in sight."""
    return enter(unfold(opened(where), *ADDING), where, "dataset", "digits")


def losses_of(spec: ExperimentSpec) -> list[str]:
    return [each.loss for each in spec.entrants]


def titles(app: AppTest, where: str) -> list[str]:
    """The titles in the list, each of them once, as the experiment has them."""
    listed = list(entrants(app, where).values())
    assert len(set(listed)) == len(listed), listed
    if not app.error:
        assert listed == [each.title for each in read(app, where).lineup]
    return listed


def in_sight(app: AppTest, where: str) -> set[tuple[str, str]]:
    """The parameters, by loss and name, that have a field."""
    keys = [key.split("/") for key in fields(app, where)]
    return {(key[-2], key[-1]) for key in keys if "parameters" in key}


# ------------------------------------------------------------------ which loss


@pytest.mark.some(8)
@pytest.mark.parametrize("key", LOSSES)
def test_every_loss_can_be_added_and_shows_its_parameters(train: AppTest, key: str) -> None:
    unfold(train, *ADDING)
    task = next(iter(LOSSES[key].formulas))
    if task is Task.REGRESSION:
        enter(train, "train", "dataset", "diabetes")
    click(train, f"add_{key}")
    assert not train.error
    assert not button(train, "Train").disabled
    assert losses_of(read(train, "train"))[-1] == key
    assert in_sight(train, "train") == {each for each in PARAMETERS if each[0] == key}
    has_expression = any(path.endswith("/expression") for path in fields(train, "train"))
    assert has_expression == (key == "custom")


@pytest.mark.some(2)
@on_both_pages
@pytest.mark.parametrize("dataset", ["digits", "moons", "diabetes"])
def test_every_loss_that_fits_can_be_added(app: AppTest, where: str, dataset: str) -> None:
    enter(app, where, "dataset", dataset)
    for loss in fitting(read(app, where).dataset.task):
        before = losses_of(read(app, where))
        click(app, f"add_{loss.key}")
        assert not app.error
        assert losses_of(read(app, where)) == [*before, loss.key]
        assert len(titles(app, where)) == len(before) + 1
        assert in_sight(app, where) == {each for each in PARAMETERS if each[0] == loss.key}
        click(app, "Remove")
        assert losses_of(read(app, where)) == before


@on_both_pages
def test_bugs_are_offered_last_and_as_such(app: AppTest, where: str) -> None:
    pressed = [str(each.key) for each in app.button]
    keys = [key.removeprefix("add_") for key in pressed if key.startswith("add_")]
    assert keys == list(LOSSES) == sorted(LOSSES, key=lambda key: LOSSES[key].is_mistake)
    assert "Bugs, to see what they do to a training:" in texts(app)
    for loss in LOSSES.values():
        assert loss.is_mistake == loss.title.endswith(" (bug)")


@on_both_pages
def test_another_loss_and_back_keeps_all_values(app: AppTest, where: str) -> None:
    click(app, "add_focal")
    set_entrant(app, where, focal__gamma=4.5, learning_rate=0.02, name="Mine")
    spec = read(app, where)
    set_entrant(app, where, loss="hinge", hinge__margin=3.0, hinge__p=2)
    hinge = read(app, where).entrants[-1]
    assert (hinge.loss, dict(hinge.parameters)) == ("hinge", {"margin": 3.0, "p": 2.0})
    set_entrant(app, where, loss="custom", expression="-y*log(p)")
    assert read(app, where).entrants[-1].expression == "-y*log(p)"
    set_entrant(app, where, loss="focal")
    assert read(app, where) == spec
    set_entrant(app, where, loss="hinge")
    assert read(app, where).entrants[-1] == hinge
    set_entrant(app, where, loss="custom")
    assert read(app, where).entrants[-1].expression == "-y*log(p)"


# ------------------------------------------------------------------ the list


@on_both_pages
def test_one_is_added_edited_duplicated_and_removed(app: AppTest, where: str) -> None:
    assert titles(app, where) == ["CrossEntropy", "BCE", "MSE"]
    click(app, "add_focal")
    set_entrant(app, where, focal__gamma=5.0)
    assert titles(app, where) == ["CrossEntropy", "BCE", "MSE", "Focal γ 5"]
    click(app, "Duplicate")
    assert titles(app, where)[3:] == ["Focal γ 5 #1", "Focal γ 5 #2"]
    set_entrant(app, where, focal__gamma=1.0)
    assert titles(app, where)[3:] == ["Focal γ 5", "Focal γ 1"]
    set_entrant(app, where, learning_rate=0.1)
    assert titles(app, where)[4] == "Focal γ 1, rate 0.1"
    set_entrant(app, where, name="Focal γ 5")
    assert titles(app, where)[3:] == ["Focal γ 5 #1", "Focal γ 5 #2"]
    click(edit(app, where, 0), "Duplicate")
    assert titles(app, where)[:2] == ["CrossEntropy #1", "CrossEntropy #2"]
    removed = read(app, where).entrants
    click(edit(app, where, 4), "Remove")
    assert read(app, where).entrants == removed[:4] + removed[5:]
    assert drafted(app, f"edited/{where}") is None
    click(app, "Undo")
    assert read(app, where).entrants == removed
    click(app, "Undo")
    assert read(app, where).entrants == removed[:4] + removed[5:]


@on_both_pages
def test_a_twin_does_not_follow_its_twin(app: AppTest, where: str) -> None:
    click(app, "add_custom")
    set_entrant(app, where, expression="abs(p - y)", name="First")
    click(app, "Duplicate")
    set_entrant(app, where, expression="-y*log(p)")
    first, second = read(app, where).entrants[-2:]
    assert (first.expression, first.name) == ("abs(p - y)", "First")
    assert (second.expression, second.name) == ("-y*log(p)", None)


@on_both_pages
def test_ten_entrants_are_the_most(app: AppTest, where: str) -> None:
    for _ in range(MAX_ENTRANTS - 3):
        click(app, "add_bce")
    assert len(titles(app, where)) == MAX_ENTRANTS
    assert not app.error
    assert button(app, "Duplicate").disabled
    assert not any((each.key or "").startswith("add_") for each in app.button)
    assert f"There are {MAX_ENTRANTS} entrants, as many as can race." in texts(app)
    click(app, "Remove")
    click(app, "add_mse")
    assert len(titles(app, where)) == MAX_ENTRANTS


@on_both_pages
def test_the_last_one_cannot_be_removed(app: AppTest, where: str) -> None:
    for _ in range(2):
        click(edit(app, where, 0), "Remove")
    assert button(edit(app, where, 0), "Remove").disabled
    assert list(entrants(app, where).values()) == ["MSE"]


def test_the_preset_of_three_is_one_click(compare: AppTest) -> None:
    unfold(compare, *ADDING)
    for _ in range(2):
        click(edit(compare, "compare", 0), "Remove")
    for loss in ("hinge", "focal"):
        click(compare, f"add_{loss}")
    mixed = read(compare, "compare").entrants
    click(compare, "CE, BCE, MSE")
    assert read(compare, "compare").entrants == DEFAULT.entrants
    click(compare, "Undo")
    assert read(compare, "compare").entrants == mixed
    enter(compare, "compare", "dataset", "diabetes")
    click(compare, "MSE, L1, Huber")
    assert losses_of(read(compare, "compare")) == ["mse", "l1", "huber"]


@on_both_pages
def test_data_changed_to_values_and_back_loses_no_entrant(app: AppTest, where: str) -> None:
    click(app, "add_focal")
    set_entrant(app, where, focal__gamma=3.0, name="Mine", learning_rate=0.02)
    click(app, "add_custom")
    set_entrant(app, where, expression="-y*log(p)")
    of_classes = read(app, where)
    enter(app, where, "dataset", "diabetes")
    assert not app.error
    click(app, "add_huber")
    set_entrant(app, where, huber__delta=2.0)
    of_values = read(app, where)
    assert dict(of_values.entrants[-1].parameters) == {"delta": 2.0}
    enter(app, where, "dataset", "digits")
    assert read(app, where) == of_classes
    enter(app, where, "dataset", "diabetes")
    assert read(app, where) == of_values


@on_both_pages
def test_a_race_of_two_settings_of_three_losses_by_clicks(
    app: AppTest, where: str, lab_store: Store, nothing_trains: None
) -> None:
    click(app, "add_cross_entropy")
    set_entrant(app, where, cross_entropy__label_smoothing=0.1)
    click(app, "add_focal")
    click(app, "Duplicate")
    set_entrant(app, where, focal__gamma=5.0)
    click(edit(app, where, 1), "Remove")
    click(app, "add_mse_on_raw_outputs")
    assert titles(app, where) == [
        "CrossEntropy",
        "MSE on probabilities",
        "CrossEntropy ε 0.1",
        "Focal γ 2",
        "Focal γ 5",
        "MSE on raw outputs",
    ]
    assert asked(app, lab_store, BUTTONS[where]).entrants == (
        EntrantSpec(loss="cross_entropy"),
        EntrantSpec(loss="mse"),
        EntrantSpec(loss="cross_entropy", parameters={"label_smoothing": 0.1}),
        EntrantSpec(loss="focal"),
        EntrantSpec(loss="focal", parameters={"gamma": 5.0}),
        EntrantSpec(loss="mse_on_raw_outputs"),
    )


# ------------------------------------------------------------------ values


@on_both_pages
@pytest.mark.parametrize(
    ("key", "name", "value", "expected"),
    [
        ("focal", "gamma", 4.5, 4.5),
        ("hinge", "p", 2, 2.0),
        ("cross_entropy", "class_weights", "1, 2,3,1,1,1 ,1,1,1,0.5", (1, 2, 3, *[1] * 6, 0.5)),
    ],
)
def test_a_parameter_is_trained_with(
    app: AppTest, where: str, lab_store: Store, nothing_trains: None, key, name, value, expected
) -> None:
    click(app, f"add_{key}")
    set_entrant(app, where, **{f"{key}__{name}": value})
    spec = asked(app, lab_store, BUTTONS[where])
    changed = {each.loss: dict(each.parameters) for each in spec.entrants if each.parameters}
    assert changed == {key: {name: expected}}


@on_both_pages
def test_defaults_are_not_written_and_those_of_other_losses_not_read(
    app: AppTest, where: str
) -> None:
    click(app, "add_focal")
    set_entrant(app, where, focal__gamma=7.0)
    set_entrant(app, where, loss="bce")
    assert all(not each.parameters for each in read(app, where).entrants)


@pytest.mark.some(4)
@on_both_pages
@pytest.mark.parametrize(
    ("key", "name", "value", "sentence"),
    [
        ("focal", "gamma", "11", "Entrant 4: Gamma was 11; allowed is 0 to 10."),
        ("focal", "gamma", "", "Entrant 4: Gamma was empty; allowed is a number from 0 to 10."),
        (
            "cross_entropy",
            "class_weights",
            "1, x",
            "Entrant 4: Class weight was '1, x'; allowed is a list",
        ),
        (
            "cross_entropy",
            "class_weights",
            "1, 2",
            "Entrant 4: Class weight was [1.0, 2.0]; Digits has 10 classes, so allowed is a list",
        ),
        (
            "cross_entropy",
            "class_weights",
            "nan",
            "Entrant 4: Class weight was 'nan'; allowed is a list",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_a_sentence_and_loses_nothing(
    app: AppTest, where: str, key: str, name: str, value, sentence: str
) -> None:
    click(app, f"add_{key}")
    set_entrant(app, where, name="Mine", learning_rate=0.02)
    good, spec = fields(app, where), read(app, where)
    path = entrant_path(app, where, f"{key}/{name}")
    enter(app, where, path, value)
    (error,) = errors(app)
    assert error.startswith(sentence)
    assert button(app, BUTTONS[where]).disabled
    assert fields(app, where) == good | {path: value}
    titles(app, where)
    enter(app, where, path, good[path])
    assert read(app, where) == spec


@on_both_pages
def test_entrants_that_cannot_be_read_yet_have_titles_that_differ(app: AppTest, where: str) -> None:
    for _ in range(2):
        click(app, "add_focal")
        set_entrant(app, where, focal__gamma=50.0)
    assert titles(app, where)[3:] == ["Focal (to be mended) #1", "Focal (to be mended) #2"]
    click(app, "Duplicate")
    assert len(titles(app, where)) == 6
    click(app, "Remove")
    edit(app, where, 3)
    assert drafted(app, entrant_path(app, where, "focal/gamma")) == "50.0"
    set_entrant(app, where, focal__gamma=1.0)
    assert titles(app, where)[3:] == ["Focal γ 1", "Focal (to be mended)"]


@on_both_pages
def test_weights_wait_for_data_of_as_many_classes(app: AppTest, where: str) -> None:
    click(app, "add_cross_entropy")
    weights = ", ".join("1" * 9 + "2")
    set_entrant(app, where, cross_entropy__class_weights=weights)
    spec = read(app, where)
    enter(app, where, "dataset", "iris")
    (error,) = errors(app)
    assert error.startswith("Entrant 4: Class weight was [1.0, 1.0, ")
    assert error.endswith("; Iris has 3 classes, so allowed is a list of 3, or an empty one.")
    assert button(app, BUTTONS[where]).disabled
    enter(app, where, "dataset", "digits")
    assert read(app, where) == spec


@on_both_pages
def test_an_own_rate_is_kept_when_the_rate_of_all_changes(app: AppTest, where: str) -> None:
    edit(app, where, 1)
    set_entrant(app, where, learning_rate=0.02)
    enter(app, where, "learning_rate", 0.05)
    spec = read(app, where)
    assert [each.learning_rate for each in spec.entrants] == [None, 0.02, None]
    assert [each.learning_rate for each in spec.lineup] == [0.05, 0.02, 0.05]
    set_entrant(app, where, learning_rate=0.0)
    assert read(app, where).entrants[1].learning_rate is None


@on_both_pages
def test_the_browser_may_send_what_stood_in_a_choice_before(
    app: AppTest, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser knows a picked option by its text, and sends that until another is picked."""
    edit(app, where, 1)
    held = {each.id: each._widget_state for each in app.selectbox}
    monkeypatch.setattr(Selectbox, "_widget_state", property(lambda choice: held[choice.id]))
    for rate in (0.01, 0.05, 0.1):
        enter(app, where, "learning_rate", rate)
        assert not app.error
        assert [each.learning_rate for each in read(app, where).entrants] == [None] * 3


@on_both_pages
def test_a_name_is_its_title_and_none_gives_the_loss_back(app: AppTest, where: str) -> None:
    edit(app, where, 0)
    set_entrant(app, where, name="  spaced  ")
    assert titles(app, where)[0] == "spaced"
    set_entrant(app, where, name="")
    assert titles(app, where)[0] == "CrossEntropy"


# ------------------------------------------------------------------ an expression


@on_both_pages
def test_the_example_is_a_formula_and_a_wrong_expression_is_pointed_out(
    app: AppTest, where: str
) -> None:
    click(app, "add_custom")
    path = entrant_path(app, where, "expression")
    assert fields(app, where)[path] == EXAMPLE
    assert r"\left(\hat{y}_c - y_c\right)^{2}" in app.latex[0].value
    enter(app, where, path, "(p - y)**2 + foo(z)")
    assert any(
        error.startswith("The name 'foo' is not known; allowed are z, p, y,")
        for error in errors(app)
    )
    assert app.code[0].value == "(p - y)**2 + foo(z)\n             ^"
    assert not app.latex
    assert button(app, BUTTONS[where]).disabled
    assert fields(app, where)[path] == "(p - y)**2 + foo(z)"
    enter(app, where, path, "-y*log(p)")
    assert not app.error
    assert not button(app, BUTTONS[where]).disabled


@on_both_pages
def test_an_empty_expression_is_a_sentence_and_loses_nothing(app: AppTest, where: str) -> None:
    click(app, "add_custom")
    set_entrant(app, where, name="Mine")
    spec = read(app, where)
    for empty in ("", "   "):
        set_entrant(app, where, expression=empty)
        assert any("expression" in error for error in errors(app)), errors(app)
        assert button(app, BUTTONS[where]).disabled
        assert titles(app, where)[3] == "Your own (to be mended)"
    set_entrant(app, where, expression=EXAMPLE)
    assert read(app, where) == spec


def test_an_expression_that_cannot_be_trained_fails_with_its_reason(train, lab_store) -> None:
    unfold(train, *ADDING)
    click(train, "add_custom")
    set_entrant(train, "train", expression="sign(p - y)")
    click(train, "Train")
    experiment_id = train.query_params["experiment"]
    wait_until(lambda: lab_store.get(experiment_id).status.is_finished, 60, "the failure")
    run(train)
    assert not button(train, "Train").disabled
    blocks = stage(lab_store, experiment_id)
    assert blocks["readout"]["status"] == "Failed"
    assert blocks["reason"]["text"].endswith(
        "The gradient is 0 at every random start, but for rounding, so nothing can be learned "
        "from it."
    )


# ------------------------------------------------------------------ what comes back


def test_an_opened_experiment_fills_every_parameter_and_is_read_back(
    compare: AppTest, lab_store: Store, nothing_trains: None
) -> None:
    spec = race_of(
        entrants=[
            {
                "loss": "cross_entropy",
                "parameters": {"label_smoothing": 0.2, "class_weights": [1, 2.5]},
            },
            {"loss": "bce", "parameters": {"pos_weight": 3}, "learning_rate": 0.03},
            {"loss": "kl_div", "parameters": {"smoothing": 0.3}},
            {"loss": "focal", "parameters": {"gamma": 0}, "name": "Flat"},
            {"loss": "hinge", "parameters": {"margin": 2, "p": 2}},
            {"loss": "generalised_cross_entropy", "parameters": {"q": 0.123}},
            {"loss": "custom", "expression": "-y*log(p) * (1 - p)"},
        ],
        training={"epochs": 1, "device": "cpu"},
    )
    shown(compare, reported(lab_store, spec))
    assert not compare.error
    assert asked(compare, lab_store, "Race") == spec


def test_every_parameter_comes_back_as_its_field_has_it(compare: AppTest, lab_store) -> None:
    """Away from the default, and of a kind that its widget takes."""
    values = {
        Kind.NUMBER: lambda each: (each.low + each.high) / 2,
        Kind.WHOLE_NUMBER: lambda each: float(each.high),
        Kind.CLASS_WEIGHTS: lambda each: (0.5, 2.0),
    }
    run(compare)
    for loss in fitting(Task.BINARY):
        if not loss.parameters:
            continue
        parameters = {each.name: values[each.kind](each) for each in loss.parameters}
        spec = race_of(entrants=[{"loss": loss.key, "parameters": parameters}, {"loss": "mse"}])
        shown(compare, lab_store.create(spec))
        edit(compare, "compare", 0)
        assert not compare.error
        assert read(compare, "compare") == spec
