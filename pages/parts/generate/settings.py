"""The settings of a new generation run: widgets in, one config out."""

from dataclasses import dataclass, replace

import streamlit as st

from augment.generation.generate import check_run, guess_cost
from augment.generation.strategies import STRATEGIES
from augment.generation.strategies.word_templates import default_templates
from augment.prompts.few_shot import FewShot
from augment.records import (
    CheckAction,
    GenerationConfig,
    LabelWords,
    LMKind,
    LMSpec,
    Price,
    PromptVersion,
    Sampling,
    SeedChoice,
    SeedSet,
    Task,
    TextChecks,
    WordTemplates,
)
from pages.parts.formats import escape_markdown
from pages.parts.language_models import choose_lm, choose_seed_choice, choose_strategy, lacks_scores
from pages.parts.session import workbench

AS_THEY_COME, BALANCED, GIVEN = "as they come", "balanced", "given shares"
TOKENS_A_TEXT = 25  # a tweet's, to guess a cost by before anything was asked


@dataclass(frozen=True, slots=True)
class NewRun:
    """What the start button starts."""

    config: GenerationConfig
    seed_set: SeedSet
    version: PromptVersion
    api_key: str | None


def choose_settings(task: Task, seed_sets: list[SeedSet]) -> tuple[NewRun | None, str]:
    """The new run as it is set, or None and what is missing.

    Raises:
        AugmentError: settings that do not go together.
    """
    store = workbench().store
    seed_set = st.selectbox(
        "Seed set", seed_sets, format_func=lambda one: f"{one.id} · {one.name}", key=f"generate_{task.id}_seed_set"
    )
    version = st.selectbox(
        "Prompt version",
        store.prompts.all(task.id),
        format_func=lambda one: f"{one.number} · {one.created_at:%d %b %H:%M}",
        key=f"generate_{task.id}_prompt",
    )
    name = choose_strategy("generate", with_rules=True)
    strategy = STRATEGIES[name]
    lm: LMSpec | None = LMSpec(LMKind.RULES, "label-word templates" if name == "templates" else "EDA")
    api_key = None
    if strategy.needs_lm:
        lm, api_key = choose_lm("generate")
    left, right = st.columns(2)
    target = left.number_input("Texts", 1, 100_000, 50, 10, key="generate_target", persist_state="session")
    with right:
        shares = _choose_mixture(task, gives_label=strategy.gives_label)
    words = _choose_words(task) if name == "templates" else None
    prompting = _choose_prompting(name) if strategy.needs_lm else _Prompting()
    sampling = _choose_sampling(has_lm=strategy.needs_lm)
    checks = _choose_checks()
    limits = _choose_limits(lm)
    if lm is None:
        return None, "Choose a language model that is there"
    if lacks_scores("generate", lm, name):
        return None, "This endpoint gives no label scores: choose another strategy"
    config = GenerationConfig(
        version.template,
        task.labels,
        lm,
        sampling,
        strategy=name,
        n_seeds=prompting.n_seeds,
        target=target,
        attempt_cap=max(limits.attempt_cap, target) if limits.attempt_cap else 0,
        batch_size=16 if lm.kind is LMKind.OPENAI else 64,
        texts_per_prompt=prompting.texts_per_prompt,
        is_calibrated=prompting.is_calibrated,
        checks=checks,
        min_parse_rate=limits.min_parse_rate,
        seed_choice=prompting.seed_choice,
        n_contrast=prompting.n_contrast,
        label_shares=shares,
        price=limits.price,
        budget=limits.budget,
        word_templates=words,
    )
    check_run(config, seed_set.examples)
    if limits.price != Price():
        _show_expected_cost(config, seed_set)
    _warn_of_repetition(task, config, seed_set)
    return NewRun(config, seed_set, version, api_key), ""


