"""The form's values: the same on coming back to a page, and the same on both pages."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from core.spec import ExperimentSpec
from core.store import Store
from pages.parts.form import draft
from pages.parts.form.whole import DEFAULT, PRESET_SEEDS
from tests.core.live.staging import race_of, reported
from tests.pages.looking import (
    PAGES,
    asked,
    button,
    click,
    drafted,
    edit,
    enter,
    errors,
    fields,
    go_to,
    opened,
    read,
    run,
    said,
    set_entrant,
    shown,
    unfold,
    widgets,
)

MORE = "Start, device and more"
FOLDS = (
    "Add an entrant",
    MORE,
    "Settings as a file",
)
ORDERS = list(itertools.permutations(PAGES))

#: The experiment that each page's untouched form describes.
UNTOUCHED = {
    "train": DEFAULT,
    "compare": DEFAULT.model_copy(update={"seeds": tuple(range(PRESET_SEEDS))}),
}
BUTTONS = {"train": "Train", "compare": "Race"}
#: What only one of the pages has.
OWN = ("seed_count", "protocol", "edited/", "entrants/")


def shared(of_page: dict[str, Any]) -> dict[str, Any]:
    return {path: value for path, value in of_page.items() if not path.startswith(OWN)}


def seen(app: AppTest, where: str, folded: bool = False) -> dict[str, Any]:
    """A page's fields on coming to it, where all folds are closed, or with those in folds too."""
    go_to(app, where)
    at_first = fields(app, where)
    if folded:
        return at_first
    unfold(app, *FOLDS)
    assert at_first.items() <= fields(app, where).items()
    return fields(app, where)


def walk(app: AppTest, order: tuple[str, ...], folded: bool = False) -> dict[str, dict[str, Any]]:
    """Each page's fields, after two rounds on which they were the same."""
    known: dict[str, dict[str, Any]] = {}
    for where in (*order, *order):
        found = seen(app, where, folded)
        assert not app.error
        assert found
        assert known.setdefault(where, found) == found, where
        run(app)
        assert fields(app, where) == found
    assert shared(known["train"]) == shared(known["compare"])
    return known


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.some(4)
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_an_untouched_form_is_the_default_on_every_page(
    lab_store: Store, order: tuple[str, ...], folded: bool
) -> None:
    app = run(opened(order[0]))
    known = walk(app, order, folded)
    assert ("device" in known["train"]) != folded
    assert {where: read(app, where) for where in UNTOUCHED} == UNTOUCHED


def test_what_each_page_starts_is_what_its_untouched_form_describes(
    train: AppTest, lab_store: Store, nothing_trains: None
) -> None:
    run(train)
    assert asked(train, lab_store, "Train") == UNTOUCHED["train"]
    assert asked(go_to(train, "compare"), lab_store, "Race") == UNTOUCHED["compare"]


def touch(app: AppTest, page: str) -> ExperimentSpec:
    """Change a field of each kind on a page, in folds too; the page's spec afterwards."""
    enter(app, page, "dataset", "iris")
    enter(app, page, "layers", 3)
    enter(app, page, "sizes/1", 24)
    enter(app, page, "sizes/2", 12)
    enter(app, page, "epochs", 40)
    enter(app, page, "learning_rate", 0.05)
    enter(app, page, "batch_size", 16)
    unfold(app, MORE)
    enter(app, page, "head_factor", 3.0)
    enter(app, page, "activation", "tanh")
    unfold(app, *FOLDS)
    enter(app, page, "validation_fraction", 0.3)
    enter(app, page, "weight_decay", 0.01)
    click(app, "add_focal")
    set_entrant(app, page, focal__gamma=4.5, learning_rate=0.2, name="Sharp")
    click(app, "add_custom")
    set_entrant(app, page, expression="-y*log(p)")
    unfold(app, *FOLDS, folded=True)
    touched = read(app, page)
    assert touched.network.hidden_sizes == (32, 24, 12)
    assert touched.data.validation_fraction == 0.3
    assert touched.optimizer.weight_decay == 0.01
    assert touched.training.epochs == 40
    assert dict(touched.entrants[3].parameters) == {"gamma": 4.5}
    assert (touched.entrants[3].name, touched.entrants[3].learning_rate) == ("Sharp", 0.2)
    assert touched.entrants[4].expression == "-y*log(p)"
    return touched


