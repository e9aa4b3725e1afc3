"""The losses in the form: every one to be picked, its parameters, a person's own expression."""

from __future__ import annotations

import pytest
from pages.parts.loss_form import EXPRESSION
from pages.parts.spec_form import Field
from streamlit.testing.v1 import AppTest

from core.losses import LOSSES, Kind, Task, fitting
from core.losses.custom import EXAMPLE
from core.spec import ExperimentSpec
from core.store import Store
from tests.browser.app import ROOT
from tests.pages.test_compare import race_of, reported, tables
from tests.pages.test_train import button, texts, unfold
from tests.waiting import wait_until

PARAMETERS = [(loss.key, each) for loss in LOSSES.values() for each in loss.parameters]


@pytest.fixture
def app(lab_store: Store) -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


@pytest.fixture
def compare(app: AppTest) -> AppTest:
    return app.switch_page("pages/compare.py")


def key_of(loss: str, parameter: str) -> str:
    return f"form_parameter_{loss}_{parameter}"


def stored(app: AppTest, store: Store, name: str = "Train") -> ExperimentSpec:
    """What the button sends to be trained; it is stopped at once, if it has not ended by then."""
    button(app, name).click().run()
    assert not app.exception
    assert not app.error
    experiment_id = app.query_params["experiment"]
    spec = store.get(experiment_id).spec
    if not button(app, "Stop").disabled:
        button(app, "Stop").click().run()
    wait_until(lambda: store.get(experiment_id).status.is_finished, 60, "the end of training")
    return spec


@pytest.mark.parametrize("key", LOSSES)
def test_every_loss_can_be_picked_and_shows_its_parameters(app: AppTest, key: str) -> None:
    unfold(app, "More losses", "Loss parameters")
    task = next(iter(LOSSES[key].forms))
    if task is Task.REGRESSION:
        app.selectbox(key=Field.DATASET).select("diabetes").run()
    app.button(key=f"pick_{key}").click().run()
    assert not app.exception
    assert not app.error
    assert not button(app, "Train").disabled
    assert app.session_state[Field.LOSS] == key
    shown = {each.key for kind in ("number_input", "selectbox", "text_input")
             for each in getattr(app, kind)}  # fmt: skip
    for each in LOSSES[key].parameters:
        assert key_of(key, each.name) in shown
    drawn = {loss for loss, each in PARAMETERS if key_of(loss, each.name) in shown}
    assert drawn <= {key, "cross_entropy", "bce"}
    assert (EXPRESSION in shown) == (key == "custom")


@pytest.mark.parametrize(
    ("key", "name", "value", "expected"),
    [
        ("focal", "gamma", 4.5, 4.5),
        ("hinge", "p", 2, 2.0),
        ("cross_entropy", "class_weights", "1, 2,3,1,1,1 ,1,1,1,0.5", (1, 2, 3, *[1] * 6, 0.5)),
    ],
)
def test_a_parameter_is_trained_with(app, lab_store, key, name, value, expected) -> None:
    unfold(app, "More losses", "Loss parameters")
    app.button(key=f"pick_{key}").click().run()
    kind = {each.name: each.kind for each in LOSSES[key].parameters}[name]
    if kind is Kind.NUMBER:
        app.number_input(key=key_of(key, name)).set_value(value).run()
    elif kind is Kind.WHOLE_NUMBER:
        app.selectbox(key=key_of(key, name)).select(value).run()
    else:
        app.text_input(key=key_of(key, name)).set_value(value).run()
    spec = stored(app, lab_store)
    assert spec.losses[0] == key
    assert {loss: dict(values) for loss, values in spec.loss_parameters.items()} == {
        key: {name: expected}
    }
    assert f"{LOSSES[key].title}: {spec.details(key)}" in texts(app)


def test_parameters_unfold_with_a_loss_that_is_known_by_them_and_stay_folded(app) -> None:
    gamma = key_of("focal", "gamma")

    def shown() -> list[str | None]:
        return [each.key for each in app.number_input]

    unfold(app, "More losses")
    assert key_of("cross_entropy", "label_smoothing") not in shown()
    app.button(key="pick_focal").click().run()
    assert gamma in shown()
    app.session_state["fold_Loss parameters"] = False
    app.run()
    assert gamma not in shown()
    assert app.session_state[gamma] == 2.0
    app.button(key="pick_bce").click().run()
    app.button(key="pick_focal").click().run()
    assert gamma in shown()


def test_defaults_are_not_written_and_those_of_other_losses_not_read(app, lab_store) -> None:
    unfold(app, "More losses", "Loss parameters")
    app.button(key="pick_focal").click().run()
    app.number_input(key=key_of("focal", "gamma")).set_value(7.0).run()
    app.button(key="pick_bce").click().run()
    assert stored(app, lab_store).loss_parameters == {}


