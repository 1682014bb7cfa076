"""What all pages share on the screen: header, empty state, errors in place, literal texts and label bars."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from augment.errors import AugmentError
from augment.records import Task
from pages.parts.formats import escape_markdown

PAGES = {
    "overview": "pages/overview.py",
    "seeds": "pages/seeds.py",
    "prompt": "pages/prompt.py",
    "generate": "pages/generate.py",
    "review": "pages/review.py",
    "train": "pages/train.py",
    "results": "pages/results.py",
    "present": "pages/present.py",
}
BAR_LENGTH = 8  # characters that show a probability of 1
POLL_S = 1.0
CHARTS_POLL_S = 2.0  # drawing several charts takes a tenth of a second of CPU time that the run itself needs

# How tables of training runs show their figures.
METRIC_COLUMNS = {
    "macro-F1": st.column_config.NumberColumn(format="%.3f"),
    "accuracy": st.column_config.NumberColumn("accuracy, %", format="%.1f"),
    "seconds": st.column_config.NumberColumn("time, s", format="%.1f"),
}


def page_header(title: str, subtitle: str = "") -> "st.delta_generator.DeltaGenerator":
    """Title and subtitle; returns the place at the top right for the page's one primary action."""
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left.container(gap=None):
        st.title(title, anchor=False)
        if subtitle:
            st.caption(subtitle)
    return right.container(horizontal=True, horizontal_alignment="right")


def task_line(task: Task) -> str:
    """'Emotion · joy / anger / surprise', safe to show as Markdown."""
    return escape_markdown(f"{task.name} · {' / '.join(task.labels)}")


def empty_state(text: str, button: str, page: str) -> None:
    """Say why there is nothing to see, offer the way on, and end the script."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.markdown(escape_markdown(text), text_alignment="center")
        if st.button(button, type="primary", key=f"shared_empty_{page}", icon=":material/arrow_forward:"):
            st.switch_page(PAGES[page], query_params={})  # a page's own filters do not go along
        st.space("small")
    st.stop()


@contextmanager
def showing_errors() -> Iterator[None]:
    """Show an error that a person can fix where it occurred; the rest of the page still runs."""
    try:
        yield
    except AugmentError as error:
        show_error(str(error))


def show_error(text: str) -> None:
    """Show an error message, literally."""
    st.error(escape_markdown(text), icon=":material/error:")


def literal(text: str) -> None:
    """Untrusted text, shown as it is at reading size and at most about 75 characters per line."""
    st.text(text, width=640)


def label_bar(labels: Sequence[str], probs: Sequence[float]) -> None:
    """Label probabilities in one line, the likeliest in bold: 'joy ▮▮▯▯▯▯▯▯ 0.22 · anger ▮▮▮▯▯▯▯▯ 0.41'."""
    parts = []
    for label, prob in zip(labels, probs, strict=True):
        n_full = round(BAR_LENGTH * prob)
        part = f"{escape_markdown(label)} {'▮' * n_full}{'▯' * (BAR_LENGTH - n_full)} {prob:.2f}"
        parts.append(f"**{part}**" if prob == max(probs) else part)
    st.caption(" · ".join(parts))
