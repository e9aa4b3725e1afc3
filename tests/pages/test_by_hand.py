"""Weights by hand in the form: offered where they fit, kept elsewhere, refused at their fields."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.spec import ExperimentSpec, Scheme
from pages.parts.form.whole import DEFAULT
from tests.pages.looking import (
    as_read,
    button,
    click,
    drafted,
    enter,
    errors,
    fields,
    go_to,
    opened,
    read,
    run,
    said,
    unfold,
    widgets,
)

MORE = "Start, device and more"
WHY = "*By hand* is offered without hidden layers"
NEURON = ExperimentSpec.parse(
    {
        "data": {"name": "neuron"},
        "network": {"hidden_sizes": [], "start": {"scheme": "by_hand", "weights": [2, 2]}},
        "training": {"batch_size": 1},
        "entrants": [{"loss": "bce"}, {"loss": "mse"}],
    }
)
BUTTONS = {"train": "Train", "compare": "Race"}


def is_offered(app: AppTest, page: str) -> bool:
    return "By hand" in widgets(app)[f"{page}/scheme"].options


def weights(app: AppTest, page: str) -> dict[str, str]:
    """The fields in sight, by their labels."""
    return {
        each.label: each.value
        for key, each in widgets(app).items()
        if key.startswith(f"{page}/weights/")
    }


@pytest.mark.parametrize("page", BUTTONS)
def test_they_are_offered_for_one_neuron_alone_and_else_it_is_said_why(page: str) -> None:
    app = unfold(opened(page), MORE)
    assert not is_offered(app, page)
    assert WHY in said(app)
    enter(app, page, "layers", 0)
    assert is_offered(app, page)
    assert WHY not in said(app)
    for data in ("blobs", "iris", "diabetes"):
        enter(app, page, "dataset", data)
        assert not is_offered(app, page)
        assert WHY in said(app)
    enter(app, page, "dataset", "neuron")
    assert is_offered(app, page)
    assert weights(app, page) == {}


def by_hand(app: AppTest, page: str) -> AppTest:
    """Two features without hidden layers, started by hand."""
    unfold(app, MORE)
    enter(app, page, "layers", 0)
    enter(app, page, "head_factor", 3.0)
    return enter(app, page, "scheme", Scheme.BY_HAND)


@pytest.mark.parametrize("page", BUTTONS)
def test_there_is_a_field_for_each_weight_and_the_form_is_read_from_them(
    lab_store: object, page: str
) -> None:
    app = by_hand(opened(page), page)
    assert weights(app, page) == {"Weight w1": "2", "Weight w2": "2", "Bias b": "2"}
    enter(app, page, "weights/w2", "-0.5")
    enter(app, page, "weights/b", "1e-3")
    start = read(app, page).network.start
    assert (start.scheme, start.weights) == (Scheme.BY_HAND, (2, -0.5, 0.001))
    assert start.head_factor == 1
    factor = widgets(app)[f"{page}/head_factor"]
    assert (factor.value, factor.disabled) == (1, True)
    enter(app, page, "dataset", "neuron")
    assert weights(app, page) == {"Weight w": "2", "Bias b": "1e-3"}
    assert read(app, page).network.start.weights == (2, 0.001)
    enter(app, page, "scheme", Scheme.DEFAULT)
    assert weights(app, page) == {}
    assert read(app, page).network.start.head_factor == 3
    assert fields(app, page)["head_factor"] == 3


@pytest.mark.some(1)
@pytest.mark.parametrize("page", BUTTONS)
@pytest.mark.parametrize(
    ("path", "visited", "back"), [("dataset", "digits", "xor"), ("layers", 2, 0)]
)
def test_they_are_kept_while_other_data_or_layers_are_visited(
    lab_store: object, page: str, path: str, visited: object, back: object
) -> None:
    app = by_hand(opened(page), page)
    enter(app, page, "weights/w1", "-7")
    enter(app, page, path, visited)
    assert fields(app, page)["scheme"] == Scheme.DEFAULT
    assert not app.error
    assert read(app, page).network.start.weights == ()
    assert read(app, page).network.start.head_factor == 3
    go_to(app, "losses")
    go_to(app, page)
    unfold(app, MORE)
    enter(app, page, path, back)
    assert weights(app, page)["Weight w1"] == "-7"
    assert read(app, page).network.start.weights == (-7, 2, 2)


@pytest.mark.parametrize("page", BUTTONS)
@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        ("w1", "101", "Weight w1 was 101; allowed is a number from -100 to 100."),
        ("w2", "much", "Weight w2 was 'much'; allowed is a number from -100 to 100."),
        ("b", "", "Bias b was empty; allowed is a number from -100 to 100."),
    ],
)
def test_what_is_no_such_number_is_said_at_its_field_and_nothing_starts(
    lab_store: object, page: str, name: str, typed: str, sentence: str
) -> None:
    app = by_hand(opened(page), page)
    enter(app, page, f"weights/{name}", typed)
    assert errors(app) == [sentence]
    at_fields = [as_read(each.value) for each in app.markdown if ":red[" in each.value]
    # Beside the button, and at the field.
    assert at_fields[1:] == [f":small[:red[:material/error: {sentence}]]"]
    assert button(app, BUTTONS[page]).disabled
    assert drafted(app, f"weights/{name}") == typed
    enter(app, page, f"weights/{name}", "3")
    assert not app.error


@pytest.mark.parametrize("page", BUTTONS)
def test_an_experiment_by_hand_fills_the_form_and_defaults_empty_it(
    lab_store: object, page: str
) -> None:
    app = run(opened(page))
    spec = NEURON.model_copy(update={"seeds": (0,) if page == "train" else (0, 1, 2)})
    app.query_params["experiment"] = lab_store.create(spec)  # type: ignore[attr-defined]
    run(app)
    assert read(app, page) == spec
    assert "1 row, 2 classes" in said(app)
    click(app, "Defaults")
    assert read(app, page).network.start == DEFAULT.network.start
    click(app, "Undo")
    assert read(app, page) == spec


def test_an_aa_check_of_weights_by_hand_is_refused_with_the_reason(lab_store: object) -> None:
    """Both entrants would start the same, and so be one."""
    app = by_hand(opened("compare"), "compare")
    click(app, "A/A check")
    (sentence,) = errors(app)
    assert "weights by hand are not drawn" in sentence
    assert button(app, "Race").disabled
    click(app, "Undo")
    assert not app.error
