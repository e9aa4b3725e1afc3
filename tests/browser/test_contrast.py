"""Whatever is written on Train and Compare can be read, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import stop_all
from tests.browser.lab import (
    PATIENCE_MS,
    chart,
    choose,
    edit,
    open_tab,
    press,
    wait_for_form,
    wait_for_status,
)
from tests.core.test_colors import contrast

#: Every text that can be seen, but that of controls which are off, with its colour and what is
#: behind it, as they reach the eye: both are composed from the text to the page, as the browser
#: does it, so that what shines through and the opacity of whatever it stands in count.
SEEN = """() => {
  const channels = (color) => {
    const [, kind, numbers] = color.match(/^(rgba?|color)\\(([^)]*)\\)$/);
    const values = numbers.replace("srgb", "").split(/[\\s,/]+/).filter(Boolean).map(Number);
    const alpha = values[3] ?? 1;
    const scale = kind === "color" ? 255 : 1;
    return [...values.slice(0, 3).map((value) => value * scale * alpha), alpha];
  };
  const over = (top, below) => top.map((value, at) => value + below[at] * (1 - top[3]));
  const faded = (color, opacity) => color.map((value) => value * opacity);
  const hex = (color) => "#" + color.slice(0, 3)
    .map((value) => Math.round(value).toString(16).padStart(2, "0")).join("");
  // What does not scroll or cut off may have text beside it: a slider's thumb has its value.
  const isBehind = (element, { overflow }, { left, right, top, bottom }) => {
    const own = element.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const isWithin = own.left <= x && x <= own.right && own.top <= y && y <= own.bottom;
    return overflow !== "visible" || isWithin;
  };
  const composed = (element, box, color) => {
    let made = color;
    for (let each = element; each; each = each.parentElement) {
      const style = getComputedStyle(each);
      const isFilled = !(each instanceof SVGElement) && isBehind(each, style, box);
      if (isFilled) made = over(made, channels(style.backgroundColor));
      made = faded(made, Number(style.opacity));
    }
    return hex(over(made, [255, 255, 255, 1]));
  };
  const inkOf = (element, pseudo) => {
    const style = getComputedStyle(element, pseudo);
    const isDrawn = element instanceof SVGElement;
    const ink = faded(channels(isDrawn ? style.fill : style.color),
      isDrawn ? Number(style.fillOpacity) : 1);
    return pseudo ? faded(ink, Number(style.opacity)) : ink;
  };
  const isSeen = (element, box) => box.width > 1 && box.height > 1
    && !element.closest("[data-live-announcer]")
    && element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const isOff = (element) => element.closest(":disabled, [aria-disabled=true], [disabled]");
  const found = [];
  const add = (element, box, words, pseudo) => found.push([words,
    composed(element, box, inkOf(element, pseudo)), composed(element, box, [0, 0, 0, 0])]);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const [element, words] = [walker.currentNode.parentElement, walker.currentNode.data.trim()];
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const box = range.getBoundingClientRect();
    if (words && !isOff(element) && isSeen(element, box)) add(element, box, words);
  }
  for (const field of document.querySelectorAll("input[type=text], input[type=number], textarea")) {
    const [box, words] = [field.getBoundingClientRect(), field.value || field.placeholder];
    const pseudo = field.value ? undefined : "::placeholder";
    if (words && !isOff(field) && isSeen(field, box)) add(field, box, words, pseudo);
  }
  return found;
}"""
LEAST = 4.5
#: The dash before a line's name in a chart has the line's colour: it is drawn, not read, and what
#: is drawn needs 3:1.
DRAWN = "━"
LEAST_DRAWN = 3.0
TABS = ("Verdict", "Own units", "Calibration", "Gradients", "What each learned", "Conditions")


def expect_readable(page: Page) -> set[str]:
    """What was read."""
    seen = page.evaluate(SEEN)
    faint = [
        (words, ink, behind, round(contrast(ink, behind), 2))
        for words, ink, behind in seen
        if contrast(ink, behind) < (LEAST_DRAWN if words == DRAWN else LEAST)
    ]
    assert faint == []
    return {words for words, _ink, _behind in seen}


@pytest.fixture(params=["light", "dark"])
def lit_page(browser: Browser, store_url: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page by day and by night, high enough that every chart is in sight and so is drawn."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 2400}, color_scheme=request.param
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()
    stop_all(store_url)


def wait_for_charts(page: Page) -> None:
    """Until each chart of the stage is drawn."""
    page.wait_for_function("""() => {
        const charts = [...document.querySelectorAll("[data-testid=stage] [data-chart]")];
        return charts.length && charts.every((host) => host.querySelector(".xtitle, .infolayer"));
    }""")


def test_all_of_train_is_readable(lit_page: Page, address: str) -> None:
    lit_page.goto(address)
    wait_for_form(lit_page)
    wait_for_charts(lit_page)
    edit(lit_page, "CrossEntropy")
    read = expect_readable(lit_page)
    # In the table of scores, in a chart, on the badge, in a caption and in an empty field.
    assert {"Validation NLL", "best constant", "Finished", "CrossEntropy"} <= read
    show_every_look(lit_page)
    assert {f"status {color}" for color in STATUS_COLORS} <= expect_readable(lit_page)


STATUS_COLORS = ("gray", "blue", "orange", "green", "red")


def show_every_look(page: Page) -> None:
    """Badges, boxes and tips as they look in states that the recorded example is not in."""
    page.evaluate(
        """(colors) => {
            const put = (place, name, words, color) => {
                const made = document.createElement("span");
                made.className = name;
                if (color) made.dataset.color = color;
                made.textContent = words;
                document.querySelector(place).append(made);
            };
            for (const color of colors) put(".readout .line", "status", `status ${color}`, color);
            for (const look of ["info", "findings", "error", "state", "caption", "tip"]) {
                put(".stage", `stage-${look}`, look);
            }
        }""",
        STATUS_COLORS,
    )


def test_all_of_compare_is_readable(lit_page: Page, address: str) -> None:
    lit_page.goto(f"{address}/compare")
    wait_for_form(lit_page)
    for tab in TABS:
        open_tab(lit_page, tab)
        wait_for_charts(lit_page)
        assert tab in expect_readable(lit_page)


@pytest.mark.thorough
def test_all_of_losses_is_readable(lit_page: Page, address: str) -> None:
    lit_page.goto(f"{address}/losses")
    for tab in ("How it works", "Contract", "Shape", "In PyTorch", "Common mistakes"):
        lit_page.get_by_role("tab", name=tab).click()
        wait_for_form(lit_page)
        assert tab in expect_readable(lit_page)


@pytest.mark.thorough
def test_counts_on_a_confusion_map_have_the_colour_of_text(lit_page: Page, address: str) -> None:
    lit_page.goto(address)
    wait_for_form(lit_page)
    choose(lit_page, "Data set", "Iris")
    press(lit_page, "One epoch")
    wait_for_status(lit_page, "paused")
    counts = chart(lit_page, "learned_0").locator(".textpoint text")
    counts.first.wait_for()
    # All 30 rows that are held out are on the map, and read.
    assert sum(int(count) for count in counts.all_text_contents()) == 30
    assert set(counts.all_text_contents()) <= expect_readable(lit_page)
    press(lit_page, "Stop")
    wait_for_status(lit_page, "stopped")
