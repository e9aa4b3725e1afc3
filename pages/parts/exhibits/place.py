"""Where on the Exhibits page somebody is: the gallery, an exhibit, or a step of the tour.

The address has all of it, so that a reload and a link lead to the same.
"""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from core.bounds import quoted
from core.errors import LabError
from core.exhibits import EXHIBITS, Exhibit
from core.exhibits.tour import TOUR
from core.records import Showing
from pages.parts.exhibits import running
from pages.parts.shell import session

EXHIBIT = "exhibit"
SHOWING = "showing"
#: In the links for those who bet and watch.
GUEST = "guest"
_TOUR = "tour"
_STEP = "step"


def opened() -> tuple[Exhibit, Showing] | None:
    """What the address names; None for the gallery, with a sentence where it is not there."""
    key, showing_id = st.query_params.get(EXHIBIT), st.query_params.get(SHOWING)
    if step := tour_step():
        key = key or TOUR[step - 1]
    if not (key or showing_id):
        return None
    with session.errors_as_sentences():
        showing = running.get(showing_id) if showing_id else running.waiting(_known(str(key)))
        exhibit = _known(showing.exhibit)
        go(exhibit.key, showing.id, step, is_guest=is_guest())
        return exhibit, showing
    return None


def _known(key: str) -> Exhibit:
    if key not in EXHIBITS:
        raise LabError(
            f"There is no exhibit {quoted(key)}; the link may be cut. These are all there are."
        )
    return EXHIBITS[key]


def go(
    exhibit: str | None = None,
    showing: str | None = None,
    step: int | None = None,
    *,
    is_guest: bool = False,
) -> None:
    """Write the address; without anything it is that of the gallery."""
    params = {
        _TOUR: "1" if step else None,
        _STEP: str(step) if step else None,
        EXHIBIT: exhibit,
        SHOWING: showing,
        GUEST: "1" if is_guest else None,
    }
    wanted = {name: value for name, value in params.items() if value}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def is_guest() -> bool:
    """Whether who looks came by the link for those who bet and watch."""
    return GUEST in st.query_params


def guest_link(exhibit: Exhibit, showing: Showing) -> str:
    query = urlencode({EXHIBIT: exhibit.key, SHOWING: showing.id, GUEST: "1"})
    return f"/exhibits?{query}"


def tour_step() -> int | None:
    """The step of the tour, from 1; None outside of it. One that there is not is the nearest."""
    if _TOUR not in st.query_params or not TOUR:
        return None
    text = st.query_params.get(_STEP, "1")
    step = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
    return min(max(step, 1), len(TOUR))
