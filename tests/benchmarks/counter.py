"""The least that a page of Streamlit can be: one button, and a text that its click changes."""

import streamlit as st

if st.button("Count"):
    st.session_state["count"] = st.session_state.get("count", 0) + 1
st.text(f"counted {st.session_state.get('count', 0)}")
