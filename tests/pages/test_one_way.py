"""No text becomes Markdown or HTML of a page but by the one way for it: read from the code.

Each argument that Streamlit reads as Markdown is the authors' own words, a number, or has gone
through ``escaped``. A parameter that is handed on to such an argument is one itself, so that what
calls the pages' own functions is held to the same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tests.browser.app import ROOT

PAGES = sorted((ROOT / "pages").rglob("*.py"))
SCRIPTS = sorted((ROOT / "pages").rglob("*.js"))

#: The calls of Streamlit whose first argument is Markdown, or a list of it.
MARKDOWN = {
    "markdown", "write", "caption", "error", "warning", "info", "success", "title", "header",
    "subheader", "toast", "badge", "popover", "expander", "tabs", "button", "download_button",
    "link_button", "form_submit_button", "checkbox", "toggle", "radio", "pills",
    "segmented_control", "selectbox", "multiselect", "slider", "select_slider", "text_input",
    "number_input", "text_area", "file_uploader", "color_picker", "date_input", "time_input",
    "metric", "status", "dialog", "progress", "spinner", "table", "exception", "chat_message",
}  # fmt: skip
#: Arguments that are Markdown in any of these calls, and in those of the pages that hand them on.
NAMED = ("help", "label", "body")
#: Those that make words of options, where options are Markdown.
OPTIONS = {"pills", "segmented_control", "radio"}
#: What gives a number, or words that are made of numbers alone.
NUMERIC = {"len", "round", "max", "min", "sum", "as_text"}
#: What joins words that are held to the same themselves.
JOINING = {"in_a_row", "join", "list", "dict", "fromkeys", "items", "values", "strip"}
#: What the authors wrote as Markdown, by file, where it can't be seen that it is a constant.
_CARD = "of the catalogue of losses, whose cards are Markdown"
AUTHORED = {
    ("card", "card.summary"): _CARD,
    ("card", "card.source"): _CARD,
    ("card", "card.symbols"): _CARD,
    ("card", "card.example_formula"): _CARD,
    ("card", "card.gradient_formula"): _CARD,
    ("card", "caption"): _CARD,
    ("card", "*link"): "of the table of links",
    ("card", "_sentences(card)"): _CARD,
    ("card", "facts"): "of the catalogue of losses, with numbers",
    ("code", "spec.card.takes"): _CARD,
    ("code", "mistake.what_happens"): "of the catalogue of mistakes",
    ("losses", "list(tabs)"): "the names of the tabs",
    ("program", "part.sentence"): "of a program, in which no name stands that a person typed",
    ("shape", "chosen"): "keys of the catalogue of losses; their titles are escaped",
    ("losses", "tabs"): "the names of the tabs",
    ("steps", "current.explained(detail, loss)"): "of the table of places",
}
CONSTANT = re.compile(r"_*[A-Z][A-Z0-9_]*")
NUMBER = re.compile(r".*[dfgeE%,]")
#: The only place that may speak HTML to Streamlit is a body of ``st.html`` made by these modules,
#: each of which writes what is not its own by ``html.escape``.
HTML = {
    "bets.py", "gallery.py", "shown.py", "shape.py", "shape_slider.py", "steps.py", "layout.py",
    "controls.py", "html_table.py",
}  # fmt: skip


@dataclass(frozen=True)
class Function:
    """A function of the pages, with what its own names may stand for."""

    node: ast.FunctionDef
    file: Path

    @property
    def key(self) -> tuple[str, str]:
        return "" if "self" in self.parameters else self.file.stem, self.node.name

    @property
    def parameters(self) -> list[str]:
        arguments = self.node.args
        return [each.arg for each in (*arguments.args, *arguments.kwonlyargs)]

    @property
    def values(self) -> dict[str, list[ast.expr]]:
        """What is put into each name, anywhere in the function."""
        found: dict[str, list[ast.expr]] = {}
        for node in ast.walk(self.node):
            for target, value in assigned(node):
                for name in ast.walk(target):
                    if isinstance(name, ast.Name):
                        found.setdefault(name.id, []).append(value)
        return found


def assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield target, value
        case ast.NamedExpr(target=target, value=value) | ast.AugAssign(target=target, value=value):
            yield target, value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            yield target, value
        case ast.Call(func=ast.Attribute(value=target, attr="append"), args=[value]):
            yield target, value


class Reader:
    """The functions of some files, and which of their parameters are Markdown."""

    def __init__(self, sources: dict[Path, str]) -> None:
        self.functions = [
            Function(node, file)
            for file, source in sources.items()
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef)
        ]
        self.by_key = {each.key: each for each in self.functions}
        self.handed_on: set[tuple[tuple[str, str], str]] = set()
        #: Names whose values are being looked at: one that is made of itself is as the rest of it.
        self._asked: set[tuple[tuple[str, str], str]] = set()

    @cached_property
    def unguarded(self) -> list[str]:
        """Each argument that is Markdown and might be anything."""
        while True:
            before = len(self.handed_on)
            found = list(self._all_unguarded())
            if len(self.handed_on) == before:
                return found

    def _all_unguarded(self) -> Iterator[str]:
        for function in self.functions:
            for node in ast.walk(function.node):
                if isinstance(node, ast.Call):
                    for argument in self._markdown_of(function, node):
                        if not self._is_safe(argument, function):
                            where = f"{function.file.name}:{argument.lineno}"
                            yield f"{where} {ast.unparse(argument)}"

    def _markdown_of(self, function: Function, call: ast.Call) -> Iterator[ast.expr]:
        """The arguments of a call that are Markdown."""
        called, arguments = call.func, call.args
        if isinstance(called, ast.Name) and called.id == "partial":
            called, arguments = call.args[0], call.args[1:]
        named = {each.arg: each.value for each in call.keywords if each.arg}
        owner, name = owner_and_name(called, function)
        target = self.by_key.get((owner, name)) or self.by_key.get(("", name))
        if target and (owner or name not in MARKDOWN or "self" in target.parameters):
            parameters = [each for each in target.parameters if each != "self"]
            given = dict(zip(parameters, arguments, strict=False)) | named
            for parameter, value in given.items():
                if (target.key, parameter) in self.handed_on:
                    yield value
            if target.key[1] in OPTIONS and "format_func" in named:
                yield named["format_func"]
            yield from (named[each] for each in NAMED[:1] if each in named)
        elif name in MARKDOWN or name == "page_link":
            yield from arguments[: name in MARKDOWN]
            yield from (named[each] for each in NAMED if each in named)
            if name in OPTIONS and "format_func" in named:
                yield named["format_func"]

    def _is_safe(self, node: ast.expr, function: Function) -> bool:
        if (function.file.stem, ast.unparse(node)) in AUTHORED:
            return True
        match node:
            case ast.Constant() | ast.Compare():
                return True
            case ast.JoinedStr(values=parts) | ast.BoolOp(values=parts):
                return all(self._is_safe(each, function) for each in parts)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return all(self._is_safe(each, function) for each in parts)
            case ast.FormattedValue(format_spec=ast.JoinedStr(values=[ast.Constant(value=spec)])):
                return bool(NUMBER.fullmatch(str(spec)))
            case ast.FormattedValue(value=value) | ast.Starred(value=value):
                return self._is_safe(value, function)
            case ast.IfExp(body=one, orelse=other):
                return self._is_safe(one, function) and self._is_safe(other, function)
            case ast.BinOp(left=one, right=other):
                return self._is_safe(one, function) and self._is_safe(other, function)
            case ast.Dict(keys=keys, values=values):
                every = [each for each in (*keys, *values) if each is not None]
                return all(self._is_safe(each, function) for each in every)
            case ast.GeneratorExp(elt=made) | ast.ListComp(elt=made) | ast.Lambda(body=made):
                return self._is_safe(made, function)
            case ast.Name(id=name):
                return self._is_safe_name(name, function)
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                return is_constant(node) or self._is_safe_part(value, function)
            case ast.Call():
                return self._is_safe_call(node, function)
        return False

    def _is_safe_name(self, name: str, function: Function) -> bool:
        if CONSTANT.fullmatch(name) or name == "escaped":
            return True
        if name in function.parameters:
            self.handed_on.add((function.key, name))
            return True
        asked = (function.key, name)
        if asked in self._asked:
            return True
        self._asked.add(asked)
        values = function.values.get(name, [])
        is_safe = bool(values) and all(self._is_safe(each, function) for each in values)
        self._asked.discard(asked)
        return is_safe

    def _is_safe_part(self, whole: ast.expr, function: Function) -> bool:
        """Of a name that stands for something constant a part is constant too."""
        if not isinstance(whole, ast.Name) or whole.id in function.parameters:
            return False
        return bool(function.values.get(whole.id)) and self._is_safe_name(whole.id, function)

    def _is_safe_call(self, call: ast.Call, function: Function) -> bool:
        owner, name = owner_and_name(call.func, function)
        if name in NUMERIC or name == "escaped":
            return True
        if name in JOINING:
            of = [call.func.value] if isinstance(call.func, ast.Attribute) else []
            return all(self._is_safe(each, function) for each in (*of, *call.args))
        if target := self.by_key.get((owner, name)):
            returned = [each for each in ast.walk(target.node) if isinstance(each, ast.Return)]
            values = [each.value for each in returned if each.value is not None]
            return bool(values) and all(self._is_safe(each, target) for each in values)
        return is_constant(call.func)


def owner_and_name(called: ast.expr, function: Function) -> tuple[str, str]:
    """Of a call: the module that has the function, and its name."""
    match called:
        case ast.Name(id=name):
            return function.file.stem, name
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return owner, name
        case ast.Attribute(attr=name):
            return "", name
    return "", ""


def is_constant(node: ast.expr) -> bool:
    """Whether it is a part of a constant of a module: what is picked from it is its authors'."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute) and CONSTANT.fullmatch(node.attr):
            return True
        node = node.value
    return isinstance(node, ast.Name) and bool(CONSTANT.fullmatch(node.id))


