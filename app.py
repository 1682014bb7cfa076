"""The entry of the workbench: page config and navigation; nothing else."""

import streamlit as st

from pages._navigation import page_titles

st.set_page_config(page_title="Text augmentation workbench", page_icon="pages/icon.svg", layout="wide")

titles = page_titles()
# Each address differs from its file's name: Streamlit would run a file of that name in pages/ without this one.
st.navigation(
    [
        st.Page("pages/overview.py", title=titles["overview"], icon=":material/home:", default=True),
        st.Page("pages/seeds.py", title=titles["seeds"], icon=":material/potted_plant:", url_path="seed-examples"),
        st.Page("pages/prompt.py", title=titles["prompt"], icon=":material/edit_note:", url_path="prompt-versions"),
        st.Page("pages/generate.py", title=titles["generate"], icon=":material/auto_awesome:", url_path="generation"),
        st.Page("pages/review.py", title=titles["review"], icon=":material/rate_review:", url_path="review-desk"),
        st.Page("pages/train.py", title=titles["train"], icon=":material/model_training:", url_path="training"),
        st.Page("pages/results.py", title=titles["results"], icon=":material/insights:", url_path="comparison"),
    ],
    position="top",
).run()
