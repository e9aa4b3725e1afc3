"""Words for the pages, within text that Streamlit reads as Markdown.

Whatever the authors of the app did not write themselves goes into such text by ``escaped``, and by
nothing else: ``tests/pages/test_one_way.py`` reads every call of Streamlit for that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

#: More is not read: it would push the rest of a page out of sight.
LONGEST = 2_000
#: What Markdown, LaTeX, HTML or Streamlit's own directives begin or end with.
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$<>:&=^])")
#: Where a name of an icon, an address, one of e-mail or an arrow would be found in text that is
#: read already, so that no backslash keeps it from being shown as such.
_SEAMS = re.compile(r"(?<=[:@])(?=\S)|(?<=www)(?=\.)|(?<=[-<~>])(?=[-=>])", re.IGNORECASE)
#: Shows as nothing, and keeps the characters beside it from being read as one sign.
_JOINER = "\u2060"
#: What stands for a character that can't be seen, by its kind in Unicode: ends of lines and other
#: spaces, and what turns letters round or joins them. For any other, as half a character, "\ufffd".
_STAND_INS = {"Cc": " ", "Zl": " ", "Zp": " ", "Zs": " ", "Cf": ""}


def escaped(text: str) -> str:
    """The text so that Markdown shows it as it is, and fetches and runs nothing of it.

    It is on one line, without characters that can't be seen, and cut where it is long.
    """
    seen = _on_one_line(text[: LONGEST + 1])
    cut = seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 1]}…"
    return _SIGNS.sub(r"\\\1", _SEAMS.sub(_JOINER, cut))


def _on_one_line(text: str) -> str:
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() else _STAND_INS.get(unicodedata.category(each), "\ufffd")
            for each in text
        )
    return re.sub(" +", " ", text)


def in_a_row(titles: Sequence[str]) -> str:
    """As in "CrossEntropy, BCE and MSE"."""
    *rest, last = titles
    return f"{', '.join(rest)} and {last}" if rest else last
