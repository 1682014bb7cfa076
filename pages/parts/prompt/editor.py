"""The template: which version the editor starts from, its fields, and what changed."""

import difflib
from dataclasses import asdict

import streamlit as st

from augment.prompts.template import check_template, template_for
from augment.records import PromptTemplate, PromptVersion, Task
from pages.parts.layout import showing_errors
from pages.parts.prompt.state import (
    choose_version,
    chosen_version,
    field_key,
    is_loaded,
    load_template,
    version_key,
)
from pages.parts.session import workbench


def save_version(task: Task, template: PromptTemplate) -> None:
    """The save button's callback: the new version is the chosen one before the page runs again."""
    choose_version(task.id, workbench().store.prompts.save(task.id, template).number)


def edit_template(task: Task, versions: list[PromptVersion], *, gives_label: bool) -> tuple[PromptTemplate, bool]:
    """The template as it is in the editor, and whether it can be used; below the fields what is wrong, what changed.

    `gives_label` is whether the chosen strategy gives the label, so that its prompt uses the given item.
    """
    if not is_loaded(task.id):
        load_template(task.id, versions[0].template if versions else template_for(task))
    base = _pick_version(task, versions)
    template = _edit_fields(task, gives_label=gives_label)
    is_valid = False
    with showing_errors():
        check_template(template)
        is_valid = True
    if base is not None and template != base.template:
        _show_changes(base.template, template)
    return template, is_valid


def _pick_version(task: Task, versions: list[PromptVersion]) -> PromptVersion | None:
    """Which version the editor starts from; choosing one loads it."""

    def load() -> None:
        number = chosen_version(task.id)
        chosen = next((version for version in versions if version.number == number), None)
        load_template(task.id, chosen.template if chosen else template_for(task))

    number = st.selectbox(
        "Version",
        [*(version.number for version in versions), 0],
        format_func=lambda n: _name_version(n, versions),
        key=version_key(task.id),
        on_change=load,
        persist_state="session",
        help="Choosing a version loads it into the editor. A saved version never changes.",
    )
    return next((version for version in versions if version.number == number), None)


def _name_version(number: int, versions: list[PromptVersion]) -> str:
    if not number:
        return "Default (GPT3Mix)"
    version = next(version for version in versions if version.number == number)
    return f"{number} · {version.created_at:%d %b %H:%M}" + (f" · {version.note}" if version.note else "")


def _edit_fields(task: Task, *, gives_label: bool) -> PromptTemplate:
    """All fields; those that the strategy's prompt does not show are folded away."""
    description = st.text_area(
        "Description",
        height=150,
        key=field_key(task.id, "description"),
        persist_state="session",
        help="Tells the language model what the list contains. {examples} is replaced by the seeds, one per line.",
    )
    shown = st.container()
    with st.expander("Advanced"):
        folded = st.container()
        left, right = st.columns(2)
        text_type = left.text_input(
            "Text type", key=field_key(task.id, "text_type"), persist_state="session", help="Replaces {text_type}"
        )
        label_type = right.text_input(
            "Label type", key=field_key(task.id, "label_type"), persist_state="session", help="Replaces {label_type}"
        )
        st.caption(
            "Placeholders: {text_type}, {Text_type}, {label_type}, {Label_type} and {labels} in every field; "
            "{examples} in the description; {text} and {label} in the items."
        )
    with shown if gives_label else folded:
        given_item = _edit_given_item(task)
    with folded if gives_label else shown:
        item, open_item = _edit_items(task)
        if gives_label:
            st.caption(
                "With conditional, the item and the open item do not change the prompt. They are used afterwards, to "
                "score the label of each text."
            )
    return PromptTemplate(description, item, open_item, text_type, label_type, given_item)


def _edit_given_item(task: Task) -> str:
    return st.text_input(
        "Given item",
        key=field_key(task.id, "given_item"),
        persist_state="session",
        help="How the prompt writes one seed if the strategy is conditional: {label} comes before {text}, which ends "
        "the line",
    )


def _edit_items(task: Task) -> tuple[str, str]:
    item = st.text_input(
        "Item",
        key=field_key(task.id, "item"),
        persist_state="session",
        help="How the prompt writes one seed if the strategy is mix or free: on one line, with {text} before {label}",
    )
    open_item = st.text_input(
        "Open item",
        key=field_key(task.id, "open_item"),
        persist_state="session",
        help="The start of the line that the language model continues if the strategy is mix or free",
    )
    return item, open_item


def _show_changes(old: PromptTemplate, new: PromptTemplate) -> None:
    """What the editor changes in the version it started from."""
    before, after = (
        "\n".join(f"{name}: {value}" for name, value in asdict(template).items()).splitlines()
        for template in (old, new)
    )
    lines = [
        line
        for line in difflib.unified_diff(before, after, lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    with st.expander("Changes to this version", expanded=True):
        st.code("\n".join(lines), language="diff", wrap_lines=True)
