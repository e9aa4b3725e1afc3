"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine makes any example slow now and then, which says nothing about the code.
settings.register_profile("without_deadline", deadline=None)
settings.load_profile("without_deadline")
