"""Live data in a real browser: what it costs, what it survives, and that all can use it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, WebSocket, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.records import Status
from core.store import Store
from tests.browser.app import Server
from tests.browser.cable import Cable
from tests.browser.conftest import stop_all
from tests.browser.lab import (
    PATIENCE_MS,
    SCREENS,
    button,
    chart,
    expect_accessible,
    open_tab,
    press,
    set_number,
    stage,
    steps,
    table,
    wait_for_form,
    wait_for_status,
    wait_for_steps,
    x_range,
    zooming,
)
from tests.waiting import wait_until

PATIENCE_S = PATIENCE_MS / 1000
MANY_EPOCHS = 10_000
SHARED = "shared_chart"
#: For so long after its end a training is watched for what it should not cause any more.
WATCHED_MS = 3_000


class Passes:
    """Counts the passes of Streamlit's script for a page.

    Each begins with a ``new_session`` message in the page's websocket, also one that another
    breaks off.
    """

    def __init__(self, page: Page) -> None:
        self.count = 0
        page.on("websocket", self._listen)

    def wait_for_more(self, page: Page, than: int) -> None:
        """Messages are heard while the page is asked for something."""
        wait_until(lambda: page.evaluate("true") and self.count > than, 60, "a pass of the script")

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._hear)

    def _hear(self, payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            message = ForwardMsg.FromString(payload)
            self.count += message.WhichOneof("type") == "new_session"


class Streams:
    """The streams of live data that a page has open, and how often it opened one."""

    def __init__(self, page: Page) -> None:
        self.open: set[Request] = set()
        self.opened = 0
        page.on("request", self._begin)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)

    def _begin(self, request: Request) -> None:
        if re.search(r"/live/[^/]+$", request.url.split("?")[0]):
            self.open.add(request)
            self.opened += 1

    def _end(self, request: Request) -> None:
        self.open.discard(request)


def begin(page: Page, address: str) -> None:
    page.goto(address)
    button(page, "Train").wait_for()
    wait_for_form(page)


def start(page: Page, epochs: int = MANY_EPOCHS) -> str:
    """Start a training on Train; its id."""
    set_number(page, "Epochs", epochs)
    press(page, "Train")
    expect(page).to_have_url(re.compile("experiment=[0-9a-f]+"))
    wait_for_steps(page)
    return page.url.split("experiment=")[1]


def wait_for_stream(page: Page, state: str) -> None:
    expect(stage(page)).to_have_attribute("data-stream", state)


def control(page: Page, name: str) -> Locator:
    return stage(page).locator(f'[data-control="{name}"]')


@pytest.fixture
def lab_page(page: Page, address: str, store_url: str) -> Iterator[Page]:
    """A page that nothing has been done on yet."""
    yield page
    stop_all(store_url)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, which it may kill."""
    server = Server(f"sqlite:///{tmp_path / 'lab.db'}")
    server.start()
    yield server
    server.end_all()


@pytest.fixture
def cable(address: str) -> Iterator[Cable]:
    cable = Cable(address)
    yield cable
    cable.close()


# ------------------------------------------------------------------ what it costs


def test_a_training_needs_a_handful_of_passes_of_the_script(lab_page: Page, address: str) -> None:
    page, passes = lab_page, Passes(lab_page)
    begin(page, address)
    set_number(page, "Epochs", 250)
    before = passes.count
    press(page, "Train")
    wait_for_status(page, "finished")
    wait_for_stream(page, "ended")
    expect(button(page, "Train")).to_be_enabled()
    wait_for_form(page)
    # Nothing is waited for here: a pass that came late would be counted.
    page.wait_for_timeout(WATCHED_MS)
    assert 1 <= passes.count - before <= 4


# ------------------------------------------------------------------ options


def layout(page: Page, key: str, what: str) -> Callable[[], object]:
    """Reads a part of a chart as it is drawn."""
    return lambda: chart(page, key).evaluate(f"host => host._fullLayout.{what}")


def drawn(page: Page, key: str, condition: str) -> None:
    """Wait until the chart is drawn so."""
    page.wait_for_function(
        f"""selector => {{
            const host = document.querySelector(selector)
            return host?._fullLayout && ({condition})
        }}""",
        arg=f'[data-testid="live-chart"][data-chart="{key}"]',
    )


TRAIN_OPTIONS_SHOWN = [
    ("units_0", "host._fullLayout.yaxis.type === 'log'"),
    ("units_0", "host.data.some(trace => trace.name === 'smoothed')"),
]
COMPARE_OPTIONS_SHOWN = [
    (SHARED, "host._fullLayout.yaxis.title.text.replaceAll('<br>', ' ').includes('NLL, against')"),
    (SHARED, "host._fullLayout.xaxis.title.text.startsWith('step<br>')"),
    (SHARED, "host.ariaLabel.includes('min to max')"),
    (SHARED, "host.data.some(trace => trace.name.endsWith('seed 4'))"),
    ("units_0", "host._fullLayout.yaxis.type === 'log'"),
    ("units_0", "host._fullLayout.xaxis.title.text === 'step'"),
]


