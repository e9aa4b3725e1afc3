"""The tables. Times are seconds since 1970, UTC.

Their names end in the version of the records that they hold. A database that an earlier
version wrote keeps its own tables beside these, and nothing here reads or changes them.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    Float,
    ForeignKey,
    Index,
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
EARLIER_TABLES = ("experiments", "experiments_v2")

ID_BYTES = 5
_SUFFIX = f"_v{RECORDS_VERSION}"
_ID = String(2 * ID_BYTES)
_WORD = String(32)
_OWNER = String(64)


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
    #: Which training service is to train it; null until one is asked.
    Column("place", _WORD),
    #: Who started it; empty where nobody in particular did.
    Column("owner", _OWNER, nullable=False, server_default=""),
    #: When it last got a process; null until it did.
    Column("started_at", Double),
)
#: What the queue asks for, many times a second, without reading whole experiments.
Index(
    f"queue{_SUFFIX}",
    experiments.c.place,
    experiments.c.status,
    experiments.c.owner,
    experiments.c.started_at,
)

#: What a training goes on from: the newest ``Checkpoint`` of each experiment that is open, or was
#: when its process was lost.
checkpoints = Table(
    f"checkpoints{_SUFFIX}",
    metadata,
    _experiment_id(),
    Column("step", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

#: The hash of the key with which also others may pause and stop an experiment.
keys = Table(
    f"keys{_SUFFIX}",
    metadata,
    _experiment_id(),
    Column("hash", _OWNER, nullable=False),
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

#: ``losses`` is float32 ``[steps, K]``, row by row, as ``core.store.packing`` packs it.
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

#: The newest ``Overview`` of the chunks up to ``chunk``: its envelope, as ``to_bytes`` gives it.
overviews = Table(
    f"overviews{_SUFFIX}",
    metadata,
    _experiment_id(),
    Column("chunk", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

#: An ``Evaluation`` each: ``columns`` are its columns' names, with spaces between, and ``scores``
#: its values as little-endian float32 ``[M, K]``, row by row.
evaluations = Table(
    f"evaluations{_SUFFIX}",
    metadata,
    _experiment_id(),
    Column("epoch", Integer, primary_key=True),
    Column("step", Integer, nullable=False),
    Column("columns", Text, nullable=False),
    Column("scores", LargeBinary, nullable=False),
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

#: Exhibits that are shown; ``begun_at`` is null until one runs.
showings = Table(
    f"showings{_SUFFIX}",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("exhibit", _WORD, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("begun_at", Double),
    #: Who may run it; empty where that is nobody in particular.
    Column("owner", _OWNER, nullable=False),
)

#: The experiment of each part of an exhibit that runs.
showing_parts = Table(
    f"showing_parts{_SUFFIX}",
    metadata,
    Column("showing_id", _ID, ForeignKey(f"showings{_SUFFIX}.id"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("experiment_id", _ID, ForeignKey(f"experiments{_SUFFIX}.id"), nullable=False),
)

#: What each person bets; a new bet takes the place of the one before.
bets = Table(
    f"bets{_SUFFIX}",
    metadata,
    Column("showing_id", _ID, ForeignKey(f"showings{_SUFFIX}.id"), primary_key=True),
    Column("voter", _WORD, primary_key=True),
    Column("pick", Integer),
    Column("sketched", Double),
    Column("bet_at", Double, nullable=False),
)
