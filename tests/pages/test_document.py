"""The document of a page: what it has the browser load, and what it says is about to be seen."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette

from pages.parts.shell import document
from pages.parts.widgets import addresses
from tests.core.live.asking import ask

_PARTS = Path(document.__file__).parents[1]
_SCRIPTS = _PARTS / "widgets" / "scripts"
_IMPORT = re.compile(r'^import .* from "\./(\w+)\.js"', re.MULTILINE)


def of(address: str, opened: list[str] | None = None) -> str:
    app = Starlette(routes=document.routes((opened if opened is not None else []).append))
    answer, body = asyncio.run(ask(app, address))
    assert answer.status == 200
    return body


def imported(name: str) -> set[str]:
    """A script and all that it imports, by their names."""
    found = {name}
    for each in _IMPORT.findall((_SCRIPTS / f"{name}.js").read_text(encoding="utf-8")):
        found |= imported(each)
    return found


@pytest.mark.parametrize("page", ["/", "/train", "/compare"])
def test_all_scripts_of_the_stage_are_loaded_at_once(page: str) -> None:
    links = re.findall(r'rel="modulepreload" href="([^"]*)"', of(page))
    own = [link for link in links if "/scripts/" in link]
    assert sorted(own) == sorted(map(addresses.script, imported("stage")))
    assert f'data-plotly="{addresses.plotly()}"' in of(page)


@pytest.mark.parametrize("page", ["/losses", "/status", "/exhibits"])
def test_pages_without_a_stage_load_none(page: str) -> None:
    assert "plotly" not in of(page)
    assert "/scripts/" not in of(page)


def test_the_experiment_of_the_address_is_about_to_be_seen() -> None:
    opened: list[str] = []
    of("/", opened)
    of("/compare?experiment=", opened)
    assert opened == []
    of("/compare?experiment=0123456789&embed=1", opened)
    of("/?experiment=of+none", opened)
    assert opened == ["0123456789", "of none"]


@pytest.mark.parametrize(
    "sheet", sorted(_PARTS.rglob("*.css")), ids=lambda sheet: sheet.relative_to(_PARTS).as_posix()
)
def test_no_rule_is_tried_on_every_element(sheet: Path) -> None:
    """A rule that ends in ``*`` would be, whenever a chart is drawn."""
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    selectors = [
        each.strip() for rule in re.findall(r"([^{}]+)\{", text) for each in rule.split(",")
    ]
    assert len(selectors) > 3
    assert [each for each in selectors if each.endswith("*")] == []
