"""Races in a real browser against the real app."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import stop_all
from tests.browser.lab import (
    PATIENCE_MS,
    button,
    chart,
    choose,
    press,
    set_number,
    steps,
    wait_for_steps,
    x_range,
    zooming,
)

SHARED = "shared_chart"


@pytest.fixture
def compare_page(page: Page, address: str, store_url: str) -> Iterator[Page]:
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/compare")
    button(page, "Race").wait_for()
    expect(chart(page, SHARED)).to_have_attribute("data-status", "finished")
    yield page
    stop_all(store_url)


def wait_for_status(page: Page, status: str, key: str = SHARED) -> None:
    expect(chart(page, key)).to_have_attribute("data-status", status, timeout=PATIENCE_MS)


def race(page: Page, epochs: int) -> None:
    """Start a race; what the page shows from here on is of it."""
    set_number(page, "Epochs", epochs)
    press(page, "Race")
    expect(page).to_have_url(re.compile("experiment=[0-9a-f]+"))
    expect(page.get_by_text("An example race")).to_have_count(0)
    expect(chart(page, SHARED)).not_to_have_attribute("data-steps", "1350")


def matrix(page: Page) -> dict[str, list[str]]:
    """Cells of each entrant's row, as they are read."""
    table = page.get_by_test_id("stTable").first
    rows = table.locator("tbody tr")
    return {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows.all()
    }


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def test_it_opens_on_a_finished_example(compare_page: Page) -> None:
    page = compare_page
    expect(page.get_by_text("An example race, recorded earlier")).to_be_visible()
    assert set(matrix(page)) == {"CrossEntropy", "BCE", "MSE"}
    assert steps(page, SHARED) == 1350


def test_a_race_on_digits_has_a_matrix_a_verdict_and_its_conditions(compare_page: Page) -> None:
    page = compare_page
    race(page, epochs=12)
    expect(page.get_by_text("(epoch 12)")).to_be_visible(timeout=PATIENCE_MS)
    wait_for_status(page, "finished")
    found = matrix(page)
    assert set(found) == {"CrossEntropy", "BCE", "MSE"}
    for cells in found.values():
        accuracy, nll, brier, ece, auroc = cells
        assert re.fullmatch(r"9\d\.\d% ± \d+\.\d", accuracy)
        for cell in (nll, brier, ece, auroc):
            assert re.fullmatch(r"\d\.\d{4} ± \d\.\d{4}", cell)
    verdict = page.get_by_text(re.compile("CrossEntropy and BCE|CrossEntropy's accuracy")).first
    expect(verdict).to_contain_text("95 % interval")
    expect(page.get_by_text("reached").first).to_contain_text("of 5 seeds")
    open_tab(page, "Conditions")
    expect(page.get_by_text("3 of 3 entrants").first).to_be_visible()
    open_tab(page, "Own units")
    for place in range(3):
        wait_for_steps(page, more_than=500, key=f"units_{place}")
    open_tab(page, "Calibration")
    wait_for_steps(page, more_than=500, key="calibration_2")
    open_tab(page, "What each learned")
    wait_for_steps(page, more_than=500, key="learned_1")
    open_tab(page, "Gradients")
    wait_for_steps(page, more_than=500, key="lens_chart")


def test_a_race_on_moons_draws_surfaces_that_change_as_it_learns(compare_page: Page) -> None:
    page = compare_page
    choose(page, "Data set", "Two moons")
    expect(page.get_by_label("Rows", exact=True).first).to_be_visible()
    race(page, epochs=5000)
    open_tab(page, "What each learned")
    key = "learned_0"
    first = wait_for_surface(page, key)
    page.wait_for_function(
        "([host, before]) => host.data[0].z._inputArray?.bdata !== before",
        arg=[chart(page, key).element_handle(), first],
    )
    for place in (1, 2):
        wait_for_surface(page, f"learned_{place}")
    held = chart(page, key).evaluate("host => host.data.slice(1).map(t => t.x.length)")
    assert len(held) == 2
    press(page, "Stop")
    wait_for_status(page, "stopped")


def wait_for_surface(page: Page, key: str) -> str:
    """The bytes of the surface that a chart shows."""
    wait_for_steps(page, more_than=-1, key=key)
    shown = chart(page, key).evaluate(
        "host => [host.data[0].type, host.data[0].z._inputArray?.bdata]"
    )
    assert shown[0] == "heatmap"
    return str(shown[1])


def test_a_zoom_is_kept_while_a_race_goes_on_and_a_second_tab_sees_it(compare_page: Page) -> None:
    page = compare_page
    race(page, epochs=5000)
    seen = wait_for_steps(page, more_than=500, key=SHARED)
    with zooming(page, chart(page, SHARED)):
        pass
    zoomed = x_range(chart(page, SHARED))
    other = page.context.new_page()
    other.goto(page.url)
    wait_for_steps(other, more_than=seen + 500, key=SHARED)
    wait_for_steps(page, more_than=seen + 500, key=SHARED)
    assert x_range(chart(page, SHARED)) == zoomed
    press(page, "Stop")
    wait_for_status(page, "stopped")
    wait_for_status(other, "stopped")


def test_each_its_best_rate_shows_what_was_tried(compare_page: Page) -> None:
    page = compare_page
    choose(page, "Fairness", "Each its own best learning rate")
    race(page, epochs=3)
    expect(page.get_by_text("epoch 3 of 3")).to_be_visible(timeout=PATIENCE_MS)
    open_tab(page, "Conditions")
    expect(chart(page, "range_chart")).to_have_attribute("data-traces", "3")
    expect(page.get_by_text("own best learning rate from the same budget").last).to_be_visible()


def test_a_link_opens_a_race_in_a_session_of_its_own(compare_page: Page, browser: Browser) -> None:
    page = compare_page
    race(page, epochs=5)
    expect(page.get_by_text("epoch 5 of 5")).to_be_visible(timeout=PATIENCE_MS)
    fresh = browser.new_context().new_page()
    fresh.goto(page.url)
    wait_for_status(fresh, "finished")
    expect(fresh.get_by_label("Epochs", exact=True).first).to_have_value("5")
    fresh.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off_or_inaccessible(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/compare")
    wait_for_status(page, "finished")
    for tab in ("Verdict", "Conditions"):
        open_tab(page, tab)
        page.get_by_test_id("stTable").first.wait_for()
        overflow = page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0
        found = Axe().run(page).response["violations"]
        assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    context.close()
