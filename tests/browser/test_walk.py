"""Walks through all pages, in every order: nothing changes by being looked at."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page, Response, expect
from playwright.sync_api import TimeoutError as TooLate

from tests.browser.conftest import stop_all
from tests.browser.lab import (
    add,
    button,
    chart,
    choose,
    edit,
    entrant,
    expect_entrants,
    press,
    set_number,
    steps,
    wait_for_status,
    wait_for_steps,
)

#: Each page's address, its heading, and what is pressed there first of all.
PAGES = {
    "Train": ("/", "Loss Lab", ["Train"]),
    "Compare": ("/compare", "Compare losses", ["Race"]),
    "Losses": ("/losses", "Losses", ["Train it", "Race it"]),
}
#: From each page to each other, and back to where it began.
ROUND = ("Train", "Compare", "Losses", "Train", "Losses", "Compare", "Train")

Fields = dict[str, str]
#: What Train and Compare have in common, as a session begins.
SHARED: Fields = {
    "Data set": "Spirals",
    "Rows": "1000",
    "Noise": "0.2",
    "Layers": "2",
    "Size 1": "32",
    "Size 2": "32",
    "Activation": "ReLU",
    "Optimizer": "SGD",
    "Learning rate": "0.03",
    "Learning rate, to slide": "0.03",
    "Batch size": "8",
    "Epochs": "120",
    "Seed": "0",
}
#: All that each page shows as a session begins.
DEFAULTS: dict[str, Fields] = {
    "Train": SHARED | {"Over": "Epoch", "Log axis": "false"},
    "Compare": SHARED
    | {
        "Fairness": "Same learning rate for all",
        "Seeds": "5",
        "Differences in": "Accuracy",
        "Judged by": "Error",
    },
    "Losses": {
        "Loss": "CrossEntropy",
        "Data set to show it on": "Iris",
        "Label smoothing": "0",
        "Class weights": "",
    },
}

#: By its label, the value of every field that can be seen.
FIELDS = """() => Object.fromEntries(
    [...document.querySelectorAll(
        '[data-testid=stMain] :is(input, textarea, select, [role=slider], [role=combobox])')]
    .filter(field => field.checkVisibility() && field.type !== 'file' && !field.closest('.replay'))
    .map((field, place) => [
        field.getAttribute('aria-label')
            || field.closest('.stage label')?.firstChild.textContent.trim()
            || field.closest('.stage label')?.innerText.trim()
            || field.closest('[data-testid]')?.innerText.split('\\n')[0] || `field ${place}`,
        field.type === 'checkbox' ? String(field.checked)
            : field.getAttribute('aria-valuetext') || field.selectedOptions?.[0].text
            || field.value || field.innerText || '',
    ]))"""
ARE_THESE = f"""expected => {{
    const shown = Object.entries(({FIELDS})())
    return shown.length === Object.keys(expected).length
        && shown.every(([label, value]) => expected[label] === value)
}}"""
#: The heading is there, the script has run through, and nothing of another page is left.
IS_THERE = """heading => document.querySelector('h1')?.innerText === heading
    && document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')"""


@pytest.fixture
def walker(page: Page, store_url: str) -> Iterator[Page]:
    """A page in a fresh session; whatever goes wrong in the browser on the way fails the test."""
    trouble: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not _asks_below_page(message.location["url"]):
            trouble.append(message.text)

    def see(response: Response) -> None:
        if response.status >= 400 and not _asks_below_page(response.url):
            trouble.append(f"{response.status} {response.url}")

    page.on("console", hear)
    page.on("response", see)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    yield page
    stop_all(store_url)
    assert trouble == []


def _asks_below_page(url: str) -> bool:
    """Whether Streamlit looks for its server below the address of the page, where it is not."""
    return re.search(r"/(compare|losses)/_stcore/", url) is not None


def begin(page: Page, address: str, name: str) -> None:
    page.goto(address + PAGES[name][0])
    wait_for_page(page, name)


def go_to(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    wait_for_page(page, name)


def wait_for_page(page: Page, name: str) -> None:
    _, heading, main_buttons = PAGES[name]
    page.wait_for_function(IS_THERE, arg=heading)
    for each in main_buttons:
        button(page, each).wait_for()


def expect_fields(page: Page, expected: Fields) -> None:
    """Wait until the page shows just these fields with these values; what differs is told."""
    try:
        page.wait_for_function(ARE_THESE, arg=expected)
    except TooLate:
        assert page.evaluate(FIELDS) == expected


def walk(
    page: Page, names: Iterable[str], expected: dict[str, Fields], disabled: str | None = None
) -> None:
    """Go from page to page; each is as expected, and can be started from but for one."""
    for name in names:
        go_to(page, name)
        expect_fields(page, expected[name])
        for each in PAGES[name][2]:
            if each == disabled:
                expect(button(page, each)).to_be_disabled()
            else:
                expect(button(page, each)).to_be_enabled()


# ------------------------------------------------------------------ walks


#: Every order; two of them in `make test`.
ORDERS = [
    pytest.param(order, id="-".join(order), marks=[pytest.mark.thorough] if at else [])
    for at, order in enumerate(itertools.permutations(PAGES))
]


@pytest.mark.parametrize("order", ORDERS)
def test_nothing_changes_by_being_looked_at(
    walker: Page, address: str, order: tuple[str, ...]
) -> None:
    begin(walker, address, order[0])
    expect_fields(walker, DEFAULTS[order[0]])
    walk(walker, (*order[1:], *order), DEFAULTS)


@pytest.mark.thorough
def test_what_was_changed_stays_and_is_the_same_on_every_page(walker: Page, address: str) -> None:
    page = walker
    begin(page, address, "Train")
    walk(page, ("Compare", "Losses", "Train"), DEFAULTS)
    shared = change_what_is_shared(page)
    edit(page, "CrossEntropy")
    set_number(page, "Label smoothing", 0.2)
    entrant(page, "CrossEntropy ε 0.2").wait_for()
    go_to(page, "Compare")
    add(page, "Focal")
    set_number(page, "Gamma", 5)
    entrant(page, "Focal γ 5").wait_for()
    set_number(page, "Seeds", 3)
    set_number(page, "Epochs", 7)
    shared |= {"Epochs": "7"}
    go_to(page, "Losses")
    choose(page, "Loss", "Huber")
    of_entrant = {"Own learning rate": "as all", "Name": ""}
    expected = {
        "Train": shared
        | of_entrant
        | {
            "Over": "Epoch",
            "Log axis": "false",
            "Loss of this entrant": "CrossEntropy",
            "Label smoothing": "0.2",
            "Class weights": "",
        },
        "Compare": shared
        | of_entrant
        | {
            "Fairness": "Same learning rate for all",
            "Differences in": "Accuracy",
            "Judged by": "Error",
            "Seeds": "3",
            "Loss of this entrant": "Focal",
            "Gamma": "5",
        },
        "Losses": {"Loss": "Huber", "Data set to show it on": "Diabetes", "Delta": "1"},
    }
    expect_fields(page, expected["Losses"])
    walk(page, ROUND, expected)
    expect_entrants(page, "CrossEntropy ε 0.2", "BCE", "MSE")


def change_what_is_shared(page: Page) -> Fields:
    """Another value for a field of each kind; returns what both pages are to show then."""
    choose(page, "Data set", "Two moons")
    set_number(page, "Rows", 700)
    choose(page, "Layers", "3")
    set_number(page, "Size 3", 16)
    set_number(page, "Size 1", 24)
    choose(page, "Optimizer", "Adam")
    page.get_by_role("slider", name="Learning rate").press("End")
    set_number(page, "Epochs", 8)
    shared = SHARED | {
        "Data set": "Two moons",
        "Rows": "700",
        "Layers": "3",
        "Size 1": "24",
        "Size 3": "16",
        "Optimizer": "Adam",
        "Learning rate": "1000",
        "Learning rate, to slide": "1000",
        "Epochs": "8",
    }
    expect_fields(page, shared | {"Over": "Epoch", "Log axis": "false"})
    return shared


@pytest.mark.thorough
def test_a_training_goes_on_while_other_pages_are_looked_at(walker: Page, address: str) -> None:
    page = walker
    begin(page, address, "Train")
    walk_round_a_training(page, epochs=10_000, status="running")
    press(page, "Stop")
    wait_for_status(page, "stopped")
    walk_round_a_training(page, epochs=3, status="finished")


def walk_round_a_training(page: Page, epochs: int, status: str) -> None:
    """Start a training, walk round while it has this status, and see it as it was left."""
    set_number(page, "Epochs", epochs)
    changed = {"Epochs": str(epochs)}
    expected = {
        "Train": DEFAULTS["Train"] | changed | {"Last run behind": "true"},
        "Compare": DEFAULTS["Compare"] | changed,
        "Losses": DEFAULTS["Losses"],
    }
    press(page, "Train")
    wait_for_steps(page)
    wait_for_status(page, status)
    expect_fields(page, expected["Train"])
    seen, shown = steps(page), page.url
    walk(page, ROUND, expected, disabled="Train" if status == "running" else None)
    expect(page).to_have_url(shown)
    expect(chart(page)).to_have_attribute("data-status", status)
    wait_for_steps(page, more_than=seen if status == "running" else seen - 1)
