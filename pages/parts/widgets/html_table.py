"""Small tables of numbers as HTML, with one of them marked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

#: How what is called ``numbers`` looks.
STYLE = """<style>
.numbers { overflow-x: auto; }
.numbers table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.numbers caption { text-align: left; padding-bottom: 0.3rem; font-size: 0.875rem; }
.numbers th, .numbers td {
  padding: 0.25rem 0.7rem; text-align: right; white-space: nowrap; font-size: 0.875rem;
  border-bottom: 1px solid var(--st-border-color, rgba(128,128,128,0.3)); }
.numbers th { font-weight: 500; }
.numbers td.marked { font-weight: 700; background: rgba(128,128,128,0.18); }
</style>"""


def draw(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[str]]],
    marked: tuple[int, int] | None = None,
) -> None:
    """Rows of cells, each after its name; ``marked`` is the row and column of one of them."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("", *columns))
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(
            f'<td class="marked">{escape(cell)}</td>'
            if (row, column) == marked
            else f"<td>{escape(cell)}</td>"
            for column, cell in enumerate(cells)
        )
        + "</tr>"
        for row, (name, cells) in enumerate(rows)
    )
    st.html(
        f'{STYLE}<div class="numbers" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )
