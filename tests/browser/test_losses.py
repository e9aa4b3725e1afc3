"""The Losses page in a real browser against the real app."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.anatomy import MISTAKES
from tests.browser.conftest import stop_all
from tests.browser.lab import (
    PATIENCE_MS,
    SCREENS,
    button,
    chart,
    choose,
    expect_accessible,
    press,
    table,
    wait_for_status,
)

OWN = "-(1 - p)**2 * y * log(p)"
TABS = ("How it works", "Contract", "Shape", "In PyTorch", "Common mistakes")
#: What is there once a tab has all that it shows.
LAST_OF_TAB = {
    "How it works": "1 of 9: x.",
    "Contract": "Source:",
    "Shape": "dL/dz",
    "In PyTorch": "It prints",
    "Common mistakes": MISTAKES[-1].title,
}
#: Losses of which the page is laid out as for CrossEntropy, with other sliders.
MORE_LOSSES = ("Symmetric CE", "Huber")


@pytest.fixture
def losses_page(page: Page, address: str, store_url: str) -> Iterator[Page]:
    page.goto(f"{address}/losses")
    button(page, "Next").wait_for()
    yield page
    stop_all(store_url)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_text(LAST_OF_TAB[name]).first).to_be_visible()


def write_own(page: Page, expression: str) -> None:
    own = button(page, "Write your own")
    if own.is_enabled():
        own.click()
    field = page.get_by_role("textbox", name="Your own loss")
    field.fill(expression)
    field.press("Enter")


def test_a_training_step_is_gone_through_forward_and_back(losses_page: Page) -> None:
    page = losses_page
    current = page.locator('.loop [aria-current="step"] b')
    seen = [current.inner_text()]
    for number in range(2, 10):
        press(page, "Next")
        expect(page.get_by_text(f"{number} of 9:")).to_be_visible()
        seen.append(current.inner_text())
    assert seen == [
        "x", "hidden", "logits z", "y_pred", "J(y_pred, y)", "loss value", "dJ/dz", "dJ/dW",
        "update",
    ]  # fmt: skip
    expect(page.get_by_text("training step 1 of")).to_be_visible()
    press(page, "Next")
    expect(page.get_by_text("training step 2 of")).to_be_visible()
    expect(current).to_have_text("x")
    press(page, "Back")
    expect(page.get_by_text("training step 1 of")).to_be_visible()
    expect(current).to_have_text("update")


def test_the_slider_shows_the_numbers_of_another_prediction(losses_page: Page) -> None:
    page = losses_page
    open_tab(page, "Shape")
    row = page.locator(".numbers tr").filter(has_text="CrossEntropy")
    expect(row).to_contain_text("1.2040")  # -log 0.3
    slider = page.get_by_role("slider", name="Prediction")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(row).to_contain_text("1.1712")  # -log 0.31
    for quantity in ("loss", "by_prediction", "by_logit"):
        drawn = chart(page, f"shape_{quantity}")
        expect(drawn).to_have_attribute("data-place", "0.31")
        expect(drawn).to_have_attribute("data-traces", "6")
    mark = chart(page, "shape_loss").evaluate("host => host.data[1].y[0]")
    assert mark == pytest.approx(1.1712, abs=5e-5)


def test_the_target_has_a_slider_too_and_the_curves_follow(losses_page: Page) -> None:
    page = losses_page
    choose(page, "Loss", "Poisson NLL")
    open_tab(page, "Shape")
    drawn = chart(page, "shape_loss")
    expect(drawn).to_have_attribute("data-place", "0.3")
    row = page.locator(".numbers tr").filter(has_text="MSE")
    expect(row).to_contain_text("0.4900")  # (0.3 - 1)^2
    page.get_by_role("slider", name="Target y").press("ArrowRight")
    expect(row).to_contain_text("1.4400")  # (0.3 - 1.5)^2
    curve = "host => host.data.find(trace => trace.name === 'MSE').y[0]"
    assert drawn.evaluate(curve) == pytest.approx((-4 - 1.5) ** 2)
    for _ in range(4):
        page.get_by_role("slider", name="Target y").press("ArrowLeft")
    expect(page.locator(".numbers tr").filter(has_text="Poisson NLL")).to_contain_text("–")


@pytest.mark.parametrize(
    "loss",
    ["CrossEntropy", *(pytest.param(each, marks=pytest.mark.thorough) for each in MORE_LOSSES)],
)
def test_the_sliders_and_the_charts_that_follow_them_are_seen_together(
    losses_page: Page, loss: str
) -> None:
    page = losses_page
    page.set_viewport_size({"width": 1280, "height": 720})
    choose(page, "Loss", loss)
    open_tab(page, "Shape")
    for each in (page.locator(".shape-slider"), *followers(page)):
        top, bottom = ends(each)
        assert 0 <= top < bottom <= 720


def test_on_a_phone_the_slider_stays_in_sight_above_each_chart(losses_page: Page) -> None:
    page = losses_page
    page.set_viewport_size({"width": 390, "height": 844})
    open_tab(page, "Shape")
    slider = page.get_by_role("slider", name="Prediction")
    for each in followers(page):
        each.evaluate("host => host.scrollIntoView({ block: 'end' })")
        assert slider.evaluate(IS_ON_TOP)
        assert 0 <= ends(slider)[1] < ends(each)[0]


def test_the_table_of_the_sliders_is_the_legend_of_the_charts(losses_page: Page) -> None:
    page = losses_page
    open_tab(page, "Shape")
    for loss in ("Focal", "Soft margin", "Symmetric CE"):
        page.get_by_role("button", name=loss, exact=True).click()
    drawn = chart(page, "shape_loss")
    expect(drawn).to_have_attribute("data-traces", "12")
    named = page.locator(".shape-slider tbody th").evaluate_all("""names => names.map(
        name => [name.textContent.trim(), name.querySelector('line').getAttribute('stroke')])""")
    curves = drawn.evaluate("""host => host.data.filter(trace => trace.mode !== 'markers')
        .map(trace => [trace.name, trace.line.color])""")
    assert named == curves
    # What the curves have of the chart's height.
    assert drawn.evaluate("host => host._fullLayout._size.h / host.clientHeight") > 0.6


#: Nothing covers the middle of an element, and it is on the screen.
IS_ON_TOP = """element => {
    const { x, y, width, height } = element.getBoundingClientRect()
    return document.elementFromPoint(x + width / 2, y + height / 2) === element
}"""


def followers(page: Page) -> list[Locator]:
    """What moves with the sliders, once it is drawn at their place."""
    charts = [chart(page, f"shape_{each}") for each in ("loss", "by_prediction", "by_logit")]
    for each in charts:
        expect(each).to_have_attribute("data-place", "0.3")
    return charts


def ends(seen: Locator) -> tuple[float, float]:
    """Where it begins and ends, from the top of the screen."""
    box = seen.bounding_box()
    assert box is not None
    return box["y"], box["y"] + box["height"]


def test_another_loss_brings_data_that_it_fits_and_its_parameter(losses_page: Page) -> None:
    page = losses_page
    choose(page, "Loss", "Huber")
    expect(page.get_by_text("on Diabetes, 4 examples")).to_be_visible()
    expect(page.get_by_label(re.compile("delta", re.I)).first).to_be_visible()
    open_tab(page, "Contract")
    expect(page.get_by_role("table")).to_contain_text("HuberLoss")


def test_every_mistake_has_its_two_numbers(losses_page: Page) -> None:
    page = losses_page
    open_tab(page, "Common mistakes")
    for name in ("Wrong", "Right"):
        expect(page.get_by_text(f"{name}: prints")).to_have_count(len(MISTAKES))


def test_an_error_in_an_expression_is_pointed_at(losses_page: Page) -> None:
    page = losses_page
    write_own(page, "(p - y)**2 * foo(z)")
    expect(page.get_by_test_id("stAlert")).to_contain_text("The name 'foo' is not known")
    expect(page.get_by_test_id("stCode")).to_contain_text("^")
    pointed = page.get_by_test_id("stCode").inner_text().split("\n")
    assert pointed[0][pointed[1].index("^") :].startswith("foo")
    write_own(page, "log(y - 2) * p")
    expect(page.get_by_test_id("stAlert")).to_contain_text("at a random start")
    write_own(page, "abs(p - y)**1.5")
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    expect(button(page, "Next")).to_be_visible()


def test_a_loss_of_ones_own_is_written_trained_and_raced(losses_page: Page) -> None:
    page = losses_page
    write_own(page, OWN)
    for tab in TABS[:4]:
        open_tab(page, tab)
    expect(page.get_by_text("def my_loss(z, y):")).to_be_visible()
    press(page, "Train it")
    expect(chart(page)).to_have_attribute("aria-label", "Your own by training step")
    wait_for_status(page, "finished")
    page.get_by_role("link", name="Losses").click()
    expect(page.get_by_role("textbox", name="Your own loss")).to_have_value(OWN)
    press(page, "Race it")
    expect(chart(page, "shared_chart")).to_have_attribute("data-status", "finished")
    for loss in ("Your own", "CrossEntropy", "BCE", "MSE"):
        expect(table(page, "matrix").get_by_role("rowheader", name=loss)).to_be_visible()
    said = page.locator(".stage-said")
    expect(said).to_contain_text(re.compile("accuracy is higher|shown in accuracy"))
    expect(page.locator(".stage-list").first).to_contain_text("adjusted for 6 pairs by Holm")


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_nothing_is_cut_off_or_inaccessible(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{address}/losses")
    button(page, "Next").wait_for()
    for tab in TABS:
        open_tab(page, tab)
        expect_accessible(page)
    context.close()
