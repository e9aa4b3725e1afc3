"""What each network learned: wound back, played, and looked at closely."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import stop_all
from tests.browser.lab import (
    chart,
    choose,
    open_tab,
    press,
    stage,
    wait_for_form,
    wait_for_status,
)


@pytest.fixture
def learned(page: Page, address: str, store_url: str) -> Iterator[Page]:
    """Train with its recorded example, whose surfaces are drawn."""
    page.goto(address)
    wait_for_form(page)
    host = chart(page, "learned_0")
    host.scroll_into_view_if_needed()
    expect(host).to_have_attribute("data-status", "finished")
    yield page
    stop_all(store_url)


def slider(page: Page) -> Locator:
    return stage(page).get_by_role("slider", name="Back through the training")


def told(page: Page) -> Locator:
    """Which moment is looked at, in words."""
    return stage(page).locator(".replay span")


def caption(page: Page) -> Locator:
    return page.locator("[data-part=learned] .stage-caption").first


def surface(page: Page, number: int = 0) -> list[int]:
    """The numbers that are drawn."""
    drawn: list[int] = chart(page, f"learned_{number}").evaluate(
        "host => host.data[0].z.map(row => [...row]).flat()"
    )
    return drawn


def test_a_surface_is_wound_back_to_the_start_and_comes_to_what_is_now(learned: Page) -> None:
    page = learned
    now = surface(page)
    expect(told(page)).to_have_text("Now")
    slider(page).press("Home")
    expect(told(page)).to_have_text("Epoch 0")
    expect(caption(page)).to_contain_text("Epoch 0.")
    page.wait_for_function(
        "now => document.querySelector('[data-chart=learned_0]').data[0].z[0][0] !== now",
        arg=now[0],
    )
    start = surface(page)
    assert start != now
    # On the curves a line is where the picture is from.
    cursor = chart(page, "units_0").locator("xpath=..").locator(".chart-cursor")
    expect(cursor).to_be_visible()
    begin = cursor.bounding_box()
    slider(page).press("ArrowRight")
    slider(page).press("ArrowRight")
    slider(page).press("ArrowRight")
    expect(caption(page)).not_to_contain_text("Epoch 0.")
    assert cursor.bounding_box()["x"] > begin["x"]
    slider(page).press("End")
    expect(told(page)).to_have_text("Now")
    expect(cursor).to_be_hidden()
    page.wait_for_function(
        "now => document.querySelector('[data-chart=learned_0]').data[0].z[0][0] === now",
        arg=now[0],
    )
    assert surface(page) == now


def test_a_replay_goes_through_all_and_ends_with_what_is_now(learned: Page) -> None:
    page = learned
    now = surface(page)
    page.evaluate("""() => {
        window.told = []
        new MutationObserver(() => window.told.push(
            document.querySelector('.replay span').textContent))
            .observe(document.querySelector('.replay span'), { childList: true, subtree: true })
    }""")
    press(page, "Replay the training")
    expect(stage(page).get_by_role("button", name="Pause the replay")).to_be_visible()
    expect(stage(page).get_by_role("button", name="Replay the training")).to_be_visible()
    expect(told(page)).to_have_text("Now")
    assert surface(page) == now
    epochs = [int(words.split()[1]) for words in page.evaluate("told") if words != "Now"]
    assert epochs == sorted(set(epochs))
    assert epochs[0] == 0
    assert len(epochs) >= 12


def test_what_is_picked_is_of_the_moment_that_is_looked_at(learned: Page) -> None:
    page = learned
    slider(page).press("Home")
    expect(caption(page)).to_contain_text("Epoch 0.")
    for look in ("Network", "Confusion", "Probabilities", "Surface"):
        page.get_by_role("radio", name=look).click()
        expect(page.get_by_role("radio", name=look)).to_have_attribute("aria-checked", "true")
        expect(caption(page)).to_contain_text("Epoch 0.")
    expect(told(page)).to_have_text("Epoch 0")


def test_a_unit_that_is_pointed_at_is_enlarged_with_its_name(learned: Page) -> None:
    page = learned
    page.get_by_role("radio", name="Network").click()
    network = page.get_by_role("img", name="Network of CrossEntropy")
    network.scroll_into_view_if_needed()
    units = network.locator("> div > canvas")
    expect(units).to_have_count(2 + 8 + 8 + 1)
    units.nth(4).hover()
    enlarged = network.locator("figure")
    expect(enlarged).to_contain_text("Hidden layer 1, unit 3")
    small, large = units.nth(4).bounding_box(), enlarged.locator("canvas").bounding_box()
    assert small is not None
    assert large is not None
    assert large["width"] > 3 * small["width"]
    # Its own lines alone are in full: from two inputs, and to eight units.
    expect(network.locator("path:not(.faint)")).to_have_count(2 + 8)
    page.mouse.move(5, 5)
    expect(enlarged).to_be_hidden()
    expect(network.locator("path.faint")).to_have_count(0)


@pytest.mark.thorough
def test_a_training_is_wound_back_while_it_goes_on(learned: Page) -> None:
    page = learned
    page.get_by_label("Epochs", exact=True).first.fill("10000")
    press(page, "Train")
    wait_for_status(page, "running")
    page.wait_for_function("document.querySelector('.replay input')?.max >= 5")
    slider(page).press("Home")
    expect(caption(page)).to_contain_text("Epoch 0.")
    at = page.evaluate("Number(document.querySelector('.stage').dataset.steps)")
    page.wait_for_function(
        "at => Number(document.querySelector('.stage').dataset.steps) > at + 3000", arg=at
    )
    expect(caption(page)).to_contain_text("Epoch 0.")
    press(page, "Stop")
    wait_for_status(page, "stopped")
    expect(caption(page)).to_contain_text("Epoch 0.")
    slider(page).press("End")
    expect(caption(page)).not_to_contain_text("Epoch 0.")


@pytest.mark.thorough
def test_another_training_begins_with_what_is_now(learned: Page) -> None:
    page = learned
    slider(page).press("Home")
    expect(told(page)).to_have_text("Epoch 0")
    choose(page, "Data set", "Iris")
    press(page, "One epoch")
    wait_for_status(page, "paused")
    expect(told(page)).to_have_text("Now")
    expect(caption(page)).to_contain_text("Epoch 1.")
    press(page, "Stop")
    wait_for_status(page, "stopped")


@pytest.mark.thorough
def test_the_surest_mistakes_on_digits_are_pictures(learned: Page) -> None:
    page = learned
    choose(page, "Data set", "Digits")
    press(page, "One epoch")
    wait_for_status(page, "paused")
    page.get_by_role("radio", name="Surest mistakes").click()
    pictures = page.locator("[data-part=learned] .pictures figure")
    expect(pictures.first).to_contain_text("taken for")
    inks = pictures.first.locator("canvas").evaluate(
        "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 8, 8).data).size"
    )
    assert inks > 3
    press(page, "Stop")
    wait_for_status(page, "stopped")


def test_a_race_is_wound_back_too_in_each_view_of_a_snapshot(page: Page, address: str) -> None:
    page.goto(f"{address}/compare")
    wait_for_form(page)
    for tab, part in (("What each learned", "learned"), ("Calibration", "calibration")):
        open_tab(page, tab)
        slider(page).press("Home")
        words = page.locator(f"[data-part={part}] .stage-caption").first
        expect(words).to_contain_text("poch 0")
        expect(told(page)).to_have_text("Epoch 0")
    open_tab(page, "Verdict")
    open_tab(page, "Calibration")
    expect(told(page)).to_have_text("Now")
