"""The plain data that travels: training writes it, the store keeps it, pages read it.

Needs neither torch nor the database. Whatever belongs to one entrant stands in a list at
the entrant's place; whatever belongs to one run stands at the run's number.
"""

from core.records.evaluations import Evaluation, Measure, Split
from core.records.experiments import Chunk, Experiment, Progress, Run, Status, Wanted
from core.records.facts import Facts, GradientLens, RangeTest
from core.records.snapshot import Moment, Snapshot

#: What a stored experiment is written as: its spec, facts, evaluations and snapshot. A reader
#: leaves alone what has another number. A new field with a default needs no new number.
RECORDS_VERSION = 2

__all__ = [
    "RECORDS_VERSION",
    "Chunk",
    "Evaluation",
    "Experiment",
    "Facts",
    "GradientLens",
    "Measure",
    "Moment",
    "Progress",
    "RangeTest",
    "Run",
    "Snapshot",
    "Split",
    "Status",
    "Wanted",
]
