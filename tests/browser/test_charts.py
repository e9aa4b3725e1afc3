"""What a person can do with any chart: read it, zoom it, hide lines of it, take it along."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from core.spec.schedule import is_judged
from tests.browser.lab import button, chart, stage, table, wait_for_form, x_range, zooming

COMPARED = "compared_chart"
EPOCHS, STEPS_PER_EPOCH = 120, 100
ENTRANTS = ["CrossEntropy", "BCE", "MSE"]
EVERY_TRAIN_CHART = [COMPARED, *(f"{kind}_{k}" for kind in ("units", "learned") for k in range(3))]
DOUBLE_CLICK_MS = 400
#: Which lines are in sight, by what the legend calls them.
SEEN = """host => host._fullData.filter(each => each.visible === true && each.showlegend)
    .map(each => each.name)"""


@pytest.fixture
def page(page: Page, address: str) -> Iterator[Page]:
    """Train with its recorded example, all of whose charts are drawn."""
    open_page(page, address)
    return page


@pytest.fixture(scope="module")
def read_page(kept_context: BrowserContext, address: str) -> Iterator[Page]:
    """Such a page for all tests that change nothing on it, or take back what they change."""
    page = kept_context.new_page()
    open_page(page, address)
    yield page
    page.close()


@pytest.fixture
def looked_at(read_page: Page) -> Page:
    """That page as it is when it is opened."""
    read_page.mouse.move(5, 5)
    read_page.evaluate("scrollTo(0, 0)")
    return read_page


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    button(page, "Train").wait_for()
    wait_for_form(page)
    wait_for_drawn(page, COMPARED)


def wait_for_drawn(page: Page, key: str) -> Locator:
    host = chart(page, key)
    expect(host).to_have_attribute("data-status", "finished")
    return host


def point_at(page: Page, host: Locator, across: float, down: float = 0.5) -> None:
    """Move the mouse to a place within the plot, as shares of its sides."""
    host.scroll_into_view_if_needed()
    box = host.bounding_box()
    size = host.evaluate("host => host._fullLayout._size")
    assert box is not None
    x = box["x"] + size["l"] + across * size["w"]
    page.mouse.move(x, box["y"] + size["t"] + down * size["h"])


def read(host: Locator) -> tuple[str, dict[str, str]]:
    """What stands beside the pointer: where, and each line's value."""
    words = host.locator("xpath=..").locator(".chart-hover")
    expect(words).to_be_visible()
    rows = words.locator(".chart-hover-row").all()
    title = words.locator("strong").inner_text()
    return title, {row.locator("span").inner_text(): row.locator("b").inner_text() for row in rows}


def drawn_at(host: Locator, name: str, x: float) -> float:
    """The value that a line has at a place where it has a point."""
    return float(
        host.evaluate(
            """(host, [name, x]) => {
                const line = host._fullData.find(each => each.name === name)
                return line.y[Array.from(line.x).indexOf(x)]
            }""",
            [name, x],
        )
    )


def choose_of_menu(host: Locator, item: str) -> None:
    box = host.locator("xpath=..")
    box.locator("summary").click()
    box.get_by_role("button", name=item, exact=True).click()


def expect_seen(page: Page, key: str, names: list[str]) -> None:
    page.wait_for_function(
        f"([key, names]) => JSON.stringify(({SEEN})("
        "document.querySelector(`[data-chart=${key}]`))) === JSON.stringify(names)",
        arg=[key, names],
    )


# ------------------------------------------------------------------ reading


def test_the_pointer_reads_every_line_at_one_epoch(looked_at: Page) -> None:
    host = chart(looked_at, COMPARED)
    point_at(looked_at, host, across=0.5)
    title, values = read(host)
    assert title == "epoch 60"
    assert values == {name: f"{100 * drawn_at(host, name, 60):.1f}%" for name in ENTRANTS}
    point_at(looked_at, host, across=0.25)
    assert read(host)[0] == "epoch 30"
    looked_at.mouse.move(5, 5)
    expect(host.locator("xpath=..").locator(".chart-hover")).to_be_hidden()


