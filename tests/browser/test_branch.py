"""A training that rests goes on with another loss, in a real browser against the real app."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from core.store import Store
from tests.browser.lab import (
    button,
    chart,
    choose,
    expect_accessible,
    expect_entrants,
    expect_own,
    press,
    set_number,
    stage,
    steps,
    wait_for_form,
    wait_for_status,
    wait_for_steps,
)

#: 800 rows of the spirals, 8 a batch.
STEPS_PER_EPOCH = 100


@pytest.mark.thorough
def test_a_branch_shares_the_curve_says_where_it_comes_from_and_races_its_origin(
    train_page: Page, store_url: str
) -> None:
    page, store = train_page, Store(store_url)
    set_number(page, "Epochs", 1000)
    press(page, "Train")
    wait_for_steps(page, more_than=500)
    press(page, "Pause")
    wait_for_status(page, "paused")
    origin = stage(page).get_attribute("data-experiment") or ""
    paused_at = steps(page)

    press(page, "Go on with another loss")
    choose(page, "Entrant$", "MSE")
    choose(page, "Loss to go on with", "BCE")
    expect_accessible(page)
    press(page, "Branch")
    expect(stage(page)).not_to_have_attribute("data-experiment", origin)
    expect_own(page)
    branch = stage(page).get_attribute("data-experiment") or ""
    expect_entrants(page, "CrossEntropy", "BCE", "MSE, then BCE")
    expect(button(page, "Undo changes")).to_have_count(0)
    wait_for_steps(page, more_than=paused_at + 300, key="units_2")
    # In its own units the chart says where the second loss begins.
    expect(chart(page, "units_2")).to_contain_text("then BCE")
    press(page, "Stop")
    wait_for_status(page, "stopped")

    # The origin waits where it was paused.
    came_from = page.get_by_role("link", name=re.compile("Branched from experiment"))
    expect(came_from).to_contain_text(
        f"Branched from experiment {origin[:3]}… at step {paused_at:,} "
        f"(epoch {-(-paused_at // STEPS_PER_EPOCH):,})"
    )
    one, other = ([chunk.losses for chunk in store.chunks(each)] for each in (origin, branch))
    assert b"".join(each.tobytes() for each in other).startswith(
        b"".join(each.tobytes() for each in one)[: 3 * 4 * paused_at]
    )
    came_from.click()
    expect(stage(page)).to_have_attribute("data-experiment", origin)
    wait_for_status(page, "paused")
    expect(button(page, "Resume")).to_be_enabled()
    press(page, "Stop")
    wait_for_status(page, "stopped")

    page.goto(f"{page.url.split('?')[0]}?experiment={branch}")
    wait_for_form(page)
    press(page, "Race it against its origin")
    expect(page).to_have_url(re.compile("/compare"))
    expect_entrants(page, "MSE", "MSE, then BCE", "BCE")
    # As many as there is a step after the switch.
    set_number(page, "Epochs", paused_at // STEPS_PER_EPOCH + 2)
    press(page, "Race")
    expect_own(page)
    expect(chart(page, "shared_chart")).to_have_attribute("data-status", "finished")
