"""Where the browser finds what the app serves beside Streamlit, and how that looks."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import streamlit as st

_PLOTLY_VERSION = version("plotly")


def base() -> str:
    """What the addresses of this app begin with: nothing, or a path."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def plotly() -> str:
    """plotly.js of the installed package; another version has another address."""
    return f"{base()}/plotly/plotly.min.js?v={_PLOTLY_VERSION}"


def script(name: str) -> str:
    """One of the app's own scripts."""
    return f"{base()}/scripts/{name}.js"


def style(*names: str) -> str:
    """The style sheets beside this module, one after another."""
    here = Path(__file__).parent
    return "\n".join((here / f"{name}.css").read_text(encoding="utf-8") for name in names)
