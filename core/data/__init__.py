"""The data sets: what is known of each without loading it, and loading one for a seed.

Nothing here imports scikit-learn or torch before data is loaded, so pages can read it.
"""

from core.data.catalogue import DATASETS, Dataset
from core.data.conditions import Flips, OutliersIn, StressSpec
from core.data.loading import LoadedData, load
from core.data.seeds import derive_seed
from core.data.spec import CLASSES, NOISE, ROWS, VALIDATION_FRACTION, DataSpec

__all__ = [
    "CLASSES",
    "DATASETS",
    "NOISE",
    "ROWS",
    "VALIDATION_FRACTION",
    "DataSpec",
    "Dataset",
    "Flips",
    "LoadedData",
    "OutliersIn",
    "StressSpec",
    "derive_seed",
    "load",
]
