"""Widgets to edit the words that stand for labels, and the patterns that make sentences of them."""

from collections.abc import Sequence

import streamlit as st

from augment.errors import AugmentError
from augment.records import LabelKnowledge, LabelWords
from pages.parts.formats import escape_markdown
from pages.parts.layout import show_error


def edit_knowledge(default: LabelKnowledge, labels: Sequence[str], key: str) -> LabelKnowledge | None:
    """Patterns and each label's words, one per line; None where they cannot be used, which is said there."""
    known = {entry.label: entry.words for entry in default.words}
    patterns = _edit_lines("Patterns, with {word}", default.patterns, f"{key}_patterns")
    problem = st.container()
    words = [
        LabelWords(label, _edit_lines(escape_markdown(label), known.get(label, ()), f"{key}_words_{i}"))
        for i, label in enumerate(labels)
    ]
    try:
        return LabelKnowledge(patterns, tuple(words))
    except AugmentError as error:
        with problem:
            show_error(str(error))
        return None


def _edit_lines(label: str, lines: tuple[str, ...], key: str) -> tuple[str, ...]:
    text = st.text_area(label, "\n".join(lines), height=110, key=key, persist_state="session")
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
