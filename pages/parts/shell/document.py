"""The documents that a browser loads: of our pages, and of one chart alone.

That of our pages is Streamlit's own, with how they look. What a script would send comes a tenth of
a second after the first elements, and they would jump. Pages with a stage have its scripts loaded
at once, and plotly.js as soon as something is to be seen: they would wait for each other otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit import file_util

from core.live.security import FRAMED
from core.live.view import Page
from pages.parts.shell import visitor
from pages.parts.widgets import addresses

_HERE = Path(__file__).parent
_OWN_TITLE = "<title>Streamlit</title>"
_END = "</body>"
_SHEETS = ("page", "exhibits")
#: The script that the page's stage is imported from, and those that it imports in turn.
_STAGE_SCRIPTS = (
    "stage",
    "chart",
    "chart_hover",
    "chart_labels",
    "chart_menu",
    "chart_state",
    "network",
    "present",
    "replay",
    "stream",
)
#: The addresses of all pages; Streamlit answers an unknown one. Beside each the stage whose charts
#: can be embedded, and the chart that is shown unless another is named.
_PAGES: dict[str, tuple[Page, str] | None] = {
    "/": (Page.TRAIN, "compared_chart"),
    "/train": (Page.TRAIN, "compared_chart"),
    "/compare": (Page.COMPARE, "shared_chart"),
    "/exhibits": None,
    "/losses": None,
    "/status": None,
}


@cache
def _document(has_stage: bool) -> str:
    index = Path(file_util.get_static_dir()) / "index.html"
    # After Streamlit's styles, which it puts into the head: of equals, the later one counts.
    sheets = [(_HERE / f"{name}.css").read_text(encoding="utf-8") for name in _SHEETS]
    style = f"<style>{''.join(sheets)}</style>"
    document = index.read_text(encoding="utf-8")
    early = _early() if has_stage else ""
    return document.replace(_OWN_TITLE, "<title>Loss Lab</title>").replace(
        _END, style + early + _END
    )


def _early() -> str:
    """What is loaded before the page asks for it."""
    links = [
        f'<link rel="modulepreload" href="{addresses.script(name)}">' for name in _STAGE_SCRIPTS
    ]
    return (
        f'{"".join(links)}<script type="module" src="{addresses.script("early")}" '
        f'data-plotly="{addresses.plotly()}"></script>'
    )


@cache
def _embedded(page: Page, chart: str) -> str:
    """One chart alone. Nothing of the address is written into it: its script reads that."""
    data = {"base": addresses.base(), "page": page, "chart": chart, "plotly": addresses.plotly()}
    document = (_HERE / "embed.html").read_text(encoding="utf-8")
    return (
        document.replace("/* CHART */", addresses.style("chart"))
        .replace("SCRIPT", addresses.script("embed"))
        .replace("DATA", json.dumps(data))
    )


def _route(
    path: str, embedded: tuple[Page, str] | None, open_experiment: Callable[[str], None]
) -> Route:
    async def answer(request: Request) -> HTMLResponse:
        if experiment_id := request.query_params.get("experiment"):
            open_experiment(experiment_id)
        if embedded and request.query_params.get("embed") == "1":
            return HTMLResponse(_embedded(*embedded), headers=FRAMED)
        response = HTMLResponse(
            _document(has_stage=embedded is not None), headers={"Cache-Control": "no-cache"}
        )
        for name, value in visitor.to_keep(request.cookies, request.query_params).items():
            response.set_cookie(
                name,
                value,
                max_age=visitor.KEPT_SECONDS,
                httponly=True,
                samesite="lax",
                secure=request.url.scheme == "https",
            )
        return response

    return Route(path, answer)


def routes(open_experiment: Callable[[str], None]) -> list[Route]:
    """Those of all pages. ``open_experiment`` hears which experiment somebody is about to see, by
    the id that the address names, be there one or not."""
    return [_route(path, embedded, open_experiment) for path, embedded in _PAGES.items()]
