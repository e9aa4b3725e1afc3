"""Names that look like signs of bold or like HTML stand on a stage as they were typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.live.blocks import Block, typed
from core.live.view import Tab
from core.records import Status
from core.spec import ExperimentSpec
from core.store import Store
from tests.core.live.staging import charts, race_of, reported, stage, whole, words

NAMES = ("**bold** 2**3", "<b>bold</b>", "$x$ %{meta.scope} %{x}", "a ** b *** c")
#: Kinds of blocks whose words the browser reads signs of bold in; and so in cells of tables.
RICH = ("text", "caption", "info", "error")


def spec_of_names(data: str = "moons", **parts: Any) -> ExperimentSpec:
    losses = ("mse", "l1", "huber", "mse") if data == "diabetes" else ("bce", "bce", "mse", "hinge")
    named = [{"loss": loss, "name": name} for loss, name in zip(losses, NAMES, strict=True)]
    return race_of(data, entrants=named, **parts)


def rich_texts(blocks: dict[str, Block]) -> Iterator[str]:
    for block in whole(blocks):
        if block["kind"] in RICH:
            yield block["text"]
        if block["kind"] == "findings":
            yield from (line["text"] for line in block["lines"])
        if block["kind"] == "table":
            yield from (cell for _, *cells in block["rows"] for cell in cells)


@given(st.text(alphabet="*a \u2060", max_size=12), st.text(alphabet="*a", max_size=6))
def test_what_was_typed_has_no_sign_of_bold_and_reads_the_same(name: str, other: str) -> None:
    for each in (name, other, name + other):
        assert "**" not in typed(each)
        assert typed(each).replace("\u2060", "") == each.replace("\u2060", "")


@pytest.fixture(scope="module")
def races(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, str]]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('names') / 'lab.db'}")
    training = {"epochs": 2, "device": "cpu", "protocol": "best_rate"}
    specs = {data: spec_of_names(data, training=training) for data in ("moons", "iris", "diabetes")}
    return store, {data: reported(store, spec) for data, spec in specs.items()}


@pytest.mark.some(6)
@pytest.mark.parametrize("tab", list(Tab))
@pytest.mark.parametrize("data", ["moons", "iris", "diabetes"])
def test_on_compare(races: tuple[Store, dict[str, str]], data: str, tab: Tab) -> None:
    store, ids = races
    shown = stage(store, ids[data], page="compare", tab=tab.value)
    for text in rich_texts(shown):
        assert len(text.split("**")) % 2 == 1, text
    assert [title for title, _ in shown["readout"]["details"]] == list(NAMES)
    if tab is Tab.CONDITIONS:
        unjoined = shown["protocol"]["text"].replace("\u2060", "")
        assert all(name in unjoined for name in NAMES)
        assert shown["protocol"]["text"].split("**")[1::2] == ["Protocol:"]
    if tab is Tab.VERDICT:
        assert [title for title, *_ in shown["matrix"]["rows"]] == list(NAMES)
    for figure in charts(shown).values():
        assert "<b>bold" not in figure_text(figure)
        assert "%{meta" not in figure_text(figure)


def figure_text(figure: dict[str, Any]) -> str:
    """All that a chart shows as text; Plotly reads some HTML in it."""
    for trace in figure["data"]:
        # Known to Plotly alone.
        trace.pop("legendgroup", None)
    return json.dumps(figure)


@pytest.mark.parametrize("status", [Status.FINISHED, Status.RUNNING, Status.FAILED])
def test_on_train(store: Store, status: Status) -> None:
    end = None if status is Status.FINISHED else status
    shown = stage(store, reported(store, spec_of_names(seeds=[0]), end))
    losses = ("BCE", "BCE", "MSE", "Hinge")
    assert shown["readout"]["details"] == [
        [name, loss] for name, loss in zip(NAMES, losses, strict=True)
    ]
    assert shown["printed_heading"]["text"] == f"{NAMES[0]}, printed epoch by epoch"
    assert [title for title, *_ in shown["numbers"]["rows"]] == list(NAMES)
    assert all("**" not in text for text in rich_texts(shown))
    for figure in charts(shown).values():
        assert "<b>bold" not in figure_text(figure)


def test_where_training_diverges(store: Store) -> None:
    spec = spec_of_names(
        "diabetes",
        optimizer={"name": "sgd", "learning_rate": 100},
        training={"epochs": 6, "batch_size": 8},
        seeds=[0],
    )
    experiment_id = reported(store, spec)
    for page in ("train", "compare"):
        lines = stage(store, experiment_id, page=page)["findings"]["lines"]
        said = "\n".join(line["text"] for line in lines)
        assert NAMES[0] in said.replace("\u2060", "")
        assert "**" not in said


def test_an_expression_that_is_a_title_keeps_its_powers(store: Store) -> None:
    spec = race_of(
        "diabetes",
        entrants=[
            {"loss": "custom", "expression": "(p - y)**2"},
            {"loss": "custom", "expression": "(p - y)**4"},
        ],
        optimizer={"name": "sgd", "learning_rate": 100},
        training={"epochs": 6, "batch_size": 8},
    )
    experiment_id = reported(store, spec)
    lines = stage(store, experiment_id, page="compare")["findings"]["lines"]
    said = "\n".join(line["text"] for line in lines)
    assert "**" not in said
    assert "Your own: (p - y)**4 diverged in " in said.replace("\u2060", "")
    assert "(p - y)**4" in words(stage(store, experiment_id))
