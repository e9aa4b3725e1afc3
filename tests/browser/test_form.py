"""What is on the screen is what trains, and one press trains it once, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import create_engine, select

from core.records import Status
from core.spec import LESSON, ExperimentSpec
from core.store import Store
from core.store.database import EXAMPLE_IDS
from core.store.tables import experiments
from tests.browser.conftest import stop_all
from tests.browser.lab import (
    add,
    button,
    choose,
    edit,
    expect_accessible,
    expect_edited,
    expect_entrants,
    press,
    set_number,
    wait_for_form,
)
from tests.waiting import wait_until

#: Each button that starts something, by its page.
STARTING = [
    ("/", "Train"),
    ("/", "One epoch"),
    ("/compare", "Race"),
    ("/compare", "One epoch"),
    ("/losses", "Train it"),
    ("/losses", "Race it"),
]
#: A key that is held repeats after half a second, thirty times a second.
REPEATS_AFTER_MS, REPEATS_EVERY_MS = 500, 33
#: A field tells the server so long after the last key, at the latest.
HEARD_AFTER_MS = 300


@pytest.fixture
def form(page: Page, address: str, store_url: str) -> Iterator[Callable[[str], Page]]:
    """Opens a page of the app in a fresh session, where nothing trains."""

    def opened(path: str) -> Page:
        page.goto(address + path)
        button(page, next(name for where, name in STARTING if where == path)).wait_for()
        wait_for_form(page)
        return page

    stop_all(store_url)
    yield opened
    stop_all(store_url)


def stored(store_url: str) -> list[str]:
    """The ids of all experiments but the examples that pages open on."""
    database = create_engine(store_url)
    with database.connect() as connection:
        query = select(experiments.c.id).where(experiments.c.id.not_in(EXAMPLE_IDS))
        ids = list(connection.scalars(query))
    database.dispose()
    return ids


def started_by(store_url: str, start: Callable[[], None]) -> ExperimentSpec:
    """The one experiment that is started by this."""
    before = stored(store_url)
    start()
    wait_until(lambda: len(stored(store_url)) > len(before), 30, "an experiment")
    (experiment_id,) = set(stored(store_url)) - set(before)
    return Store(store_url).get(experiment_id).spec


def type_into(page: Page, label: str, text: str) -> None:
    """Type over what is there, and leave the focus where it is."""
    page.get_by_label(label, exact=True).first.focus()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.type(text)


def wait_until_heard(page: Page) -> None:
    """Streamlit loses a click on another page's name that comes at once after a key."""
    page.wait_for_timeout(HEARD_AFTER_MS)
    wait_for_form(page)


# ------------------------------------------------------------------ what is typed


def by_click(page: Page) -> None:
    press(page, "Train")


def by_shortcut(page: Page) -> None:
    page.keyboard.press("Control+Enter")


def by_click_from_its_help(page: Page) -> None:
    page.get_by_label("Help for Epochs").first.click()
    press(page, "Train")


def by_shortcut_from_its_help(page: Page) -> None:
    page.get_by_label("Help for Epochs").first.click()
    page.wait_for_timeout(HEARD_AFTER_MS)
    page.keyboard.press("Control+Enter")


STARTS = [by_click, by_shortcut, by_click_from_its_help, by_shortcut_from_its_help]


@pytest.mark.parametrize(
    ("typed", "number", "start"),
    [
        pytest.param("4,321", 4321, start, marks=[pytest.mark.thorough] if at else [])
        for at, start in enumerate(STARTS)
    ]
    + [pytest.param("1e3", 1000, STARTS[0], marks=pytest.mark.thorough)],
)
def test_what_was_typed_and_not_confirmed_trains(
    form: Callable[[str], Page],
    store_url: str,
    typed: str,
    number: int,
    start: Callable[[Page], None],
) -> None:
    page = form("/")
    type_into(page, "Epochs", typed)
    spec = started_by(store_url, lambda: start(page))
    assert spec.training.epochs == number
    expect(page.get_by_label("Epochs", exact=True).first).to_have_value(typed)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Epochs was empty; allowed is a whole number from 1 to 10,000."),
        pytest.param(
            "99999", "Epochs was 99,999; allowed is 1 to 10,000.", marks=pytest.mark.thorough
        ),
    ],
)
def test_what_cannot_train_stays_on_the_screen_with_a_sentence(
    form: Callable[[str], Page], store_url: str, typed: str, sentence: str
) -> None:
    page = form("/")
    before = stored(store_url)
    type_into(page, "Epochs", typed)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(sentence, exact=True).first).to_be_visible()
    expect(button(page, "Train")).to_be_disabled()
    field = page.get_by_label("Epochs", exact=True).first
    expect(field).to_have_value(typed)
    page.get_by_role("link", name="Compare", exact=True).click()
    button(page, "Race").wait_for()
    expect(page.get_by_label("Epochs", exact=True).first).to_have_value(typed)
    expect(button(page, "Race")).to_be_disabled()
    assert stored(store_url) == before
    set_number(page, "Epochs", 5)
    expect(button(page, "Race")).to_be_enabled()


