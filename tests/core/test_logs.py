"""Lines of the log: one an event, whatever is in it, with the experiment's id."""

from __future__ import annotations

import logging
import re
import sys

from core import logs


def line(message: str, *values: object, **more: object) -> str:
    record = logging.LogRecord("core", logging.WARNING, "", 0, message, values, None)
    record.__dict__.update(more)
    return logs.Lines("job").format(record)


def test_a_line_has_the_words_and_the_experiment() -> None:
    found = line("It waits for %s", "the store", **logs.about("0123456789"))
    assert re.fullmatch(
        r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d level=warning part=job process=\d+ "
        r'experiment=0123456789 message="It waits for the store"',
        found,
    )


def test_what_is_about_no_experiment_says_none() -> None:
    assert "experiment=" not in line("Hello")


def test_nothing_makes_two_lines_of_one() -> None:
    assert "\n" not in line('One\nlevel=error "two"')


def test_an_error_is_on_the_same_line() -> None:
    try:
        raise ValueError("bad\nvalue")
    except ValueError:
        found = line("It failed.", exc_info=sys.exc_info())
    assert "\n" not in found
    assert "ValueError: bad" in found
