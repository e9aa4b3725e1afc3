"""Loss Lab as an ASGI app: Streamlit's pages, and live data beside them.

``streamlit run app.py`` serves it.
"""

from __future__ import annotations

import asyncio
import logging
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

import pages.parts
from core import logs
from core.errors import LabError
from core.lab import Lab, lab
from core.live import sockets
from core.live.ending import Ending, when_told_to_end
from core.live.health import Health
from core.live.programs import LivePrograms
from core.live.routes import Live
from core.live.security import SecurityMiddleware
from core.live.showings import LiveShowings
from core.live.traffic import Traffic, TrafficMiddleware
from core.sharing import SHARED_VARIABLE, is_shared
from pages.parts.shell import document

_HERE = Path(__file__).parent
#: Looked up, not imported: the server never draws with it.
_PLOTLY = str(distribution("plotly").locate_file("plotly/package_data"))
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")

_log = logging.getLogger("core.server")

#: The training service is started when nobody has asked for anything for so long, and after so long
#: in any case.
_QUIET_SECONDS = 1.0
_MOST_SECONDS = 6.0

#: How long a server that is ended by hand waits for a second Ctrl+C.
_AGAIN_SECONDS = 3


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """The training service starts with the server, and what trains then outlives it."""
    # Asked for here first, where nothing else runs yet: threads that did so at once would each
    # get their own.
    logs.begin("server")
    here = lab()
    sockets.send_at_once()
    _import_pages()
    if not is_shared() and st.get_option("server.address") not in _THIS_MACHINE:
        _log.warning("Others can reach this server and may do everything; see %s.", SHARED_VARIABLE)
    starting = asyncio.create_task(_start(here))
    with when_told_to_end(live.end, here.end) as ending:
        yield
        # It may still wait for a quiet moment.
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        if ending.was_interrupted:
            await _wait_for_another_word(here, ending)
        if not ending.again.is_set():
            await asyncio.to_thread(here.leave)


async def _wait_for_another_word(here: Lab, ending: Ending) -> None:
    """Who ended the server by hand may want what trains to end as well."""
    count = await asyncio.to_thread(here.training)
    if count:
        _log.warning(
            "%s on training in the background. Press Ctrl+C again within %d s to end %s too; "
            "later, `make stop` does so.",
            "1 experiment goes" if count == 1 else f"{count} experiments go",
            _AGAIN_SECONDS,
            "it" if count == 1 else "them",
        )
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.again.wait(), _AGAIN_SECONDS)


def _import_pages() -> None:
    """What the first visitor would wait for, and with it all that the server sends meanwhile."""
    for module in pkgutil.walk_packages(pages.parts.__path__, f"{pages.parts.__name__}."):
        import_module(module.name)
    # Streamlit imports the one when it first looks at what a component is given, a frame the other
    # when it first has an interval in it.
    for name in ("pandas", "scipy.special"):
        import_module(name)


async def _start(here: Lab) -> None:
    """Get ready for the first training."""
    # The service loads torch, which would take the processor from a page that is just being opened.
    await traffic.rest(_QUIET_SECONDS, _MOST_SECONDS)
    try:
        await asyncio.to_thread(lambda: here.engine)
    except LabError as error:
        # The pages say it too, and try again.
        _log.warning("%s", error)


traffic = Traffic()
live = Live(lambda: lab().store, lambda: lab().word)
live_programs = LivePrograms(live, lambda: lab().programs)
health = Health(lab, live)
live_showings = LiveShowings(live, lambda: lab().store)

app = st.App(
    _HERE / "pages" / "navigation.py",
    routes=[
        *live.routes,
        *live_programs.routes,
        *live_showings.routes,
        *health.routes,
        *document.routes(live.open),
        Mount("/plotly", StaticFiles(directory=_PLOTLY)),
        Mount("/scripts", StaticFiles(directory=_HERE / "pages" / "parts" / "widgets" / "scripts")),
    ],
    lifespan=lifespan,
    middleware=[Middleware(TrafficMiddleware, traffic=traffic), Middleware(SecurityMiddleware)],
)