def expect_drawn(page: Page, shown: list[tuple[str, str]]) -> None:
    for key, condition in shown:
        drawn(page, key, condition)


@pytest.mark.thorough
def test_options_of_train_need_no_pass_and_stay(lab_page: Page, address: str) -> None:
    page, passes = lab_page, Passes(lab_page)
    begin(page, address)
    start(page)
    wait_for_status(page, "running")
    wait_for_form(page)
    before = passes.count
    control(page, "log").check()
    drawn(page, *TRAIN_OPTIONS_SHOWN[0])
    control(page, "Smoothing").locator("summary").click()
    control(page, "smoothing").focus()
    page.keyboard.press("End")
    expect_drawn(page, TRAIN_OPTIONS_SHOWN)
    assert passes.count == before
    set_number(page, "Epochs", 77)
    passes.wait_for_more(page, before)
    expect_drawn(page, TRAIN_OPTIONS_SHOWN)
    come_back(page, "Train")
    expect_drawn(page, TRAIN_OPTIONS_SHOWN)
    expect(control(page, "log")).to_be_checked()
    expect(control(page, "smoothing")).to_have_value("0.99")


def test_options_of_compare_need_no_pass_and_stay(lab_page: Page, address: str) -> None:
    page, passes = lab_page, Passes(lab_page)
    page.goto(f"{address}/compare")
    expect(chart(page, SHARED)).to_have_attribute("data-status", "finished")
    wait_for_form(page)
    before = passes.count
    control(page, "verdict_by").select_option("NLL")
    verdict = stage(page).locator(".stage-list").first
    stage(page).get_by_text("The verdict on", exact=False).click()
    expect(verdict).to_contain_text("NLL")
    control(page, "judged_by").select_option("NLL, against guessing")
    control(page, "Chart").locator("summary").click()
    control(page, "axis step").click()
    control(page, "band min to max").click()
    control(page, "seeds").check()
    control(page, "log").check()
    page.keyboard.press("Escape")
    open_tab(page, "Own units")
    expect_drawn(page, COMPARE_OPTIONS_SHOWN)
    assert passes.count == before
    set_number(page, "Epochs", 77)
    passes.wait_for_more(page, before)
    expect_drawn(page, COMPARE_OPTIONS_SHOWN)
    come_back(page, "Compare")
    expect_drawn(page, COMPARE_OPTIONS_SHOWN)
    open_tab(page, "Verdict")
    expect(control(page, "verdict_by")).to_have_value("nll")


def come_back(page: Page, name: str) -> None:
    """Go to Losses and back; on the way nothing is followed."""
    streams = Streams(page)
    page.get_by_role("link", name="Losses", exact=True).click()
    button(page, "Next").wait_for()
    wait_for_form(page)
    expect(stage(page)).to_have_count(0)
    wait_until(lambda: not pumped(page, streams).open, PATIENCE_S, "no stream to be open")
    page.get_by_role("link", name=name, exact=True).click()
    stage(page).wait_for()
    wait_for_form(page)


def pumped(page: Page, streams: Streams) -> Streams:
    """After the browser has told what happened to its requests."""
    page.evaluate("0")
    return streams


@pytest.mark.thorough
def test_the_newest_printed_loss_is_in_view_also_after_a_reload(
    lab_page: Page, address: str
) -> None:
    page = lab_page
    begin(page, address)
    start(page)
    expect_printed_to_its_end(page)
    page.reload()
    expect_printed_to_its_end(page)


def expect_printed_to_its_end(page: Page) -> None:
    """More is printed than there is room for, and the last of it can be seen."""
    page.wait_for_function("""() => {
        const host = document.querySelector('[data-testid=printed]')
        return host && host.scrollTop > 0
            && host.scrollHeight - host.scrollTop - host.clientHeight < 5
    }""")


# ------------------------------------------------------------------ breaks


def test_a_killed_server_is_waited_for_and_followed_again(page: Page, server: Server) -> None:
    begin(page, server.address)
    experiment = start(page)
    wait_for_steps(page, more_than=500)
    with zooming(page, chart(page)):
        pass
    zoomed = x_range(chart(page))
    page.evaluate("window.isNotReloaded = true")
    server.kill()
    wait_for_stream(page, "waiting")
    expect(stage(page).get_by_role("status")).to_contain_text("The connection is lost")
    seen = steps(page)
    assert seen > 500
    server.start()
    wait_for_stream(page, "live")
    wait_for_status(page, "running")
    expect(stage(page).get_by_role("status")).to_be_hidden()
    # It has gone on meanwhile.
    wait_for_steps(page, more_than=seen)
    assert x_range(chart(page)) == zoomed
    assert page.evaluate("window.isNotReloaded")
    assert Store(server.store_url).get(experiment).status is Status.RUNNING
    stop_all(server.store_url)
    wait_for_status(page, "stopped")


