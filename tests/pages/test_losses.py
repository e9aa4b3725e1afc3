"""The Losses page without a browser: every tab for every loss, and one step after another."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.anatomy import MISTAKES, snippet
from core.anatomy.answers import baseline
from core.anatomy.shapes import ShapeAxis
from core.data import DATASETS
from core.losses import CUSTOM, LOSSES, Task
from core.losses.custom import EXAMPLE
from core.records import Wanted
from core.spec import EntrantSpec
from core.store import Store
from pages.parts.form import draft
from tests.pages.looking import (
    as_read,
    button,
    charts,
    click,
    components,
    enter,
    errors,
    fields,
    go_to,
    read,
    run,
    said,
    texts,
    widgets,
)
from tests.pages.test_trouble import run_without_torch

STEP, CONTRACT, SHAPE, CODE, MISTAKES_TAB = TABS = (
    "How it works",
    "Contract",
    "Shape",
    "In PyTorch",
    "Common mistakes",
)
ON = {Task.BINARY: "moons", Task.MULTICLASS: "iris", Task.REGRESSION: "diabetes"}
CASES = [(key, task) for key, loss in LOSSES.items() for task in loss.formulas]
every_loss = pytest.mark.parametrize(("key", "task"), CASES)

NOT_TOLD = "probabilities do not tell this loss"
PLACES, LAST_STEP = 9, 200


LOSS, DATASET = "explained/entrant/loss", "explained/dataset"


def shown(app: AppTest, tab: str, key: str = "cross_entropy", dataset: str = "iris") -> AppTest:
    """The page with the loss, its data set and the tab chosen."""
    run(app)
    app.session_state["loss_tabs"] = tab
    enter(app, "losses", LOSS, key)
    enter(app, "losses", DATASET, dataset)
    assert not app.error
    return app


def html(app: AppTest) -> str:
    return "\n".join(each.proto.body for each in app.get("html"))


def heading(app: AppTest) -> str:
    return next(each.value for each in app.markdown if each.value.startswith("**"))


# ------------------------------------------------------------------ every tab


@pytest.mark.some(10)
@every_loss
def test_a_contract_says_what_the_card_and_the_catalogue_say(losses, key, task) -> None:
    shown(losses, CONTRACT, key, ON[task])
    card = LOSSES[key].card
    assert card.summary in texts(losses)
    assert card.use_when in texts(losses)
    shown_formulas = [each.value.strip("$\n") for each in losses.latex]
    gradients = [latex for _caption, latex in card.gradient_formula]
    assert shown_formulas[-len(gradients) - 1 :] == [card.batch_formula, *gradients]
    facts = "\n".join(table.value.to_string() for table in losses.table)
    assert (LOSSES[key].torch_class or "no class of its own") in facts
    assert f"Baseline on {DATASETS[ON[task]].title}" in facts


@pytest.mark.some(8)
@every_loss
def test_a_shape_is_drawn_for_it_over_every_axis(losses, key, task) -> None:
    formula, title = LOSSES[key].formulas[task], LOSSES[key].title
    shown(losses, SHAPE, key, ON[task])
    if task is Task.REGRESSION:
        assert curves(losses, "shape_loss", title) == 1
        assert curves(losses, "shape_by_prediction", title) == 1
        return
    assert curves(losses, "shape_loss", title) == formula.is_of_probabilities
    assert (NOT_TOLD in texts(losses)) != formula.is_of_probabilities
    over(losses, ShapeAxis.LOGIT)
    assert curves(losses, "shape_loss", title) == 1
    assert curves(losses, "shape_by_prediction", title) == formula.link.gives_probabilities
    assert NOT_TOLD not in texts(losses)
    triangles = [chart["key"] for chart in charts(losses) if "simplex" in str(chart["key"])]
    assert (f"simplex_{key}" in triangles) == (
        task is Task.MULTICLASS and formula.is_of_probabilities
    )


def over(app: AppTest, axis: ShapeAxis) -> None:
    app.session_state["shape_axis"] = axis
    run(app)
    assert not app.error


def curves(app: AppTest, chart: str, title: str) -> int:
    """How many curves of that name the chart has."""
    (data,) = (json.loads(str(c["figure"]))["data"] for c in charts(app) if c["key"] == chart)
    return sum(line["name"] == title and line.get("mode") != "markers" for line in data)


@pytest.mark.some(8)
@every_loss
def test_its_program_is_shown_with_what_it_prints(losses, key, task) -> None:
    shown(losses, CODE, key, ON[task])
    expression = EXAMPLE if key == CUSTOM else None
    assert losses.code[-1].value == snippet(key, task, expression=expression).code.strip()
    assert "It prints **" in texts(losses)


def test_every_mistake_is_shown_with_what_both_programs_print(losses) -> None:
    shown(losses, MISTAKES_TAB)
    assert [as_read(each.value) for each in losses.subheader] == [
        mistake.title for mistake in MISTAKES
    ]
    assert texts(losses).count("**Wrong**: prints **") == len(MISTAKES)
    assert texts(losses).count("**Right**: prints **") == len(MISTAKES)


@pytest.mark.parametrize("key", [key for key, loss in LOSSES.items() if loss.is_mistake])
def test_the_mistake_that_a_loss_is_comes_first(losses, key) -> None:
    shown(losses, MISTAKES_TAB, key, ON[next(iter(LOSSES[key].formulas))])
    titles = {mistake.key: mistake.title for mistake in MISTAKES}
    first, *others = (as_read(each.value) for each in losses.subheader)
    assert first == titles.pop(LOSSES[key].mistake)
    assert others == list(titles.values())


def test_bugs_are_no_rivals_of_other_losses(losses) -> None:
    shown(losses, SHAPE, "hinge", "iris")
    assert LOSSES["bce"].title in rivals_to_tick(losses)
    bug = LOSSES["cross_entropy_after_softmax"].title
    assert bug not in rivals_to_tick(losses)
    shown(losses, SHAPE, "cross_entropy_after_softmax", "iris")
    assert bug in rivals_to_tick(losses)
    assert curves(losses, "shape_loss", bug) == 1


def rivals_to_tick(app: AppTest) -> list[str]:
    (found,) = (each for each in app.button_group if each.label == "Losses")
    return [as_read(each) for each in found.options]


@pytest.mark.some(8)
@every_loss
def test_every_place_of_a_step_is_drawn(losses, key, task) -> None:
    shown(losses, STEP, key, ON[task])
    for place in range(PLACES):
        losses.session_state["loop_place"] = place
        run(losses)
        assert not losses.error
        assert heading(losses).startswith(f"**{place + 1} of {PLACES}: ")
        assert html(losses).count('aria-current="step"') == 1
    assert "nan" not in html(losses)


@pytest.mark.some(4)
@pytest.mark.parametrize("dataset", DATASETS)
def test_every_data_set_has_its_first_step(losses, dataset) -> None:
    key = next(key for key, loss in LOSSES.items() if DATASETS[dataset].task in loss.formulas)
    shown(losses, STEP, key, dataset)
    examples = "1 example" if DATASETS[dataset].rows == 1 else "4 examples"
    assert f"on {DATASETS[dataset].title}, {examples} a batch" in said(losses)
    assert f"a network {DATASETS[dataset].features}-" in said(losses)


# ------------------------------------------------------------------ what is said where

SOFTMAX = r"\hat{y}_i = \frac{e^{z_i}}{\sum_{j=1}^{C} e^{z_j}}"
SOFTMAX_OF_TWO = r"\hat{y} = \hat{y}_1 = \frac{e^{z_1}}{e^{z_0} + e^{z_1}} = \sigma(z_1 - z_0)"
SIGMOID = r"\hat{y}_i = \sigma(z_i) = \frac{1}{1 + e^{-z_i}}"
SIGMOID_OF_ONE = r"\hat{y} = \sigma(z) = \frac{1}{1 + e^{-z}}"


@pytest.mark.parametrize(
    ("key", "dataset", "formula", "makes"),
    [
        ("cross_entropy", "iris", SOFTMAX, "makes probabilities of the logits"),
        ("cross_entropy", "moons", SOFTMAX_OF_TWO, "of two logits the probability of class 1"),
        ("bce", "iris", SIGMOID, "makes a probability of each logit"),
        ("bce", "moons", SIGMOID_OF_ONE, "makes of one logit the probability of class 1"),
    ],
)
def test_a_contract_has_the_link_as_a_formula(losses, key, dataset, formula, makes) -> None:
    shown(losses, CONTRACT, key, dataset)
    assert formula in [each.value.strip("$\n") for each in losses.latex]
    assert makes in texts(losses)


def test_formulas_of_two_classes_say_whose_probability_is_meant(losses) -> None:
    shown(losses, CONTRACT, "cross_entropy", "moons")
    assert "in the formula for two classes, that of class 1" in texts(losses)
    shown(losses, CONTRACT, "bce", "moons")
    assert "with two classes, that of class 1" in texts(losses)


def test_the_call_takes_logits_and_the_step_draws_probabilities(losses) -> None:
    shown(losses, CODE, "cross_entropy", "iris")
    assert "Logits, float, shape [N, C], before any softmax." in texts(losses)
    assert "The class is LogSoftmax and NLLLoss in one." in texts(losses)
    at(shown(losses, STEP, "cross_entropy", "iris"), 1, 5).run()
    assert heading(losses).startswith("**5 of ")
    assert "J is drawn of the probabilities; whether the class in PyTorch receives" in texts(losses)
    at(shown(losses, STEP, "mse", "diabetes"), 1, 5).run()
    assert "J is drawn of the probabilities" not in texts(losses)


def test_a_shape_says_what_the_other_classes_are(losses) -> None:
    shown(losses, SHAPE, "cross_entropy", "iris")
    over(losses, ShapeAxis.PROBABILITY)
    assert "the other two share the rest of the probability evenly" in texts(losses)
    over(losses, ShapeAxis.LOGIT)
    assert "the logits of the other two are 0" in texts(losses)
    shown(losses, SHAPE, "cross_entropy", "moons")
    assert "the logit is that of class 1; a loss with two logits has 0 for class 0" in texts(losses)
    over(losses, ShapeAxis.PROBABILITY)
    assert "the probability is that of class 1, and class 0 has the rest" in texts(losses)


def test_a_step_says_what_the_loss_of_an_epoch_is(losses) -> None:
    at(shown(losses, STEP), 1, 6).run()
    assert (
        "The loss that is printed for an epoch is the mean of this number over the epoch's steps, "
        "weighted by how many examples each has and taken before each update."
    ) in texts(losses)


def test_the_columns_of_a_bell_curve_are_its_mean_and_log_variance(losses) -> None:
    shown(losses, CONTRACT, "gaussian_nll", "diabetes")
    facts = "\n".join(table.value.to_string() for table in losses.table)
    assert "network gives two columns, the mean and the log-variance" in facts
    at(shown(losses, STEP, "gaussian_nll", "diabetes"), 1, 3).run()
    assert "z 0, the mean" in html(losses)
    assert "z 1, the log-variance" in html(losses)
    at(losses, 1, 4).run()
    columns = re.findall(r"<th[^>]*>([^<]*)</th>", html(losses))
    assert columns.index("mean") + 1 == columns.index("log-variance")


@pytest.mark.parametrize(
    "values", [{"label_smoothing": 0.3}, {"class_weights": (1.0, 2.0, 0.5)}], ids=str
)
def test_a_contract_has_the_baseline_and_the_range_of_what_is_set(losses, values) -> None:
    plain = EntrantSpec(loss="cross_entropy")
    entrant = EntrantSpec(loss="cross_entropy", parameters=values)
    chosen(losses, entrant, "wine")
    facts = "\n".join(table.value.to_string() for table in losses.table)
    ours, without = baseline(entrant, "wine"), baseline(plain, "wine")
    assert f"{ours:.4f}, the best constant prediction" in facts
    assert f"{ours:.4f}" != f"{without:.4f}"
    assert str(entrant.loss_spec.value_range(Task.MULTICLASS, 3)) in facts


# ------------------------------------------------------------------ moving


def where(app: AppTest) -> tuple[int, int]:
    """The step and the place, from 1, as the page says them."""
    assert not app.exception
    step = next(text.split("training step ")[1].split()[0] for text in captions(app))
    return int(step), int(heading(app).strip("*").split()[0])


def captions(app: AppTest) -> list[str]:
    return [each.value for each in app.caption if "training step" in each.value]


def disabled(app: AppTest) -> set[str]:
    return {each.label for each in app.button if each.disabled}


def test_next_goes_through_all_places_and_on_into_the_next_step(losses) -> None:
    shown(losses, STEP)
    assert (where(losses), disabled(losses)) == ((1, 1), {"Back"})
    names = set()
    for place in range(2, PLACES + 1):
        names.add(heading(losses))
        assert where(click(losses, "Next")) == (1, place)
        assert disabled(losses) == set()
    assert len(names) == PLACES - 1
    assert where(click(losses, "Next")) == (2, 1)
    assert where(click(losses, "Back")) == (1, PLACES)


def test_next_step_keeps_the_place_and_shows_other_numbers(losses) -> None:
    shown(losses, STEP)
    click(click(losses, "Next"), "Next")
    first = html(losses)
    assert where(click(losses, "Next step")) == (2, 3)
    assert html(losses) != first
    for _ in range(PLACES):
        click(losses, "Back")
    assert where(losses) == (1, 3)
    assert html(losses) == first


def test_from_the_start_is_where_it_began(losses) -> None:
    shown(losses, STEP)
    first = html(losses)
    click(click(losses, "Next step"), "Next")
    assert where(losses) == (2, 2)
    assert where(click(losses, "From the start")) == (1, 1)
    assert html(losses) == first


def at(app: AppTest, step: int, place: int) -> AppTest:
    """The session there, before the page is drawn anew."""
    app.session_state["loop_step"], app.session_state["loop_place"] = step, place - 1
    return app


def test_there_is_no_way_beyond_the_ends(losses) -> None:
    shown(losses, STEP)
    at(losses, LAST_STEP, PLACES - 1).run()
    assert (where(losses), disabled(losses)) == ((LAST_STEP, PLACES - 1), {"Next step"})
    assert where(click(losses, "Next")) == (LAST_STEP, PLACES)
    assert disabled(losses) == {"Next", "Next step"}
    assert where(click(losses, "Back")) == (LAST_STEP, PLACES - 1)
    at(losses, LAST_STEP - 1, 3).run()
    assert where(click(losses, "Next step")) == (LAST_STEP, 3)


@pytest.mark.parametrize(
    ("label", "end"),
    [("Back", (1, 1)), ("Next", (LAST_STEP, PLACES)), ("Next step", (LAST_STEP, PLACES))],
)
def test_a_click_that_was_on_its_way_at_an_end_stays_there(losses, label, end) -> None:
    at(shown(losses, STEP), 2, 2).run()
    assert where(click(at(losses, *end), label)) == end


def test_another_loss_is_looked_at_in_the_same_place(losses) -> None:
    shown(losses, STEP)
    click(click(losses, "Next step"), "Next")
    before = html(losses)
    enter(losses, "losses", LOSS, "hinge")
    assert where(losses) == (2, 2)
    assert html(losses) != before


# ------------------------------------------------------------------ choosing


@pytest.mark.parametrize("dataset", ON.values())
def test_data_that_a_loss_does_not_fit_is_changed_and_other_data_stays(
    losses, dataset, monkeypatch
) -> None:
    # A test sets a list back sooner than a person can.
    monkeypatch.setattr(draft, "_UNHEARD_SECONDS", 0)
    task = DATASETS[dataset].task
    start = next(key for key, loss in LOSSES.items() if task in loss.formulas)
    shown(losses, CODE)
    for key, loss in LOSSES.items():
        enter(losses, "losses", LOSS, start)
        enter(losses, "losses", DATASET, dataset)
        enter(losses, "losses", LOSS, key)
        assert not losses.error
        chosen = fields(losses, "losses")[DATASET]
        assert DATASETS[chosen].task in loss.formulas
        assert (chosen == dataset) == (task in loss.formulas)
        fitting = [each.title for each in DATASETS.values() if each.task in loss.formulas]
        assert widgets(losses)[f"losses/{DATASET}"].options == fitting


def test_it_opens_on_cross_entropy_in_slow_motion(losses) -> None:
    run(losses)
    assert losses.title[0].value == "Losses"
    assert fields(losses, "losses")[LOSS] == "cross_entropy"
    assert where(losses) == (1, 1)


def test_the_sliders_have_the_numbers_of_every_place_and_target(losses) -> None:
    shown(losses, SHAPE, "cross_entropy", "moons")
    assert at_place(losses, 1, 0.3) == pytest.approx([1.2040, -3.3333, -0.7], abs=5e-5)
    assert at_place(losses, 1, 0.5) == pytest.approx([0.6931, -2, -0.5], abs=5e-5)
    assert at_place(losses, 0, 0.5) == pytest.approx([0.6931, 2, 0.5], abs=5e-5)


def at_place(app: AppTest, target: float, at: float) -> list[float]:
    """What the sliders' table has for CrossEntropy."""
    (data,) = (each for each in components(app) if "tables" in each)
    rows = data["tables"][data["targets"].index(target)]
    (row,) = (row for row in rows if row["name"] == "CrossEntropy")
    return [values[data["x"].index(at)] for values in row["columns"]]


