"""Which training service is whose: one for each project, person and machine.

A store may be shared by several machines. Each experiment is trained where it was started, so
that no service touches what is another's.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import tempfile
from functools import cache
from pathlib import Path

#: Names the place in another way, for example where two machines are called the same.
ENVIRONMENT_VARIABLE = "LOSSLAB_PLACE"

_PROJECT = Path(__file__).parents[1]
_LENGTH = 16


def here() -> str:
    """The name of this place, the same for every process and after each restart."""
    return os.environ.get(ENVIRONMENT_VARIABLE) or _name()


@cache
def _name() -> str:
    return _digest(platform.node(), _user(), str(_PROJECT))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run as a number that has no name.
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:_LENGTH]


def folder(store_url: str, place: str | None = None) -> Path:
    """Where the training service for a store, of this place or another, keeps what other processes
    find it by.

    It is this person's alone. Raises ``OSError`` where it can't be made, or is somebody else's.
    """
    home = Path(tempfile.gettempdir()) / f"losslab-{_digest(_user())}"
    home.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and home.lstat().st_uid != os.getuid():
        raise PermissionError(f"The folder {home} is somebody else's.")
    own = home / _digest(place or here(), store_url)
    own.mkdir(mode=0o700, exist_ok=True)
    return own
