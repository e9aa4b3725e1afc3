"""The app as a server: what it serves beside the pages, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from http.client import HTTPResponse
from pathlib import Path

import pytest

from core import place
from core.engine.door import ask_who
from core.records import Status
from core.spec import ExperimentSpec
from core.store import Store
from tests.browser.app import ROOT, Server, serving
from tests.core.engine.test_engine import processes
from tests.core.live.staging import recorded
from tests.waiting import wait_until

HEADERS = (
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "Referrer-Policy",
)


def got(address: str, **headers: str) -> HTTPResponse:
    """The answer of the server, also where it is a refusal."""
    request = urllib.request.Request(address, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    assert all(name in answer.headers for name in HEADERS), address
    return answer  # type: ignore[no-any-return]


def children(server: int) -> list[int]:
    """Living processes that the server started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == server:
            found.append(int(entry.name))
    return found


@pytest.mark.some(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_while_somebody_looks_and_leaves_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    """The training service starts with the server, before anybody comes, and ends with it."""
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    store = Store(url)
    server = Server(url)
    try:
        server.start()
        (host,) = wait_until(lambda: children(server.pid), 30, "the training service")
        wait_until(lambda: len(processes(host)) > 1, 60, "the service to be ready")
        experiment_id = recorded(store, Status.PAUSED)
        with got(f"{server.address}/live/{experiment_id}") as stream:
            assert json.loads(stream.readline()[6:])["status"] == "paused"
            server.end(number)
            # It waits a while for another server.
            wait_until(lambda: not processes(host), 60, "the end of the training service")
    finally:
        server.kill()


def test_one_that_ends_before_it_was_quiet_starts_no_training_service(tmp_path: Path) -> None:
    """The quiet moment never comes here."""
    trial = """
import asyncio, app, core.lab
app._QUIET_SECONDS = app._MOST_SECONDS = 1_000
async def whole():
    async with app.lifespan(None):
        await asyncio.sleep(0)
asyncio.run(whole())
assert core.lab.lab()._engine is None
"""
    environment = os.environ | {"LOSSLAB_STORE": f"sqlite:///{tmp_path / 'lab.db'}"}
    subprocess.run([sys.executable, "-c", trial], cwd=ROOT, env=environment, check=True, timeout=60)


def test_what_it_serves_beside_the_pages(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    store = Store(url)
    with serving(url) as address:
        for path, kind in {
            "/": "html",
            "/compare": "html",
            "/plotly/plotly.min.js": "javascript",
            "/scripts/stage.js": "javascript",
            "/scripts/stream.js": "javascript",
            "/scripts/chart.js": "javascript",
        }.items():
            with got(address + path) as answer:
                assert answer.status == 200, path
                assert answer.headers["Content-Type"].split(";")[0].endswith(kind), path
        for path in ("/scripts/../stage.py", "/scripts/missing.js", "/plotly/../../pyproject.toml"):
            assert got(address + path).status in (400, 404), path
        assert got(address, Host="evil.example").status == 400
        assert got(f"{address}/live/nonsense").status == 404
        experiment_id = recorded(store, Status.STOPPED)
        with got(f"{address}/live/{experiment_id}", **{"Accept-Encoding": "gzip"}) as stream:
            assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert "Content-Encoding" not in stream.headers
            assert json.loads(stream.readline()[6:])["last"] is True
        with got(f"{address}/live/{experiment_id}/losses.csv") as file:
            assert file.headers["Content-Disposition"] == (
                f'attachment; filename="loss-lab-{experiment_id}-losses.csv"'
            )
            assert file.readline().startswith(b"entrant,seed,epoch,step,")
        metrics = got(f"{address}/metrics").read().decode()
        assert 'losslab_experiments{status="stopped"} 1' in metrics.splitlines()
        assert got(f"{address}/metrics", **{"Sec-Fetch-Site": "cross-site"}).status == 403


def test_ctrl_c_leaves_what_trains_to_go_on_and_a_second_one_ends_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    store, server = Store(url), Server(url)
    key = store.create(ExperimentSpec.parse({"training": {"epochs": 10_000}}))
    try:
        server.start()
        wait_until(lambda: store.step(key) > 0, 60, "the first steps")
        host = ask_who(place.folder(url)).pid
        server.end(signal.SIGINT)
        step = store.step(key)
        wait_until(lambda: store.step(key) > step, 60, "more steps")
        server.start()
        wait_until(lambda: len(ask_who(place.folder(url)).servers) == 1, 60, "the server to call")
        assert ask_who(place.folder(url)).pid == host
        server.interrupt_twice()
        wait_until(lambda: not processes(host), 60, "the end of all processes")
        assert store.get(key).status is Status.INTERRUPTED
    finally:
        server.end_all()


def test_one_command_ends_servers_and_all_that_trains(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    store, server = Store(url), Server(url)
    key = store.create(ExperimentSpec.parse({"training": {"epochs": 10_000}}))
    command = [sys.executable, "-m", "core.serve", "stop"]
    environment = os.environ | {"LOSSLAB_STORE": url}
    try:
        server.start()
        wait_until(lambda: store.step(key) > 0, 60, "the first steps")
        host = ask_who(place.folder(url)).pid
        said = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
        assert said == "The servers, and all that trained, were told to end.\n"
        wait_until(lambda: server.has_ended and not processes(host), 60, "all to end")
        assert store.get(key).status is Status.INTERRUPTED
        said = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
        assert said == "Nothing of this project's store is running.\n"
    finally:
        server.end_all()
