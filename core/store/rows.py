"""From rows to records: the one place where it is looked at what a database holds.

Other versions, other programs and damaged disks write what this version never would, and SQLite
keeps any value in any column. Whatever is none of what is to stand there is a ``ValueError`` whose
sentence says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from core.bounds import Bounds, any_of, quoted
from core.records import (
    NO_DIFFERENCE,
    Bet,
    Checkpoint,
    Chunk,
    Envelope,
    Evaluation,
    Experiment,
    Facts,
    Moment,
    Overview,
    Run,
    Snapshot,
    Status,
    Wanted,
)
from core.spec import ExperimentSpec
from core.store.packing import evaluated, unpacked
from core.store.tables import ID_BYTES

AnyRow = Row[*tuple[Any, ...]]
_Word = TypeVar("_Word", bound=StrEnum)

_ID = re.compile(f"[0-9a-f]{{{2 * ID_BYTES}}}")
#: Specs and facts that are kept as they were read; nothing changes them.
_MOST_PARSED = 64
_LARGEST = 2**31 - 1

# ------------------------------------------------------------------ values


def count(value: object, label: str, low: int = 0) -> int:
    if not isinstance(value, int) or not low <= value <= _LARGEST:
        raise _refusal(label, value, f"a whole number from {Bounds(label, low, _LARGEST)}")
    return value


def number(value: object, label: str) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise _refusal(label, value, "a finite number")
    return float(value)


def seconds(value: object) -> float:
    found = number(value, "Seconds")
    if found < 0:
        raise _refusal("Seconds", value, "0 or more")
    return found


def moment(value: object, label: str) -> datetime:
    try:
        return datetime.fromtimestamp(number(value, label), UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise _refusal(label, value, "seconds since 1970, up to the year 9999") from error


def word(kinds: type[_Word], value: object, label: str) -> _Word:
    """One of the words of an enumeration."""
    if not isinstance(value, str) or value not in {each.value for each in kinds}:
        raise _refusal(label, value, any_of(kinds))
    return kinds(value)


def text(value: object, label: str) -> str:
    if not isinstance(value, str):
        raise _refusal(label, value, "text")
    return value


def content(value: object, label: str) -> bytes:
    if not isinstance(value, bytes):
        raise _refusal(label, value, "bytes")
    return value


def is_id(value: object) -> bool:
    """Whether it can be the id of an experiment or of a showing."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def identity(value: object, label: str) -> str:
    if not isinstance(value, str) or not is_id(value):
        raise _refusal(label, value, f"{2 * ID_BYTES} of the characters 0 to 9 and a to f")
    return value


def _refusal(label: str, value: object, allowed: str) -> ValueError:
    return ValueError(f"{label} was {quoted(value)}; allowed is {allowed}.")


# ------------------------------------------------------------------ records


def experiment(row: AnyRow) -> Experiment:
    spec = _spec(text(row.spec, "The spec"))
    facts = None if row.facts is None else _facts(text(row.facts, "The facts"))
    if facts is not None:
        facts.check(len(spec.entrants), len(spec.seeds))
    return Experiment(
        id=row.id,
        created_at=moment(row.created_at, "The time of its start"),
        spec=spec,
        status=word(Status, row.status, "The status"),
        wanted=word(Wanted, row.wanted, "What is wanted"),
        pause_after_epoch=_pause(row.pause_after_epoch),
        reason=None if row.reason is None else text(row.reason, "The reason"),
        facts=facts,
        step=count(row.step, "The step"),
        epoch=count(row.epoch, "The epoch"),
        seconds=seconds(row.seconds),
        heartbeat=moment(row.heartbeat, "The time of its heartbeat"),
        owner=text(row.owner, "The owner"),
    )


def command(row: AnyRow) -> tuple[Wanted, int | None]:
    """What a job is to do: once the experiment has finished, however that came, to stop."""
    is_finished = word(Status, row.status, "The status").is_finished
    wanted = word(Wanted, row.wanted, "What is wanted")
    return (Wanted.STOPPED if is_finished else wanted), _pause(row.pause_after_epoch)


