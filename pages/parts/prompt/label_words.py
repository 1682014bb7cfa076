"""The label words of a task on the Prompt page: proposed, edited, saved, and proposed again."""

import streamlit as st

from augment.records import LabelKnowledge, LabelWords, Task
from pages.parts.formats import escape_markdown
from pages.parts.label_words import edit_knowledge
from pages.parts.layout import showing_errors
from pages.parts.session import workbench
from workbench.label_words import find_knowledge
from workbench.tasks import save_knowledge


def show_label_words(task: Task) -> None:
    """An expander; what is in it is made when it is opened, as proposing words takes seconds."""
    expander = st.expander("Label words", key=f"prompt_{task.id}_words_open", on_change="rerun")
    if expander.open:
        with expander, showing_errors():
            _edit(task)


def _edit(task: Task) -> None:
    saved = workbench().store.tasks.label_knowledge(task.id)
    current = find_knowledge(workbench().store, task)
    start = current or _without_words(task)
    st.caption(
        "Words that stand for each label, one per line. In the patterns they make label sentences, such as "
        f"“{escape_markdown(start.patterns[0].replace('{word}', _example(start)))}”, which the default experiment and "
        "consensus labels learn from. The prompt does not contain them."
    )
    edited = edit_knowledge(start, task.labels, f"prompt_{task.id}_knowledge_{saved is not None}")
    with st.container(horizontal=True):
        st.button(
            "Save words",
            key="prompt_words_save",
            icon=":material/save:",
            disabled=edited is None or edited == current,
            on_click=_save,
            args=(task, edited),
        )
        if saved is not None:
            st.button("Propose again", key="prompt_words_propose", on_click=_save, args=(task, None))


def _save(task: Task, knowledge: LabelKnowledge | None) -> None:
    """Save the words and have the fields show what is saved."""
    for key in list(st.session_state):
        if str(key).startswith(f"prompt_{task.id}_knowledge_"):
            del st.session_state[key]
    save_knowledge(workbench(), task, knowledge)


def _without_words(task: Task) -> LabelKnowledge:
    """Each label's name for labels whose names say nothing, for people to replace."""
    words = tuple(LabelWords(label, (_without_braces(label),)) for label in task.labels)
    return LabelKnowledge((f"This {_without_braces(task.text_type)} is {{word}}.",), words)


def _without_braces(name: str) -> str:
    return name.replace("{", "").replace("}", "") or "?"


def _example(knowledge: LabelKnowledge) -> str:
    return knowledge.words[0].words[0]
