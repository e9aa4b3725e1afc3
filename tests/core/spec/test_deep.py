"""Settings that are nested thousands deep, or hold what nobody would write, are refused shortly."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import SpecError
from core.spec import ExperimentSpec, parse_file
from core.spec.sentences import TOO_DEEP

#: Where a value of a person may stand, by the names on the way to it.
PLACES = (
    ("data",), ("data", "name"), ("data", "rows"), ("data", "stress"), ("data", "stress", "flips"),
    ("data", "stress", "outliers_in"), ("network",), ("network", "hidden_sizes"),
    ("network", "activation"), ("network", "start"), ("network", "start", "scheme"),
    ("network", "start", "weights"), ("optimizer",), ("optimizer", "name"),
    ("optimizer", "learning_rate"), ("training",), ("training", "device"), ("training", "protocol"),
    ("entrants",), ("seeds",), ("branched_from",), ("branched_from", "experiment"), ("nonsense",),
)  # fmt: skip
OF_ENTRANTS = ("loss", "parameters", "expression", "name", "learning_rate", "head_seed", "then")


def nested(depth: int, kind: str) -> Any:
    found: Any = {} if kind == "object" else []
    for _ in range(depth):
        found = {"data": found} if kind == "object" else [found]
    return found


def with_value(value: object) -> list[dict[str, Any]]:
    """Experiments with the value in one place each."""
    found: list[dict[str, Any]] = []
    for place in PLACES:
        plain: Any = value
        for name in reversed(place):
            plain = {name: plain}
        found.append(plain)
    for name in OF_ENTRANTS:
        found.append({"entrants": [{"loss": "focal", name: value}]})
    return [*found, {"entrants": [{"loss": "focal", "parameters": {"gamma": value}}]}]


@pytest.mark.parametrize("kind", ["object", "list"])
@pytest.mark.parametrize("depth", [30, 300, 900, 5_000, 100_000])
def test_what_is_nested_far_too_deep_is_said_to_be(depth: int, kind: str) -> None:
    for plain in with_value(nested(depth, kind)):
        with pytest.raises(SpecError) as caught:
            ExperimentSpec.parse(plain)
        assert str(caught.value) == TOO_DEEP


@pytest.mark.parametrize(
    "value",
    [nested(3, "object"), nested(3, "list"), 10**5_000, -(10**400)],
    ids=["object", "list", "number", "negative"],
)
def test_what_is_none_of_what_is_allowed_is_a_sentence(value: object) -> None:
    for plain in with_value(value):
        with pytest.raises(SpecError) as caught:
            ExperimentSpec.parse(plain)
        assert all(sentence.endswith(".") for sentence in caught.value.sentences)
        assert len(str(caught.value)) < 2_000


@pytest.mark.parametrize("opened", ["[", '{"data":'])
def test_a_file_that_is_nested_far_too_deep_is_said_to_be(opened: str) -> None:
    closed = {"[": "]", '{"data":': "}"}[opened]
    inner = "[]" if opened == "[" else "{}"
    depth = 2_000
    content = f'{{"data": {opened * depth}{inner}{closed * depth}}}'.encode()
    with pytest.raises(SpecError) as caught:
        parse_file(content)
    assert str(caught.value) == TOO_DEEP
    with pytest.raises(SpecError, match="not valid JSON"):
        parse_file(b'{"data": [')
