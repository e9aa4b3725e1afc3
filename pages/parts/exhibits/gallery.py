"""The gallery: a card for each exhibit."""

from __future__ import annotations

import base64
from html import escape

import streamlit as st

from core.exhibits import EXHIBITS, Exhibit
from core.exhibits.recorded import Recorded, recorded
from core.exhibits.tour import TOUR
from pages.parts.exhibits import place, running, tour
from pages.parts.shell import layout, session

#: So wide that a question stands in two lines.
_CARD_WIDTH = 300
_MOST_COLUMNS = 3


def draw() -> None:
    layout.begin("Exhibits")
    with st.container(key="gallery"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                "Famous claims about losses. **Run it** trains one live, in at most 30 s, and says "
                "whether it is seen here.",
                width="content",
            )
            st.button(
                f"Tour: {_counted(len(TOUR))} in five minutes",
                key="tour",
                icon=":material/tour:",
                on_click=tour.begin,
            )
        cards = st.grid(_MOST_COLUMNS, min_column_width=_CARD_WIDTH, gap="small", key="cards")
        with cards:
            for exhibit in EXHIBITS.values():
                _card(exhibit)


def _counted(count: int) -> str:
    words = ("no", "one", "two", "three", "four", "five")
    return f"{words[count]} exhibit{'' if count == 1 else 's'}"


def _card(exhibit: Exhibit) -> None:
    with st.container(border=True, key=f"card_{exhibit.key}"):
        st.html(_words(exhibit))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Run it",
                key=f"run_{exhibit.key}",
                type="primary",
                icon=":material/play_arrow:",
                on_click=_run,
                args=(exhibit,),
            )
            st.page_link(
                "exhibits.py",
                label="Look first",
                query_params={place.EXHIBIT: exhibit.key},
                width="content",
            )


def _words(exhibit: Exhibit) -> str:
    found = recorded(exhibit.key)
    seeds = "1 seed" if found and found.seeds == 1 else f"{found.seeds if found else 0} seeds"
    said = f"Recorded: {found.finding.value}, {seeds}" if found else "Not recorded yet"
    source = exhibit.source
    return (
        f'<div class="exhibit-card"><div class="picture">{_picture(exhibit, found)}</div>'
        f'<p class="legend">{_legend(exhibit)}</p>'
        f"<h2>{escape(exhibit.question)}</h2>"
        f'<p class="source"><b>{escape(source.paper)}</b>: {escape(source.measured)}</p>'
        f'<p class="recorded">{escape(said)}</p></div>'
    )


def _picture(exhibit: Exhibit, found: Recorded | None) -> str:
    """Within the page: with addresses of their own, pictures would come one after another."""
    if found is None:
        return ""
    data = base64.b64encode(found.picture.encode()).decode()
    title = escape(exhibit.parts[0].charts[0].title)
    return f'<img src="data:image/svg+xml;base64,{data}" alt="Recorded: {title}">'


def _legend(exhibit: Exhibit) -> str:
    lineup = {entrant.title: entrant for part in exhibit.parts for entrant in part.spec.lineup}
    return "".join(
        f'<span><i style="background:{entrant.color}"></i>{escape(title)}</span>'
        for title, entrant in lineup.items()
    )


def _run(exhibit: Exhibit) -> None:
    with session.errors_as_sentences():
        place.go(exhibit.key, running.run_new(exhibit))
