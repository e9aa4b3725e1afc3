"""What a person does on the pages and sees there, in the words of the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from core.store.database import EXAMPLE_IDS

#: A slow, busy machine is no failure: conditions are waited for, up to this.
PATIENCE_MS = 60_000
#: Widths and colours that are looked at: neither depends on the other, so each is there once.
SCREENS = [(1280, "dark"), pytest.param(390, "light", marks=pytest.mark.thorough)]
#: A chart that Train always has: the first entrant's loss by step.
FIRST_CHART = "units_0"
#: How long a list takes to open, at most.
OPENING_MS = 500


def button(page: Page, name: str) -> Locator:
    """By what is written on it; the shortcut may follow."""
    return page.get_by_role("button", name=re.compile(f"^{name}( Shortcut.*)?$"))


def press(page: Page, name: str) -> None:
    button(page, name).click()


def train_again(page: Page) -> None:
    """Press Train where a training of this session has ended; wait until the new one is shown."""
    before = stage(page).get_attribute("data-experiment") or ""
    press(page, "Train")
    expect(stage(page)).not_to_have_attribute("data-experiment", before)


def chart(page: Page, key: str = FIRST_CHART) -> Locator:
    return page.locator(f'[data-testid="live-chart"][data-chart="{key}"]')


def stage(page: Page) -> Locator:
    """Where the experiment is shown live."""
    return page.get_by_test_id("stage")


def steps(page: Page, key: str = FIRST_CHART) -> int:
    return int(chart(page, key).get_attribute("data-steps") or 0)


def expect_own(page: Page) -> None:
    """Wait until an experiment of one's own is shown, and not a recorded example."""
    expect(stage(page)).to_have_attribute(
        "data-experiment", re.compile(f"^(?!{'|'.join(EXAMPLE_IDS)})"), timeout=PATIENCE_MS
    )


def wait_for_steps(page: Page, more_than: int = 0, key: str = FIRST_CHART) -> int:
    expect_own(page)
    page.wait_for_function(
        """([selector, least]) => {
            const host = document.querySelector(selector);
            return host && Number(host.dataset.steps) > least;
        }""",
        arg=[f'[data-testid="live-chart"][data-chart="{key}"]', more_than],
        timeout=PATIENCE_MS,
    )
    return steps(page, key)


def wait_for_status(page: Page, status: str) -> None:
    expect_own(page)
    expect(chart(page)).to_have_attribute("data-status", status, timeout=PATIENCE_MS)


def open_tab(page: Page, name: str) -> None:
    """Open what stands below the curves of a race; wait until it is what is shown."""
    tab = stage(page).get_by_role("tab", name=name)
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")


def table(page: Page, name: str) -> Locator:
    """A table of the stage: ``matrix`` or ``fingerprints``."""
    return page.locator(f'.stage-table[data-table="{name}"] table')


def matrix(page: Page) -> dict[str, list[str]]:
    """Cells of each entrant's row, as they are read."""
    rows = table(page, "matrix").locator("tbody tr")
    rows.first.wait_for()
    return {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows.all()
    }


def download(page: Page, file: str) -> Path:
    """Click the link to a file of the experiment; where the browser has saved it."""
    with page.expect_download() as saved:
        stage(page).locator(f'a[data-control="{file}"]').click()
    return saved.value.path()


def set_number(page: Page, label: str, value: float) -> None:
    """Type a value and leave the field; the page has taken it when the form has run again."""
    field = page.get_by_label(label, exact=True).first
    field.fill(str(value))
    field.press("Enter")
    wait_for_form(page)


def wait_for_form(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def choose(page: Page, label: str, option: str) -> None:
    # A list that is open closes when the page is drawn anew, as it may be by the last change;
    # then a person opens it again.
    listed = page.get_by_role("option", name=option, exact=True)
    wait_for_form(page)
    while not listed.is_visible():
        page.get_by_role("combobox", name=re.compile(label)).first.click()
        page.wait_for_timeout(OPENING_MS)
    listed.click()
    wait_for_form(page)


# ------------------------------------------------------------------ entrants


def entrant(page: Page, title: str) -> Locator:
    """The pill that opens and shuts the entrant's fields."""
    return _entrants(page).get_by_role("radio", name=title, exact=True)


def expect_entrants(page: Page, *titles: str) -> None:
    """Wait until the form has just these entrants, in this order."""
    expect(_entrants(page).get_by_role("radio")).to_have_text(list(titles))


def edit(page: Page, title: str) -> None:
    """Open the fields of an entrant whose fields are not open."""
    entrant(page, title).click()
    expect_edited(page, title)


def add(page: Page, loss: str) -> None:
    """Add an entrant of a loss; the losses are in a fold."""
    if not button(page, loss).is_visible():
        page.get_by_text("Add an entrant", exact=True).click()
    press(page, loss)


def expect_edited(page: Page, title: str) -> None:
    """Wait until the fields of this entrant are the ones that are open."""
    expect(entrant(page, title)).to_have_attribute("aria-checked", "true")
    name = page.get_by_label("Name", exact=True)
    expect(name.and_(page.get_by_placeholder(title, exact=True))).to_be_visible()
    expect(name).to_have_count(1)
    wait_for_form(page)


def _entrants(page: Page) -> Locator:
    return page.get_by_role("radiogroup", name=re.compile("^Losses, side by side"))


# ------------------------------------------------------------------ all that is on a page


def expect_accessible(page: Page) -> None:
    """Nothing is wider than the screen, and axe finds nothing serious."""
    too_wide = page.evaluate("""() => [
        document.documentElement, document.querySelector('[data-testid=stMain]'),
    ].map(element => element.scrollWidth - document.documentElement.clientWidth)""")
    assert max(too_wide) <= 0
    found = Axe().run(page).response["violations"]
    assert [
        (each["id"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ] == []


# ------------------------------------------------------------------ charts


def x_range(host: Locator) -> list[float]:
    return [float(end) for end in host.evaluate("host => host._fullLayout.xaxis.range")]


@contextmanager
def zooming(page: Page, host: Locator) -> Iterator[None]:
    """Drag over the first half of a chart; what is within happens before the release."""
    host.scroll_into_view_if_needed()
    before = x_range(host)
    # In one look, because the chart may be redrawn between two.
    left, top, width, height = host.evaluate("""host => {
        const { l, t, w, h } = host._fullLayout._size;
        const box = host.getBoundingClientRect();
        return [box.left + l, box.top + t, w, h];
    }""")
    page.mouse.move(left + 0.1 * width, top + 0.2 * height)
    page.mouse.down()
    page.mouse.move(left + 0.5 * width, top + 0.6 * height, steps=8)
    yield
    page.mouse.up()
    page.wait_for_function(
        "([host, before]) => host._fullLayout.xaxis.range[0] > before",
        arg=[host.element_handle(), before[0]],
        timeout=PATIENCE_MS,
    )
