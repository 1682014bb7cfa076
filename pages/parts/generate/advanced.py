"""Settings of a generation run that most people leave as they are: prompting, sampling, checks and limits."""

from dataclasses import dataclass

import streamlit as st

from augment.records import CheckAction, Sampling, SeedChoice, TextChecks
from pages.parts.generate.state import RNG_SEED
from pages.parts.language_models import choose_seed_choice

# Each check's title, and its help where the title does not say it all.
CHECK_TITLES: dict[str, tuple[str, str | None]] = {
    "too_short": ("Too short", None),
    "too_long": ("Too long", None),
    "cut_off": ("Cut off", "The text had not ended when it reached the maximum number of tokens"),
    "mark_inside": ("Label mark", "The text contains the words that the prompt writes before a label"),
    "seed_copy": ("Copy of a seed", None),
    "duplicate": ("Duplicate", "The same text was written before"),
    "near": ("Near-duplicate", "The text reaches the near-duplicate similarity set above"),
    "unsure": ("Label too unsure", "The label's probability is below the minimum confidence set above"),
    "disagrees": ("Label disagrees", "The language model's scores favour another label than the text's own"),
}


@dataclass(frozen=True, slots=True)
class Prompting:
    """Which seeds are shown in each prompt, and how often a prompt is used."""

    n_seeds: int = 8
    seed_choice: SeedChoice = SeedChoice.UNIFORM
    n_contrast: int = 0
    texts_per_prompt: int = 8
    is_calibrated: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a run stops short of its target."""

    attempt_cap: int
    min_parse_rate: float


def choose_prompting(strategy: str) -> Prompting:
    """How many seeds are shown in each prompt, which ones, and how many texts are written from it."""
    left, right = st.columns(2)
    n_seeds = left.number_input("Seeds per prompt", 1, 16, 8, key="generate_n_seeds", persist_state="session")
    texts_per_prompt = right.number_input(
        "Texts per prompt",
        1,
        64,
        8,
        key="generate_texts_per_prompt",
        persist_state="session",
        help="Choose more for speed: the language model reads a prompt once for all its texts. Choose fewer so that "
        "more different seeds are shown.",
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
            help="Choose a few when texts of different labels come out alike. They are shown first, as a contrast.",
        )
    if strategy != "free":
        is_calibrated = st.toggle(
            "Calibrate label scores",
            value=True,
            key="generate_calibrated",
            persist_state="session",
            help="Leave it on as a rule. It divides the scores by those of an empty text, 'N/A' (Zhao et al. 2021), so "
            "that a label the language model always prefers does not win.",
        )
    return Prompting(n_seeds, choice, n_contrast, texts_per_prompt, is_calibrated)


def choose_sampling(*, has_lm: bool) -> Sampling:
    """How the language model samples; only the RNG seed if there is no language model."""
    left, right = st.columns(2)
    rng_seed = left.number_input(
        "RNG seed",
        0,
        value=0,
        key=RNG_SEED,
        persist_state="session",
        help="Choose another number to get other texts with the same settings",
    )
    if not has_lm:
        return Sampling(rng_seed=rng_seed)
    temperature = right.number_input(
        "Temperature",
        0.1,
        5.0,
        1.0,
        0.1,
        key="generate_temperature",
        persist_state="session",
        help="Choose less than 1 for safer, more repetitive texts and more than 1 for odder ones",
    )
    top_p = left.number_input(
        "Top-p",
        0.05,
        1.0,
        0.9,
        0.05,
        key="generate_top_p",
        persist_state="session",
        help="Choose less for safer texts and 1 to allow every token: only the likeliest tokens that add up to this "
        "probability are sampled",
    )
    max_new_tokens = right.number_input(
        "Maximum tokens",
        5,
        512,
        60,
        5,
        key="generate_max_new_tokens",
        persist_state="session",
        help="Per text. Choose more if texts are cut off.",
    )
    return Sampling(temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, rng_seed=rng_seed)


def choose_checks() -> TextChecks:
    """What a text must pass, and what happens when it does not."""
    default = TextChecks()
    left, right = st.columns(2)
    min_words = left.number_input(
        "Minimum words", 1, 200, default.min_words, key="generate_min_words", persist_state="session"
    )
    max_words = right.number_input(
        "Maximum words", 1, 500, default.max_words, key="generate_max_words", persist_state="session"
    )
    near = left.number_input(
        "Near-duplicate similarity",
        0.5,
        1.0,
        default.near_duplicate,
        0.05,
        key="generate_near",
        persist_state="session",
        help="Choose less to catch more near-duplicates, and 1 to turn the check off. A text counts as one if its edit "
        "similarity to a seed, a held-out text or another text of the run is at least this.",
    )
    sure = right.number_input(
        "Minimum confidence",
        0.0,
        0.99,
        default.min_confidence,
        0.05,
        key="generate_sure",
        persist_state="session",
        help="Choose more to catch more doubtful labels: the least probability that a text's label may have. Applies "
        "where labels are scored.",
    )
    earlier = st.toggle(
        "Compare with earlier runs of this task", value=True, key="generate_earlier", persist_state="session"
    )
    actions = _choose_actions(default)
    st.caption(
        "Choose reject to leave out texts that fail a check, and flag to keep them and mark them for review. Copies of "
        "validation and test texts are always rejected."
    )
    return TextChecks(min_words, max_words, near, sure, looks_at_earlier=earlier, **actions)


def _choose_actions(default: TextChecks) -> dict[str, CheckAction]:
    columns = st.columns(2)
    actions: dict[str, CheckAction] = {}
    for i, (name, (title, help_text)) in enumerate(CHECK_TITLES.items()):
        chosen = columns[i % 2].selectbox(
            title,
            list(CheckAction),
            index=list(CheckAction).index(getattr(default, name)),
            format_func=lambda action: action.value,
            key=f"generate_check_{name}",
            persist_state="session",
            help=help_text,
        )
        actions[name] = CheckAction(str(chosen))
    return actions


def choose_limits() -> Limits:
    """How many attempts a run may make, and how few of them may parse."""
    cap = st.number_input(
        "Maximum attempts",
        0,
        1_000_000,
        0,
        50,
        key="generate_cap",
        persist_state="session",
        help="0 = up to 10 × texts + 50 attempts",
    )
    floor = st.number_input(
        "Minimum parse rate",
        0.0,
        1.0,
        0.1,
        0.05,
        key="generate_floor",
        persist_state="session",
        help="After 50 completions, the run stops and says why if a smaller share can be parsed. Choose 0 to "
        "never stop.",
    )
    return Limits(cap, floor)