def _pause(value: object) -> int | None:
    return None if value is None else count(value, "The epoch of a pause")


def runs(rows: Sequence[AnyRow]) -> tuple[Run, ...]:
    """All of an experiment, by their number."""
    if [row.run for row in rows] != list(range(len(rows))):
        raise _refusal("Numbers of runs", [row.run for row in rows], "0, 1, 2 and so on")
    return tuple(
        Run(
            index=row.run,
            entrant=count(row.entrant, "The entrant of a run"),
            seed=count(row.seed, "The seed of a run"),
            status=word(Status, row.status, "The status of a run"),
            diverged_step=None
            if row.diverged_step is None
            else count(row.diverged_step, "The step at which a run diverged"),
        )
        for row in rows
    )


def chunks(rows: Iterable[AnyRow]) -> list[Chunk]:
    return [
        Chunk(
            index=count(row.chunk, "The number of a chunk"),
            first_step=count(row.first_step, "The first step of a chunk", low=1),
            seconds=seconds(row.seconds),
            losses=_losses(row),
        )
        for row in rows
    ]


def _losses(row: AnyRow) -> NDArray[np.float32]:
    packed = content(row.losses, "The losses of a chunk")
    return unpacked(packed, count(row.steps, "The steps of a chunk", low=1))


def overview(row: AnyRow, clock: Iterable[AnyRow]) -> Overview:
    """``clock`` has for each chunk its last step and its seconds."""
    ends = [(count(end, "The last step of a chunk"), seconds(at)) for end, at in clock]
    return Overview(
        last_chunk=count(row.chunk, "The last chunk of the overview"),
        envelope=Envelope.from_bytes(content(row.content, "The overview")),
        clock=np.array(ends, np.float64).reshape(-1, 2),
    )


def evaluations(rows: Iterable[AnyRow]) -> list[Evaluation]:
    return [
        evaluated(
            count(row.epoch, "The epoch of an evaluation"),
            count(row.step, "The step of an evaluation"),
            text(row.columns, "The columns of an evaluation"),
            content(row.scores, "The scores of an evaluation"),
        )
        for row in rows
    ]


def snapshot(rows: Sequence[AnyRow]) -> Snapshot | None:
    """The one of the first row, if there is one."""
    return Snapshot.from_bytes(content(rows[0].content, "The snapshot")) if rows else None


def checkpoint(rows: Sequence[AnyRow]) -> Checkpoint | None:
    """The one of the first row, if there is one."""
    return Checkpoint.from_bytes(content(rows[0].content, "The checkpoint")) if rows else None


def moments(rows: Iterable[AnyRow]) -> list[Moment]:
    return [
        Moment(
            count(row.step, "The step of a snapshot"), count(row.epoch, "The epoch of a snapshot")
        )
        for row in rows
    ]


def standing(row: AnyRow) -> tuple[Status, int]:
    return word(Status, row.status, "The status"), count(row.step, "The step")


def bet(row: AnyRow) -> Bet:
    return Bet(
        pick=None if row.pick is None else count(row.pick, "The pick of a bet", low=NO_DIFFERENCE),
        sketched=None if row.sketched is None else number(row.sketched, "The end of a sketch"),
    )


# ------------------------------------------------------------------ what belongs together


def check_widths(run_count: int, widths: Iterable[int]) -> None:
    """Whether what has a number a run has one for each."""
    for width in widths:
        if width != run_count:
            raise _refusal("The number of runs", width, f"{run_count}, as many as were to train")


@lru_cache(_MOST_PARSED)
def _spec(written: str) -> ExperimentSpec:
    """The same text is read again and again while an experiment trains."""
    return ExperimentSpec.parse(written, is_stored=True)


@lru_cache(_MOST_PARSED)
def _facts(written: str) -> Facts:
    return Facts.from_json(written)