def test_between_two_points_a_value_is_said_to_be_read_off_the_line(looked_at: Page) -> None:
    """A training loss has a point every few steps, a validation loss one an epoch."""
    host = wait_for_drawn(looked_at, "units_0")
    seen = set()
    for across in np.linspace(0.3, 0.4, 10):
        point_at(looked_at, host, across)
        title, values = read(host)
        step = int(title.removeprefix("step ").replace(",", ""))
        assert set(values) == {"training", "validation"}
        is_between = step % STEPS_PER_EPOCH > 0
        seen.add(is_between)
        assert values["validation"].startswith("≈ ") == is_between
        epoch = step // STEPS_PER_EPOCH
        ends = [
            drawn_at(host, "validation", STEPS_PER_EPOCH * (epoch + k)) for k in (0, is_between)
        ]
        told = float(values["validation"].removeprefix("≈ "))
        assert min(ends) * 0.999 <= told <= max(ends) * 1.001
    assert True in seen


def test_nothing_is_read_past_the_end_of_a_line(page: Page) -> None:
    host = chart(page, COMPARED)
    host.evaluate("""host => {
        const line = host.chart.shown.data.find(each => each.name === "BCE")
        line.y = line.y.map((value, epoch) => epoch > 50 ? NaN : value)
    }""")
    point_at(page, host, across=0.5)
    assert set(read(host)[1]) == {"CrossEntropy", "MSE"}


# ------------------------------------------------------------------ zoom and legend


def test_a_zoom_is_of_all_charts_along_a_training_and_outlives_a_reload(page: Page) -> None:
    compared, units = chart(page, COMPARED), wait_for_drawn(page, "units_1")
    with zooming(page, compared):
        pass
    low, high = x_range(compared)
    assert 5 < low < high < 70

    def expect_zoomed() -> None:
        page.wait_for_function(
            """([key, expected]) => {
                const host = document.querySelector(`[data-chart=${key}]`)
                const range = host?._fullLayout?.xaxis.range
                return range && range.every((end, at) => Math.abs(end - expected[at]) < 1)
            }""",
            arg=["units_1", [STEPS_PER_EPOCH * low, STEPS_PER_EPOCH * high]],
        )

    expect_zoomed()
    page.reload()
    wait_for_drawn(page, COMPARED)
    units.scroll_into_view_if_needed()
    expect_zoomed()
    assert x_range(compared) == pytest.approx([low, high])
    choose_of_menu(units, "Whole range")
    page.wait_for_function(
        "host => host._fullLayout.xaxis.range[1] >= 119", arg=compared.element_handle()
    )


@pytest.mark.thorough
def test_a_double_click_shows_the_whole_and_then_all_there_is(page: Page) -> None:
    host = chart(page, COMPARED)
    at_first = host.evaluate("host => host._fullLayout.yaxis.range")
    with zooming(page, host):
        pass

    def double_click(condition: str) -> None:
        # Plotly counts clicks that follow each other sooner as one row of clicks.
        page.wait_for_timeout(DOUBLE_CLICK_MS)
        page.mouse.dblclick(
            *host.evaluate("""host => {
            const { l, t, w, h } = host._fullLayout._size
            const { left, top } = host.getBoundingClientRect()
            return [left + l + 0.6 * w, top + t + 0.5 * h]
        }""")
        )
        page.wait_for_function(
            f"([host, first]) => {{ const [low, high] = host._fullLayout.yaxis.range; "
            f"return {condition} }}",
            arg=[host.element_handle(), at_first],
        )

    double_click("low === first[0] && high === first[1]")
    # The untrained networks' error, which does not set the scale at first.
    double_click("high !== first[1]")
    double_click("low === first[0] && high === first[1]")