@pytest.mark.thorough
def test_a_database_out_of_reach_is_told_and_waited_for(page: Page, server: Server) -> None:
    begin(page, server.address)
    experiment = start(page)
    wait_for_steps(page, more_than=500)
    store = Store(server.store_url)
    with closing(sqlite3.connect(store._database.place)) as database:
        database.execute("alter table experiments_v3 rename to away")
        wait_for_stream(page, "waiting")
        expect(stage(page).get_by_role("status")).to_contain_text("The database")
        expect(stage(page).get_by_role("status")).to_contain_text("trying again")
        seen = steps(page)
        database.execute("alter table away rename to experiments_v3")
    wait_for_stream(page, "live")
    wait_for_steps(page, more_than=seen)
    expect(stage(page).get_by_role("status")).to_be_hidden()
    assert store.get(experiment).status is Status.RUNNING
    stop_all(server.store_url)


@pytest.mark.thorough
def test_a_cut_of_the_network_is_waited_out(lab_page: Page, cable: Cable) -> None:
    page = lab_page
    begin(page, cable.address)
    start(page)
    cable.cut()
    wait_for_stream(page, "waiting")
    expect(stage(page).get_by_role("status")).to_contain_text("The connection is lost")
    seen = steps(page)
    cable.mend()
    wait_for_stream(page, "live")
    wait_for_steps(page, more_than=seen + 500)
    expect(stage(page).get_by_role("status")).to_be_hidden()


@pytest.mark.thorough
def test_a_browser_that_is_online_again_follows_once(lab_page: Page, address: str) -> None:
    page = lab_page
    streams = Streams(page)
    begin(page, address)
    start(page)
    opened, seen = streams.opened, steps(page)
    page.context.set_offline(True)
    page.wait_for_function("() => !navigator.onLine")
    page.context.set_offline(False)
    wait_until(lambda: pumped(page, streams).opened > opened, PATIENCE_S, "a new stream")
    wait_for_steps(page, more_than=seen + 500)
    wait_for_stream(page, "live")
    assert pumped(page, streams).opened == opened + 1
    assert len(streams.open) == 1


SHOW_OR_HIDE = """isHidden => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })
    Object.defineProperty(document, 'visibilityState', {
        configurable: true, get: () => isHidden ? 'hidden' : 'visible' })
    document.dispatchEvent(new Event('visibilitychange'))
}"""
#: Counts the drawings, and notes the steps of each.
COUNT_DRAWINGS = """() => {
    window.drawings = []
    document.addEventListener('drawn', () => queueMicrotask(() => window.drawings.push(
        Number(document.querySelector('[data-chart=units_0]').dataset.steps))))
}"""


def test_a_hidden_tab_rests_and_shows_the_newest_on_return(
    lab_page: Page, address: str, store_url: str
) -> None:
    page, store = lab_page, Store(store_url)
    streams = Streams(page)
    begin(page, address)
    experiment = start(page)
    page.evaluate(COUNT_DRAWINGS)
    page.evaluate(SHOW_OR_HIDE, True)
    wait_until(lambda: not pumped(page, streams).open, PATIENCE_S, "the stream to be closed")
    resting = page.evaluate("drawings.length")
    opened, hidden_at = streams.opened, store.get(experiment).step
    wait_until(
        lambda: store.get(experiment).step > hidden_at + 3_000, PATIENCE_S, "the training to go on"
    )
    assert pumped(page, streams).opened == opened
    # Each chart may have finished the frame that it had when the tab was hidden.
    charts = page.get_by_test_id("live-chart").count()
    assert page.evaluate("drawings.length") <= resting + charts
    assert steps(page) < hidden_at + 3_000
    page.evaluate("drawings.length = 0")
    back_at = store.get(experiment).step
    page.evaluate(SHOW_OR_HIDE, False)
    page.wait_for_function("since => drawings.some(step => step >= since)", arg=back_at)
    stale = page.evaluate("since => drawings.filter(step => step < since).length", back_at)
    assert stale <= charts
    assert len(pumped(page, streams).open) == 1


@pytest.mark.thorough
def test_a_page_that_still_says_what_was_before_is_told(lab_page: Page, address: str) -> None:
    """As when an epoch is over before a frame has shown that it went on."""
    page = lab_page
    begin(page, address)
    start(page)
    press(page, "Pause")
    wait_for_status(page, "paused")
    expect(button(page, "Resume")).to_be_visible()
    stage(page).evaluate("""host => {
        const { stage } = host.parentElement
        stage.update({ ...stage.data, status: 'running' },
            (name, value) => { window.told = [name, value] })
    }""")
    page.wait_for_function("() => window.told?.join() === 'status,paused'")


