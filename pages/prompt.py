"""Prompt: edit the template, see it rendered, try it on the language model, save it as a new version."""

import streamlit as st

from augment.generation.strategies import STRATEGIES
from augment.records import PromptTemplate, PromptVersion, Task
from pages.parts.layout import PAGES, empty_state, page_header, showing_errors, task_line
from pages.parts.prompt.editor import edit_template, save_version
from pages.parts.prompt.label_words import show_label_words
from pages.parts.prompt.state import prompt_state
from pages.parts.prompt.trial import choose_seeds_and_strategy, choose_trial, trial_panel
from pages.parts.session import enter_through_app, require_task, workbench


def show_actions(
    action: "st.delta_generator.DeltaGenerator",
    task: Task,
    template: PromptTemplate,
    versions: list[PromptVersion],
    *,
    is_valid: bool,
) -> None:
    """Save while the template is new; once it is saved, the way on."""
    is_saved = any(version.template == template for version in versions)
    action.button(
        "Saved" if is_saved else "Save as a new version",
        type="secondary" if is_saved else "primary",
        disabled=is_saved or not is_valid,
        key="prompt_save",
        icon=":material/save:",
        help=None if is_valid else "Fix the template first",
        on_click=save_version,
        args=(task, template),
    )
    if is_saved and action.button(
        "Continue: generate", type="primary", key="prompt_continue", icon=":material/arrow_forward:"
    ):
        st.switch_page(PAGES["generate"])


enter_through_app()
task = require_task("Prompt")
versions = workbench().store.prompts.all(task.id)
seed_sets = workbench().store.tasks.seed_sets(task.id)
header = page_header("Prompt", task_line(task))
left, right = st.columns([2, 3], gap="large")
seed_set, strategy = None, next(iter(STRATEGIES))
if seed_sets:  # chosen first, as the editor starts with the fields that the strategy uses
    with right:
        seed_set, strategy = choose_seeds_and_strategy(task, seed_sets)
with left:
    template, is_valid = edit_template(task, versions, gives_label=STRATEGIES[strategy].gives_label)
    show_label_words(task)
show_actions(header, task, template, versions, is_valid=is_valid)
with right:
    if seed_set is None:
        empty_state(
            "The prompt is shown here with your seeds in it, and you can try it on the language model. There is no "
            "seed set yet.",
            "Choose seeds",
            "seeds",
        )
    assert seed_set is not None  # noqa: S101  empty_state has ended the script
    with showing_errors():
        state = prompt_state(task.id)
        config, api_key = choose_trial(task, template, strategy, state)
        if is_valid:
            trial_panel(config, seed_set, state, api_key)
        else:
            st.caption("The prompt is shown here once the template has no errors.")
