"""What holds for all tests."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import settings

# A busy machine makes any example slow now and then, which says nothing about the code.
# `make test` draws some examples of each property, `make verify` many.
settings.register_profile("some", deadline=None, max_examples=40)
settings.register_profile("many", deadline=None, max_examples=300)
settings.load_profile("some")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the cases of a test marked ``some(n)``, mark all but n as thorough, evenly."""
    families: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("some"):
            families[item.nodeid.split("[")[0]].append(item)
    for cases in families.values():
        mark = cases[0].get_closest_marker("some")
        assert mark is not None
        (count,) = mark.args
        taken = {round(at * len(cases) / count) for at in range(count)}
        for number, item in enumerate(cases):
            if number not in taken:
                item.add_marker(pytest.mark.thorough)