#: From here on, what is known already comes as changes of it, and they are counted.
COUNT_CHANGES = """host => {
    const { stage } = host.parentElement
    const take = stage.take
    window.changes = 0
    stage.take = (frame) => {
        window.changes += frame.blocks.filter(({ changes }) => changes).length
        take.call(stage, frame)
    }
}"""
#: Whether the stage has what somebody gets who looks for the first time.
HAS_THE_SAME = """async () => {
    const { stage } = document.querySelector('[data-testid="stage"]').parentElement
    const { body } = await fetch(stage.address)
    const reader = body.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('\\n\\n')) text += (await reader.read()).value
    reader.cancel()
    const { blocks } = JSON.parse(text.slice('data: '.length))
    const own = blocks.map(({ id }) => stage.newest.get(id))
    return JSON.stringify(own) === JSON.stringify(blocks)
}"""


@pytest.mark.parametrize("path", ["/", "/compare"])
def test_who_followed_by_changes_has_what_a_newcomer_gets(
    lab_page: Page, address: str, path: str
) -> None:
    page = lab_page
    begin(page, address)
    experiment = start(page)
    page.goto(f"{address}{path}?experiment={experiment}")
    expect(stage(page)).to_have_attribute("data-stream", "live")
    stage(page).evaluate(COUNT_CHANGES)
    page.wait_for_function("window.changes > 20")
    press(page, "Pause")
    expect(stage(page)).to_have_attribute("data-status", "paused")
    page.wait_for_function(HAS_THE_SAME)


@pytest.mark.thorough
def test_five_tabs_follow_one_training_at_once(lab_page: Page, address: str) -> None:
    page = lab_page
    begin(page, address)
    start(page)
    tabs = [page, *(page.context.new_page() for _ in range(4))]
    for tab in tabs[1:]:
        tab.goto(page.url)
    newest = max(wait_for_steps(tab) for tab in tabs)
    for tab in tabs:
        wait_for_steps(tab, more_than=newest)
    press(tabs[-1], "Stop")
    for tab in tabs:
        wait_for_status(tab, "stopped")
        wait_for_stream(tab, "ended")


@pytest.mark.parametrize("path", ["/", "/compare"])
def test_an_unknown_experiment_is_a_sentence_and_no_trouble(
    page: Page, address: str, path: str
) -> None:
    trouble: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # Streamlit looks for its server below the address of the page, where it is not.
        if message.type == "error" and "/compare/_stcore/" not in message.location["url"]:
            trouble.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(f"{address}{path}?experiment=0123456789")
    expect(page.get_by_test_id("stAlert")).to_contain_text("No experiment")
    wait_for_form(page)
    assert trouble == []


# ------------------------------------------------------------------ everybody


TABS = ("Verdict", "Own units", "Calibration", "Gradients", "What each learned", "Conditions")


@pytest.mark.thorough
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_part_of_the_stage_is_accessible_and_not_cut_off(
    browser: Browser, address: str, store_url: str, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    begin(page, address)
    start(page)
    control(page, "Smoothing").locator("summary").click()
    expect_in_sight(page, control(page, "Smoothing").locator("> div"))
    expect_accessible(page)
    press(page, "Stop")
    wait_for_status(page, "stopped")
    expect_accessible(page)
    page.goto(f"{address}/compare")
    expect(chart(page, SHARED)).to_have_attribute("data-status", "finished")
    control(page, "Chart").locator("summary").click()
    expect_in_sight(page, control(page, "Chart").locator("> div"))
    expect_accessible(page)
    page.keyboard.press("Escape")
    for tab in TABS:
        open_tab(page, tab)
        expect_accessible(page)
    context.close()


def expect_in_sight(page: Page, what: Locator) -> None:
    """Neither side of it is beyond the screen."""
    box = what.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]


def test_the_keyboard_opens_tabs_and_menus(lab_page: Page, address: str) -> None:
    page = lab_page
    page.goto(f"{address}/compare")
    expect(chart(page, SHARED)).to_have_attribute("data-status", "finished")
    stage(page).get_by_role("tab", name="Verdict").focus()
    for name in (*TABS[1:], TABS[0]):
        page.keyboard.press("ArrowRight")
        expect(stage(page).get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        expect(stage(page).get_by_role("tab", name=name)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(stage(page).get_by_role("tab", name=TABS[-1])).to_be_focused()
    table(page, "fingerprints").wait_for()
    menu = control(page, "Chart")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(control(page, "axis seconds")).to_be_focused()
    expect(control(page, "axis seconds")).to_have_attribute("aria-checked", "true")
    drawn(page, SHARED, "host._fullLayout.xaxis.title.text.startsWith('seconds')")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
