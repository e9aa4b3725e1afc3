"""What goes wrong outside the form: a sentence on the page, no traceback, no torch."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.browser.app import ROOT

Opened = Callable[[str], AppTest]


@pytest.fixture
def app_with_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens the page on a store of the test's own; the shared one comes back afterwards."""

    def opened(url: str) -> AppTest:
        monkeypatch.setenv("LOSSLAB_STORE", url)
        st.cache_resource.clear()
        return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()

    yield opened
    st.cache_resource.clear()


def a_text_file(folder: Path) -> str:
    file = folder / "notes.db"
    file.write_text("This is no database, but it is long enough to look at." * 40)
    return f"sqlite:///{file}"


def a_folder(folder: Path) -> str:
    return f"sqlite:///{folder}"


def a_missing_folder(folder: Path) -> str:
    file = folder / "file"
    file.write_text("")
    return f"sqlite:///{file}/below/lab.db"


def a_database_of_others(folder: Path) -> str:
    file = folder / "others.db"
    with sqlite3.connect(file) as connection:
        connection.execute("create table experiments (name text)")
    return f"sqlite:///{file}"


def a_read_only_database(folder: Path) -> str:
    file = folder / "empty.db"
    sqlite3.connect(file).close()
    return f"sqlite:///file:{file}?mode=ro&uri=true"


def nonsense(folder: Path) -> str:
    return "not a url"


@pytest.mark.parametrize(
    "broken",
    [
        a_text_file,
        a_folder,
        a_missing_folder,
        a_read_only_database,
        nonsense,
    ],
)
def test_a_broken_store_is_a_sentence(
    app_with_store: Opened, tmp_path: Path, broken: Callable[[Path], str]
) -> None:
    app = app_with_store(broken(tmp_path))
    assert not app.exception
    (error,) = app.error
    assert len(error.value) > 40
    assert error.value.rstrip().endswith(".")
    assert "Traceback" not in error.value
    assert "sqlalche.me" not in error.value


def test_a_database_of_others_is_told_when_it_is_written_to(
    app_with_store: Opened, tmp_path: Path
) -> None:
    app = app_with_store(a_database_of_others(tmp_path))
    next(button for button in app.button if button.label == "Train").click().run()
    assert not app.exception
    assert "has no column named id" in app.error[0].value


def test_the_server_never_imports_torch(tmp_path: Path) -> None:
    """The whole page runs, in a process of its own, and torch is not among its modules."""
    run_without_torch(
        tmp_path,
        "app.run()\n"
        "assert not app.exception, app.exception\n"
        "assert app.title[0].value == 'Loss Lab'\n",
    )


def run_without_torch(tmp_path: Path, script: str) -> None:
    """What the script does with ``app`` needs no torch in the process of the pages."""
    whole = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('app.py', default_timeout=60)\n"
        f"{script}"
        "from pages.parts.shell import session\n"
        "session.engine().close()\n"
        "found = {'torch', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    environment = {
        **os.environ,
        "LOSSLAB_STORE": f"sqlite:///{tmp_path / 'lab.db'}",
        "PYTHONPATH": str(ROOT),
    }
    ended = subprocess.run(
        [sys.executable, "-c", whole], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
