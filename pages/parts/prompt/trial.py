"""The rendered prompt, and what the language model writes when it is asked now. Nothing of a trial is stored."""

from dataclasses import replace

import streamlit as st

from augment.data.prepare import count_wordpieces
from augment.generation.generate import draw_prompt, given_label
from augment.generation.strategies.strategy import Outcome
from augment.lms import EMBEDDED_LM
from augment.prompts.few_shot import FewShot
from augment.records import GenerationConfig, PromptTemplate, Sampling, SeedSet, Task
from pages.parts.formats import escape_markdown, name_seed_set
from pages.parts.language_models import choose_lm, choose_seed_choice, choose_strategy
from pages.parts.layout import label_bar, literal
from pages.parts.prompt.state import PromptState, Trial
from pages.parts.session import workbench
from workbench.generation import try_prompt

N_TRIES = 5


def choose_seeds_and_strategy(task: Task, seed_sets: list[SeedSet]) -> tuple[SeedSet, str]:
    """Whose seeds the prompt shows, and the strategy, which decides what parts of the template it uses."""
    left, right = st.columns(2)
    seed_set = left.selectbox("Seed set", seed_sets, format_func=name_seed_set, key=f"prompt_{task.id}_seed_set")
    with right:
        return seed_set, choose_strategy("prompt", with_rules=False)


def choose_trial(
    task: Task, template: PromptTemplate, strategy: str, state: PromptState
) -> tuple[GenerationConfig, str | None]:
    """What the prompt is rendered and tried with: the config, and an endpoint's API key."""
    with st.expander("Language model, seeds and sampling"):
        chosen_lm, api_key = choose_lm("prompt")
        left, right = st.columns(2)
        with left:
            seed_choice = choose_seed_choice("prompt")
        n_seeds = right.number_input(
            "Seeds per prompt", min_value=1, max_value=16, value=8, key="prompt_n_seeds", persist_state="session"
        )
        temperature = left.number_input(
            "Temperature",
            0.1,
            5.0,
            1.0,
            0.1,
            key="prompt_temperature",
            persist_state="session",
            help="Choose less than 1 for safer, more repetitive texts and more than 1 for odder ones",
        )
        top_p = right.number_input(
            "Top-p",
            0.05,
            1.0,
            0.9,
            0.05,
            key="prompt_top_p",
            persist_state="session",
            help="Choose less for safer texts and 1 to allow every token: only the likeliest tokens that add up to "
            "this probability are sampled",
        )
    config = GenerationConfig(
        template,
        task.labels,
        chosen_lm or EMBEDDED_LM,  # until another one has a name
        Sampling(temperature=temperature, top_p=top_p, rng_seed=state.rng_seed),
        strategy=strategy,
        n_seeds=n_seeds,
        seed_choice=seed_choice,
        texts_per_prompt=1,
    )
    return config, api_key


def trial_panel(config: GenerationConfig, seeds: SeedSet, state: PromptState, api_key: str | None) -> None:
    """The rendered prompt of one attempt with its token count; the trial and its outcomes below."""
    prompt = _render(config, seeds, state)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**Rendered prompt** · {_count_tokens(config, prompt)}",
            help="Counted with the language model's own tokenizer once it is loaded, and with WordPiece until then",
        )
        if st.button("Other seeds", key="prompt_other", icon=":material/casino:"):
            state.number += 1
            st.rerun()
        is_asked = st.button(
            f"Try {N_TRIES}",
            key="prompt_try",
            icon=":material/play_arrow:",
            help="Asks the language model for five completions of this prompt. Press it again for five more, from "
            "other seeds. Nothing is stored.",
        )
    st.code(prompt, language=None, wrap_lines=True, height=300)
    st.caption(escape_markdown(_name_parts(config, state)))
    if is_asked:
        if state.trial is not None and state.trial.is_of(config, prompt):  # the same again would give the same again
            state.rng_seed += 1
            config = replace(config, sampling=replace(config.sampling, rng_seed=state.rng_seed))
            prompt = _render(config, seeds, state)
        with st.spinner(
            f"Asking {config.lm.name} for {N_TRIES} completions. The first time, this also loads it.", show_time=True
        ):
            outcomes = try_prompt(workbench(), config, seeds.examples, number=state.number, n=N_TRIES, api_key=api_key)
        state.trial = Trial(config, prompt, tuple(outcomes))
        st.rerun()  # the token count is exact now
    if state.trial is None:
        st.caption(
            f"Not tried yet. Press **Try {N_TRIES}** to see raw completions and the text and label read from each."
        )
        return
    _show_trial(state.trial, is_current=state.trial.is_of(config, prompt))


def _render(config: GenerationConfig, seeds: SeedSet, state: PromptState) -> str:
    return draw_prompt(config, FewShot(config, seeds.examples), state.number).text


def _name_parts(config: GenerationConfig, state: PromptState) -> str:
    """Which parts of the template the prompt uses, and for which label it is."""
    label = given_label(config, state.number)
    if label is None:
        return "Made from the description, the item and the open item."
    return (
        f"For a text with the label {label}; the labels take turns. Made from the description and the given item. The "
        "item and the open item are used afterwards, to score the label of a text that is written."
    )


def _count_tokens(config: GenerationConfig, prompt: str) -> str:
    exact = workbench().lms.count_tokens(config.lm, prompt)
    return f"{exact:,} tokens" if exact is not None else f"about {count_wordpieces([prompt])[0]:,} tokens"


def _show_trial(trial: Trial, *, is_current: bool) -> None:
    n_valid = sum(outcome.parsed.reason is None for outcome in trial.outcomes)
    st.markdown(f"**{n_valid} of {len(trial.outcomes)}** parsed")
    if not is_current:
        st.caption(
            f":material/history: Written with an earlier prompt or other settings. Press **Try {N_TRIES}** again."
        )
    for outcome in trial.outcomes:
        _show_outcome(outcome, trial.config.labels)


def _show_outcome(outcome: Outcome, labels: tuple[str, ...]) -> None:
    """One completion: raw, what it was read as, and its label probabilities where they were scored."""
    with st.container(border=True):
        parsed = outcome.parsed
        if parsed.reason is None:
            literal(parsed.text)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(escape_markdown(parsed.label), color="primary", icon=":material/label:")
                if outcome.label_probs and len(outcome.label_probs) == len(labels):
                    label_bar(labels, outcome.label_probs)
        else:
            st.badge(f"reject: {parsed.reason.value}", color="gray", icon=":material/block:")
            st.caption(escape_markdown(parsed.detail))
        st.code(outcome.completion.text or "(nothing)", language=None, wrap_lines=True)
