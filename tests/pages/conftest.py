from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st

from core.store import Store


@pytest.fixture(scope="session")
def lab_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store that the app under test uses; its one engine is ended with the session."""
    url = f"sqlite:///{tmp_path_factory.mktemp('pages') / 'lab.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOSSLAB_STORE", url)
        st.cache_resource.clear()
        yield Store(url)
        from pages.parts import session

        session.engine().close()
        st.cache_resource.clear()