def test_no_rival_has_to_be_ticked(losses) -> None:
    shown(losses, SHAPE, "hinge", "iris")
    losses.session_state[f"shape_losses_{Task.MULTICLASS}_hinge"] = []
    losses.run()
    assert not losses.exception
    assert f"Hinge: {NOT_TOLD}" in texts(losses)
    over(losses, ShapeAxis.LOGIT)
    assert curves(losses, "shape_loss", "Hinge") == 1
    assert curves(losses, "shape_loss", "CrossEntropy") == 0


# ------------------------------------------------------------------ to the other pages

SHARP = EntrantSpec(loss="focal", parameters={"gamma": 4.5})
OWN = EntrantSpec(loss=CUSTOM, expression="-(1 - p)**2 * y * log(p)")
PLAIN = [EntrantSpec(loss=key) for key in ("cross_entropy", "bce", "mse")]
STARTED = [
    (SHARP, "moons", PLAIN),
    (OWN, "iris", PLAIN),
    (
        EntrantSpec(loss="cross_entropy", parameters={"class_weights": (1, 2, 0.5)}),
        "iris",
        PLAIN[1:],
    ),
    (EntrantSpec(loss="huber", parameters={"delta": 2.5}), "diabetes", PLAIN[2:]),
    (EntrantSpec(loss=CUSTOM, expression="abs(p - y)**1.5"), "diabetes", PLAIN[2:]),
]


