"""The Losses page without a browser: every tab for every loss, and one step after another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from core.anatomy.choice import Axis
from core.datasets import DATASETS
from streamlit.testing.v1 import AppTest

from core.anatomy import CARDS, MISTAKES, snippet
from core.losses import CUSTOM, LOSSES, Link, Task
from core.losses.custom import EXAMPLE
from core.store import Store
from tests.browser.app import ROOT
from tests.pages.test_train import button, charts, texts
from tests.pages.test_trouble import run_without_torch

STEP, CONTRACT, SHAPE, CODE, MISTAKES_TAB = TABS = (
    "How it works",
    "Contract",
    "Shape",
    "In PyTorch",
    "Common mistakes",
)
ON = {Task.BINARY: "moons", Task.MULTICLASS: "iris", Task.REGRESSION: "diabetes"}
CASES = [(key, task) for key, loss in LOSSES.items() for task in loss.forms]
every_loss = pytest.mark.parametrize(("key", "task"), CASES)

PLACES, LAST_STEP = 9, 200


@pytest.fixture
def app(lab_store: Store) -> AppTest:
    opened = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    return opened.switch_page("pages/losses.py")


def shown(app: AppTest, tab: str, key: str = "cross_entropy", dataset: str = "iris") -> AppTest:
    """The page with the loss, its data set and the tab chosen."""
    app.session_state["anatomy_loss"] = key
    app.session_state["anatomy_dataset"] = dataset
    app.session_state["loss_tabs"] = tab
    app.run()
    assert not app.exception
    assert not app.error
    return app


def html(app: AppTest) -> str:
    return "\n".join(each.proto.body for each in app.get("html"))


def heading(app: AppTest) -> str:
    return next(each.value for each in app.markdown if each.value.startswith("**"))


# ------------------------------------------------------------------ every tab


@every_loss
def test_a_contract_says_what_the_card_and_the_catalogue_say(app, key, task) -> None:
    shown(app, CONTRACT, key, ON[task])
    assert CARDS[key].summary in texts(app)
    assert CARDS[key].use_when in texts(app)
    assert [each.value for each in app.latex][-1].strip("$\n") == CARDS[key].batch_formula
    facts = "\n".join(table.value.to_string() for table in app.table)
    assert (LOSSES[key].torch_class or "no class of its own") in facts
    assert f"Baseline on {DATASETS[ON[task]].title}" in facts


@every_loss
def test_a_shape_is_drawn_for_it_over_every_axis(app, key, task) -> None:
    form, title = LOSSES[key].forms[task], LOSSES[key].title
    shown(app, SHAPE, key, ON[task])
    is_probability = form.link in (Link.SOFTMAX, Link.SIGMOID)
    if task is Task.REGRESSION:
        assert curves(app, "shape_loss", title) == 1
        assert curves(app, "shape_by_prediction", title) == 1
        return
    assert curves(app, "shape_loss", title) == is_probability
    assert (f"{title}: the outputs are not probabilities" in texts(app)) != is_probability
    over(app, Axis.LOGIT)
    assert curves(app, "shape_loss", title) == 1
    assert curves(app, "shape_by_prediction", title) == is_probability
    assert "not probabilities" not in texts(app)
    triangles = [chart["key"] for chart in charts(app) if "simplex" in str(chart["key"])]
    assert (f"simplex_{key}" in triangles) == (task is Task.MULTICLASS and is_probability)


def over(app: AppTest, axis: Axis) -> None:
    app.session_state["shape_axis"] = axis
    app.run()
    assert not app.exception
    assert not app.error


def curves(app: AppTest, chart: str, title: str) -> int:
    """How many curves of that name the chart has."""
    (data,) = (json.loads(str(c["figure"]))["data"] for c in charts(app) if c["key"] == chart)
    return sum(line["name"] == title and line.get("mode") != "markers" for line in data)


@every_loss
def test_its_program_is_shown_with_what_it_prints(app, key, task) -> None:
    shown(app, CODE, key, ON[task])
    expression = EXAMPLE if key == CUSTOM else None
    assert app.code[-1].value == snippet(key, task, expression=expression).code.strip()
    assert "It prints **" in texts(app)


def test_every_mistake_is_shown_with_what_both_programs_print(app) -> None:
    shown(app, MISTAKES_TAB)
    assert [each.value for each in app.subheader] == [mistake.title for mistake in MISTAKES]
    assert texts(app).count("**Wrong**: prints **") == len(MISTAKES)
    assert texts(app).count("**Right**: prints **") == len(MISTAKES)


@every_loss
def test_every_place_of_a_step_is_drawn(app, key, task) -> None:
    shown(app, STEP, key, ON[task])
    for place in range(PLACES):
        app.session_state["loop_place"] = place
        app.run()
        assert not app.exception
        assert not app.error
        assert heading(app).startswith(f"**{place + 1} of {PLACES}: ")
        assert html(app).count('aria-current="step"') == 1
    assert "nan" not in html(app)


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_data_set_has_its_first_step(app, dataset) -> None:
    key = next(key for key, loss in LOSSES.items() if DATASETS[dataset].task in loss.forms)
    shown(app, STEP, key, dataset)
    assert f"on {DATASETS[dataset].title}, 4 examples a batch" in texts(app)
    assert f"a network {DATASETS[dataset].features}-" in texts(app)


# ------------------------------------------------------------------ moving


def where(app: AppTest) -> tuple[int, int]:
    """The step and the place, from 1, as the page says them."""
    assert not app.exception
    step = next(text.split("training step ")[1].split()[0] for text in captions(app))
    return int(step), int(heading(app).strip("*").split()[0])


def captions(app: AppTest) -> list[str]:
    return [each.value for each in app.caption if "training step" in each.value]


def click(app: AppTest, label: str) -> AppTest:
    return button(app, label).click().run()


def disabled(app: AppTest) -> set[str]:
    return {each.label for each in app.button if each.disabled}


def test_next_goes_through_all_places_and_on_into_the_next_step(app) -> None:
    shown(app, STEP)
    assert (where(app), disabled(app)) == ((1, 1), {"Back"})
    names = set()
    for place in range(2, PLACES + 1):
        names.add(heading(app))
        assert where(click(app, "Next")) == (1, place)
        assert disabled(app) == set()
    assert len(names) == PLACES - 1
    assert where(click(app, "Next")) == (2, 1)
    assert where(click(app, "Back")) == (1, PLACES)


def test_next_step_keeps_the_place_and_shows_other_numbers(app) -> None:
    shown(app, STEP)
    click(click(app, "Next"), "Next")
    first = html(app)
    assert where(click(app, "Next step")) == (2, 3)
    assert html(app) != first
    for _ in range(PLACES):
        click(app, "Back")
    assert where(app) == (1, 3)
    assert html(app) == first


def test_from_the_start_is_where_it_began(app) -> None:
    shown(app, STEP)
    first = html(app)
    click(click(app, "Next step"), "Next")
    assert where(app) == (2, 2)
    assert where(click(app, "From the start")) == (1, 1)
    assert html(app) == first


def at(app: AppTest, step: int, place: int) -> AppTest:
    """The session there, before the page is drawn anew."""
    app.session_state["loop_step"], app.session_state["loop_place"] = step, place - 1
    return app


def test_there_is_no_way_beyond_the_ends(app) -> None:
    shown(app, STEP)
    at(app, LAST_STEP, PLACES - 1).run()
    assert (where(app), disabled(app)) == ((LAST_STEP, PLACES - 1), {"Next step"})
    assert where(click(app, "Next")) == (LAST_STEP, PLACES)
    assert disabled(app) == {"Next", "Next step"}
    assert where(click(app, "Back")) == (LAST_STEP, PLACES - 1)
    at(app, LAST_STEP - 1, 3).run()
    assert where(click(app, "Next step")) == (LAST_STEP, 3)


@pytest.mark.parametrize(
    ("label", "end"),
    [("Back", (1, 1)), ("Next", (LAST_STEP, PLACES)), ("Next step", (LAST_STEP, PLACES))],
)
def test_a_click_that_was_on_its_way_at_an_end_stays_there(app, label, end) -> None:
    at(shown(app, STEP), 2, 2).run()
    assert where(click(at(app, *end), label)) == end


def test_another_loss_is_looked_at_in_the_same_place(app) -> None:
    shown(app, STEP)
    click(click(app, "Next step"), "Next")
    before = html(app)
    app.selectbox(key="anatomy_loss").select("hinge").run()
    assert where(app) == (2, 2)
    assert html(app) != before


# ------------------------------------------------------------------ choosing


@pytest.mark.parametrize("dataset", ON.values())
def test_data_that_a_loss_does_not_fit_is_changed_and_other_data_stays(app, dataset) -> None:
    task = DATASETS[dataset].task
    start = next(key for key, loss in LOSSES.items() if task in loss.forms)
    shown(app, CODE)
    for key, loss in LOSSES.items():
        app.selectbox(key="anatomy_loss").select(start).run()
        app.selectbox(key="anatomy_dataset").select(dataset).run()
        app.selectbox(key="anatomy_loss").select(key).run()
        assert not app.exception
        assert not app.error
        chosen = app.session_state["anatomy_dataset"]
        assert DATASETS[chosen].task in loss.forms
        assert (chosen == dataset) == (task in loss.forms)
        fitting = [each.title for each in DATASETS.values() if each.task in loss.forms]
        assert app.selectbox(key="anatomy_dataset").options == fitting


def test_it_opens_on_cross_entropy_in_slow_motion(app) -> None:
    app.run()
    assert app.title[0].value == "Losses"
    assert app.selectbox(key="anatomy_loss").value == "cross_entropy"
    assert where(app) == (1, 1)


def test_the_sliders_have_the_numbers_of_every_place_and_target(app) -> None:
    shown(app, SHAPE, "cross_entropy", "moons")
    assert at_place(app, 1, 0.3) == pytest.approx([1.2040, -3.3333, -0.7], abs=5e-5)
    assert at_place(app, 1, 0.5) == pytest.approx([0.6931, -2, -0.5], abs=5e-5)
    assert at_place(app, 0, 0.5) == pytest.approx([0.6931, 2, 0.5], abs=5e-5)


def components(app: AppTest) -> list[dict[str, Any]]:
    """What each mounted component was sent."""
    return [json.loads(each.proto.json or "{}") for each in app.get("bidi_component")]


def at_place(app: AppTest, target: float, at: float) -> list[float]:
    """What the sliders' table has for CrossEntropy."""
    (data,) = (each for each in components(app) if "tables" in each)
    rows = data["tables"][data["targets"].index(target)]
    (row,) = (row for row in rows if row["name"] == "CrossEntropy")
    return [values[data["x"].index(at)] for values in row["columns"]]