def _choose_mixture(task: Task, *, gives_label: bool) -> tuple[float, ...] | None:
    """The wanted shares of the labels, or None for as they come (or evenly, where the strategy gives the label)."""
    options = [BALANCED, GIVEN] if gives_label else [AS_THEY_COME, BALANCED, GIVEN]
    chosen = st.selectbox(
        "Labels",
        options,
        key="generate_mixture_given" if gives_label else "generate_mixture",
        persist_state="session",
        help="Texts over a label's share are kept as rejects, so that the run ends with exactly these numbers.",
    )
    if chosen != GIVEN:
        return (1.0,) * len(task.labels) if chosen == BALANCED else None
    return tuple(
        st.number_input(
            f"Share of {escape_markdown(label)}",
            0.0,
            100.0,
            1.0,
            0.5,
            key=f"generate_{task.id}_share_{i}",
            persist_state="session",
        )
        for i, label in enumerate(task.labels)
    )


def _choose_words(task: Task) -> WordTemplates:
    """Patterns and each label's words, one a line."""
    default = default_templates(task.labels)
    with st.expander("Patterns and words"):
        patterns = _edit_lines("Patterns, with {word}", default.patterns, f"generate_{task.id}_patterns")
        words = [
            LabelWords(one.label, _edit_lines(escape_markdown(one.label), one.words, f"generate_{task.id}_words_{i}"))
            for i, one in enumerate(default.words)
        ]
    return WordTemplates(patterns, tuple(words))


def _edit_lines(label: str, lines: tuple[str, ...], key: str) -> tuple[str, ...]:
    text = st.text_area(label, "\n".join(lines), height=110, key=key, persist_state="session")
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


@dataclass(frozen=True, slots=True)
class _Prompting:
    n_seeds: int = 8
    seed_choice: SeedChoice = SeedChoice.UNIFORM
    n_contrast: int = 0
    texts_per_prompt: int = 8
    is_calibrated: bool = True


def _choose_prompting(strategy: str) -> _Prompting:
    """Which seeds stand in a prompt, and how often it is used."""
    with st.expander("Seeds in a prompt"):
        left, right = st.columns(2)
        n_seeds = left.number_input("Seeds", 1, 16, 8, key="generate_n_seeds", persist_state="session")
        texts_per_prompt = right.number_input(
            "Texts a prompt",
            1,
            64,
            8,
            key="generate_texts_per_prompt",
            persist_state="session",
            help="More are faster: a prompt is read once for all its texts. Fewer show the LM more different seeds.",
        )
        choice = choose_seed_choice("generate")
        n_contrast, is_calibrated = 0, True
        if strategy == "conditional":
            n_contrast = st.number_input(
                "Seeds of other labels",
                0,
                16,
                0,
                key="generate_n_contrast",
                persist_state="session",
                help="Shown before those of the given label, as a contrast",
            )
        if strategy != "free":
            is_calibrated = st.toggle(
                "Calibrate label scores",
                value=True,
                key="generate_calibrated",
                persist_state="session",
                help="Divides them by those of a text that says nothing, 'N/A' (Zhao et al. 2021)",
            )
    return _Prompting(n_seeds, choice, n_contrast, texts_per_prompt, is_calibrated)


def _choose_sampling(*, has_lm: bool) -> Sampling:
    """How the LM draws; without an LM the RNG seed alone."""
    with st.expander("Sampling" if has_lm else "RNG seed"):
        left, right = st.columns(2)
        rng_seed = left.number_input("RNG seed", 0, value=0, key="generate_rng_seed", persist_state="session")
        if not has_lm:
            return Sampling(rng_seed=rng_seed)
        temperature = right.number_input(
            "Temperature", 0.1, 5.0, 1.0, 0.1, key="generate_temperature", persist_state="session"
        )
        top_p = left.number_input("Top-p", 0.05, 1.0, 0.9, 0.05, key="generate_top_p", persist_state="session")
        max_new_tokens = right.number_input(
            "New tokens a text", 5, 512, 60, 5, key="generate_max_new_tokens", persist_state="session"
        )
    return Sampling(temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, rng_seed=rng_seed)


CHECK_TITLES = {
    "too_short": "Too short",
    "too_long": "Too long",
    "cut_off": "Cut off",
    "mark_inside": "Label mark inside",
    "seed_copy": "Copy of a seed",
    "duplicate": "Duplicate",
    "near": "Near-duplicate",
    "unsure": "Label too unsure",
    "disagrees": "Label disagrees",
}


