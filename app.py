"""Loss Lab as an ASGI app: Streamlit's pages, and live data beside them.

``streamlit run app.py`` serves it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import distribution
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from core.errors import LabError
from core.lab import Lab, lab
from core.live.ending import when_told_to_end
from core.live.programs import LivePrograms
from core.live.routes import Live
from core.live.security import SecurityMiddleware
from pages.parts.shell import document

_HERE = Path(__file__).parent
#: Looked up, not imported: the server never draws with it.
_PLOTLY = str(distribution("plotly").locate_file("plotly/package_data"))

_log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """The training service starts with the server, and ends with it."""
    # Asked for here first, where nothing else runs yet: threads that did so at once would each
    # get their own.
    here = lab()
    starting = asyncio.create_task(asyncio.to_thread(_start, here))
    with when_told_to_end(live.end):
        yield
    await starting
    await asyncio.to_thread(here.close)


def _start(here: Lab) -> None:
    try:
        _ = here.engine
    except LabError as error:
        # The pages say it too, and try again.
        _log.warning("%s", error)


live = Live(lambda: lab().store)
live_programs = LivePrograms(live, lambda: lab().programs)

app = st.App(
    _HERE / "pages" / "navigation.py",
    routes=[
        *live.routes,
        *live_programs.routes,
        *document.routes,
        Mount("/plotly", StaticFiles(directory=_PLOTLY)),
        Mount("/scripts", StaticFiles(directory=_HERE / "pages" / "parts" / "widgets" / "scripts")),
    ],
    lifespan=lifespan,
    middleware=[Middleware(SecurityMiddleware)],
)
