"""The main job in a real browser against the real app."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from torch import nn

from core.data import load
from core.network.groups import make_groups, make_stack
from core.spec import LESSON, EntrantSpec, ExperimentSpec, TrainingSpec
from tests.browser.conftest import stop_all
from tests.browser.lab import (
    PATIENCE_MS,
    SCREENS,
    button,
    chart,
    choose,
    download,
    edit,
    expect_accessible,
    expect_edited,
    expect_entrants,
    press,
    set_number,
    steps,
    table,
    wait_for_form,
    wait_for_status,
    wait_for_steps,
    x_range,
    zooming,
)

MANY_EPOCHS = 10_000
#: 800 rows of the spirals, 8 a batch.
STEPS_PER_EPOCH = 100
#: The lines of a chart that are in sight have these names.
SEEN = """([host, names]) => host._fullData && JSON.stringify(host._fullData
    .filter(each => each.visible === true).map(each => each.name)) === JSON.stringify(names)"""
#: So many frames are drawn.
FRAMES = """count => new Promise(done => {
    const next = () => count-- ? requestAnimationFrame(next) : done()
    next()
})"""


def start_long_run(page: Page) -> None:
    set_number(page, "Epochs", MANY_EPOCHS)
    press(page, "Train")
    wait_for_steps(page)


def test_the_default_shows_how_three_losses_part(train_page: Page) -> None:
    page = train_page
    press(page, "Train")
    wait_for_steps(page)
    wait_for_status(page, "finished")
    assert steps(page) == 120 * STEPS_PER_EPOCH
    said = page.locator(".stage-said")
    expect(said).to_have_text(
        re.compile(r"^CrossEntropy reached 90% accuracy at epoch \d+ .*, BCE at \d+ .*, MSE at ")
    )
    first, second, third = map(int, re.findall(r"at (?:epoch )?(\d+) \(", said.inner_text()))
    assert first < second < third
    rows = table(page, "numbers").locator("tbody tr")
    expect(rows.locator("th")).to_have_text(["CrossEntropy", "BCE", "MSE"])
    for row in rows.all():
        assert float(row.locator("td").nth(2).inner_text().rstrip("%")) > 90


def test_a_row_of_the_numbers_leaves_its_curves_alone(train_page: Page) -> None:
    page = train_page
    compared = chart(page, "compared_chart")
    row = table(page, "numbers").get_by_role("button", name="BCE")
    row.click()
    expect(row).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(SEEN, arg=[compared.element_handle(), ["BCE"]])
    row.click()
    page.wait_for_function(SEEN, arg=[compared.element_handle(), ["CrossEntropy", "BCE", "MSE"]])


def test_pause_resume_one_epoch_and_stop(train_page: Page) -> None:
    page = train_page
    start_long_run(page)
    press(page, "Pause")
    wait_for_status(page, "paused")
    paused_at = steps(page)
    press(page, "One epoch")
    wait_for_steps(page, more_than=paused_at)
    wait_for_status(page, "paused")
    assert steps(page) - paused_at <= STEPS_PER_EPOCH
    assert steps(page) % STEPS_PER_EPOCH == 0
    press(page, "Resume")
    wait_for_steps(page, more_than=steps(page) + STEPS_PER_EPOCH)
    press(page, "Stop")
    wait_for_status(page, "stopped")
    expect(button(page, "Train")).to_be_enabled()
    expect(button(page, "Stop")).to_be_disabled()


#: Resolves to the statuses of the charts when the browser first shows the stage's next status.
CHARTS_THEN = """() => {
    const stage = document.querySelector('[data-testid="stage"]')
    window.then = new Promise((done) => {
        const look = () => {
            const charts = document.querySelectorAll('[data-testid="live-chart"][data-status]')
            done([...charts].map((each) => each.dataset.status))
        }
        const hear = () => stage.dataset.status !== 'running' && requestAnimationFrame(look)
        new MutationObserver(hear).observe(stage, { attributeFilter: ['data-status'] })
    })
}"""


@pytest.mark.parametrize(("press_what", "status"), [("Pause", "paused"), ("Stop", "stopped")])
def test_that_it_rests_is_read_before_any_chart_is_drawn(
    train_page: Page, press_what: str, status: str
) -> None:
    page = train_page
    start_long_run(page)
    page.evaluate(CHARTS_THEN)
    press(page, press_what)
    assert set(page.evaluate("window.then")) == {"running"}
    wait_for_status(page, status)


def test_one_epoch_from_the_start_trains_one_and_waits(train_page: Page) -> None:
    page = train_page
    press(page, "One epoch")
    wait_for_status(page, "paused")
    assert steps(page) == STEPS_PER_EPOCH
    press(page, "Stop")
    wait_for_status(page, "stopped")


@pytest.mark.thorough
def test_a_zoom_is_kept_while_the_curve_grows(train_page: Page) -> None:
    page = train_page
    start_long_run(page)
    with zooming(page, chart(page)):
        pass
    zoomed = x_range(chart(page))
    wait_for_steps(page, more_than=steps(page) + 500)
    assert x_range(chart(page)) == zoomed
    press(page, "Stop")
    wait_for_status(page, "stopped")
    assert x_range(chart(page)) == zoomed


@pytest.mark.thorough
def test_a_growing_curve_does_not_break_off_a_slow_zoom(train_page: Page) -> None:
    page = train_page
    start_long_run(page)
    with zooming(page, chart(page)):
        held = steps(page)
        wait_for_steps(page, more_than=held + 500, key="compared_chart")
        assert steps(page) == held
    wait_for_steps(page, more_than=held + 500)


@pytest.mark.thorough
def test_reload_and_second_tab_show_the_same_run_live(train_page: Page, browser: Browser) -> None:
    page = train_page
    start_long_run(page)
    expect(page).to_have_url(re.compile("experiment=[0-9a-f]+"))
    page.reload()
    seen = wait_for_steps(page)
    other = page.context.new_page()
    other.goto(page.url)
    wait_for_steps(other, more_than=seen)
    press(other, "Stop")
    wait_for_status(other, "stopped")
    wait_for_status(page, "stopped")
    expect(other.get_by_label("Epochs", exact=True).first).to_have_value(str(MANY_EPOCHS))


def lesson_program() -> list[float]:
    """The lesson's own program, from the lab's initial weights and random rows."""
    stack = make_stack(LESSON, make_groups(LESSON), torch.device("cpu"))
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    for layer, linear in zip(stack.layers, (model[0], model[2]), strict=True):
        linear.weight.data.copy_(layer.weight[0])
        linear.bias.data.copy_(layer.bias[0, :, 0])
    rows = load(LESSON.data, LESSON.seeds[0])
    inputs = torch.from_numpy(rows.x_train)
    targets = torch.from_numpy(rows.y_train).long()
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    printed = []
    for _ in range(10):
        loss = loss_function(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        printed.append(loss.item())
    return printed


def test_the_lesson_prints_the_ten_numbers_of_the_pytorch_program(train_page: Page) -> None:
    page = train_page
    press(page, "The lesson")
    expect(page.get_by_label("Epochs", exact=True).first).to_have_value("10")
    press(page, "Train")
    wait_for_status(page, "finished")
    expected = lesson_program()
    lines = [f"Epoch [{i}/10], Loss: {loss:.4f}" for i, loss in enumerate(expected, 1)]
    printed = page.get_by_test_id("printed")
    expect(printed).to_contain_text(lines[-1])
    assert printed.inner_text().split("\n")[:10] == lines


def test_a_diverging_run_is_marked_and_keeps_its_curve(train_page: Page) -> None:
    page = train_page
    choose(page, "Data set", "Diabetes")
    expect_entrants(page, "MSE", "L1", "Huber")
    page.get_by_text("Add an entrant", exact=True).click()
    expect(
        page.get_by_text(re.compile("^CrossEntropy, MSE on raw outputs, .*: It needs classes"))
    ).to_be_visible()
    slider = page.get_by_role("slider", name="Learning rate")
    slider.focus()
    slider.press("End")
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("1000")
    press(page, "Train")
    wait_for_status(page, "diverged")
    assert steps(page) > 1
    expect(chart(page)).to_contain_text("diverged at step")
    expect(page.locator(".stage-findings")).to_contain_text("its loss is no longer a finite number")
    expect(table(page, "numbers")).to_contain_text("Diverged at step")
    expect(table(page, "numbers")).not_to_contain_text(re.compile("nan|inf$", re.IGNORECASE))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("?experiment=0123456789", "No experiment"), ("?experiment=../../etc", "No experiment")],
)
def test_an_address_of_no_experiment_says_so(
    page: Page, address: str, query: str, sentence: str
) -> None:
    page.goto(address + "/" + query)
    expect(page.get_by_test_id("stAlert")).to_contain_text(sentence)
    expect(button(page, "Train")).to_be_enabled()


def test_nothing_is_loaded_from_outside(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    press(page, "Train")
    wait_for_status(page, "finished")
    outside = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert [url for url in outside if not url.startswith(address.replace("http", "ws"))] == []


@pytest.mark.thorough
def test_one_click_opens_the_keys_however_slow_the_browser_is(train_page: Page) -> None:
    page = train_page
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 6})
    arrow = button(page, r"\?").get_by_test_id("stIconMaterial").bounding_box()
    assert arrow
    page.mouse.click(arrow["x"] + arrow["width"] / 2, arrow["y"] + arrow["height"] / 2)
    expect(page.get_by_role("dialog", name="?")).to_be_visible()
    # One that closes does so in the frames after it has opened.
    page.evaluate(FRAMES, 30)
    expect(page.get_by_role("dialog", name="?")).to_be_visible()


def test_control_enter_trains(train_page: Page) -> None:
    page = train_page
    page.keyboard.press("Control+Enter")
    wait_for_steps(page)
    wait_for_status(page, "finished")


@pytest.mark.thorough
def test_a_settings_file_fills_the_form_and_nonsense_changes_nothing(train_page: Page) -> None:
    page = train_page
    page.get_by_text("Settings as a file").click()
    chooser = page.locator('input[type="file"]')
    good = ExperimentSpec(
        training=TrainingSpec(epochs=17), entrants=(EntrantSpec(loss="hinge"),)
    ).to_json()
    chooser.set_input_files({"name": "good.json", "mimeType": "", "buffer": good.encode()})
    epochs = page.get_by_label("Epochs", exact=True).first
    expect(epochs).to_have_value("17")
    bad = b'{"training": {"epochs": 0}}'
    chooser.set_input_files({"name": "bad.json", "mimeType": "", "buffer": bad})
    expect(page.get_by_test_id("stAlert")).to_contain_text(
        "bad.json was not opened. Epochs was 0; allowed is 1 to 10,000."
    )
    expect(epochs).to_have_value("17")
    gaps = b'{"seeds": [0, 7]}'
    chooser.set_input_files({"name": "gaps.json", "mimeType": "", "buffer": gaps})
    expect(page.get_by_text("Trained from 2 seeds: 0 and 7.")).to_be_visible()


def test_the_csv_has_every_epoch_of_every_entrant(train_page: Page) -> None:
    page = train_page
    press(page, "One epoch")
    wait_for_status(page, "paused")
    table = pd.read_csv(download(page, "losses.csv"))
    assert list(table.entrant.unique()) == ["CrossEntropy", "BCE", "MSE"]
    assert list(table.epoch.unique()) == [0, 1]
    assert table[table.epoch == 1].train_epoch_loss.notna().all()
    press(page, "Stop")
    wait_for_status(page, "stopped")


@pytest.mark.thorough
def test_an_entrant_is_removed_with_its_settings_and_comes_back_with_them(train_page: Page) -> None:
    page = train_page
    edit(page, "CrossEntropy")
    set_number(page, "Label smoothing", 0.2)
    expect_entrants(page, "CrossEntropy ε 0.2", "BCE", "MSE")
    press(page, "Remove")
    expect_entrants(page, "BCE", "MSE")
    press(page, "Undo")
    expect_entrants(page, "CrossEntropy ε 0.2", "BCE", "MSE")
    expect_edited(page, "CrossEntropy ε 0.2")
    expect(page.get_by_label("Label smoothing", exact=True)).to_have_value("0.2")
    press(page, "Only this")
    expect_entrants(page, "CrossEntropy ε 0.2")
    press(page, "Undo")
    expect_entrants(page, "CrossEntropy ε 0.2", "BCE", "MSE")


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_nothing_is_cut_off_or_inaccessible(
    browser: Browser, address: str, store_url: str, width: int, scheme: str
) -> None:
    stop_all(store_url)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(address)
    button(page, "Train").wait_for()
    wait_for_form(page)
    press(page, "One epoch")
    wait_for_status(page, "paused")
    expect_accessible(page)
    edit(page, "CrossEntropy")
    expect_accessible(page)
    press(page, "Stop")
    wait_for_status(page, "stopped")
    context.close()
