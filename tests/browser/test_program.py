"""The Program view in a real browser: the lesson's program beside the lab, and Stop."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import (
    button,
    expect_accessible,
    press,
    set_number,
    wait_for_form,
    wait_for_status,
)

#: The lesson's words in its order, and the name of the place that shows each.
PLACES = {
    "x": "x",
    "hidden layers": "hidden",
    "y_pred": "y_pred",
    "y": "J(y_pred, y)",
    "J(y_pred, y)": "J(y_pred, y)",
    "loss value": "loss value",
    "backpropagation": "dJ/dz",
    "optimizer": "update",
}


def printed(page: Page) -> Locator:
    return page.get_by_test_id("program-run")


def go_by_word(page: Page, word: str) -> None:
    """From the loop on Train to the place of it that shows the word with numbers, and no other."""
    page.locator(f'.lesson-loop button[data-place="{word}"]').click()
    here = page.get_by_role("list", name="One training step").locator("[aria-current]")
    expect(here).to_contain_text(PLACES[word])


@pytest.mark.thorough
def test_the_lessons_way_from_the_loop_to_its_program_and_ten_losses(train_page: Page) -> None:
    page = train_page
    press(page, "The lesson")
    wait_for_form(page)
    press(page, "Train")
    wait_for_status(page, "finished")
    for word in PLACES:
        go_by_word(page, word)
        expect(page.get_by_role("combobox", name="Data set to show it on")).to_have_value(
            "The lesson's tensors"
        )
        if word != "optimizer":
            page.get_by_role("link", name="Back to Train").click()
            button(page, "Train").wait_for()
            wait_for_status(page, "finished")
    press(page, "The whole program")
    button(page, "Train").wait_for()
    press(page, "Run it")
    expect(printed(page)).to_have_attribute("data-status", "finished")
    rows = printed(page).locator("tbody tr")
    expect(rows).to_have_count(10)
    expect(printed(page)).to_contain_text(re.compile(r"largest relative difference .* 10 epochs"))
    for row in rows.all():
        ours, labs = (float(text) for text in row.locator("td").all_inner_texts())
        assert abs(ours - labs) <= 1e-5 * labs
    expect(button(page, "Run it")).to_be_enabled()
    expect_accessible(page)

    set_number(page, "Epochs", 10_000)
    press(page, "Run it")
    expect(printed(page)).to_contain_text(re.compile(r"Running\. Epoch [1-9][\d,]* of 10,000"))
    press(page, "Stop it")
    expect(printed(page)).to_have_attribute("data-status", "stopped")
    expect(printed(page)).to_contain_text("press Train to have the lab's losses")
    expect(button(page, "Run it")).to_be_enabled()
