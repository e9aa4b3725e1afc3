"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine makes any example slow now and then, which says nothing about the code.
# `make test` draws some examples of each property, `make verify` many.
settings.register_profile("some", deadline=None, max_examples=40)
settings.register_profile("many", deadline=None, max_examples=300)
settings.load_profile("some")