@pytest.mark.parametrize(
    ("key", "name", "value", "sentence"),
    [
        ("focal", "gamma", 11.0, "Gamma was 11.0; allowed is 0 to 10."),
        ("cross_entropy", "class_weights", "1, x", "Class weight was '1, x'; allowed is a list"),
        ("cross_entropy", "class_weights", "1, 2", "Digits has 10 classes, so allowed is a list"),
        ("cross_entropy", "class_weights", "nan", "Class weight was nan; allowed is 0.01 to 100."),
    ],
)
def test_a_value_that_is_not_allowed_is_a_sentence(app, key, name, value, sentence) -> None:
    unfold(app, "More losses", "Loss parameters")
    app.button(key=f"pick_{key}").click().run()
    field = app.number_input if name == "gamma" else app.text_input
    field(key=key_of(key, name)).set_value(value).run()
    assert not app.exception
    assert sentence in texts(app)
    assert button(app, "Train").disabled


def test_weights_of_other_classes_go_with_the_data(app: AppTest) -> None:
    unfold(app, "More losses", "Loss parameters")
    app.text_input(key=key_of("cross_entropy", "class_weights")).set_value(", ".join("1" * 10))
    app.run()
    assert not button(app, "Train").disabled
    app.selectbox(key=Field.DATASET).select("iris").run()
    assert app.session_state[key_of("cross_entropy", "class_weights")] == ""
    assert not button(app, "Train").disabled


def test_an_opened_experiment_fills_every_parameter_and_is_read_back(compare, lab_store) -> None:
    keys = [loss.key for loss in fitting(Task.BINARY)]
    parameters = {
        "cross_entropy": {"label_smoothing": 0.2, "class_weights": [1, 2.5]},
        "bce": {"pos_weight": 3},
        "kl_div": {"smoothing": 0.3},
        "focal": {"gamma": 0},
        "hinge": {"margin": 2, "p": 2},
    }
    expression = "-y*log(p) * (1 - p)"
    spec = race_of(
        losses=keys,
        loss_parameters=parameters,
        custom_loss=expression,
        training={"epochs": 1, "device": "cpu"},
    )
    compare.query_params["experiment"] = reported(lab_store, spec)
    compare.run()
    assert not compare.exception
    assert not compare.error
    assert compare.session_state[EXPRESSION] == expression
    again = stored(compare, lab_store, "Race")
    assert again.loss_parameters == spec.loss_parameters
    assert (again.losses, again.custom_loss) == (spec.losses, expression)


def test_the_example_is_a_formula_and_a_wrong_expression_is_pointed_out(app: AppTest) -> None:
    unfold(app, "More losses", "Loss parameters")
    app.button(key="pick_custom").click().run()
    assert app.session_state[EXPRESSION] == EXAMPLE
    assert r"\left(\hat{y}_c - y_c\right)^{2}" in app.latex[0].value
    app.text_input(key=EXPRESSION).set_value("(p - y)**2 + foo(z)").run()
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("The name 'foo' is not known; allowed are z, p, y,")
    assert app.code[0].value == "(p - y)**2 + foo(z)\n             ^"
    assert not app.latex
    assert button(app, "Train").disabled
    app.text_input(key=EXPRESSION).set_value("-y*log(p)").run()
    assert not app.error
    assert not button(app, "Train").disabled


def test_an_expression_that_cannot_be_trained_fails_with_its_reason(app, lab_store) -> None:
    unfold(app, "More losses", "Loss parameters")
    app.button(key="pick_custom").click().run()
    app.text_input(key=EXPRESSION).set_value("sign(p - y)").run()
    button(app, "Train").click().run()
    experiment_id = app.query_params["experiment"]
    wait_until(lambda: lab_store.get(experiment_id).status.is_finished, 60, "the failure")
    app.run()
    assert not app.exception
    assert "Failed" in texts(app)
    assert "The gradient is 0 at a random start, so nothing can be learned from it." in texts(app)


def test_scores_are_no_probabilities_and_an_expression_of_p_is(compare, lab_store) -> None:
    for expression, is_known in (("-y*log(p)", True), ("relu(1 - sum(y*z) + z)", False)):
        spec = race_of(losses=["mse", "custom"], custom_loss=expression)
        compare.query_params["experiment"] = reported(lab_store, spec)
        compare.run()
        assert not compare.exception
        own = next(line for line in tables(compare).splitlines() if line.startswith("Your own"))
        assert ("not a probability" in own) != is_known


def test_all_losses_race_on_values(compare, lab_store) -> None:
    spec = race_of(
        "diabetes",
        losses=[loss.key for loss in fitting(Task.REGRESSION)],
        custom_loss="abs(p - y)**1.5",
    )
    compare.query_params["experiment"] = reported(lab_store, spec)
    compare.run()
    assert not compare.exception
    for loss in spec.loss_specs:
        row = next(line for line in tables(compare).splitlines() if line.startswith(loss.title))
        assert "nan" not in row
        assert "diverged" not in row
    assert "Your own: abs(p - y)**1.5" in texts(compare)
