"""What the owner of an experiment can do beside training it: hand its key on, and delete it."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st

from core.access import Access
from core.records import Experiment
from pages.parts.shell import session, visitor

#: Session key: the links that were asked for, by their experiments.
_LINKS = "links_with_keys"


def draw(access: Access, shown: Experiment) -> None:
    """Menus beside the buttons of a training; none for who may do neither."""
    # Style shows their icons alone, as there is little room; their names are read out all the same.
    with st.container(key="owning", width="content"):
        if shown.status.is_finished:
            if access.may_delete(shown):
                _draw_delete(shown)
        elif access.may_hand_over(shown):
            _draw_link(shown)


def _draw_delete(shown: Experiment) -> None:
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        st.markdown("It is deleted for everybody, with its address. Nothing brings it back.")
        st.button("Delete for good", key="delete", on_click=_delete, args=(shown.id,))


def _delete(experiment_id: str) -> None:
    with session.errors_as_sentences():
        session.delete(experiment_id)


def _draw_link(shown: Experiment) -> None:
    with st.popover("Share control", icon=":material/key:", type="tertiary"):
        st.markdown(
            "The address of this page lets others watch. Whoever has this link can also pause and "
            "stop this experiment, and no other. A new link ends the one before."
        )
        st.button(
            "Link with which it can be stopped", key="link", on_click=_make_link, args=(shown.id,)
        )
        if link := st.session_state.get(_LINKS, {}).get(shown.id):
            st.code(link, language=None, wrap_lines=True)


def _make_link(experiment_id: str) -> None:
    with session.errors_as_sentences():
        key = session.access().hand_over(experiment_id)
        query = urlencode({session.EXPERIMENT: experiment_id, visitor.KEY: key})
        page = urlsplit(st.context.url or "")
        link = page._replace(query=query, fragment="").geturl()
        st.session_state.setdefault(_LINKS, {})[experiment_id] = link