def chosen(app: AppTest, entrant: EntrantSpec, dataset: str) -> AppTest:
    """The page with the loss as the entrant has it."""
    shown(app, CONTRACT, entrant.loss, dataset)
    for name, value in entrant.parameters.items():
        text = ", ".join(map(str, value)) if isinstance(value, tuple) else value
        enter(app, "losses", f"explained/entrant/parameters/{entrant.loss}/{name}", text)
    if entrant.expression is not None:
        enter(app, "losses", "explained/entrant/expression", entrant.expression)
    assert not app.error
    return app


@pytest.mark.some(4)
@pytest.mark.parametrize(("label", "where"), [("Train it", "train"), ("Race it", "compare")])
@pytest.mark.parametrize(("entrant", "dataset", "rivals"), STARTED)
def test_train_it_and_race_it_take_the_loss_as_it_is_set(
    losses, lab_store, nothing_trains, label, where, entrant, dataset, rivals
) -> None:
    click(chosen(losses, entrant, dataset), label)
    assert not losses.error
    assert losses.title[0].value == ("Loss Lab" if where == "train" else "Compare losses")
    experiment_id = losses.query_params["experiment"]
    spec = lab_store.get(experiment_id).spec
    lab_store.want(experiment_id, Wanted.STOPPED)
    assert spec.data.name == dataset
    assert spec.entrants == (entrant, *rivals)
    assert len(spec.seeds) == (1 if where == "train" else 5)
    assert read(losses, where) == spec
    run(losses)
    assert read(losses, where) == spec
    go_to(losses, "losses")
    assert fields(losses, "losses")[LOSS] == entrant.loss
    assert fields(losses, "losses")[DATASET] == dataset
    assert read(go_to(losses, where), where) == spec


