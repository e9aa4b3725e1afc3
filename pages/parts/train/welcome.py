"""What the page shows before anything has run: what to do, and what will happen."""

from __future__ import annotations

import streamlit as st

from pages.parts.widgets.live_chart import preload

_LOOP = """
<svg viewBox="0 0 640 190" role="img" class="loop"
     aria-label="Inputs x go through the network to y_pred; the loss J compares it with y;
     its gradient goes back and changes the parameters.">
  <g fill="none" stroke="currentColor" stroke-width="1.5" opacity="0.85">
    <rect x="2" y="58" width="90" height="46" rx="8"/>
    <rect x="150" y="46" width="170" height="70" rx="8"/>
    <rect x="378" y="58" width="90" height="46" rx="8"/>
    <rect x="526" y="46" width="112" height="70" rx="8"/>
    <path d="M92 81h54M320 81h54M468 81h54M582 14v28"/>
    <path d="M582 116v44H235v-40" stroke-dasharray="5 4"/>
  </g>
  <g fill="currentColor" opacity="0.85">
    <path d="M150 81l-9-5v10zM378 81l-9-5v10zM526 81l-9-5v10zM582 46l-5-9h10zM235 116l-5 9h10z"/>
  </g>
  <g fill="currentColor" font-family="inherit" font-size="15" text-anchor="middle">
    <text x="47" y="86">x</text>
    <text x="235" y="76">hidden layers</text>
    <text x="235" y="97" opacity="0.7" font-size="13">weights, activations</text>
    <text x="423" y="86">y_pred</text>
    <text x="582" y="76">J(y_pred, y)</text>
    <text x="582" y="97" opacity="0.7" font-size="13">loss</text>
    <text x="612" y="26">y</text>
    <text x="408" y="152" opacity="0.8" font-size="13">
      gradient: the optimizer moves the weights</text>
  </g>
</svg>
"""

_STYLE = """
.loop { width: 100%; max-width: 640px; display: block; color: var(--st-text-color); }
"""

_draw_loop = st.components.v2.component("loss_lab_loop", html=_LOOP, css=_STYLE)


def draw() -> None:
    """How to begin, and the loop that is about to run."""
    with st.container(border=True, key="welcome"):
        st.subheader("Press Train to watch a loss fall")
        st.markdown(
            "A real PyTorch network trains on the data that you pick, and its curve is drawn "
            "as it happens. Change the loss, the sizes, the batch or the learning rate and train "
            "again; the rivals run beside it from the same start, on the same batches."
        )
        _draw_loop()
        st.caption(
            "**Ctrl+Enter** trains. **One epoch** trains one and pauses. **The lesson** fills "
            "in the ten-epoch program of the PyTorch lesson, to the last digit."
        )
    preload()
