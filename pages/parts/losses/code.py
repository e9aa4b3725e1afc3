"""Losses as code: the pattern, this loss as a program, and programs that go wrong."""

from __future__ import annotations

import streamlit as st

from core.anatomy import MISTAKES, PATTERN, snippet
from core.data import DATASETS
from core.spec import EntrantSpec
from pages.parts.shell import session
from pages.parts.shell.text import escaped

_ICONS = {"Wrong": ":material/close:", "Right": ":material/check:"}


def draw_snippet(entrant: EntrantSpec, dataset: str) -> None:
    """The pattern of all losses, and a program with this one and what it prints."""
    task = DATASETS[dataset].task
    st.markdown("**The pattern of every loss**")
    st.code(PATTERN.strip(), language="python", wrap_lines=True)
    spec = entrant.loss_spec
    title = escaped(spec.title)
    st.caption(f"The predicted values that {title} takes. {spec.card.takes}")
    st.markdown(f"**{title}, a program that runs as it stands** ({escaped(task.value)})")
    program = snippet(entrant.loss, task, entrant.parameters, entrant.expression)
    st.code(program.code.strip(), language="python", wrap_lines=True)
    printed = escaped(session.ask("printed", entrant, task))
    st.markdown(f"It prints **{printed}**.")


def draw_mistakes(entrant: EntrantSpec, dataset: str) -> None:
    """Each mistake as two programs that differ in one point, with what both print.

    The one that the loss itself is comes first.
    """
    for mistake in sorted(MISTAKES, key=lambda each: each.key != entrant.loss_spec.mistake):
        wrong, right = session.ask("printed_by_mistake", mistake.key)
        st.subheader(escaped(mistake.title), anchor=False)
        st.markdown(mistake.what_happens)
        with st.grid(2, min_column_width=320, gap="medium"):
            for name, code, printed in (
                ("Wrong", mistake.wrong_code, wrong),
                ("Right", mistake.right_code, right),
            ):
                with st.container():
                    st.markdown(
                        f"{_ICONS[name]} **{escaped(name)}**: prints **{escaped(printed)}**"
                    )
                    st.code(code.strip(), language="python", wrap_lines=True)