def test_parameters_names_and_expressions_train_as_they_stand_there(
    form: Callable[[str], Page], store_url: str
) -> None:
    page = form("/compare")
    type_into(page, "Seeds", "2")
    add(page, "Focal")
    expect_edited(page, "Focal")
    type_into(page, "Gamma", "1.5")
    type_into(page, "Name", "Sharp")
    edit(page, "CrossEntropy")
    type_into(page, "Class weights", "2, 0.123456789")
    add(page, "Your own")
    expect_edited(page, "Your own")
    type_into(page, "Your own loss, of z, p and y", "abs(p - y)**1.5")
    spec = started_by(store_url, lambda: press(page, "Race"))
    assert spec.seeds == (0, 1)
    first, _, _, focal, own = spec.entrants
    assert dict(first.parameters) == {"class_weights": (2, 0.123456789)}
    assert (focal.name, dict(focal.parameters)) == ("Sharp", {"gamma": 1.5})
    assert own.expression == "abs(p - y)**1.5"


def test_what_was_typed_on_the_losses_page_trains(
    form: Callable[[str], Page], store_url: str
) -> None:
    page = form("/losses")
    choose(page, "Loss", "Focal")
    wait_for_form(page)
    type_into(page, "Gamma", "0.75")
    spec = started_by(store_url, lambda: press(page, "Train it"))
    assert dict(spec.entrants[0].parameters) == {"gamma": 0.75}


@pytest.mark.thorough
def test_sliders_and_lists_train_as_they_stand_there(
    form: Callable[[str], Page], store_url: str
) -> None:
    page = form("/")
    choose(page, "Data set", "Two moons")
    choose(page, "Layers", "3")
    choose(page, "Batch size", "32")
    for name, presses in (("Learning rate", 2), ("Noise", 1)):
        slider = page.get_by_role("slider", name=name)
        for _ in range(presses):
            slider.press("ArrowRight")
        wait_for_form(page)
    shown = {
        name: page.get_by_role("slider", name=name).get_attribute("aria-valuetext")
        for name in ("Learning rate", "Noise")
    }
    edit(page, "BCE")
    own = page.get_by_role("combobox", name="Own learning rate")
    own.fill("0.0123")
    own.press("Tab")
    spec = started_by(store_url, lambda: press(page, "Train"))
    assert shown == {"Learning rate": "0.1", "Noise": "0.25"}
    assert (spec.optimizer.learning_rate, spec.data.noise) == (0.1, 0.25)
    assert spec.network.hidden_sizes == (32, 32, 64)
    assert spec.training.batch_size == 32
    # What is in no list is not taken, and does not stay there.
    assert spec.entrants[1].learning_rate is None
    expect(own).to_have_value("as all")


@pytest.mark.thorough
def test_the_last_key_on_a_slider_trains(form: Callable[[str], Page], store_url: str) -> None:
    page = form("/")
    page.get_by_role("slider", name="Noise").press("ArrowRight")
    spec = started_by(store_url, lambda: by_shortcut(page))
    assert spec.data.noise == 0.25


def test_a_learning_rate_is_typed_as_well_as_slid(
    form: Callable[[str], Page], store_url: str
) -> None:
    page = form("/")
    typed = page.get_by_label("Learning rate", exact=True)
    slid = page.get_by_role("slider", name="Learning rate")
    set_number(page, "Learning rate", 0.0123)
    expect(slid).to_have_attribute("aria-valuetext", "0.0123")
    slid.press("ArrowRight")
    expect(typed).to_have_value("0.02")
    spec = started_by(store_url, lambda: press(page, "Train"))
    assert spec.optimizer.learning_rate == 0.02


# ------------------------------------------------------------------ folds, files, Undo, Defaults


def test_what_is_typed_before_defaults_undo_or_a_fold_is_as_the_screen_has_it(
    form: Callable[[str], Page], store_url: str
) -> None:
    page = form("/")
    epochs = page.get_by_label("Epochs", exact=True).first
    type_into(page, "Epochs", "77")
    press(page, "Defaults")
    expect(epochs).to_have_value("120")
    press(page, "Undo")
    expect(epochs).to_have_value("77")
    page.get_by_text("Start, device and more", exact=True).click()
    type_into(page, "Share held out", "0.3")
    page.get_by_text("Start, device and more", exact=True).click()
    expect(page.get_by_label("Share held out")).to_have_count(0)
    expect(page.get_by_text("700 + 300 held out rows, 2 classes")).to_be_visible()
    type_into(page, "Epochs", "78")
    wait_until_heard(page)
    page.get_by_role("link", name="Losses", exact=True).click()
    button(page, "Train it").wait_for()
    page.get_by_role("link", name="Train", exact=True).click()
    button(page, "Train").wait_for()
    expect(epochs).to_have_value("78")
    spec = started_by(store_url, lambda: press(page, "Train"))
    assert (spec.training.epochs, spec.data.validation_fraction) == (78, 0.3)


