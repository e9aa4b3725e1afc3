"""The databases on which the contract of the store is tested: a file, and a server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store import Store
from tests.core.store import postgres

BACKENDS = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of a store runs on each database, but for those that look into its file."""
    if "store" in metafunc.fixturenames:
        is_of_file = "file" in metafunc.fixturenames
        metafunc.parametrize("store", BACKENDS[:1] if is_of_file else BACKENDS, indirect=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="The driver of PostgreSQL isn't installed.")
    programs = postgres.binaries()
    if programs is None or not shutil.which("setpriv"):
        pytest.skip("PostgreSQL isn't installed here; as root `make test` installs Debian's.")
    with postgres.server(programs) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """Of a part of the server's database that nothing else uses."""
    return postgres.new_part(postgres_server)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lab.db"


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'lab.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    made = Store(url)
    yield made
    made._database._engine.dispose()
