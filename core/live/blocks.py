"""The blocks of a stage: plain data that the browser shows as it comes.

Texts are shown as they are, but for ``**words**`` in bold; nothing in them is ever read as
HTML. What a person typed goes into such a text by ``typed``. Every block has an ``id`` that
stays while what it shows changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from core.figures import Figure
from core.records import Moment

Block = dict[str, Any]
#: Shows as nothing, and keeps the characters beside it from being read as one sign.
_JOINER = "\u2060"
_NOTHING: Mapping[str, str] = MappingProxyType({})


def typed(words: str) -> str:
    """What a person typed, within a text: no two stars of it are read as a sign for bold."""
    return words.replace("**", f"*{_JOINER}*").replace("**", f"*{_JOINER}*")


@dataclass(frozen=True)
class Part:
    """Neighbours on a stage, which are the same for as long as what they show, ``shown``, is."""

    name: str
    shown: Hashable
    build: Callable[[], Iterable[Block]]


def readout(
    *,
    about: str,
    status: str,
    color: str,
    pace: str,
    fraction: float,
    details: Mapping[str, str],
) -> Block:
    """``about`` says what is trained, ``fraction`` of all steps is done; ``details`` are by their
    titles."""
    return {
        "id": "readout",
        "kind": "readout",
        "about": about,
        "status": status,
        "color": color,
        "pace": pace,
        "fraction": fraction,
        "details": list(details.items()),
    }


def text(name: str, words: str, kind: str = "text") -> Block:
    """Words in a line or more; ``kind`` is text, caption, info or error."""
    return {"id": name, "kind": kind, "text": words}


def heading(name: str, words: str, *controls: Block) -> Block:
    """A line of bold words with controls at its end."""
    return {"id": name, "kind": "heading", "text": words, "controls": list(controls)}


def replay(name: str, moments: Sequence[Moment], epochs: int) -> Block:
    """A slider through the moments of which there are snapshots; the last is now."""
    return {
        "id": name,
        "kind": "replay",
        "moments": [list(each) for each in moments],
        "epochs": epochs,
    }


def network(name: str, layers: Sequence[Block], weights: Sequence[Any], label: str) -> Block:
    """A network from its inputs to its output.

    A layer has a ``title``, how many ``units`` of it are drawn, and of each a map: ``size`` x
    ``size`` numbers, byte by byte in base64, from 0 to 255; where the layer has ``colors``, of
    each so many ``shades`` from the palest. ``weights`` between two layers are ``[to][from]``.
    """
    return {
        "id": name,
        "kind": "network",
        "layers": list(layers),
        "weights": list(weights),
        "label": label,
    }


def pictures(name: str, drawn: Sequence[tuple[str, str]], size: tuple[int, int]) -> Block:
    """Small grey pictures, each its bytes in base64 and its title; ``size`` is height, width."""
    return {"id": name, "kind": "pictures", "pictures": list(drawn), "size": list(size)}


def listing(name: str, lines: Iterable[str]) -> Block:
    return {"id": name, "kind": "list", "lines": list(lines)}


def chart(name: str, figure: Figure, *, label: str, height: int) -> Block:
    """``label`` describes the figure for those who do not see it; ``height`` is in pixels.

    Where traces stand at the same places, the first alone has them: the ``x`` of the others is
    ``{"of": its number}``.
    """
    known: dict[tuple[str, ...], int] = {}
    traces = []
    for number, trace in enumerate(figure["data"]):
        x = trace.get("x")
        first = known.setdefault(tuple(x.values()), number) if isinstance(x, dict) else number
        traces.append(trace if first == number else trace | {"x": {"of": first}})
    figure = figure | {"data": traces}
    return {"id": name, "kind": "chart", "figure": figure, "label": label, "height": height}


def grid(name: str, cells: Iterable[Sequence[Block]]) -> Block:
    """Cells side by side, as many as there is room for; each a few blocks."""
    return {"id": name, "kind": "grid", "cells": [list(cell) for cell in cells]}


def table(
    name: str,
    columns: Sequence[str],
    rows: Mapping[str, Sequence[str]],
    label: str,
    tips: Mapping[str, str] = _NOTHING,
    lines_in: str | None = None,
) -> Block:
    """Rows of cells by their titles; a cell in ``**`` is bold.

    ``tips`` explain columns, a sentence each. With ``lines_in`` a row's title is a button that
    leaves the line of that name alone in sight, in the charts of that scope.
    """
    return {
        "lines_in": lines_in,
        "tips": [tips.get(column, "") for column in columns],
        "id": name,
        "kind": "table",
        "label": label,
        "columns": list(columns),
        "rows": [[title, *cells] for title, cells in rows.items()],
    }


def printed(name: str, lines: str) -> Block:
    """Lines as a program prints them, the newest in view."""
    return {"id": name, "kind": "printed", "text": lines}


def fold(name: str, title: str, blocks: Iterable[Block]) -> Block:
    """What is hidden under its title until it is opened."""
    return {"id": name, "kind": "fold", "title": title, "blocks": list(blocks)}


def asked_fold(
    option: str, title: str, build: Callable[[], Iterable[Block]], *, is_open: bool
) -> Block:
    """A fold whose blocks take long to work out: they are built where it is open alone.

    Opening it sets the option of the view, which is its name too.
    """
    inside = build() if is_open else ()
    return fold(option, title, inside) | {"option": option, "open": is_open}


def action(name: str, title: str, *, disabled: bool = False) -> Block:
    """A button that the page's script hears of."""
    return {"id": name, "kind": "action", "title": title, "disabled": disabled}


def findings(name: str, lines: Sequence[Block]) -> Block:
    """What goes wrong: the first line in sight, the others when the number of them is clicked.

    A line has a ``text`` and the name and ``title`` of an ``action``, empty where there is none.
    """
    return {"id": name, "kind": "findings", "lines": list(lines)}


# ------------------------------------------------------------------ controls: options of the view


def choice(
    option: str,
    label: str,
    offered: Mapping[str, str],
    value: str,
    look: str = "buttons",
    tips: Mapping[str, str] = _NOTHING,
) -> Block:
    """One of several, by their values and titles; ``look`` is buttons, tabs or menu.

    ``tips`` explain values, a sentence each.
    """
    return {
        "tips": dict(tips),
        "kind": "choice",
        "option": option,
        "label": label,
        "offered": list(offered.items()),
        "value": value,
        "look": look,
    }


def toggle(option: str, label: str, *, is_on: bool) -> Block:
    return {"kind": "toggle", "option": option, "label": label, "value": is_on}


def slider(option: str, label: str, low: float, high: float, step: float, value: float) -> Block:
    return {
        "kind": "slider",
        "option": option,
        "label": label,
        "low": low,
        "high": high,
        "step": step,
        "value": value,
    }


def menu(label: str, *controls: Block) -> Block:
    """Controls that show when the label is clicked."""
    return {"kind": "menu", "label": label, "controls": list(controls)}


def download(label: str, address: str) -> Block:
    """A link to a file; the address is below that of the experiment."""
    return {"kind": "download", "label": label, "address": address}


def controls(name: str, *them: Block) -> Block:
    """Controls in a line of their own."""
    return {"id": name, "kind": "controls", "controls": list(them)}
