"""Losses as code: the pattern, this loss as a program, and programs that go wrong."""

from __future__ import annotations

import streamlit as st

from core.anatomy import MISTAKES, PATTERN, snippet
from core.data import DATASETS
from core.spec import EntrantSpec
from pages.parts.shell import session


def draw_snippet(entrant: EntrantSpec, dataset: str) -> None:
    """The pattern of all losses, and a program with this one and what it prints."""
    task = DATASETS[dataset].task
    st.markdown("**The pattern of every loss**")
    st.code(PATTERN.strip(), language="python", wrap_lines=True)
    spec = entrant.loss_spec
    st.caption(f"The predicted values that {spec.title} takes. {spec.card.takes}")
    st.markdown(f"**{spec.title}, a program that runs as it stands** ({task.value})")
    program = snippet(entrant.loss, task, entrant.parameters, entrant.expression)
    st.code(program.code.strip(), language="python", wrap_lines=True)
    st.markdown(f"It prints **{session.ask('printed', entrant, task)}**.")


def draw_mistakes(entrant: EntrantSpec, dataset: str) -> None:
    """Each mistake as two programs that differ in one point, with what both print."""
    for mistake in MISTAKES:
        wrong, right = session.ask("printed_by_mistake", mistake.key)
        st.subheader(mistake.title, anchor=False)
        st.markdown(mistake.what_happens)
        with st.grid(2, min_column_width=320, gap="medium"):
            for icon, name, code, printed in (
                (":material/close:", "Wrong", mistake.wrong_code, wrong),
                (":material/check:", "Right", mistake.right_code, right),
            ):
                with st.container():
                    st.markdown(f"{icon} **{name}**: prints **{printed}**")
                    st.code(code.strip(), language="python", wrap_lines=True)
