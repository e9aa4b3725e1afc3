"""Predict, then reveal: bets before an exhibit runs, and their tally beside the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st

from core.exhibits import EXHIBITS, Exhibit
from core.exhibits.betting import Game, Result, Sketch, game_of, tally
from core.records import NO_DIFFERENCE, Bet, Showing
from pages.parts.shell import session, visitor
from pages.parts.shell.text import escaped

_CLOSED = "Bets are closed: the first step has been trained."
#: Parts of the slider's range, as fine as it can be moved.
_STEPS = 200
_ROUNDING = 1e-9


def draw(exhibit: Exhibit, showing: Showing) -> None:
    """What this person bets; it can be changed until bets close."""
    game = game_of(exhibit)
    bet = session.store().showings.bet_of(showing.id, visitor.voter())
    if game.picks:
        st.pills(
            escaped(game.question),
            list(game.picks),
            format_func=lambda place: escaped(game.picks[place]),
            default=bet.pick,
            key=_key("pick", showing),
            on_change=_keep,
            args=(exhibit.key, showing),
        )
    if game.sketch:
        _draw_sketch(exhibit, showing, game.sketch, bet)


def _draw_sketch(exhibit: Exhibit, showing: Showing, sketch: Sketch, bet: Bet) -> None:
    factor = 100 if sketch.judged_by.digits.is_share else 1
    low, high = factor * sketch.low, factor * sketch.high
    middle = (low + high) / 2
    st.slider(
        escaped(sketch.question),
        low,
        high,
        middle if bet.sketched is None else factor * bet.sketched,
        (high - low) / _STEPS,
        format="%.1f%%" if factor == 100 else "%.2f",
        key=_key("sketch", showing),
        on_change=_keep,
        args=(exhibit.key, showing),
    )
    scale = "" if factor == 100 else " 0 is as good as a constant, 1 is perfect."
    st.caption(("Move it to sketch the end." if bet.sketched is None else "Sketched.") + scale)


def _key(name: str, showing: Showing) -> str:
    return f"{name}_{showing.id}"


def _keep(exhibit_key: str, showing: Showing) -> None:
    """Store what is picked and sketched now, in place of what was before."""
    with session.errors_as_sentences():
        game, store = game_of(EXHIBITS[exhibit_key]), session.store().showings
        before = store.bet_of(showing.id, visitor.voter())
        pick = st.session_state.get(_key("pick", showing))
        moved = st.session_state.get(_key("sketch", showing))
        bet = Bet(pick, _sketched(game.sketch, moved, before.sketched))
        # Browsers also send what nobody has touched.
        if bet != before and not store.bet(showing.id, visitor.voter(), bet):
            st.warning(_CLOSED, icon=":material/lock:")


def _sketched(sketch: Sketch | None, moved: float | None, before: float | None) -> float | None:
    """Where the slider stands; None where it was never moved from the middle."""
    if sketch is None or moved is None:
        return before
    value = moved / (100 if sketch.judged_by.digits.is_share else 1)
    is_at_rest = abs(value - (sketch.low + sketch.high) / 2) < _ROUNDING
    return None if before is None and is_at_rest else value


# ------------------------------------------------------------------ afterwards


def draw_tally(exhibit: Exhibit, showing: Showing, result: Result | None) -> None:
    """How many picked what, and how far sketches were off; nothing where nobody bet."""
    game = game_of(exhibit)
    store = session.store().showings
    counted = tally(store.bets(showing.id), game, result)
    if not counted.picks and not counted.sketches:
        return
    st.html(_bars(exhibit, game, counted.picked, result))
    lines = []
    if result and counted.picks:
        lines.append(f"{_who_ends_best(game, result)} {counted.right} of {counted.picks} bet so.")
    sketch = game.sketch
    if sketch and result and result.end is not None and counted.off is not None:
        lines.append(
            f"{game.picks.get(0, 'The curve')} ended at {sketch.written(result.end)}; "
            f"{_sketches(counted.sketches)} {sketch.distance(counted.off)} off"
            f"{' on average' if counted.sketches > 1 else ''}."
        )
    own = store.bet_of(showing.id, visitor.voter())
    if own.pick is not None and own.pick in game.picks:
        lines.append(f"Your bet was: {game.picks[own.pick]}.")
    for each in lines:
        st.caption(escaped(each))


def _who_ends_best(game: Game, result: Result) -> str:
    if result.winner == NO_DIFFERENCE:
        return "None is shown to end best."
    return f"{game.picks[result.winner]} is shown to end best."


def _sketches(count: int) -> str:
    return "the sketch was" if count == 1 else f"{count} sketches were"


def _bars(exhibit: Exhibit, game: Game, picked: Mapping[int, int], result: Result | None) -> str:
    colors = {entrant.place: entrant.color for entrant in exhibit.parts[0].spec.lineup}
    total = max(1, sum(picked.values()))
    rows = "".join(
        f'<li data-right="{result is not None and place == result.winner}">'
        f"<span>{escape(game.picks[place])}</span>"
        f'<i style="width:{100 * count / total:.0f}%;background:{colors.get(place, "#808080")}">'
        f"</i><b>{count}</b></li>"
        for place, count in picked.items()
    )
    return f'<div class="tally"><h2>Bets</h2><ul>{rows}</ul></div>'
