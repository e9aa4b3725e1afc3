"""Numbers as text: read as a person means them, and written so that nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bounds import as_text, number_in


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        (" 12 ", 12),
        ("1e3", 1000),
        ("1E+3", 1000),
        ("1,000", 1000),
        ("12,345,678", 12_345_678),
        ("1,000.5", 1000.5),
        ("+7", 7),
        ("-0.25", -0.25),
        (".5", 0.5),
        ("5.", 5),
        ("3.0", 3),
        ("3.7", 3.7),
        ("1e-6", 1e-6),
        ("007", 7),
    ],
)
def test_a_number_is_read_as_it_is_meant(text: str, number: float) -> None:
    read = number_in(text)
    assert read == number
    assert isinstance(read, int) == float(number).is_integer()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "nan",
        "inf",
        "-Infinity",
        "1e999",
        "0,5",
        "3,70",
        "1,0000",
        "1,00",
        ",500",
        "0,500",
        "1_000",
        "0x10",
        "1 000",
        "1.2.3",
        "e3",
        "1e",
        "--1",
        "٣",
        "１２",
        "½",
        "1\n2",
    ],
)
def test_what_is_no_number_stays_as_it_was_typed(text: str) -> None:
    assert number_in(text) == text.strip()


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15))
def test_a_number_comes_back_from_its_text(number: float) -> None:
    assert number_in(as_text(number)) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (0.001, "0.001"),
        (1e-6, "1e-06"),
        (1000.0, "1000"),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)
def test_a_number_is_written_as_short_as_can_be(number: float, text: str) -> None:
    assert as_text(number) == text