def test_a_line_hidden_in_the_legend_stays_hidden_and_a_row_of_the_table_shows_one_alone(
    page: Page,
) -> None:
    host = chart(page, COMPARED)
    host.locator(".legendtoggle").nth(2).click()
    expect_seen(page, COMPARED, ["CrossEntropy", "BCE"])
    page.reload()
    wait_for_drawn(page, COMPARED)
    expect_seen(page, COMPARED, ["CrossEntropy", "BCE"])
    row = table(page, "numbers").get_by_role("button", name="MSE")
    row.click()
    expect_seen(page, COMPARED, ["MSE"])
    expect(row).to_have_attribute("aria-pressed", "true")
    row.click()
    expect_seen(page, COMPARED, ENTRANTS)
    host.locator(".legendtoggle").nth(1).dblclick()
    expect_seen(page, COMPARED, ["BCE"])
    expect(table(page, "numbers").get_by_role("button", name="BCE")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_zoomed_log_axis_writes_no_label_over_another(page: Page) -> None:
    host = chart(page, COMPARED)
    with zooming(page, host):
        pass
    sides = sorted(
        host.evaluate("""host => [...host.querySelectorAll(".yaxislayer-above text")].map(each => {
            const { top, bottom } = each.getBoundingClientRect()
            return [top, top + 0.7 * (bottom - top)]
        })""")
    )
    assert len(sides) >= 2
    for (_, end), (begin, _) in itertools.pairwise(sides):
        assert end <= begin


# ------------------------------------------------------------------ labels


def end_labels(host: Locator) -> dict[str, dict[str, float]]:
    """Where each label is on the screen, by its words."""
    boxes: dict[str, dict[str, float]] = host.evaluate("""host => Object.fromEntries(
        [...host.querySelectorAll(".annotation")].map(each => {
            const { x, y, width, height } = each.querySelector("text").getBoundingClientRect()
            return [each.textContent.trim(), { x, y, width, height }]
        }))""")
    return boxes


def test_lines_have_labels_at_their_ends_that_do_not_overlap(looked_at: Page) -> None:
    host = chart(looked_at, COMPARED)
    labels = end_labels(host)
    ends = {name: drawn_at(host, name, EPOCHS) for name in ENTRANTS}
    assert set(labels) == {f"━ {name} {100 * end:.1f}%" for name, end in ends.items()}
    expect_apart(labels)
    plot = host.bounding_box()
    assert plot is not None
    for box in labels.values():
        assert plot["x"] < box["x"]
        assert box["x"] + box["width"] <= plot["x"] + plot["width"]


def expect_apart(labels: dict[str, dict[str, float]]) -> None:
    boxes = sorted(labels.values(), key=lambda box: box["y"])
    for above, below in itertools.pairwise(boxes):
        assert above["y"] + 0.8 * above["height"] <= below["y"]


def test_labels_do_not_overlap_wherever_the_lines_end(page: Page) -> None:
    """In charts of several heights, and with the ends in each third of the plot."""
    host = chart(page, COMPARED)
    move_ends = """(host, [height, low]) => {
        const { newest } = host.chart
        const { layout } = newest.figure
        const yaxis = { ...layout.yaxis, range: [low, low + 0.6] }
        const figure = { ...newest.figure, layout: { ...layout, yaxis } }
        host.chart.newest = { ...newest, figure }
        host.style.height = `${height}px`
    }"""
    # Of the error's logarithm, which ends between -1.46 and -1.26.
    for height, low in zip(range(150, 240, 10), 3 * (-1.8, -1.7, -1.6), strict=True):
        host.evaluate(move_ends, [height, low])
        page.wait_for_function(
            "([host, low]) => host._fullLayout.yaxis.range[0] === low "
            "&& host._fullLayout.height === host.offsetHeight",
            arg=[host.element_handle(), low],
        )
        labels = end_labels(host)
        assert len(labels) == len(ENTRANTS)
        expect_apart(labels)


def test_a_label_has_no_value_where_the_lines_end_is_out_of_sight(page: Page) -> None:
    host = chart(page, COMPARED)
    with zooming(page, host):
        pass
    page.wait_for_function(
        """([host, titles]) => {
            const labels = [...host.querySelectorAll(".annotation")]
            return labels.length && labels.every(each => titles.includes(each.textContent.trim()))
        }""",
        arg=[host.element_handle(), [f"━ {name}" for name in ENTRANTS]],
    )


def test_on_a_phone_the_legend_alone_names_lines_and_nothing_lies_over_it(
    browser: Browser, address: str
) -> None:
    phone = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = phone.new_page()
    open_page(page, address)
    host = chart(page, COMPARED)
    expect(host.locator(".legend")).to_be_visible()
    assert not end_labels(host)
    legend = host.locator(".legend .bg").bounding_box()
    menu = host.locator("xpath=..").locator(".chart-menu > summary").bounding_box()
    assert legend is not None
    assert menu is not None
    assert legend["y"] + legend["height"] <= menu["y"]
    place = host.bounding_box()
    assert place is not None
    page.touchscreen.tap(place["x"] + 0.5 * place["width"], place["y"] + 0.5 * place["height"])
    assert set(read(host)[1]) == set(ENTRANTS)
    phone.close()


# ------------------------------------------------------------------ taking along


def saved(page: Page, host: Locator, item: str) -> Path:
    with page.expect_download() as download:
        choose_of_menu(host, item)
    return Path(download.value.path())


def test_a_chart_is_saved_as_pictures_and_as_a_table(looked_at: Page) -> None:
    host = chart(looked_at, COMPARED)
    assert saved(looked_at, host, "PNG picture").read_bytes().startswith(b"\x89PNG")
    picture = saved(looked_at, host, "SVG picture").read_text()
    assert picture.startswith("<svg")
    assert "CrossEntropy" in picture
    with saved(looked_at, host, "CSV table").open(newline="", encoding="utf-8-sig") as file:
        head, *rows = csv.reader(file)
    assert head == ["line", "epoch", "validation error"]
    for name in ENTRANTS:
        line = {float(x): float(y) for title, x, y in rows if title == name}
        assert list(line) == [epoch for epoch in range(EPOCHS + 1) if is_judged(epoch, EPOCHS)]
        assert line[60] == pytest.approx(drawn_at(host, name, 60), rel=1e-7)


def test_every_chart_of_train_can_be_saved_as_a_table(looked_at: Page) -> None:
    for key in EVERY_TRAIN_CHART:
        host = chart(looked_at, key)
        host.scroll_into_view_if_needed()
        wait_for_drawn(looked_at, key)
        with saved(looked_at, host, "CSV table").open(newline="", encoding="utf-8-sig") as file:
            head, *rows = csv.reader(file)
        assert head[0] == "line"
        assert rows
        assert {len(row) for row in rows} == {len(head)} or key.startswith("learned")
        assert all(float(each) is not None for row in rows for each in row[1:] if each)


@pytest.mark.thorough
def test_charts_of_shapes_can_be_taken_along_too(page: Page, address: str) -> None:
    page.goto(f"{address}/losses")
    page.get_by_text("Shape", exact=True).first.click()
    triangle = chart(page, "simplex_mse")
    triangle.scroll_into_view_if_needed()
    expect(triangle).to_have_attribute("data-status", "shown")
    with saved(page, triangle, "CSV table").open(newline="", encoding="utf-8-sig") as file:
        head, *rows = csv.reader(file)
    assert head == ["line", "a", "b", "c", "value"]
    for title, *numbers in rows:
        *probabilities, loss = map(float, numbers)
        assert title == "MSE"
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        # Class 0 is the true one, and the square is a mean over three outputs. At the edges
        # the loss is that of a place just within.
        expected = ((1 - probabilities[0]) ** 2 + sum(p**2 for p in probabilities[1:])) / 3
        assert loss == pytest.approx(expected, abs=3e-4)
    assert saved(page, triangle, "PNG picture").read_bytes().startswith(b"\x89PNG")


def test_full_screen_and_back_by_the_keyboard(looked_at: Page) -> None:
    host = chart(looked_at, COMPARED)
    menu = host.locator("xpath=..").locator("summary")

    def toggle() -> None:
        menu.focus()
        looked_at.keyboard.press("Enter")
        looked_at.keyboard.press("Tab")
        looked_at.keyboard.press("Enter")

    toggle()
    looked_at.wait_for_function("host => host.offsetHeight > 600", arg=host.element_handle())
    looked_at.wait_for_function(
        "host => host._fullLayout.height === host.offsetHeight", arg=host.element_handle()
    )
    toggle()
    looked_at.wait_for_function(
        "host => host.offsetHeight < 300 && host._fullLayout.height === host.offsetHeight",
        arg=host.element_handle(),
    )


def test_escape_shuts_the_menu_and_a_click_elsewhere_too(looked_at: Page) -> None:
    menu = chart(looked_at, COMPARED).locator("xpath=..").locator(".chart-menu")
    menu.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    looked_at.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    menu.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    stage(looked_at).locator(".stage-said").click()
    expect(menu).not_to_have_attribute("open", "")
