"""The settings of a new generation run: widgets in, one config out."""

from dataclasses import dataclass, replace

import streamlit as st

from augment.errors import AugmentError
from augment.generation.generate import check_run, guess_cost
from augment.generation.strategies import STRATEGIES
from augment.generation.strategies.word_templates import default_templates
from augment.prompts.few_shot import FewShot
from augment.records import (
    GenerationConfig,
    LabelKnowledge,
    LMKind,
    LMSpec,
    Price,
    PromptVersion,
    Sampling,
    SeedSet,
    Task,
    TextChecks,
)
from pages.parts.formats import escape_markdown, name_seed_set
from pages.parts.generate.advanced import (
    Limits,
    Prompting,
    choose_checks,
    choose_limits,
    choose_prompting,
    choose_sampling,
)
from pages.parts.generate.state import use_rng_seed
from pages.parts.label_words import edit_knowledge
from pages.parts.language_models import choose_lm, choose_strategy, lacks_scores
from pages.parts.layout import show_error
from pages.parts.prices import Cost, choose_cost
from pages.parts.session import workbench
from workbench.generation import DEFAULT_TARGET

AS_THEY_COME, BALANCED, GIVEN = "as they come", "balanced", "given shares"
TOKENS_PER_TEXT = 25  # of a tweet; guesses the cost of a run before the LM was asked
LOCAL_BATCH, ENDPOINT_BATCH = 64, 16  # completions between two stored steps
RULES_LM = {"templates": "label-word templates", "eda": "EDA"}


@dataclass(frozen=True, slots=True)
class NewRun:
    """What the start button starts."""

    config: GenerationConfig
    seed_set: SeedSet
    version: PromptVersion
    api_key: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """The target, and the run to start; without a run, `missing` says why it cannot start."""

    target: int
    run: NewRun | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class _Writer:
    """Who writes: a strategy, its LM (None while it has no name), and an endpoint's key and price."""

    strategy: str
    lm: LMSpec | None
    api_key: str | None
    cost: Cost


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How many texts, the shares of their labels, and what label-word templates are filled with.

    No shares: labels as they come, or evenly where the strategy gives the label.
    """

    target: int
    shares: tuple[float, ...] | None
    words: LabelKnowledge | None


@dataclass(frozen=True, slots=True)
class _Advanced:
    """What is behind "Advanced"."""

    seed_set: SeedSet
    version: PromptVersion
    prompting: Prompting
    sampling: Sampling
    checks: TextChecks
    limits: Limits


def choose_settings(task: Task, seed_sets: list[SeedSet]) -> Settings:
    """The new run as it is set. Errors are shown above the advanced settings."""
    writer = _choose_writer()
    strategy = STRATEGIES[writer.strategy]
    target, shares = _choose_target(task, gives_label=strategy.gives_label)
    words = _choose_words(task) if writer.strategy == "templates" else None
    notes = st.container()
    advanced = _choose_advanced(task, seed_sets, writer)
    if writer.strategy == "templates" and words is None:
        return Settings(target, None, "Fix the patterns and words first")
    if writer.lm is None:
        return Settings(target, None, "Choose a language model that can be loaded")
    if lacks_scores("generate", writer.lm, writer.strategy):
        return Settings(target, None, "This endpoint gives no label scores: choose the strategy free")
    with notes:
        try:
            config = _config(task, _Wanted(target, shares, words), writer, writer.lm, advanced)
            check_run(config, advanced.seed_set.examples)
        except AugmentError as error:
            show_error(str(error))
            return Settings(target, None, "Fix the settings first")
        _show_notes(task, config, advanced)
    return Settings(target, NewRun(config, advanced.seed_set, advanced.version, writer.api_key))


def _config(task: Task, wanted: _Wanted, writer: _Writer, lm: LMSpec, advanced: _Advanced) -> GenerationConfig:
    prompting, limits = advanced.prompting, advanced.limits
    return GenerationConfig(
        advanced.version.template,
        task.labels,
        lm,
        advanced.sampling,
        strategy=writer.strategy,
        n_seeds=prompting.n_seeds,
        target=wanted.target,
        attempt_cap=max(limits.attempt_cap, wanted.target) if limits.attempt_cap else 0,
        batch_size=ENDPOINT_BATCH if lm.kind is LMKind.OPENAI else LOCAL_BATCH,
        texts_per_prompt=prompting.texts_per_prompt,
        is_calibrated=prompting.is_calibrated,
        checks=advanced.checks,
        min_parse_rate=limits.min_parse_rate,
        seed_choice=prompting.seed_choice,
        n_contrast=prompting.n_contrast,
        label_shares=wanted.shares,
        price=writer.cost.price,
        budget=writer.cost.budget,
        word_templates=wanted.words,
    )


# Settings that everybody sees ----------------------------------------------------------------------------------------


def _choose_writer() -> _Writer:
    strategy = choose_strategy("generate", with_rules=True)
    if not STRATEGIES[strategy].needs_lm:
        return _Writer(strategy, LMSpec(LMKind.RULES, RULES_LM[strategy]), None, Cost(Price()))
    lm, api_key = choose_lm("generate")
    return _Writer(strategy, lm, api_key, choose_cost("generate", lm))


def _choose_target(task: Task, *, gives_label: bool) -> tuple[int, tuple[float, ...] | None]:
    """How many texts, and the wanted shares of their labels."""
    left, right = st.columns(2)
    target = left.number_input("Texts", 1, 100_000, DEFAULT_TARGET, 10, key="generate_target", persist_state="session")
    chosen = right.selectbox(
        "Labels",
        [BALANCED, GIVEN] if gives_label else [AS_THEY_COME, BALANCED, GIVEN],
        key="generate_mixture_given" if gives_label else "generate_mixture",
        persist_state="session",
        help="Choose balanced if one label would crowd out the others. With mix and free, the run then takes longer, "
        "because texts beyond a label's share are rejected.",
    )
    if chosen != GIVEN:
        return target, (1.0,) * len(task.labels) if chosen == BALANCED else None
    st.caption("Share of each label. Only proportions count: 2 and 1 give two thirds and one third.")
    with st.container(horizontal=True):
        shares = tuple(
            st.number_input(
                escape_markdown(label),
                0.0,
                100.0,
                1.0,
                0.5,
                key=f"generate_{task.id}_share_{i}",
                persist_state="session",
                width=85,
            )
            for i, label in enumerate(task.labels)
        )
    return target, shares


def _choose_words(task: Task) -> LabelKnowledge | None:
    """Patterns and each label's words; None where they cannot be used, which is said there."""
    with st.expander("Patterns and words"):
        return edit_knowledge(default_templates(task.labels), task.labels, f"generate_{task.id}")


