"""The six tables. Times are seconds since 1970, UTC.

Their names end in the version of the records that they hold. A database that an earlier
version wrote keeps its own tables beside these, and nothing here reads or changes them.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from core.records import RECORDS_VERSION

metadata = MetaData()

#: What the table of experiments was called in earlier versions.
EARLIER_TABLES = ("experiments",)

ID_BYTES = 5
_SUFFIX = f"_v{RECORDS_VERSION}"
_ID = String(2 * ID_BYTES)
_WORD = String(32)


def _experiment_id() -> Column[str]:
    return Column("experiment_id", _ID, ForeignKey(f"experiments{_SUFFIX}.id"), primary_key=True)


experiments = Table(
    f"experiments{_SUFFIX}",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("created_at", Double, nullable=False),
    #: What the spec, facts, evaluations and snapshot of this experiment are written as.
    Column("version", Integer, nullable=False),
    Column("spec", Text, nullable=False),
    Column("status", _WORD, nullable=False),
    Column("wanted", _WORD, nullable=False),
    Column("pause_after_epoch", Integer),
    Column("reason", Text),
    Column("facts", Text),
    Column("step", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("heartbeat", Double, nullable=False),
)

runs = Table(
    f"runs{_SUFFIX}",
    metadata,
    _experiment_id(),
    Column("run", Integer, primary_key=True),
    Column("entrant", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("status", _WORD, nullable=False),
    Column("diverged_step", Integer),
)

#: ``losses`` is little-endian float32 ``[steps, K]``, row by row.
chunks = Table(
    f"chunks{_SUFFIX}",
    metadata,
    _experiment_id(),
    Column("chunk", Integer, primary_key=True),
    Column("first_step", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("losses", LargeBinary, nullable=False),
)

#: The key leads with the epoch, which readers use as their cursor. ``value`` is null for
#: NaN, which SQLite can't hold.
evaluations = Table(
    f"evaluations{_SUFFIX}",
    metadata,
    _experiment_id(),
    Column("epoch", Integer, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("split", _WORD, primary_key=True),
    Column("measure", _WORD, primary_key=True),
    Column("step", Integer, nullable=False),
    Column("value", Double),
    sqlite_with_rowid=False,
)

#: The newest ``Snapshot`` of each experiment, as its ``to_bytes`` gives it.
snapshots = Table(
    f"snapshots{_SUFFIX}",
    metadata,
    _experiment_id(),
    Column("step", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

#: Those ``Snapshot``s that stay for a replay.
moments = Table(
    f"moments{_SUFFIX}",
    metadata,
    _experiment_id(),
    Column("step", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