def _choose_checks() -> TextChecks:
    """What a text must pass, and what failing does to it."""
    default = TextChecks()
    with st.expander("Checks"):
        left, right = st.columns(2)
        min_words = left.number_input(
            "Words, at least", 1, 200, default.min_words, key="generate_min_words", persist_state="session"
        )
        max_words = right.number_input(
            "at most", 1, 500, default.max_words, key="generate_max_words", persist_state="session"
        )
        near = left.number_input(
            "Near-duplicate from",
            0.5,
            1.0,
            default.near_duplicate,
            0.05,
            key="generate_near",
            help="Edit similarity to a seed, a held-out text or another text of the run; 1 turns it off",
            persist_state="session",
        )
        sure = right.number_input(
            "Confidence, at least",
            0.0,
            0.99,
            default.min_confidence,
            0.05,
            key="generate_sure",
            help="Least probability of the label, where label scores are there",
            persist_state="session",
        )
        earlier = st.toggle(
            "Compare with earlier runs of the task too",
            value=True,
            key="generate_earlier",
            persist_state="session",
        )
        actions: dict[str, CheckAction] = {}
        for i, (name, title) in enumerate(CHECK_TITLES.items()):
            chosen = (left, right)[i % 2].selectbox(
                title,
                list(CheckAction),
                index=list(CheckAction).index(getattr(default, name)),
                format_func=lambda one: one.value,
                key=f"generate_check_{name}",
                persist_state="session",
            )
            actions[name] = CheckAction(str(chosen))
        st.caption("A flagged text is kept and marked. Copies of validation and test texts are always rejected.")
    return TextChecks(min_words, max_words, near, sure, looks_at_earlier=earlier, **actions)


@dataclass(frozen=True, slots=True)
class _Limits:
    attempt_cap: int
    min_parse_rate: float
    price: Price
    budget: float | None


def _choose_limits(lm: LMSpec | None) -> _Limits:
    """Where a run stops short of its target: attempts, and for an endpoint money."""
    with st.expander("Limits"):
        cap = st.number_input(
            "Attempts, at most",
            0,
            1_000_000,
            0,
            50,
            key="generate_cap",
            persist_state="session",
            help="0 allows ten attempts a text, and fifty",
        )
        floor = st.number_input(
            "Parse rate, at least",
            0.0,
            1.0,
            0.1,
            0.05,
            key="generate_floor",
            persist_state="session",
            help="A run that parses less of its first 50 completions stops and says why",
        )
        if lm is None or lm.kind is not LMKind.OPENAI:
            return _Limits(cap, floor, Price(), None)
        left, right = st.columns(2)
        help_price = "Per million tokens, in the currency your endpoint bills in; 0 where it costs nothing"
        reading = left.number_input(
            "Price, read", 0.0, value=0.0, step=0.1, key="generate_price_in", help=help_price, persist_state="session"
        )
        writing = right.number_input(
            "Price, written",
            0.0,
            value=0.0,
            step=0.1,
            key="generate_price_out",
            help=help_price,
            persist_state="session",
        )
        budget = st.number_input(
            "Budget",
            0.0,
            value=None,
            step=1.0,
            format="%g",
            placeholder="none",
            key="generate_budget",
            persist_state="session",
            help="The run stops before it would cost more",
            disabled=not (reading or writing),
        )
    return _Limits(cap, floor, Price(reading, writing), budget if reading or writing else None)


def _show_expected_cost(config: GenerationConfig, seed_set: SeedSet) -> None:
    """What the run should cost if every completion is kept."""
    cost = config.target * guess_cost(config, FewShot(config, seed_set.examples), n_tokens=TOKENS_A_TEXT)
    st.caption(f":material/payments: about {cost:.2g} for {config.target:,} texts, if every completion is kept")


def _warn_of_repetition(task: Task, config: GenerationConfig, seed_set: SeedSet) -> None:
    """Say so where an earlier run had the same settings: it wrote the same texts, and they would be duplicates."""
    for run in workbench().store.generations.all(task.id):
        if run.config is None or run.seed_set_id != seed_set.id or run.config.lm.kind is LMKind.OPENAI:
            continue
        limited = replace(
            run.config, target=config.target, attempt_cap=config.attempt_cap, budget=config.budget, price=config.price
        )
        if limited == config:
            st.caption(
                f":material/info: Run {run.id} had these settings, and the same RNG seed writes the same texts. Choose "
                "another, or extend that run."
            )
            return
