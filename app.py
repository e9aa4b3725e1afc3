"""Loss Lab: page config and navigation, nothing else."""

import streamlit as st

st.set_page_config(page_title="Loss Lab", page_icon="pages/parts/shell/icon.png", layout="wide")

st.navigation(
    [
        st.Page("pages/train.py", title="Train", icon=":material/play_circle:", default=True),
        st.Page("pages/compare.py", title="Compare", icon=":material/sports_score:"),
        st.Page("pages/losses.py", title="Losses", icon=":material/function:"),
    ],
    position="top",
).run()
