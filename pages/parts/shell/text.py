"""Words for the pages: what a person typed, within text that Streamlit reads as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: What Markdown, LaTeX, HTML or Streamlit's own directives begin or end with.
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$<>:&=^])")


def escaped(text: str) -> str:
    """The text so that Markdown shows it as it is, and fetches and runs nothing of it."""
    return _SIGNS.sub(r"\\\1", text)


def in_a_row(titles: Sequence[str]) -> str:
    """As in "CrossEntropy, BCE and MSE"."""
    *rest, last = titles
    return f"{', '.join(rest)} and {last}" if rest else last
