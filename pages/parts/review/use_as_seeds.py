"""Make seeds of texts: ticked synthetic texts go into a new seed set, after the seeds of an older one."""

from collections.abc import Sequence

import streamlit as st

from augment.errors import AugmentError
from augment.records import Task
from augment.wording import plural
from pages.parts.formats import escape_markdown
from pages.parts.layout import show_error
from pages.parts.session import workbench


def make_seeds(task: Task, text_ids: Sequence[int]) -> None:
    """Choose the seed set to start from, and make the new one; the older set does not change."""
    tasks = workbench().store.tasks
    seed_sets = tasks.seed_sets(task.id)
    if not seed_sets:
        return
    base = st.selectbox(
        "New seed set, starting from",
        seed_sets,
        format_func=lambda seed_set: f"{seed_set.id} · {seed_set.name}",
        key="review_seed_base",
        disabled=not text_ids,
        help="The new seed set has the seeds of this one, then the ticked texts with their current labels",
    )
    if st.button(
        f"Make {plural(len(text_ids), 'seed')}" if text_ids else "Make seeds",
        key="review_make_seeds",
        icon=":material/psychiatry:",
        disabled=not text_ids,
    ):
        try:
            name = f"{base.name} + {plural(len(text_ids), 'synthetic text')}"
            made = tasks.extend_seed_set(base.id, text_ids, name=name)
        except AugmentError as error:
            show_error(str(error))
        else:
            st.success(
                escape_markdown(
                    f"Seed set {made.id} · {made.name}: choose it on the Prompt page or on Generate, under Advanced."
                )
            )