def test_a_file_can_be_opened_again_after_a_change(
    form: Callable[[str], Page], store_url: str
) -> None:
    page = form("/")
    page.get_by_text("Settings as a file").click()
    chooser = page.locator('input[type="file"]')
    epochs = page.get_by_label("Epochs", exact=True).first
    file = {"name": "lesson.json", "mimeType": "", "buffer": LESSON.to_json().encode("utf-16")}
    for _ in range(2):
        chooser.set_input_files(file)
        expect(epochs).to_have_value("10")
        set_number(page, "Epochs", 44)
    press(page, "Undo")
    expect(epochs).to_have_value("44")
    chooser.set_input_files(file)
    expect(epochs).to_have_value("10")
    assert started_by(store_url, lambda: press(page, "Train")) == LESSON


@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=pytest.mark.thorough)])
def test_seeds_and_fairness_of_a_race_stay_on_train(
    form: Callable[[str], Page], store_url: str, address: str, width: int
) -> None:
    store = Store(store_url)
    spec = ExperimentSpec.parse(
        {
            "training": {"protocol": "best_rate", "epochs": 1},
            "seeds": [5, 0, 2**31 - 1],
            "entrants": [{"loss": "mse"}],
        }
    )
    experiment_id = store.create(spec)
    store.set_status(experiment_id, Status.STOPPED)
    page = form("/")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}/?experiment={experiment_id}")
    expect(page.get_by_text("Trained from 3 seeds: 5, 0 and 2147483647.")).to_be_visible()
    expect(page.get_by_text("Fairness, as on Compare: Each its own best")).to_be_visible()
    expect_accessible(page)
    assert started_by(store_url, lambda: press(page, "Train")) == spec
    press(page, "One seed")
    expect(page.get_by_label("Seed", exact=True).first).to_have_value("5")
    press(page, "Same learning rate for all")
    expect(page.get_by_text("Fairness")).to_have_count(0)
    expect_entrants(page, "MSE")


# ------------------------------------------------------------------ one press


def count_after(page: Page, store_url: str, press_it: Callable[[], None]) -> int:
    """How many experiments this starts, when all that was pressed has been heard."""
    before = len(stored(store_url))
    press_it()
    wait_until(lambda: len(stored(store_url)) > before, 30, "an experiment")
    page.wait_for_timeout(1500)
    wait_for_form(page)
    return len(stored(store_url)) - before


@pytest.mark.parametrize(
    ("path", "name", "gap"),
    [
        (*STARTING[0], 0),
        pytest.param(*STARTING[2], 0, marks=pytest.mark.thorough),
        pytest.param(*STARTING[0], 150, marks=pytest.mark.thorough),
        pytest.param(*STARTING[-1], 150, marks=pytest.mark.thorough),
    ],
)
def test_two_clicks_start_one_experiment(
    form: Callable[[str], Page], store_url: str, path: str, name: str, gap: int
) -> None:
    page = form(path)
    box = button(page, name).bounding_box()
    assert box is not None

    def click_twice() -> None:
        for _ in range(2):
            page.mouse.click(box["x"] + 10, box["y"] + 10)
            page.wait_for_timeout(gap)

    assert count_after(page, store_url, click_twice) == 1


@pytest.mark.parametrize(
    ("keys", "lesson"),
    [(["Enter"], True), (["Control", "Enter"], False)],
    ids=["lesson", "default"],
)
@pytest.mark.thorough
def test_a_key_that_is_held_starts_one_experiment(
    form: Callable[[str], Page], store_url: str, keys: list[str], lesson: bool
) -> None:
    """Also the lesson, which ends while the key is still held."""
    page = form("/")
    if lesson:
        press(page, "The lesson")
        expect(page.get_by_label("Epochs", exact=True).first).to_have_value("10")
    button(page, "Train").focus()

    def hold() -> None:
        for key in keys:
            page.keyboard.down(key)
        page.wait_for_timeout(REPEATS_AFTER_MS)
        for _ in range(80):
            page.keyboard.down(keys[-1])
            page.wait_for_timeout(REPEATS_EVERY_MS)
        for key in keys:
            page.keyboard.up(key)

    assert count_after(page, store_url, hold) == 1
