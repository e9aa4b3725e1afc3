"""The status, progress and numbers of a training, as one element that stays.

The same as badges, captions and metrics would be a dozen elements for the browser to lay out
anew at each live frame, and to load when the first training starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

_readout = st.components.v2.component(
    "readout",
    css=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def draw(
    *,
    status: str,
    color: str,
    pace: str,
    fraction: float,
    details: Mapping[str, str],
    numbers: Mapping[str, str],
) -> None:
    """``fraction`` of all steps is done; ``details`` and ``numbers`` are by their titles."""
    _readout(
        key="readout",
        data={
            "status": status,
            "color": color,
            "pace": pace,
            "fraction": fraction,
            "details": list(details.items()),
            "numbers": list(numbers.items()),
        },
    )
