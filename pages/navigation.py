"""Page config and navigation: the script that Streamlit runs for every page."""

from pathlib import Path

import streamlit as st

st.set_page_config(
    page_title="Loss Lab",
    page_icon=str(Path(__file__).parent / "parts" / "shell" / "icon.png"),
    layout="wide",
)

st.navigation(
    [
        st.Page("train.py", title="Train", icon=":material/play_circle:", default=True),
        st.Page("compare.py", title="Compare", icon=":material/sports_score:"),
        st.Page("exhibits.py", title="Exhibits", icon=":material/museum:"),
        st.Page("losses.py", title="Losses", icon=":material/function:"),
        st.Page("status.py", title="Status", icon=":material/monitor_heart:", visibility="hidden"),
    ],
    position="top",
).run()
