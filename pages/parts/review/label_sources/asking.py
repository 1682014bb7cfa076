"""Ask a language model for labels: choose it, see what it costs, start."""

from dataclasses import replace

import streamlit as st

from augment.records import LabellingConfig, LMSpec, Price, Task
from augment.wording import plural
from pages.parts.formats import escape_markdown, name_seed_set
from pages.parts.language_models import choose_lm
from pages.parts.prices import choose_cost
from pages.parts.session import workbench
from workbench.labelling import guess_cost, plan_labelling, start_labelling


def show_asking(task: Task) -> None:
    """The language model, its price, the settings that most people leave, the cost, and the button."""
    st.subheader("Ask a language model", anchor=False)
    lm, api_key = choose_lm("review_labels")
    cost = choose_cost("review_labels", lm)
    if lm is None:
        st.button(
            "Ask", key="review_labels_ask", icon=":material/forum:", disabled=True, help="Choose a language model"
        )
        return
    config = replace(_choose_config(task, lm), price=cost.price, budget=cost.budget)
    n_texts = workbench().store.label_sources.count_to_ask(task.id)
    guess = guess_cost(workbench(), task.id, config)
    what = f"Asks {plural(guess.n_questions, 'question')}: {config.n_prompts} per text, and some about each seed"
    if config.price != Price():
        what += f". Costs about {guess.cost:.2g}"
    st.caption(escape_markdown(what))
    if st.button(
        f"Ask about {plural(n_texts, 'text')}",
        key="review_labels_ask",
        icon=":material/forum:",
        disabled=not n_texts,
    ):
        start_labelling(workbench(), task.id, config, api_key=api_key)
        st.rerun()


def _choose_config(task: Task, lm: LMSpec) -> LabellingConfig:
    """The default plan, with what was changed behind "Advanced"."""
    config = plan_labelling(workbench(), task, lm=lm)
    with st.expander("Advanced"):
        seed_set = st.selectbox(
            "Seed set",
            workbench().store.tasks.seed_sets(task.id),
            format_func=name_seed_set,
            key=f"review_{task.id}_labels_seed_set",
        )
        left, right = st.columns(2)
        n_prompts = left.number_input(
            "Prompts per text",
            2,
            20,
            config.n_prompts,
            key="review_labels_prompts",
            help="Choose more for steadier opinions, at a higher cost: each prompt shows other seeds",
        )
        seeds_per_prompt = right.number_input(
            "Seeds per prompt",
            2,
            64,
            config.seeds_per_prompt,
            key="review_labels_seeds",
            help="Choose fewer if the texts are long. At least two seeds of each label are shown.",
        )
    return replace(config, seed_set_id=seed_set.id, n_prompts=n_prompts, seeds_per_prompt=seeds_per_prompt)