@pytest.mark.parametrize("where", UNTOUCHED)
@pytest.mark.some(4)
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_touched_fields_are_the_same_on_coming_back(
    lab_store: Store, order: tuple[str, ...], where: str
) -> None:
    app = run(opened(where))
    touched = touch(app, where)
    walk(app, order, folded=True)
    assert read(app, where) == touched
    walk(app, order)
    assert read(app, where) == touched
    (other,) = UNTOUCHED.keys() - {where}
    assert read(app, other).entrants == DEFAULT.entrants
    assert read(app, other).network == touched.network


def test_the_losses_page_has_a_loss_of_its_own(losses: AppTest) -> None:
    unfold(losses, *FOLDS)
    enter(losses, "losses", "explained/entrant/loss", "focal")
    enter(losses, "losses", "explained/entrant/parameters/focal/gamma", 7.5)
    enter(losses, "losses", "explained/dataset", "moons")
    known = walk(losses, PAGES)
    assert known["losses"]["explained/entrant/parameters/focal/gamma"] == "7.5"
    assert {where: read(losses, where) for where in UNTOUCHED} == UNTOUCHED


def test_what_is_edited_stays_while_the_pages_show_experiments(
    train: AppTest, lab_store: Store, nothing_trains: None
) -> None:
    asked(run(train), lab_store, "Train")
    asked(go_to(train, "compare"), lab_store, "Race")
    enter(train, "compare", "epochs", 77)
    go_to(train, "train")
    assert "experiment" in train.query_params
    assert fields(train, "train")["epochs"] == "77"
    enter(train, "train", "layers", 2)
    go_to(train, "compare")
    assert "experiment" in train.query_params
    assert fields(train, "compare")["epochs"] == "77"
    assert fields(train, "compare")["layers"] == 2


def test_an_experiment_that_is_opened_fills_the_form_once(
    compare: AppTest, lab_store: Store
) -> None:
    spec = race_of(losses=("hinge", "bce"), optimizer={"name": "sgd", "learning_rate": 0.3})
    shown(compare, reported(lab_store, spec))
    assert read(compare, "compare") == spec
    enter(compare, "compare", "epochs", 12)
    run(compare)
    assert read(compare, "compare").training.epochs == 12


@pytest.mark.some(10)
@pytest.mark.parametrize("where", UNTOUCHED)
@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("epochs", "0", "Epochs was 0; allowed is 1 to 10,000."),
        ("epochs", "", "Epochs was empty; allowed is a whole number from 1 to 10,000."),
        ("epochs", "3.7", "Epochs was 3.7; allowed is a whole number from 1 to 10,000."),
        ("epochs", "1e999", "Epochs was '1e999'; allowed is a whole number from 1 to 10,000."),
        ("seed", "-5", "Seed was -5; allowed is 0 to 2,147,483,647."),
        ("seed", " ", "Seed was empty; allowed is a whole number from 0 to 2,147,483,647."),
        ("sizes/0", "5e3", "Hidden size was 5,000; allowed is 1 to 4,096."),
        ("sizes/0", "abc", "Hidden size was 'abc'; allowed is a whole number from 1 to 4,096."),
        ("weight_decay", "2.0", "Weight decay was 2.0; allowed is 0 to 1."),
        ("weight_decay", "nan", "Weight decay was nan; allowed is 0 to 1."),
        ("validation_fraction", "0.9", "Validation fraction was 0.9; allowed is 0.05 to 0.5."),
        ("validation_fraction", "0,2",
         "Validation fraction was '0,2'; allowed is a number from 0.05 to 0.5."),
        ("rows", "3", "Rows was 3; allowed is 50 to 20,000."),
        ("rows", "", "Rows was empty; allowed is a whole number from 50 to 20,000."),
        ("momentum", "inf", "Momentum was inf; allowed is 0 to 0.999."),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_a_sentence_and_loses_nothing_else(
    lab_store: Store, where: str, path: str, value: str, sentence: str
) -> None:
    app = unfold(opened(where), MORE)
    enter(app, where, "dataset", "moons")
    enter(app, where, "optimizer", "momentum")
    enter(app, where, "batch_size", 512)
    before, spec = fields(app, where), read(app, where)
    enter(app, where, path, value)
    go_to(app, "losses")
    kept = seen(app, where)
    assert errors(app) == [sentence]
    assert button(app, BUTTONS[where]).disabled
    assert kept == before | {path: value, "batch_size": kept["batch_size"]}
    enter(app, where, path, before[path])
    assert not app.error
    assert read(app, where) == spec