def unguarded(source: str) -> list[str]:
    return Reader({Path("page.py"): source}).unguarded


def test_what_is_markdown_on_the_pages_is_the_authors_own_or_escaped() -> None:
    assert Reader({file: file.read_text(encoding="utf-8") for file in PAGES}).unguarded == []


PAGE = """
def page():
    name, names, error = st.query_params
    {statement}

def _told(words):
    st.caption(words)
"""


@pytest.mark.parametrize(
    "statement",
    [
        "st.caption(name)",
        "st.error(f'It was {name}.')",
        "st.button('Go', help=name)",
        "st.caption('a' + name)",
        "st.markdown(str(error))",
        "st.pills('Which', names, format_func=lambda each: names[each])",
        "with st.expander(name): pass",
        "st.page_link('train.py', label=name)",
        "_told(name)",
        "partial(st.slider, name, 0, 1)",
        "st.caption(', '.join(each.title for each in names))",
        "told = 'It was ' + name; st.caption(told)",
    ],
)
def test_what_might_be_anything_is_found(statement: str) -> None:
    assert len(unguarded(PAGE.format(statement=statement))) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "st.caption('Words.')",
        "st.error(f'It was {escaped(name)}, {error:,} times.')",
        "st.button(TITLES[name], help=escaped(name) if name else 'None.')",
        "st.pills('Which', names, format_func=lambda each: escaped(names[each]))",
        "st.selectbox('Options are plain text', names, format_func=str)",
        "_told(f'{len(names)} names')",
        "told = 'It was ' + escaped(name); st.caption(told)",
        "st.code(name, language=None)",
    ],
)
def test_what_goes_the_way_is_not(statement: str) -> None:
    assert unguarded(PAGE.format(statement=statement)) == []


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_html_is_written_in_few_places(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert "unsafe_allow_html" not in source
    assert not re.search(r"unsafe_allow_javascript|components\.v1|\.iframe\(", source)
    assert file.name in HTML or not re.search(r"\.html\(", source)


@pytest.mark.parametrize("file", [*PAGES, *SCRIPTS], ids=lambda file: file.name)
def test_the_browser_reads_no_html_but_what_stands_in_the_scripts(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    ways = r"insertAdjacentHTML|outerHTML|document\.write|createContextualFragment|setHTMLUnsafe"
    assert not re.search(ways + r"|\beval\(|new Function|DOMParser", source)
    for written in re.findall(r"innerHTML\s*\+?=(?!=)\s*(`[^`]*`|.*)", source):
        assert written.startswith("`"), written
        assert "${" not in written
