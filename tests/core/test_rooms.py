"""The rooms of the house: which imports which, those for types included, and never in a circle."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.browser.app import ROOT


def modules(package: str) -> dict[str, Path]:
    """Each module of a package by its dotted name."""
    files = (ROOT / package).rglob("*.py")
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }


def imported(file: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the project that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {name for name in names if name in known}


def room(module: str, depth: int) -> str:
    return ".".join(module.split(".")[:depth])


def arrows(package: str, depth: int) -> dict[str, set[str]]:
    """Each room and the others that it imports from; a room is so many names deep."""
    known = modules(package)
    graph: dict[str, set[str]] = {}
    for module, file in known.items():
        here = room(module, depth)
        there = {room(other, depth) for other in imported(file, known)}
        graph.setdefault(here, set()).update(there - {here, package})
    return graph


@pytest.mark.parametrize(("package", "depth"), [("core", 2), ("pages", 3)])
def test_no_rooms_import_each_other_in_a_circle(package: str, depth: int) -> None:
    graph = arrows(package, depth)
    assert len(graph) > 5
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("package", ["core", "pages"])
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    known = modules(package)
    packages = {name for name, file in known.items() if file.stem == "__init__"}
    graph = {
        name: imported(file, known) - packages
        for name, file in known.items()
        if name not in packages
    }
    TopologicalSorter(graph).prepare()


def test_core_knows_neither_streamlit_nor_pages() -> None:
    for file in modules("core").values():
        text = file.read_text(encoding="utf-8")
        assert "import streamlit" not in text, file
        assert "from streamlit" not in text, file
        assert "from pages" not in text, file
