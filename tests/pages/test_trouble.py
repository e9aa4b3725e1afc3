"""What goes wrong outside the form: a sentence on the page, no traceback, no torch."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.lab import lab
from core.store.database import EXAMPLE_IDS
from tests.browser.app import ROOT
from tests.core.store.test_earlier_version import FINISHED, OLD_FACTS, OLD_SPEC, TABLES, insert
from tests.pages.looking import (
    PAGES,
    SCRIPT,
    button,
    click,
    errors,
    go_to,
    run,
    said,
    staged,
    texts,
)

Opened = Callable[[str], AppTest]


@pytest.fixture
def app_with_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens the page on a store of the test's own; the shared one comes back afterwards."""

    def opened(url: str) -> AppTest:
        monkeypatch.setenv("LOSSLAB_STORE", url)
        lab.cache_clear()
        return AppTest.from_file(SCRIPT, default_timeout=60).run()

    yield opened
    lab().end()
    lab.cache_clear()


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
    assert staged(app) is None


def test_a_table_of_others_is_left_alone(
    app_with_store: Opened, tmp_path: Path, nothing_trains: None
) -> None:
    url = a_database_of_others(tmp_path)
    app = app_with_store(url)
    assert not app.error
    assert not any("earlier version" in each.value for each in app.caption)
    click(app, "Train")
    assert not app.error
    assert "experiment" in app.query_params
    with closing(sqlite3.connect(tmp_path / "others.db")) as connection:
        columns = connection.execute("PRAGMA table_info(experiments)").fetchall()
    assert [column[1] for column in columns] == ["name"]


# ------------------------------------------------------------------ the version before


NOTE = (
    "also has 2 experiments of an earlier version of Loss Lab. They are kept as they are; this "
    "version can't show them."
)


def a_store_of_the_version_before(folder: Path) -> str:
    """Two experiments, and the example race, which every version has."""
    file = folder / "lab.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(TABLES[""])
        rows = [
            (each, 1.5e9, OLD_SPEC, "finished", "running", None, None, OLD_FACTS, 1, 1, 0.1, 1.5e9)
            for each in (FINISHED, "0123456789", "0000000000")
        ]
        insert(connection, "experiments", *rows)
    return f"sqlite:///{file}"


def test_a_store_of_the_version_before_is_told_of_and_works(
    app_with_store: Opened, tmp_path: Path, nothing_trains: None
) -> None:
    app = app_with_store(a_store_of_the_version_before(tmp_path))
    for page in PAGES:
        go_to(app, page)
        assert not app.error
        assert NOTE in said(app)
    go_to(app, "compare")
    assert "runs it live" in texts(app)
    sent = staged(app)
    assert sent is not None
    assert (sent["experiment"], sent["status"]) == (EXAMPLE_IDS[1], "finished")
    for page, name in (("train", "Train"), ("compare", "Race")):
        click(go_to(app, page), name)
        assert not app.error
        sent = staged(app)
        assert sent is not None
        assert (sent["experiment"], sent["status"]) == (app.query_params["experiment"], "queued")
    with closing(sqlite3.connect(tmp_path / "lab.db")) as connection:
        kept = connection.execute("SELECT id, spec FROM experiments").fetchall()
    assert len(kept) == 3
    assert {spec for _id, spec in kept} == {OLD_SPEC}


@pytest.mark.parametrize("where", ["train", "compare"])
def test_the_address_of_an_experiment_of_the_version_before_is_a_sentence(
    app_with_store: Opened, tmp_path: Path, where: str
) -> None:
    app = app_with_store(a_store_of_the_version_before(tmp_path))
    go_to(app, where)
    app.query_params["experiment"] = FINISHED
    run(app)
    (error,) = errors(app)
    assert error.startswith(f"Experiment {FINISHED} in ")
    assert "was written by an earlier version of Loss Lab" in error
    assert not button(app, "Train" if where == "train" else "Race").disabled


# ------------------------------------------------------------------ torch


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
        "app = AppTest.from_file('pages/navigation.py', default_timeout=60)\n"
        f"{script}"
        "from core.lab import lab\n"
        "lab().end()\n"
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
