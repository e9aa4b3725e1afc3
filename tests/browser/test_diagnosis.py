"""What goes wrong, in a real browser: the sentence, the button, the mark, and training after it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import (
    PATIENCE_MS,
    SCREENS,
    button,
    choose,
    expect_accessible,
    expect_entrants,
    press,
    set_number,
    stage,
    train_again,
    wait_for_form,
    wait_for_status,
)
from tests.browser.test_one_view import expect_in_sight, live_losses, results, settings

CHANGE = "learning rate 1 → 0.1"


def findings(page: Page) -> Locator:
    return stage(page).get_by_role("group", name="What goes wrong")


def rate(page: Page) -> Locator:
    return page.get_by_label("Learning rate", exact=True).first


def mark(page: Page) -> Locator:
    """Beside the buttons, what was changed."""
    return page.get_by_test_id("stCaptionContainer").filter(has_text=CHANGE)


@pytest.fixture
def diverged_page(train_page: Page) -> Page:
    """After a training in which MSE diverged, and others may have gone wrong."""
    page = train_page
    expect(findings(page)).to_have_count(0)
    choose(page, "Data set", "Diabetes")
    expect_entrants(page, "MSE", "L1", "Huber")
    set_number(page, "Learning rate", 1)
    set_number(page, "Epochs", 8)
    press(page, "Train")
    wait_for_status(page, "finished")
    return page


@pytest.mark.thorough
def test_what_is_tried_fills_the_form_is_marked_undone_and_trains_well(
    diverged_page: Page,
) -> None:
    page = diverged_page
    expect(findings(page)).to_contain_text(
        re.compile(r"MSE diverged at step \d+: its loss is no longer a finite number\.")
    )
    first = stage(page).get_attribute("data-experiment")
    tried = findings(page).get_by_role("button", name=f"Try it: {CHANGE}").first
    tried.click()
    expect(rate(page)).to_have_value("0.1")
    expect(mark(page)).to_be_visible()
    # It is for a person to start it.
    expect(stage(page)).to_have_attribute("data-experiment", first or "")
    press(page, "Undo")
    expect(rate(page)).to_have_value("1")
    expect(mark(page)).to_have_count(0)
    tried.click()
    expect(rate(page)).to_have_value("0.1")
    wait_for_form(page)
    train_again(page)
    wait_for_status(page, "finished")
    expect(findings(page)).to_have_count(0)


@pytest.mark.thorough
def test_what_goes_wrong_leaves_in_sight_what_was(diverged_page: Page) -> None:
    page = diverged_page
    page.set_viewport_size({"width": 1280, "height": 720})
    expect_in_sight(
        page, wrong=findings(page), **settings(page), **results(page), **live_losses(page)
    )
    findings(page).get_by_role("button", name="Try it").first.click()
    expect(mark(page)).to_be_visible()
    expect_in_sight(page, undo=button(page, "Undo changes"), **results(page), **live_losses(page))


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_all_that_goes_wrong_is_a_click_away(diverged_page: Page, width: int, scheme: str) -> None:
    page = diverged_page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    set_number(page, "Learning rate", 30)
    train_again(page)
    expect(findings(page)).to_contain_text("2 more", timeout=PATIENCE_MS)
    wait_for_status(page, "finished")
    others = findings(page).locator("details p")
    expect(others.first).to_be_hidden()
    opens = findings(page).locator("summary")
    opens.focus()
    opens.press("Enter")
    expect(others.first).to_be_visible()
    expect_accessible(page)
    page.keyboard.press("Escape")
    expect(others.first).to_be_hidden()
    expect(opens).to_be_focused()
