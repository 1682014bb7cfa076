"""The entry of the workbench: page config and navigation; nothing else."""

import streamlit as st

from pages.parts.navigation import follow_runs, page_titles
from pages.parts.session import mark_entered

st.set_page_config(page_title="Text augmentation workbench", page_icon="pages/icon.svg", layout="wide")

mark_entered()
follow_runs()  # before the titles, so that no change in between is missed
titles = page_titles()
st.navigation(
    [
        st.Page("pages/overview.py", title=titles["overview"], icon=":material/home:", default=True),
        st.Page("pages/seeds.py", title=titles["seeds"], icon=":material/potted_plant:"),
        st.Page("pages/prompt.py", title=titles["prompt"], icon=":material/edit_note:"),
        st.Page("pages/generate.py", title=titles["generate"], icon=":material/auto_awesome:"),
        st.Page("pages/review.py", title=titles["review"], icon=":material/rate_review:"),
        st.Page("pages/train.py", title=titles["train"], icon=":material/model_training:"),
        st.Page("pages/results.py", title=titles["results"], icon=":material/insights:"),
        st.Page("pages/present.py", title=titles["present"], visibility="hidden"),
    ],
    position="top",
).run()
