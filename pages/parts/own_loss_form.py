"""Where a person writes a loss of their own, and is told what is wrong with it."""

from __future__ import annotations

import streamlit as st

from core.anatomy.choice import Choice
from core.errors import LossExpressionError
from core.losses import CUSTOM, parse
from core.losses.custom import EXAMPLE
from core.losses.operations import COMPARISONS, FUNCTIONS
from pages.parts import session

_EXAMPLES = (
    EXAMPLE,
    "-(1 - p)**2 * y * log(p)",
    "abs(p - y)**1.5",
    "log(1 + exp(-(2*y - 1) * z))",
    "where(abs(z - y) < 1, (z - y)**2, abs(z - y))",
)
_HELP = (
    "Of one output: **z** its logit, **p** its probability (for values: the prediction), **y** its "
    "target, 1 for the true class and 0 for the others (or the value). The loss of an example is "
    r"the sum over its outputs. There are numbers, \+ \- \* / \*\*, "
    f"{' '.join(COMPARISONS)}, and {', '.join(FUNCTIONS)}."
)


def draw(dataset: str) -> Choice | None:
    """The expression's field; None, with a sentence and a mark, while it is no loss."""
    st.session_state.setdefault("own_expression", EXAMPLE)
    with st.container(horizontal=True, vertical_alignment="bottom", key="own_loss"):
        expression = st.text_input(
            "Your loss of one output",
            max_chars=500,
            key="own_expression",
            persist_state="session",
        )
        with st.popover("Examples", icon=":material/lightbulb:"):
            for example in _EXAMPLES:
                st.button(f"`{example}`", on_click=_write, args=(example,), type="tertiary")
    st.caption(_HELP)
    try:
        parse(expression)
        session.ask("try_out", expression, dataset)
    except LossExpressionError as error:
        st.error(str(error), icon=":material/error:")
        st.code(error.pointed_out(expression), language=None)
        return None
    return Choice(CUSTOM, expression=expression)


def _write(example: str) -> None:
    st.session_state["own_expression"] = example
