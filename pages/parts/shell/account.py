"""Where the server is shared, a line below the title: who one is, and what one has."""

from __future__ import annotations

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitMissingAuthlibError

from core.errors import LabError
from core.records import Experiment
from core.sharing import Limits, limits
from core.spec import in_a_line
from pages.parts.shell import session, visitor
from pages.parts.shell.text import escaped

#: Experiments that are linked: those that train, and the newest.
_MOST_LINKED = 12
#: Session key: those that are ticked to be deleted.
_TICKED = "yours_ticked"


def draw() -> None:
    """Nothing where the server is for this machine alone."""
    allowed = limits()
    if allowed is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="account"):
        if visitor.has_login():
            _draw_login()
        if session.access().may_start:
            _draw_own(allowed)


def _draw_login() -> None:
    name = visitor.name()
    if name is None:
        st.button(
            "Log in",
            icon=":material/login:",
            on_click=_log_in,
            help="Before you set anything up: the way there and back begins anew.",
        )
    else:
        st.caption(f":material/person: {escaped(name)}", width="content")
        st.button("Log out", icon=":material/logout:", type="tertiary", on_click=st.logout)


def _log_in() -> None:
    with session.errors_as_sentences():
        try:
            st.login()
        except (StreamlitAuthError, StreamlitMissingAuthlibError) as error:
            raise LabError(f"Nobody can log in here: {error}") from error


def _draw_own(allowed: Limits) -> None:
    menu = st.popover(
        "Yours", icon=":material/folder_shared:", type="tertiary", on_change="rerun", key="yours"
    )
    if not menu.open:
        return
    with menu, session.errors_as_sentences():
        own = session.store().owned(session.access().owner)
        st.caption(
            f"{len(own)} of {allowed.stored:,} experiments are stored. A visitor may have "
            f"{allowed.training:,} running or paused and {allowed.queued:,} in the queue."
        )
        _draw_links(own)
        _draw_delete([each for each in own if each.status.is_finished])


def _draw_links(own: list[Experiment]) -> None:
    for each in sorted(own, key=lambda each: each.status.is_finished)[:_MOST_LINKED]:
        st.page_link(
            "compare.py" if len(each.spec.seeds) > 1 else "train.py",
            label=escaped(_told(each)),
            query_params={session.EXPERIMENT: each.id},
        )


def _draw_delete(ended: list[Experiment]) -> None:
    titles = {each.id: _told(each) for each in ended}
    st.multiselect(
        "To be deleted", list(titles), format_func=lambda each: titles[each], key=_TICKED
    )
    st.button("Delete for good", key="delete_ticked", disabled=not ended, on_click=_delete)


def _delete() -> None:
    with session.errors_as_sentences():
        ticked: list[str] = st.session_state.get(_TICKED, [])
        st.session_state[_TICKED] = []
        for each in ticked:
            session.delete(each)


def _told(experiment: Experiment) -> str:
    made = f"{experiment.created_at:%d %b %H:%M} UTC,"
    return f"{made} {experiment.status.value}: {in_a_line(experiment.spec)}"
