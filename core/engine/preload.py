"""What the process that jobs are forked from loads at its start: all that a job needs.

Imports, and the data that the form starts with, read once for every job.
"""

import sklearn.datasets
import sklearn.model_selection
import sqlalchemy.dialects.sqlite  # noqa: F401

import core.engine.job
import core.training  # noqa: F401
from core.datasets import load
from core.spec import DataSpec

load(DataSpec(), seed=0)
