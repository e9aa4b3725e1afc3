"""The options of a view: their defaults, what they may be, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from core.compare.courses import CurveAxis
from core.compare.intervals import Spread
from core.compare.pairs import Scope
from core.errors import SpecError
from core.live.view import Page, Tab, View
from core.records import Measure

DEFAULTS = {
    "page": Page.TRAIN,
    "log": False,
    "smoothing": 0.0,
    "judged_by": "",
    "axis": CurveAxis.EPOCH,
    "band": Spread.INTERVAL,
    "seeds": False,
    "tab": Tab.VERDICT,
    "verdict_by": None,
    "pairs": False,
    "one_function": False,
    "scope": Scope.SPLITS,
    "seed": None,
    "look": None,
    "ghost": "",
    "before": True,
    "exhibit": "",
    "part": 0,
}


def test_an_address_without_options_has_the_defaults() -> None:
    assert dict(View.parse({})) == DEFAULTS


@pytest.mark.parametrize(
    ("option", "given", "expected"),
    [
        *(("page", each.value, each) for each in Page),
        *(("axis", each.value, each) for each in CurveAxis),
        *(("band", each.value, each) for each in Spread),
        *(("tab", each.value, each) for each in Tab),
        *(("verdict_by", each.value, each) for each in Measure),
        *(("scope", each.value, each) for each in Scope),
        ("log", "true", True),
        ("log", "false", False),
        ("seeds", "true", True),
        ("pairs", "true", True),
        ("one_function", "true", True),
        ("smoothing", "0", 0.0),
        ("smoothing", "0.5", 0.5),
        ("smoothing", "0.99", 0.99),
        ("judged_by", "skill in loss", "skill in loss"),
        ("seed", "3", 3),
        ("ghost", "0123456789", "0123456789"),
        ("before", "false", False),
        ("seed", "2147483647", 2147483647),
    ],
)
def test_each_option_is_read(option: str, given: str, expected: Any) -> None:
    assert dict(View.parse({option: given})) == DEFAULTS | {option: expected}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"colour": "red"}, "The name of an option was 'colour'; a view has none of that name."),
        ({"": ""}, "The name of an option was empty; a view has none of that name."),
        ({"smoothing": "1"}, "Smoothing was 1.0; allowed is 0 to 0.99."),
        ({"smoothing": "-0.01"}, "Smoothing was -0.01; allowed is 0 to 0.99."),
        ({"smoothing": "nan"}, "Smoothing was nan; allowed is 0 to 0.99."),
        ({"smoothing": "inf"}, "Smoothing was inf; allowed is 0 to 0.99."),
        ({"smoothing": "much"}, "The view's option 'smoothing' was 'much', which it can't be."),
        ({"page": "losses"}, "The view's option 'page' was 'losses', which it can't be."),
        ({"tab": ""}, "The view's option 'tab' was empty, which it can't be."),
        ({"axis": "days"}, "The view's option 'axis' was 'days', which it can't be."),
        ({"band": "wide"}, "The view's option 'band' was 'wide', which it can't be."),
        ({"log": "perhaps"}, "The view's option 'log' was 'perhaps', which it can't be."),
        ({"verdict_by": "luck"}, "The view's option 'verdict_by' was 'luck', which it can't be."),
        ({"scope": "all"}, "The view's option 'scope' was 'all', which it can't be."),
        ({"ghost": "../secrets"}, "The view's option 'ghost' was '../secrets', which it can't be."),
        ({"seed": "1.5"}, "The view's option 'seed' was '1.5', which it can't be."),
    ],
)
def test_what_no_page_asks_for_is_refused_with_a_sentence(
    options: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SpecError) as refused:
        View.parse(options)
    assert str(refused.value) == sentence


def test_every_wrong_option_has_its_sentence_and_long_ones_are_cut() -> None:
    with pytest.raises(SpecError) as refused:
        View.parse({"page": "x" * 5000, "tab": "y", "seed": "9" * 5000})
    assert len(refused.value.sentences) == 3
    assert len(str(refused.value)) < 500


def test_the_same_options_are_the_same_view() -> None:
    options = {"page": "compare", "tab": "units", "smoothing": "0.50"}
    assert View.parse(options) == View.parse({**options, "smoothing": "0.5"})
    assert hash(View.parse(options)) == hash(View.parse(dict(reversed(options.items()))))