# Settings behind "Advanced" ------------------------------------------------------------------------------------------


def _choose_advanced(task: Task, seed_sets: list[SeedSet], writer: _Writer) -> _Advanced:
    has_lm = STRATEGIES[writer.strategy].needs_lm
    with st.expander("Advanced"):
        prompt, sampling, checks, limits = st.tabs(["Prompt", "Sampling", "Checks", "Limits"])
        with prompt:
            seed_set, version = _choose_prompt(task, seed_sets)
            prompting = choose_prompting(writer.strategy) if has_lm else Prompting()
        with sampling:
            chosen_sampling = choose_sampling(has_lm=has_lm)
        with checks:
            chosen_checks = choose_checks()
        with limits:
            chosen_limits = choose_limits()
    return _Advanced(seed_set, version, prompting, chosen_sampling, chosen_checks, chosen_limits)


def _choose_prompt(task: Task, seed_sets: list[SeedSet]) -> tuple[SeedSet, PromptVersion]:
    seed_set = st.selectbox("Seed set", seed_sets, format_func=name_seed_set, key=f"generate_{task.id}_seed_set")
    version = st.selectbox(
        "Prompt version",
        workbench().store.prompts.all(task.id),
        format_func=lambda version: f"{version.number} · {version.created_at:%d %b %H:%M}",
        key=f"generate_{task.id}_prompt",
    )
    return seed_set, version


# Notes on the run ----------------------------------------------------------------------------------------------------


def _show_notes(task: Task, config: GenerationConfig, advanced: _Advanced) -> None:
    """What the run is made from, what it costs, and whether it would repeat an earlier one."""
    seed_set = advanced.seed_set
    made_from = f"From seed set {seed_set.id} ({seed_set.name})"
    if config.lm.kind is not LMKind.RULES:  # which use no prompt
        made_from += f" and prompt version {advanced.version.number}"
    if config.word_templates is None:
        st.caption(escape_markdown(made_from))
    if config.price != Price():
        cost = config.target * guess_cost(config, FewShot(config, seed_set.examples), n_tokens=TOKENS_PER_TEXT)
        st.caption(
            f":material/payments: costs about {cost:.2g} for {config.target:,} texts if every completion is kept"
        )
    used = _used_rng_seeds(task, config, seed_set)
    if config.sampling.rng_seed in used:
        st.caption(
            f":material/info: Generation run {used[config.sampling.rng_seed]} had the same settings and RNG seed, so a "
            "new run would write the same texts. Extend that run, or use another RNG seed."
        )
        unused = max(used) + 1
        st.button(f"Use RNG seed {unused}", key="generate_use_seed", on_click=use_rng_seed, args=(unused,))


def _used_rng_seeds(task: Task, config: GenerationConfig, seed_set: SeedSet) -> dict[int, int]:
    """The RNG seeds of ended runs with the same settings, each with its run.

    An endpoint writes other texts each time.
    """
    return {
        run.config.sampling.rng_seed: run.id
        for run in workbench().store.generations.all(task.id)
        if run.config is not None
        and not run.state.status.is_active
        and run.seed_set_id == seed_set.id
        and run.config.lm.kind is not LMKind.OPENAI
        and _what_is_written(run.config) == _what_is_written(config)
    }


def _what_is_written(config: GenerationConfig) -> GenerationConfig:
    """The config without its RNG seed and without what only says when the run ends."""
    sampling = replace(config.sampling, rng_seed=0)
    return replace(config, sampling=sampling, target=1, attempt_cap=1, price=Price(), budget=None)
