"""Names that look like Markdown or HTML stand on the pages as they were typed, and do nothing.

Those on a stage are tested in ``tests/core/live/test_names.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from core.records import Status
from core.spec import ExperimentSpec
from core.store import Store
from pages.parts.shell.text import LONGEST, escaped
from tests.core.live.staging import race_of, reported
from tests.pages.looking import (
    as_read,
    edit,
    enter,
    entrants,
    errors,
    shown,
    unfold,
)
from tests.strangers import NAMES as STRANGE

NAMES = (
    "![x](http://example.org/x.png)",
    "<b>bold</b> www.x.org",
    "$x$ a@x.org",
    ":material/home:",
)
#: What a Markdown reader or a browser would act on in each name.
ACTING = ("![x](", "<b>", "$x$", ":material/home:", "http://", "www.x", "@x.org")


def spec_of_names(data: str = "moons", **parts: Any) -> ExperimentSpec:
    losses = ("mse", "l1", "huber", "mse") if data == "diabetes" else ("bce", "bce", "mse", "hinge")
    named = [{"loss": loss, "name": name} for loss, name in zip(losses, NAMES, strict=True)]
    return race_of(data, entrants=named, **parts)


def strings(message: Message) -> Iterable[str]:
    """Every text in what the browser is sent of an element."""
    for field, value in message.ListFields():
        values = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        for each in values:
            if isinstance(each, Message):
                yield from strings(each)
            elif isinstance(each, str) and field.name not in ("id", "element_id", "user_key"):
                yield each


def markdown(app: AppTest) -> list[str]:
    """All texts that the browser reads as Markdown: bodies, labels, options and cells."""
    kinds = (
        "markdown", "caption", "error", "info", "warning", "success", "subheader", "title",
        "button", "toggle", "button_group", "selectbox", "slider", "select_slider",
        "download_button",
    )  # fmt: skip
    found = [text for kind in kinds for each in getattr(app, kind) for text in strings(each.proto)]
    found += [each.label for each in app.text_input] + [each.label for each in app.expander]
    for table in app.table:
        found += [*map(str, table.value.index), *map(str, table.value.to_numpy().flat)]
        found += map(str, table.value.columns)
    return found


def acting(app: AppTest) -> list[str]:
    """The texts in which a name is more than its characters."""
    # The page's own signs for what is wrong stand around a sentence of what was typed.
    texts = [text.replace(":small[:red[:material/error:", "") for text in markdown(app)]
    found = [text for text in texts if any(each in text for each in ACTING)]
    html = [each.proto.body for each in app.get("html")]
    return found + [body for body in html if "<b>bold" in body or "<img" in body]


def is_shown(app: AppTest, name: str) -> bool:
    everything = "\n".join(markdown(app))
    return escaped(name) in everything


def assert_nothing_acts(app: AppTest) -> None:
    assert not app.exception
    assert acting(app) == []


def test_names_that_act_are_found(train: AppTest) -> None:
    """The look-out of these tests sees a name that is not kept from acting."""

    def unguarded() -> None:
        import streamlit as st

        st.caption("Against ![x](http://example.org/x.png)")
        st.table({"<b>bold</b>": [1]})
        st.toggle("$x$")
        st.html("<p><b>bold</b></p>")

    app = AppTest.from_function(unguarded).run()
    assert len(acting(app)) == 4


@pytest.mark.parametrize("status", [Status.FINISHED, Status.RUNNING, Status.FAILED])
def test_on_train(train: AppTest, lab_store: Store, status: Status) -> None:
    end = None if status is Status.FINISHED else status
    shown(train, reported(lab_store, spec_of_names(seeds=[0]), end))
    for place in range(len(NAMES)):
        edit(train, "train", place)
        assert_nothing_acts(train)
    assert all(is_shown(train, name) for name in NAMES)
    assert tuple(entrants(train, "train").values()) == NAMES


@pytest.mark.some(1)
@pytest.mark.parametrize("data", ["moons", "digits", "diabetes"])
def test_on_compare(compare: AppTest, lab_store: Store, data: str) -> None:
    protocol = {"epochs": 2, "device": "cpu", "protocol": "best_rate"}
    shown(compare, reported(lab_store, spec_of_names(data, training=protocol)))
    edit(compare, "compare", 0)
    assert_nothing_acts(compare)
    assert all(is_shown(compare, name) for name in NAMES)
    enter(compare, "compare", "protocol/compare", "same_rate")
    assert_nothing_acts(compare)


@pytest.mark.parametrize("name", NAMES)
def test_in_a_sentence_of_what_is_wrong(compare: AppTest, lab_store: Store, name: str) -> None:
    unfold(compare)
    edit(compare, "compare", 0)
    path = f"entrants/compare/classes/{next(iter(entrants(compare, 'compare')))}"
    enter(compare, "compare", f"{path}/name", name)
    enter(compare, "compare", f"{path}/parameters/cross_entropy/class_weights", name)
    assert any(name in error or "Class weight" in error for error in errors(compare))
    assert_nothing_acts(compare)


@pytest.mark.parametrize("words", [*NAMES, *STRANGE])
def test_what_is_escaped_reads_as_it_was_typed(words: str) -> None:
    assert as_read(escaped(words)) == words


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a\nb\r\n\n# c\t\n\n    d", "a b # c d"),
        ("a\u2028b\u2029c\x85d\xa0e", "a b c d e"),
        ("a\u202eb\u2066c\u200bd\ufeff\u2060e", "abcde"),
        ("a\x00b", "a b"),
        ("a\ud800b\ue000c", "a\ufffdb\ufffdc"),
    ],
)
def test_what_can_not_be_seen_is_not_shown(words: str, shown: str) -> None:
    assert as_read(escaped(words)) == shown


def test_what_is_long_is_cut() -> None:
    shown = as_read(escaped(10_000 * "*"))
    assert len(shown) == LONGEST
    assert shown.endswith("*…")