def test_no_rival_has_to_be_ticked(app) -> None:
    shown(app, SHAPE, "hinge", "iris")
    app.session_state[f"shape_losses_{Task.MULTICLASS}_hinge"] = []
    app.run()
    assert not app.exception
    assert "Hinge: the outputs are not probabilities" in texts(app)
    over(app, Axis.LOGIT)
    assert curves(app, "shape_loss", "Hinge") == 1
    assert curves(app, "shape_loss", "CrossEntropy") == 0


# ------------------------------------------------------------------ trouble


def a_step_that_cannot_be() -> None:
    from core.anatomy.choice import Choice

    from pages.parts import step_view

    step_view.draw(Choice("l1"), "iris")


def test_what_is_drawn_by_itself_says_itself_what_went_wrong(lab_store: Store) -> None:
    """At a click only the part that was clicked in is drawn anew, not the page around it."""
    app = AppTest.from_function(a_step_that_cannot_be, default_timeout=60).run()
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("L1 does not fit Iris.")


def test_the_server_never_imports_torch(tmp_path: Path) -> None:
    """All tabs are drawn, in a process of its own, and torch is not among its modules."""
    run_without_torch(
        tmp_path,
        "app.switch_page('pages/losses.py')\n"
        f"for tab in {TABS!r}:\n"
        "    app.session_state['loss_tabs'] = tab\n"
        "    app.run()\n"
        "    assert not app.exception, app.exception\n"
        "    assert not app.error, app.error\n",
    )
