"""Serve the lab, or end it, with one command on every system.

``python -m core.serve`` does what ``make run`` does: where Streamlit isn't installed it makes the
folder ``.venv``, installs there what is needed, and serves from it. ``python -m core.serve stop``
ends the servers of this project's store, and all that trains.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import venv
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

_PROJECT = Path(__file__).parents[1]
_VENV = _PROJECT / ".venv"
_PYTHON = _VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
_STOP_SECONDS = 10.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m core.serve", description="Serve Loss Lab.")
    parser.add_argument("command", nargs="?", choices=["run", "stop"], default="run")
    parser.add_argument("--host", default="127.0.0.1", help="the address to serve at")
    parser.add_argument("--port", type=int, default=8501)
    asked = parser.parse_args(arguments)
    if find_spec("streamlit") is None:
        return _in_own_environment(sys.argv[1:] if arguments is None else arguments)
    return _stop() if asked.command == "stop" else _run(asked.host, asked.port)


def _in_own_environment(arguments: list[str]) -> int:
    """The same command with what is installed in the project's own folder."""
    if Path(sys.executable).resolve() == _PYTHON.resolve():
        print("What the lab needs isn't installed; see requirements.txt.", file=sys.stderr)
        return 1
    if not _PYTHON.exists():
        print("Installing what the lab needs into .venv; this takes some minutes.", flush=True)
        venv.create(_VENV, with_pip=True)
        _python("-m", "pip", "install", "--quiet", "-r", "requirements.txt")
    return _python("-m", "core.serve", *arguments)


def _python(*arguments: str) -> int:
    return subprocess.run([_PYTHON, *arguments], cwd=_PROJECT, check=False).returncode


def _run(host: str, port: int) -> int:
    print(f"Loss Lab is at http://{host}:{port}", flush=True)
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    command += ["--server.address", host, "--server.port", str(port)]
    with subprocess.Popen(command, cwd=_PROJECT) as server:
        while True:
            # Ctrl+C goes to both: the server decides what it means.
            with suppress(KeyboardInterrupt):
                return server.wait()


def _stop() -> int:
    from core import place
    from core.engine.door import ask_who, call
    from core.engine.messages import Message
    from core.errors import LabError
    from core.store import Store

    try:
        folder = place.folder(Store().url)
        servers = ask_who(folder).servers
        line = call(folder)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError:
        print("Nothing of this project's store is running.")
        return 0
    with line, suppress(EOFError, OSError):
        line.send(Message.END)
        for server in servers:
            with suppress(OSError):
                os.kill(server, signal.SIGTERM)
        # It hangs up when all has ended.
        while line.poll(_STOP_SECONDS):
            line.recv()
    print("The servers, and all that trained, were told to end.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
