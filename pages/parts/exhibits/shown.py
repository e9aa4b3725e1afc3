"""One exhibit: before it runs, while it trains, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from core.exhibits import EXHIBITS, Exhibit
from core.exhibits.outcome import Finding
from core.exhibits.recorded import recorded
from core.exhibits.words import headline, line, needed, standing
from core.live.exhibited import Came, came_of
from core.records import Phase, Showing
from core.spec import in_a_line
from pages.parts.exhibits import bets, place, running, tour
from pages.parts.shell import layout, session
from pages.parts.shell.text import escaped
from pages.parts.widgets import showing as news
from pages.parts.widgets import stage

_PAGE = "exhibit"
#: Parts that stand side by side where there is room.
_IN_A_ROW = 3


def draw(exhibit: Exhibit, showing: Showing) -> None:
    with st.container(key="exhibit_bar"):
        if step := place.tour_step():
            showing = tour.draw(step, showing)
        else:
            st.page_link(
                "exhibits.py", label="All exhibits", icon=":material/arrow_back:", query_params={}
            )
    with st.container(key="exhibit"):
        layout.begin(escaped(exhibit.question))
        source = exhibit.source
        st.caption(f"**{escaped(source.paper)}**: {escaped(source.measured)}")
        if showing.phase is Phase.WAITING:
            _draw_before(exhibit, showing)
        else:
            _draw_run(exhibit, showing)


# ------------------------------------------------------------------ before


def _draw_before(exhibit: Exhibit, showing: Showing) -> None:
    access = session.access()
    if not access.may_start:
        st.info(escaped(access.who_may_start), width="stretch")
    elif place.is_guest() or not access.may_run(showing):
        st.info("It begins here as soon as it is run. Until then you can bet.", width="stretch")
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Run it",
                key="run",
                type="primary",
                icon=":material/play_arrow:",
                shortcut="Ctrl+Enter",
                on_click=_run,
                args=(showing,),
            )
            st.caption(_size(exhibit), width="content")
    with st.container(border=True, key="bets"):
        st.markdown("**What do you expect?** Bets close at the first step.")
        bets.draw(exhibit, showing)
        news.follow(showing, "" if place.is_guest() else place.guest_link(exhibit, showing))
    for part in exhibit.parts:
        st.caption(f"{escaped(part.title)}: {escaped(in_a_line(part.spec))}")


def _size(exhibit: Exhibit) -> str:
    runs = sum(part.spec.run_count for part in exhibit.parts)
    known = recorded(exhibit.key)
    took = f", {max(1, round(known.seconds))} s of a core when it was recorded" if known else ""
    return f"{runs} networks{took}"


def _run(showing: Showing) -> None:
    with session.errors_as_sentences():
        running.run(showing)


# ------------------------------------------------------------------ while it trains, and after


def _draw_run(exhibit: Exhibit, showing: Showing) -> None:
    came = None
    if showing.phase is Phase.ENDED:
        came = _came(session.store().url, showing.id)
        _draw_finding(exhibit, came)
    else:
        _draw_training(exhibit, showing)
    _draw_stages(exhibit, showing)
    if came is not None:
        _draw_after(exhibit, showing, came)


@st.cache_data(show_spinner=False, max_entries=500)
def _came(store_url: str, showing_id: str) -> Came:
    """Of a showing that has ended, which changes no more; ``store_url`` tells stores apart."""
    showing = running.get(showing_id)
    return came_of(EXHIBITS[showing.exhibit], showing, session.store())


#: What a finding is written in; it is said in words, so that colours only help.
_COLORS = {Finding.SEEN: "green", Finding.OPPOSITE: "red", Finding.UNCLEAR: "orange"}


def _draw_training(exhibit: Exhibit, showing: Showing) -> None:
    with st.container(key="finding"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.header("Training …", anchor=False, width="content")
            if not place.is_guest():
                _draw_stop(showing)
        st.html(_claimed(exhibit, ["Whether it is seen here stands in this place at the end."]))
        news.follow(showing, "")


def _draw_stop(showing: Showing) -> None:
    access, store = session.access(), session.store()
    if all(access.may_change(store.get(each)) for each in showing.experiments):
        st.button("Stop", icon=":material/stop:", on_click=_stop, args=(showing,))
    else:
        st.caption(f":material/lock: {escaped(access.who_may_change)}")


def _draw_finding(exhibit: Exhibit, came: Came) -> None:
    with st.container(key="finding"):
        if came.outcome is None:
            st.header("No verdict", anchor=False)
            st.html(_claimed(exhibit, [came.trouble]))
            return
        outcome = came.outcome
        color, words = _COLORS[outcome.finding], escaped(headline(outcome))
        st.header(f":{color}[{words}]", anchor=False)
        lines = [f"{standing(tested)}: {line(tested)}" for tested in outcome.tested]
        st.html(_claimed(exhibit, [each for each in (*lines, needed(outcome)) if each]))


def _claimed(exhibit: Exhibit, lines: Sequence[str]) -> str:
    """The claim, and below it what is to be said of it."""
    listed = "".join(f"<li>{escape(each)}</li>" for each in lines)
    return (
        f'<div class="claimed" role="status"><p>The claim: {escape(exhibit.claim)}</p>'
        f"<ul>{listed}</ul></div>"
    )


def _draw_stages(exhibit: Exhibit, showing: Showing) -> None:
    """Each part with its charts, side by side where there is room."""
    experiments = [session.store().get(each) for each in showing.experiments]
    columns = st.columns(min(len(experiments), _IN_A_ROW))
    for part, experiment in enumerate(experiments):
        with columns[part % _IN_A_ROW]:
            options: dict[str, str | int] = {"exhibit": exhibit.key, "part": part}
            stage.draw(experiment, _PAGE, place=f"_{part}", options=options)


def _draw_after(exhibit: Exhibit, showing: Showing, came: Came) -> None:
    tallied, explained = st.columns([1, 2], gap="medium")
    with explained:
        st.markdown(f"**Why.** {escaped(exhibit.why)}")
        _draw_ways_on(exhibit, showing)
    with tallied:
        bets.draw_tally(exhibit, showing, came.result)


def _draw_ways_on(exhibit: Exhibit, showing: Showing) -> None:
    with st.container(horizontal=True):
        for part, experiment_id in zip(exhibit.parts, showing.experiments, strict=False):
            name = f": {part.title}" if len(exhibit.parts) > 1 else ""
            st.page_link(
                "compare.py",
                label=f"Open in Compare to change anything{escaped(name)}",
                icon=":material/sports_score:",
                query_params={session.EXPERIMENT: experiment_id},
                width="content",
            )
        if place.is_guest() or place.tour_step():
            return
        keys = list(EXHIBITS)
        following = keys[(keys.index(exhibit.key) + 1) % len(keys)]
        for label, key in {"Show it again": exhibit.key, "Next exhibit": following}.items():
            st.page_link(
                "exhibits.py",
                label=escaped(label),
                query_params={place.EXHIBIT: key},
                width="content",
            )


def _stop(showing: Showing) -> None:
    with session.errors_as_sentences():
        running.stop(showing)
        for each in showing.experiments:
            session.await_answer(each, lambda now: now.is_finished)
