"""The independent programs are there, and independent."""

from __future__ import annotations

import ast

import pytest

from core.exhibits import EXHIBITS
from tests.browser.app import ROOT

_FOLDER = ROOT / "tests" / "exhibits"


@pytest.mark.parametrize("key", EXHIBITS)
def test_an_exhibit_has_a_plain_program_that_knows_nothing_of_the_lab(key: str) -> None:
    tree = ast.parse((_FOLDER / f"plain_{key}.py").read_text(encoding="utf-8"))
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "torch" in modules
    assert not modules & {"core", "pages", "tests", "streamlit"}
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert "verdict" in functions


def test_no_program_is_of_an_exhibit_that_is_gone() -> None:
    programs = {path.stem.removeprefix("plain_") for path in _FOLDER.glob("plain_*.py")}
    assert programs == set(EXHIBITS)