def test_rows_and_full_batch_follow_the_share_that_is_held_out(train: AppTest) -> None:
    unfold(train, MORE)
    assert "800 + 200 held out rows" in said(train)
    enter(train, "train", "batch_size", 800)
    enter(train, "train", "validation_fraction", 0.5)
    assert "500 + 500 held out rows" in said(train)
    assert fields(train, "train")["batch_size"] == 500
    assert read(train, "train").training.batch_size == 500
    assert not train.error


def test_a_batch_is_made_to_fit_smaller_data(train: AppTest) -> None:
    enter(run(train), "train", "batch_size", 512)
    enter(train, "train", "dataset", "iris")
    assert fields(train, "train")["batch_size"] == 120
    assert read(train, "train").training.batch_size == 120
    assert not train.error
    enter(train, "train", "dataset", "digits")
    assert fields(train, "train")["batch_size"] == 512


def test_rows_that_are_being_typed_do_not_shrink_the_batch(train: AppTest) -> None:
    enter(run(train), "train", "dataset", "moons")
    enter(train, "train", "batch_size", 512)
    for typed in ("", "9", "90", "900"):
        enter(train, "train", "rows", typed)
    assert read(train, "train").training.batch_size == 512


@pytest.mark.parametrize("where", UNTOUCHED)
@pytest.mark.parametrize(
    ("typed", "number"), [("1e3", 1000), ("1,000", 1000), (" 12 ", 12), ("5.0", 5)]
)
def test_a_number_trains_as_it_is_meant_and_stays_as_it_was_typed(
    lab_store: Store, where: str, typed: str, number: int
) -> None:
    app = enter(run(opened(where)), where, "epochs", typed)
    assert read(app, where).training.epochs == number
    assert not app.error
    go_to(go_to(app, "losses"), where)
    assert fields(app, where)["epochs"] == typed


@pytest.mark.usefixtures("nothing_trains")
@pytest.mark.parametrize(("where", "path"), [("train", "epochs"), ("compare", "noise")])
@pytest.mark.parametrize("then", ["start", "Defaults", None])
def test_a_change_is_heard_though_the_next_click_broke_its_callback_off(
    lab_store: Store, monkeypatch: pytest.MonkeyPatch, where: str, path: str, then: str | None
) -> None:
    """Streamlit ends a callback at its first look at the session, where a click has followed."""
    hear, new, is_broken_off = draft.hear, {"epochs": "7", "noise": 0.4}[path], False

    def hear_or_end() -> None:
        if is_broken_off:
            raise StopException
        hear()

    monkeypatch.setattr(draft, "hear", hear_or_end)
    app = run(opened(where))
    clicked = button(app, BUTTONS[where] if then == "start" else then) if then else None
    is_broken_off = True
    changed = widgets(app)[f"{where}/{path}"].set_value(new)
    changed.run()
    assert drafted(app, path) != new
    is_broken_off = False
    (clicked.click() if clicked else changed).run()
    if then == "start":
        spec = lab_store.get(app.query_params["experiment"]).spec
        assert (spec.training.epochs == 7) if path == "epochs" else (spec.data.noise == 0.4)
    elif then == "Defaults":
        assert fields(app, where)[path] != new
        click(app, "Undo")
    assert fields(app, where)[path] == new


def test_a_slider_moves_on_though_the_browser_has_not_heard_of_the_number_beside_it(
    train: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is held sends the next place before the field shows the last one."""
    run(train)
    fields_of = widgets(train)
    for rate in ("0.05", "0.1"):
        fields_of["train/learning_rate/slid"].set_value(rate).run()
        fields_of["train/learning_rate"].set_value("0.03").run()
        assert fields(train, "train")["learning_rate"] == rate
    monkeypatch.setattr(draft, "_UNHEARD_SECONDS", 0)
    assert fields(enter(train, "train", "learning_rate", 0.03), "train")["learning_rate"] == "0.03"


def test_undo_takes_back_a_preset_and_leaves_what_other_pages_show_the_same(
    train: AppTest,
) -> None:
    enter(run(train), "train", "epochs", 55)
    edited = read(train, "train")
    click(train, "The lesson")
    go_to(train, "compare")
    assert fields(train, "compare")["epochs"] == "10"
    click(train, "Undo")
    assert fields(train, "compare")["epochs"] == "55"
    go_to(train, "train")
    assert read(train, "train") == edited
    edit(train, "train", 1)
    click(train, "Remove")
    assert len(read(train, "train").entrants) == 2
    click(train, "Undo")
    assert read(train, "train") == edited
