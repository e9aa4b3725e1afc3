"""Live data beside the pages: what an experiment looks like now, for everyone who looks.

A **view** says what is looked at; a **stage** is what is shown of it, as blocks of plain data;
a **hub** builds each frame of a stage once and hands it to all viewers of the view.
Needs neither torch nor Streamlit.
"""