def test_a_loss_without_a_rival_is_trained_alone_and_not_raced(
    losses, lab_store, nothing_trains
) -> None:
    shown(losses, CONTRACT, "mse", "diabetes")
    assert button(losses, "Race it").disabled
    click(losses, "Train it")
    assert read(losses, "train").entrants == (EntrantSpec(loss="mse"),)
    click(losses, "Stop")


@pytest.mark.parametrize(
    ("loss", "path", "bad", "sentence"),
    [
        ("focal", "parameters/focal/gamma", "11", "Entrant 1: Gamma was 11; allowed is 0 to 10"),
        (CUSTOM, "expression", "", "The expression is empty"),
        (CUSTOM, "expression", "foo(p)", "The name 'foo' is not known"),
        (CUSTOM, "expression", "sign(p - y)", "The gradient is 0 at every random start"),
        (
            "cross_entropy",
            "parameters/cross_entropy/class_weights",
            "1, 2",
            "Entrant 1: Class weight was [1.0, 2.0]; Iris has 3 classes",
        ),
    ],
)
def test_what_is_no_loss_is_a_sentence_and_loses_nothing(losses, loss, path, bad, sentence) -> None:
    shown(losses, CONTRACT, loss)
    path = f"explained/entrant/{path}"
    before = fields(losses, "losses")
    enter(losses, "losses", path, bad)
    assert any(error.startswith(sentence) for error in errors(losses)), errors(losses)
    assert not any(each.label in ("Train it", "Race it") for each in losses.button)
    go_to(go_to(losses, "train"), "losses")
    assert fields(losses, "losses") == before | {path: bad}
    enter(losses, "losses", path, before[path])
    assert not losses.error
    assert button(losses, "Train it")


