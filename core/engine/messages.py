"""What the server, the training service and its processes tell each other.

Experiments and all that is recorded of them go through the store. These are the words for what
can't wait until somebody looks there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from core.records import Status

Line: TypeAlias = "Connection[Any, Any]"


class Message(StrEnum):
    """Words without more to them."""

    LOOK = "look"
    """Server to host, and host to job: something in the store waits, or is to pause or stop."""

    END = "end"
    """Server to host, and host to job: end now; what was recorded stays."""

    BYE = "bye"
    """Server to host: I hang up. What trains goes on."""

    WHO = "who"
    """To the host: who is there? The answer is ``Present``."""

    PAUSED = "paused"
    """Job to host: I rest, my place is free."""

    READY = "ready"
    """Job to host: I want to go on."""

    GO = "go"
    """Host to job: there is a place for you."""

    LEAVE = "leave"
    """Host to job that rests: others need your process. You go on in another one."""


@dataclass(frozen=True)
class Hello:
    """Server to host: this is my process."""

    pid: int


@dataclass(frozen=True)
class Present:
    """Host: my own process, those of the servers, that of each experiment that has one, by its id,
    and those that answer questions; how many may train at once."""

    pid: int
    servers: tuple[int, ...]
    jobs: Mapping[str, int]
    calculators: tuple[int, ...]
    places: int


@dataclass(frozen=True)
class Train:
    """Host to a process: train this experiment."""

    experiment_id: str


@dataclass(frozen=True)
class Answer:
    """Server to host, and host to a process: answer who listens at this address, which is opened
    by this key."""

    address: str | tuple[str, int]
    key: bytes


@dataclass(frozen=True)
class Ended:
    """Job to host: I ended so, and could not write it down."""

    status: Status
    reason: str
