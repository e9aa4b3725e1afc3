"""What the process that jobs are forked from loads at its start: all that a job needs.

Imports, and the data that the form starts with, read once for every job.
"""

from importlib import import_module

from core.data import DataSpec, load

for module in (
    "core.anatomy.answers",
    "core.engine.calculator",
    "core.engine.job",
    "core.training",
    "sklearn.datasets",
    "sklearn.model_selection",
    "sqlalchemy.dialects.sqlite",
):
    import_module(module)
load(DataSpec(), seed=0)
