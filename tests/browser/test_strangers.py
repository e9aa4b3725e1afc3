"""What strangers type and send stands in the browser as its letters: it fetches and runs nothing.

Which calls of the pages show text, and how, is tested in ``tests/pages/test_one_way.py``; here it
is what comes of it with Streamlit's own reader of Markdown, and Plotly's of HTML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from core.example import ensure
from core.store import Store
from tests.browser.lab import button, open_tab, stage, wait_for_form
from tests.core.live.staging import race_of, reported
from tests.strangers import LONG, NAMES, WORDS

#: What would act, were a name read as anything but its letters.
ACTS = (
    "a[href*='evil.example'], a[href^='javascript'], a[href^='mailto'], img[src*='evil.example'],"
    "img[src='x'], iframe, object, embed, [onerror], form[action]"
)
JOINER = "\u2060"


@dataclass
class Watched:
    """A page, and what it asked for and did."""

    page: Page
    address: str
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("websocket", lambda socket: self.asked.append(socket.url))
        self.page.on("dialog", self._shut)

    def _shut(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def goto(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    def assert_nothing_happened(self) -> None:
        own = (self.address, self.address.replace("http", "ws", 1), "data:", "blob:")
        assert [url for url in self.asked if not url.startswith(own)] == []
        assert self.dialogs == []
        assert self.page.locator(ACTS).evaluate_all("found => found.map(e => e.outerHTML)") == []


@pytest.fixture
def watched(page: Page, address: str) -> Iterator[Watched]:
    made = Watched(page, address)
    made.begin()
    yield made
    made.assert_nothing_happened()


@pytest.fixture(scope="module")
def race(store_url: str, address: str) -> str:
    """A race whose entrants have these names."""
    entrants = [{"loss": "mse", "name": name} for name in NAMES]
    spec = race_of(entrants=entrants, training={"epochs": 2, "device": "cpu"}, seeds=[0, 1])
    return reported(Store(store_url), spec)


def read(host: Locator) -> str:
    return host.inner_text().replace(JOINER, "")


def beginning(words: str) -> str:
    """What a sentence that quotes a text has of it at least, however it is cut."""
    return repr(words)[1:9]


def expect_said(host: Locator, words: str) -> None:
    """Wait until it is said, letter for letter."""
    expect(host).to_contain_text(re.compile(f"{JOINER}?".join(map(re.escape, words))))


# ------------------------------------------------------------------ addresses


def test_an_address(watched: Watched) -> None:
    paths = ("/exhibits?exhibit=", "/exhibits?showing=", "/compare?experiment=")
    for words, path in zip((*WORDS, LONG), 2 * paths, strict=True):
        watched.goto(path + quote(words))
        alert = watched.page.get_by_test_id("stAlert").first
        expect_said(alert, beginning(words))
        assert len(read(alert)) < 400
        watched.assert_nothing_happened()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path",
    [
        "/?experiment={}",
        "/exhibits?exhibit=mae_price&tour={}&step={}&guest={}",
        "/losses?experiment={}&{}={}",
        "/?present={}&embed={}&theme={}&{}",
        "/?embed=1&experiment={}",
        "/?embed=1&experiment=EXAMPLE&chart={}",
        "/live/{}",
        "/live/{}/moments/1",
        "/live/EXAMPLE?judged_by={}&page={}&look={}&{}=1",
        "/live/EXAMPLE/{}",
        "/program/{}",
        "/showings/{}",
        "/{}",
    ],
)
def test_every_address(watched: Watched, store_url: str, path: str) -> None:
    example = ensure(Store(store_url), "train")
    words = " ".join(WORDS)
    given = quote(words, safe="") if "?" in path else quote(words.replace("/", "|"), safe="")
    watched.goto(path.replace("EXAMPLE", example).replace("{}", given))
    watched.page.wait_for_timeout(300)
    body = watched.page.locator("body")
    expect(body).not_to_have_text("")
    if watched.page.get_by_test_id("stApp").count():
        wait_for_form(watched.page)
    assert len(read(body)) < 20_000


# ------------------------------------------------------------------ names


@pytest.mark.parametrize("path", ["/", pytest.param("/compare", marks=pytest.mark.thorough)])
def test_names_of_entrants(watched: Watched, race: str, path: str) -> None:
    page = watched.page
    watched.goto(f"{path}?experiment={race}")
    pills = page.get_by_role("radiogroup", name="Losses, side by side").get_by_role("radio")
    expect(pills).to_have_count(len(NAMES))
    assert [read(each) for each in pills.all()] == list(NAMES)
    pills.nth(3).click()
    wait_for_form(page)
    titles = stage(page).locator(".stage-table").first.locator("tbody th")
    expect(titles).to_have_count(len(NAMES))
    assert [read(each) for each in titles.all()] == list(NAMES)
    said = read(page.locator(".readout .details"))
    assert all(f"{name}: " in said for name in NAMES)
    legend = page.locator(".legendtext")
    if path == "/compare":
        expect(legend.first).to_be_visible()
    drawn = {each.replace("\xa0", " ") for each in page.locator("svg text").all_text_contents()}
    for name in NAMES:
        assert any(name[:19] in each for each in drawn), name
    watched.assert_nothing_happened()


def test_names_in_each_tab_of_a_race(watched: Watched, race: str) -> None:
    page = watched.page
    watched.goto(f"/compare?experiment={race}")
    for tab in ("Own units", "Gradients", "Conditions"):
        open_tab(page, tab)
        watched.assert_nothing_happened()
    forest = page.locator('[data-chart="forest"]')
    mark = forest.locator(".scatterlayer .points path").first
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    hover = forest.locator(".hovertext")
    expect(hover).to_be_visible()
    assert any(name[:12] in hover.text_content() for name in NAMES)  # type: ignore[operator]


# ------------------------------------------------------------------ what is typed, and files


def test_what_is_typed_into_fields(watched: Watched) -> None:
    page = watched.page
    watched.goto("/")
    button(page, "Train").wait_for()
    wait_for_form(page)
    for label in ("Learning rate", "Size 1", "Seed"):
        box = page.get_by_label(label, exact=True).first
        words = 50 * " ".join(WORDS)
        box.fill(words)
        box.press("Enter")
        wait_for_form(page)
        expect_said(page.get_by_test_id("stAlert").first, beginning(words))
        watched.assert_nothing_happened()


def test_an_expression_that_is_none(watched: Watched) -> None:
    page = watched.page
    watched.goto("/losses")
    button(page, "Write your own").click()
    box = page.get_by_label("Your own loss, of z, p and y")
    for words in (WORDS[0], WORDS[3]):
        box.fill(words)
        box.press("Enter")
        wait_for_form(page)
        expect_said(page.get_by_test_id("stCode").first, words)
    watched.assert_nothing_happened()


def test_a_file_and_its_name(watched: Watched) -> None:
    page = watched.page
    watched.goto("/")
    page.get_by_text("Settings as a file").click()
    chooser = page.locator('input[type="file"]')
    for words in WORDS[::2]:
        wrong = {
            words: words,
            "data": {"name": words, "rows": words, words: 1},
            "network": {"hidden_sizes": [words], "activation": {words: [words]}},
            "entrants": [{"loss": words, "name": 40 * words, "expression": words}],
            "training": {"device": words},
        }
        name = f"{words.replace('/', '|')}.json"
        buffer = json.dumps(wrong).encode()
        chooser.set_input_files({"name": name, "mimeType": "", "buffer": buffer})
        alert = page.get_by_test_id("stAlert").filter(has_text="was not opened.")
        expect_said(alert, f"{name} was not opened.")
        expect_said(alert, f"Device was {beginning(repr(words))}")
        watched.assert_nothing_happened()