def test_an_example_of_an_own_loss_is_one_click(losses) -> None:
    run(losses)
    click(losses, "Write your own")
    assert fields(losses, "losses")["explained/entrant/expression"] == EXAMPLE
    click(losses, "`abs(p - y)**1.5`")
    assert fields(losses, "losses")["explained/entrant/expression"] == "abs(p - y)**1.5"
    assert not losses.error


# ------------------------------------------------------------------ trouble


def a_step_that_cannot_be() -> None:
    from core.spec import EntrantSpec
    from pages.parts.losses import steps

    steps.draw(EntrantSpec(loss="l1"), "iris")


def test_what_is_drawn_by_itself_says_itself_what_went_wrong(lab_store: Store) -> None:
    """At a click only the part that was clicked in is drawn anew, not the page around it."""
    app = AppTest.from_function(a_step_that_cannot_be, default_timeout=60).run()
    assert not app.exception
    (error,) = errors(app)
    assert error.startswith("L1 does not fit Iris.")


def test_the_server_never_imports_torch(tmp_path: Path) -> None:
    """All tabs are drawn, in a process of its own, and torch is not among its modules."""
    run_without_torch(
        tmp_path,
        "app.switch_page('losses.py')\n"
        f"for tab in {TABS!r}:\n"
        "    app.session_state['loss_tabs'] = tab\n"
        "    app.run()\n"
        "    assert not app.exception, app.exception\n"
        "    assert not app.error, app.error\n",
    )
