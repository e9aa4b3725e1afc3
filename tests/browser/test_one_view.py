"""What is in sight without scrolling, by measured positions, at the sizes of common screens."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.lab import button, chart, stage, table, wait_for_form

Box = tuple[float, float, float, float]
ENTRANTS = range(3)


@pytest.fixture
def screen(browser: Browser, address: str, size: tuple[int, int]) -> Iterator[Page]:
    """A newcomer's Train page on a screen of this size; a narrow one is a phone's."""
    width, height = size
    is_phone = width < 500
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=is_phone, is_mobile=is_phone
    )
    page = context.new_page()
    page.goto(address)
    button(page, "Train").wait_for()
    wait_for_form(page)
    expect(chart(page, "compared_chart")).to_have_attribute("data-status", "finished")
    yield page
    context.close()


def box_of(locator: Locator) -> Box:
    """Left, top, right and bottom on the screen."""
    expect(locator).to_be_visible()
    box = locator.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def expect_in_sight(page: Page, **parts: Locator) -> None:
    size = page.viewport_size
    assert size is not None
    out = {}
    for name, part in parts.items():
        left, top, right, bottom = box_of(part)
        if min(left, top) < 0 or right > size["width"] + 1 or bottom > size["height"] + 1:
            out[name] = (left, top, right, bottom)
    assert not out


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(re.compile(f"^{label}")).first


def settings(page: Page) -> dict[str, Locator]:
    """What a person sets first."""
    pills = page.get_by_role("radiogroup", name=re.compile("^Losses, side by side"))
    return {
        "losses": pills,
        **{
            label: field(page, label)
            for label in ("Data set", "Layers", "Size 1", "Learning rate", "Batch size")
        },
    }


def results(page: Page) -> dict[str, Locator]:
    """What a training shows first."""
    names = ("Train", "Pause", "One epoch", "Stop")
    return {
        **{name: button(page, name) for name in names},
        "sentence": page.locator(".stage-said"),
        "what it is of": page.locator(".readout .about"),
        "comparison": chart(page, "compared_chart"),
    }


def live_losses(page: Page) -> dict[str, Locator]:
    return {f"units_{place}": chart(page, f"units_{place}") for place in ENTRANTS}


@pytest.mark.parametrize("size", [(1280, 720)])
def test_on_a_laptop_settings_losses_comparison_and_sentence_are_seen_together(
    screen: Page,
) -> None:
    expect_in_sight(screen, **settings(screen), **results(screen), **live_losses(screen))


@pytest.mark.parametrize("size", [(1920, 1080)])
def test_on_a_large_screen_all_of_the_form_the_numbers_and_the_maps_are_seen_too(
    screen: Page,
) -> None:
    learned = {f"learned_{place}": chart(screen, f"learned_{place}") for place in ENTRANTS}
    rest = [field(screen, label) for label in ("Epochs", "Seed", "Optimizer", "Activation")]
    rest.append(screen.get_by_text("Settings as a file", exact=True))
    expect_in_sight(
        screen,
        **settings(screen),
        **results(screen),
        **live_losses(screen),
        **learned,
        **{f"rest {place}": each for place, each in enumerate(rest)},
        numbers=table(screen, "numbers"),
    )


@pytest.mark.parametrize("size", [(390, 844)])
def test_on_a_phone_the_comparison_comes_first_and_settings_are_a_tap_away(screen: Page) -> None:
    expect_in_sight(screen, **results(screen))
    assert screen.evaluate("document.documentElement.scrollWidth") <= 390
    _, _, _, last = box_of(stage(screen))
    assert box_of(field(screen, "Data set"))[1] >= last
    screen.get_by_role("link", name="Settings").tap()
    screen.wait_for_function(
        "form => form.getBoundingClientRect().top < 300",
        arg=field(screen, "Data set").element_handle(),
    )
    # From anywhere among the settings the buttons are a tap away.
    expect_in_sight(screen, back=screen.get_by_role("link", name="↑ Train"))
    screen.get_by_role("link", name="↑ Train").tap()
    screen.wait_for_function(
        "button => button.getBoundingClientRect().top > 40",
        arg=button(screen, "Train").element_handle(),
    )
    expect_in_sight(screen, train=button(screen, "Train"))
    # There are no keys to press.
    expect(screen.get_by_text("Ctrl", exact=False).filter(visible=True)).to_have_count(0)
    # Another page is one tap away, and nothing lies over it then.
    screen.get_by_role("link", name="Compare", exact=True).tap()
    button(screen, "Race").tap(trial=True)
    expect(chart(screen, "forest")).to_have_attribute("data-status", "finished")


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(1024, 768)])
def test_on_a_screen_between_them_buttons_and_comparison_are_seen_at_once(screen: Page) -> None:
    """Beside the settings, or above them where there is no room."""
    for width in (1024, 1200, 900, 800, 641):
        screen.set_viewport_size({"width": width, "height": 768})
        expect(screen.locator(".readout .about")).to_be_visible()
        expect_in_sight(screen, **results(screen))
        assert screen.evaluate("document.documentElement.scrollWidth") <= width


#: How an element and those around it look.
LOOK = """element => {
    const looks = []
    const around = (each) => each.parentElement ?? each.parentNode?.host
    for (let each = element; each && looks.length < 5; each = around(each)) {
        const { outline, boxShadow, borderColor, background } = getComputedStyle(each)
        looks.push([outline, boxShadow, borderColor, background])
    }
    return JSON.stringify(looks)
}"""
#: The element that has the focus, also within a component that keeps its styles to itself.
FOCUSED = """() => {
    let each = document.activeElement
    while (each.shadowRoot?.activeElement) each = each.shadowRoot.activeElement
    return each
}"""
MOST_STOPS = 100


@pytest.mark.parametrize("size", [(1280, 720)])
def test_the_main_button_is_the_next_stop_of_the_tab_key_after_the_pages(screen: Page) -> None:
    """The first stop is Streamlit's way past the pages' names; four of these follow."""
    words = []
    for _ in range(6):
        screen.keyboard.press("Tab")
        words.append(screen.evaluate("document.activeElement.innerText"))
    assert any(re.search(r"^Train\s+Ctrl", each, re.MULTILINE) for each in words)


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(1280, 720)])
def test_the_focus_is_seen_wherever_the_tab_key_stops(screen: Page) -> None:
    screen.add_style_tag(content="*, *::before, *::after { transition: none !important }")
    seen, unseen = [], []
    for _ in range(MOST_STOPS):
        screen.keyboard.press("Tab")
        focused = screen.evaluate_handle(FOCUSED).as_element()
        assert focused is not None
        if focused.evaluate("element => element === document.body"):
            break
        look = focused.evaluate(LOOK)
        focused.evaluate("element => element.blur()")
        changed = focused.evaluate(LOOK) != look
        html = focused.evaluate("element => element.outerHTML.slice(0, 160)")
        (seen if changed else unseen).append(html)
        focused.evaluate("element => element.focus({ focusVisible: true })")
    assert not unseen
    assert 30 < len(seen) < MOST_STOPS


#: What a browser's makers call good is up to 0.1, and poor is more than 0.25.
POOR_SHIFT = 0.25
SHIFTS = """
    window.shift = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("path", ["", "compare", "losses"])
def test_a_page_does_not_jump_while_it_is_made(page: Page, address: str, path: str) -> None:
    page.add_init_script(SHIFTS)
    page.goto(f"{address}/{path}")
    wait_for_form(page)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shift") < POOR_SHIFT
