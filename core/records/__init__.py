"""The plain data that travels: training writes it, the store keeps it, pages read it.

Needs neither torch nor the database. Whatever belongs to one entrant stands in a list at
the entrant's place; whatever belongs to one run stands at the run's number.
"""

from core.records.checkpoint import Checkpoint
from core.records.envelope import Envelope
from core.records.evaluations import Column, Evaluation, Measure, Split
from core.records.experiments import Chunk, Experiment, Overview, Progress, Run, Status, Wanted
from core.records.facts import Facts, GradientLens, RangeTest
from core.records.queue import Queue, Waiting
from core.records.showings import NO_DIFFERENCE, Bet, Phase, Showing
from core.records.snapshot import Moment, Snapshot

#: What a stored experiment is written as: its spec, facts, evaluations and snapshot. A reader
#: leaves alone what has another number. A new field with a default needs no new number.
RECORDS_VERSION = 3

__all__ = [
    "NO_DIFFERENCE",
    "RECORDS_VERSION",
    "Bet",
    "Checkpoint",
    "Chunk",
    "Column",
    "Envelope",
    "Evaluation",
    "Experiment",
    "Facts",
    "GradientLens",
    "Measure",
    "Moment",
    "Overview",
    "Phase",
    "Progress",
    "Queue",
    "RangeTest",
    "Run",
    "Showing",
    "Snapshot",
    "Split",
    "Status",
    "Waiting",
    "Wanted",
]
