"""Races in a real browser against the real app."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import stop_all
from tests.browser.lab import (
    PATIENCE_MS,
    SCREENS,
    add,
    button,
    chart,
    choose,
    download,
    edit,
    entrant,
    expect_accessible,
    expect_edited,
    expect_entrants,
    expect_own,
    matrix,
    open_tab,
    press,
    set_number,
    stage,
    steps,
    table,
    wait_for_form,
    wait_for_steps,
    x_range,
    zooming,
)

SHARED = "shared_chart"


@pytest.fixture
def compare_page(page: Page, address: str, store_url: str) -> Iterator[Page]:
    page.goto(f"{address}/compare")
    button(page, "Race").wait_for()
    wait_for_form(page)
    expect(chart(page, SHARED)).to_have_attribute("data-status", "finished")
    yield page
    stop_all(store_url)


def wait_for_status(page: Page, status: str, key: str = SHARED) -> None:
    expect(chart(page, key)).to_have_attribute("data-status", status)


def race(page: Page, epochs: int) -> None:
    """Start a race; what the page shows from here on is of it."""
    set_number(page, "Epochs", epochs)
    press(page, "Race")
    expect(page).to_have_url(re.compile("experiment=[0-9a-f]+"))
    expect_own(page)


def test_it_opens_on_a_finished_example(compare_page: Page) -> None:
    page = compare_page
    expect(page.get_by_text("Recorded earlier")).to_be_visible()
    assert set(matrix(page)) == {"CrossEntropy", "BCE", "MSE"}
    assert steps(page, SHARED) == 12_000


def test_what_a_fold_holds_comes_when_it_is_opened_and_it_stays_open(compare_page: Page) -> None:
    page = compare_page
    rows = table(page, "pairs_table").get_by_role("row", name="CrossEntropy less")
    title = page.get_by_text("Each pair in numbers")
    expect(title).to_be_visible()
    expect(table(page, "pairs_table")).to_have_count(0)
    title.click()
    expect(rows).to_have_count(2)
    page.reload()
    expect(rows).to_have_count(2)
    expect(rows.first).to_be_visible()
    title.click()
    expect(table(page, "pairs_table")).to_have_count(0)


def test_a_race_on_digits_has_a_matrix_a_verdict_and_its_conditions(compare_page: Page) -> None:
    page = compare_page
    choose(page, "Data set", "Digits")
    expect(page.get_by_text("10 classes").first).to_be_visible()
    race(page, epochs=40)
    expect(page.get_by_text("(epoch 40)")).to_be_visible()
    wait_for_status(page, "finished")
    found = matrix(page)
    assert set(found) == {"CrossEntropy", "BCE", "MSE"}
    for cells in found.values():
        accuracy, *others = cells
        assert re.fullmatch(r"\d\d\.\d% ± \d+\.\d", accuracy)
        assert len(others) == 7
        for cell in others:
            assert re.fullmatch(r"\d\.\d{4} ± \d\.\d{4}", cell)
    page.get_by_text("The verdict on accuracy in full").click()
    verdict = (
        page.locator(".stage-list")
        .get_by_text(re.compile("CrossEntropy and BCE|CrossEntropy's accuracy"))
        .first
    )
    expect(verdict).to_contain_text("adjusted for 3 pairs by Holm, n = 5")
    steps_taken = (
        page.locator(".stage-list").get_by_text(re.compile("more steps|reached|in steps to")).first
    )
    expect(steps_taken).to_contain_text(re.compile("n = 5|5 seeds"))
    page.get_by_text("Each pair in numbers").click()
    row = table(page, "pairs_table").get_by_role("row", name="CrossEntropy less MSE")
    expect(row).to_contain_text("from 7 seeds")
    open_tab(page, "Conditions")
    expect(page.get_by_text("3 of 3 entrants").first).to_be_visible()
    open_tab(page, "Own units")
    for place in range(3):
        wait_for_steps(page, more_than=500, key=f"units_{place}")
    open_tab(page, "Calibration")
    wait_for_steps(page, more_than=500, key="calibration_2")
    wait_for_steps(page, more_than=500, key="risk_chart")
    open_tab(page, "What each learned")
    wait_for_steps(page, more_than=500, key="learned_1")
    open_tab(page, "Gradients")
    wait_for_steps(page, more_than=500, key="lens_chart")


@pytest.mark.thorough
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
    held = chart(page, key).evaluate("host => host.data.slice(1).map(t => [t.name, t.x.length])")
    assert [name for name, _points in held] == ["class 0", "class 1", "wrong"]
    of_classes, wrong = sum(points for _name, points in held[:2]), held[2][1]
    assert 0 <= wrong < of_classes
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


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_each_its_best_rate_shows_what_was_tried(compare_page: Page) -> None:
    page = compare_page
    choose(page, "Fairness", "Each its own best learning rate")
    race(page, epochs=3)
    expect(page.get_by_text("epoch 3 of 3")).to_be_visible()
    open_tab(page, "Conditions")
    expect(chart(page, "range_chart")).to_have_attribute("data-traces", "3")
    expect(page.get_by_text("own best learning rate from the same budget").last).to_be_visible()


@pytest.mark.thorough
def test_a_link_opens_a_race_in_a_session_of_its_own(compare_page: Page, browser: Browser) -> None:
    page = compare_page
    race(page, epochs=5)
    expect(page.get_by_text("epoch 5 of 5")).to_be_visible()
    fresh = browser.new_context().new_page()
    fresh.goto(page.url)
    wait_for_status(fresh, "finished")
    expect(fresh.get_by_label("Epochs", exact=True).first).to_have_value("5")
    fresh.context.close()


SIX = (
    "CrossEntropy",
    "CrossEntropy ε 0.1",
    "Focal γ 2",
    "Focal γ 5",
    "MSE on probabilities",
    "MSE on raw outputs",
)


def make_the_six(page: Page) -> None:
    """From the three that the page opens with, by clicks and fields alone."""
    edit(page, "CrossEntropy")
    press(page, "Duplicate")
    expect_entrants(page, "CrossEntropy #1", "CrossEntropy #2", "BCE", "MSE")
    expect_edited(page, "CrossEntropy #2")
    set_number(page, "Label smoothing", 0.1)
    edit(page, "BCE")
    choose(page, "Loss of this entrant", "Focal")
    expect_edited(page, "Focal")
    expect(page.get_by_label("Gamma", exact=True)).to_have_value("2")
    press(page, "Duplicate")
    expect_edited(page, "Focal #2")
    set_number(page, "Gamma", 5)
    add(page, "MSE on raw outputs")
    expect_edited(page, "MSE on raw outputs")
    expect_entrants(page, *SIX)


@pytest.mark.thorough
def test_six_entrants_are_put_together_by_clicks_and_raced(compare_page: Page) -> None:
    page = compare_page
    make_the_six(page)
    expect(page.get_by_text("6 entrants x 5 seeds = 30 networks")).to_be_visible()
    expect_the_six_in_the_settings(page)
    press(page, "Race")
    expect_own(page)
    wait_for_status(page, "running")
    for _ in range(3):
        wait_for_steps(page, more_than=steps(page, SHARED), key=SHARED)
    wait_for_status(page, "finished")
    assert steps(page, SHARED) == 12_000
    expect_six_lines(page)
    expect_the_six_in_matrix_and_file(page)
    open_tab(page, "Own units")
    for place, title in enumerate(SIX):
        wait_for_steps(page, more_than=0, key=f"units_{place}")
        own = chart(page, f"units_{place}")
        expect(own).to_have_attribute("aria-label", f"{title} in its own units")


def expect_the_six_in_the_settings(page: Page) -> None:
    page.get_by_text("Settings as a file").click()
    with page.expect_download() as saved:
        press(page, "Download settings")
    settings = json.loads(saved.value.path().read_text(encoding="utf-8"))
    assert [(each["loss"], each["parameters"]) for each in settings["entrants"]] == [
        ("cross_entropy", {}),
        ("cross_entropy", {"label_smoothing": 0.1}),
        ("focal", {}),
        ("focal", {"gamma": 5.0}),
        ("mse", {}),
        ("mse_on_raw_outputs", {}),
    ]
    assert settings["seeds"] == [0, 1, 2, 3, 4]


def expect_six_lines(page: Page) -> None:
    """Lines with a title each in the legend, none in the colour of another, none still flat."""
    lines = chart(page, SHARED).evaluate("""host => host._fullData
        .filter(trace => trace.showlegend)
        .map(({ name, line, y }) => [name, line.color, y[0], y[y.length - 1]])""")
    assert [name for name, *_ in lines] == list(SIX)
    assert len({color for _, color, *_ in lines}) == len(SIX)
    assert all(last < first for *_, first, last in lines)
    legend = chart(page, SHARED).locator(".legend .legendtext")
    expect(legend).to_have_text(list(SIX))


def expect_the_six_in_matrix_and_file(page: Page) -> None:
    expect(page.get_by_text("(epoch 120)")).to_be_visible()
    found = matrix(page)
    assert list(found) == list(SIX)
    is_probability = [[cell != "not a probability" for cell in found[title]] for title in SIX]
    assert is_probability[:5] == [[True] * 8] * 5
    assert is_probability[5] == [True, *[False] * 5, True, True]
    scores = pd.read_csv(download(page, "scores.csv"))
    assert list(scores.entrant.unique()) == list(SIX)
    assert list(scores.seed) == [0, 1, 2, 3, 4] * 6
    assert scores.accuracy.between(0.8, 1).all()


@pytest.mark.thorough
def test_the_keyboard_is_enough_to_edit_an_entrant_and_to_race(compare_page: Page) -> None:
    page = compare_page
    set_number(page, "Epochs", 3)
    page.mouse.move(0, 0)
    page.get_by_role("combobox", name="Data set").focus()
    tab_to(page, entrant(page, "CrossEntropy"))
    page.keyboard.press("Space")
    expect_edited(page, "CrossEntropy")
    tab_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.type("smooth")
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Label smoothing", exact=True), "Shift+Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.3")
    page.keyboard.press("Control+Enter")
    expect_own(page)
    wait_for_status(page, "finished")
    assert list(matrix(page)) == ["smooth", "BCE", "MSE"]
    expect(page.locator(".readout .details")).to_contain_text("label smoothing 0.3")


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab until something has the focus, as a person does who has no mouse."""
    for _ in range(40):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    pytest.fail(f"Tab never came to {wanted}")


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_nothing_is_cut_off_or_inaccessible(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{address}/compare")
    wait_for_status(page, "finished")
    for tab, shown in (("Verdict", "matrix"), ("Conditions", "fingerprints")):
        open_tab(page, tab)
        table(page, shown).wait_for()
        expect_accessible(page)
    edit(page, "CrossEntropy")
    expect_accessible(page)
    add(page, "Your own")
    expect_edited(page, "Your own")
    expect_accessible(page)
    context.close()


@pytest.mark.parametrize(("width", "height", "is_wide"), [(1280, 720, True), (390, 844, False)])
def test_the_verdict_the_differences_and_the_curves_come_first(
    browser: Browser, address: str, width: int, height: int, is_wide: bool
) -> None:
    """At 1280 x 720 all three are in sight without scrolling; on a phone they are one column."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{address}/compare")
    for key in ("forest", SHARED):
        wait_for_status(page, "finished", key)
    said, forest, curves = (
        box_of(each) for each in (page.locator(".stage-said"), chart(page, "forest"), shared(page))
    )
    for left, _top, right, _bottom in (said, forest, curves):
        assert 0 <= left < right <= width
    assert said[3] <= min(forest[1], curves[1])
    if is_wide:
        assert max(forest[3], curves[3]) <= height
        assert forest[2] <= curves[0]
    else:
        assert forest[3] <= curves[1]
    context.close()


def shared(page: Page) -> Locator:
    return chart(page, SHARED)


def box_of(found: Locator) -> tuple[float, float, float, float]:
    """Left, top, right and bottom on the screen."""
    box = found.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def test_terms_explain_themselves_to_a_pointer_a_key_and_a_finger(
    compare_page: Page, browser: Browser
) -> None:
    page = compare_page
    tip = page.get_by_role("tooltip")
    term = table(page, "matrix").get_by_role("button", name=re.compile("^ECE .$"))
    term.hover()
    expect(tip).to_contain_text("Expected calibration error")
    page.mouse.move(0, 0)
    expect(tip).to_have_count(0)
    term.focus()
    expect(tip).to_contain_text("less is better")
    left, _top, right, _bottom = box_of(tip)
    assert 0 <= left < right <= 1280
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    phone.set_default_timeout(PATIENCE_MS)
    touched = phone.new_page()
    touched.goto(page.url)
    table(touched, "matrix").get_by_role("button", name="AUROC").tap()
    expect(touched.get_by_role("tooltip")).to_contain_text("more is better")
    left, _top, right, _bottom = box_of(touched.get_by_role("tooltip"))
    assert 0 <= left < right <= 390
    phone.close()


@pytest.mark.thorough
def test_one_click_races_the_same_with_each_at_its_own_best_rate(compare_page: Page) -> None:
    page = compare_page
    race(page, epochs=3)
    wait_for_status(page, "finished")
    first = page.url
    stage(page).get_by_role("button", name="Race at best rates").click()
    expect(page).not_to_have_url(first)
    expect(page.locator(".stage-said")).to_contain_text(
        "After training, each at its own best learning rate"
    )
    expect(stage(page).get_by_role("button", name="Race at best rates")).to_have_count(0)
