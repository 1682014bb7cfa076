"""The settings of an experiment: widgets → ExperimentConfig. Nothing is trained and nothing drawn here."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import streamlit as st

from augment.embedded import ENCODER_NAME
from augment.records import (
    ClassifierKind,
    EncoderKind,
    EncoderSpec,
    ExperimentConfig,
    SeedSet,
    Split,
    Task,
    TrainingConfig,
    Variant,
    cut_sizes,
)
from augment.results.variants import name_variants
from augment.training.estimates import guess_run_s
from augment.wording import percent, plural
from pages.parts.formats import escape_markdown, format_duration
from pages.parts.session import workbench
from pages.parts.train.texts import choose_texts, count_texts
from workbench.experiments import list_writers

EMBEDDED, DISTILBERT, OTHER = (
    "all-MiniLM-L6-v2 (embedded)",
    "distilbert-base-uncased (the notebook's)",
    "Another BERT-like encoder",
)
SIZES = (10, 50, 100, 200, 300, 400, 500)
N_TIMED = 200  # newest runs that an estimate goes by


def choose_experiment(task: Task, seed_sets: Sequence[SeedSet]) -> ExperimentConfig:
    """The whole grid.

    Raises:
        TrainingError: it cannot be trained as chosen.
    """
    seed_set = st.selectbox(
        "Seed set",
        seed_sets,
        format_func=lambda option: f"{option.id} · {option.name}",
        key=f"train_{task.id}_seed_set",
    )
    variants = choose_texts(task, seed_set)
    sizes = choose_sizes(task, seed_set, variants)
    kinds = st.pills(
        "Classifiers",
        list(ClassifierKind),
        selection_mode="multi",
        default=[ClassifierKind.FINE_TUNED, ClassifierKind.PROBE],
        key="train_kinds",
        help="**Fine-tuned**: the reference notebook's recipe. **Contrastive**: learns from pairs of texts, then fits "
        "a logistic regression (SetFit); takes twice as long and is often better with few texts. **Linear probe**: "
        "logistic regression on frozen embeddings; about 1 s per run, good for a first look.",
    )
    n_repeats = st.number_input(
        "RNG seeds",
        1,
        50,
        5,
        key="train_repeats",
        persist_state="session",
        help="How many times each point is trained, each time with different texts and a different initialisation. "
        "Choose at least 3, better 5, for an interval you can trust.",
    )
    encoder = choose_encoder()
    recipe, first = choose_recipe(task, encoder)
    return ExperimentConfig(
        seed_set.id,
        recipe,
        tuple(replace(variant, kind=kind) for kind, variant in product(kinds, variants)),
        tuple(sizes),
        tuple(range(first, first + n_repeats)),
        tuple(kinds),
    )


def choose_sizes(task: Task, seed_set: SeedSet, variants: Sequence[Variant]) -> list[int]:
    """How many texts to add; the baseline of none is always trained."""
    counts = [count_texts(seed_set, variant) for variant in variants if not variant.is_ceiling]
    counts = counts or [min(count_texts(seed_set, variant), SIZES[-1]) for variant in variants]
    most = max(counts, default=0)
    options = sorted({*(size for size in SIZES if size <= most), most} - {0}) or list(SIZES)
    if not variants:
        st.caption("No texts are chosen: only the baseline is trained, on the seeds alone.")
        return []
    return st.pills(
        "How many texts",
        options,
        selection_mode="multi",
        default=[size for size in options if size in (10, 50, 100, 200)] or options[-1:],
        format_func=lambda size: f"{size:,} = all" if size == most else f"{size:,}",
        key=f"train_{task.id}_sizes_{most}",
        help="How many texts are added to the seeds. Choose several to see a learning curve: at the same RNG seed, 50 "
        "texts include the 10. A variant with fewer texts is trained on all of them. The seeds alone are always "
        "trained, as the baseline.",
    )


def choose_encoder() -> EncoderSpec:
    """The embedded encoder, the notebook's, or any other."""
    chosen = st.selectbox("Encoder", [EMBEDDED, DISTILBERT, OTHER], key="train_encoder", persist_state="session")
    if chosen == EMBEDDED:
        return EncoderSpec()
    if chosen == DISTILBERT:
        return EncoderSpec(EncoderKind.TRANSFORMERS, "distilbert-base-uncased")
    name = st.text_input(
        "Hub name or folder", key="train_encoder_name", placeholder="bert-base-uncased", persist_state="session"
    )
    return EncoderSpec(EncoderKind.TRANSFORMERS, name)


def choose_recipe(task: Task, encoder: EncoderSpec) -> tuple[TrainingConfig, int]:
    """How each run is trained, and the first RNG seed. The defaults are the reference notebook's."""
    n_validation = workbench().store.tasks.count_split(task.id, Split.VALIDATION)
    with st.expander("Recipe"):
        steps, epochs = choose_length()
        left, right = st.columns(2)
        most = 6 if encoder.name in (ENCODER_NAME, "distilbert-base-uncased") else 48
        frozen = left.number_input(
            "Frozen layers",
            0,
            most,
            3,
            key=f"train_frozen_{most}",
            help="Choose more to train faster, and 0 to train everything. Layers are counted from the bottom; the "
            "embeddings are frozen with them.",
            persist_state="session",
        )
        rate = right.number_input(
            "Learning rate", 1e-6, 0.1, 1e-4, format="%.0e", key="train_lr", persist_state="session"
        )
        batch = left.number_input("Batch size", 1, 256, 8, key="train_batch", persist_state="session")
        weight = right.number_input(
            "Synthetic weight",
            0.01,
            10.0,
            1.0,
            0.1,
            key="train_weight",
            help="A synthetic text's weight in the loss; a real text has 1. Choose less than 1 if labels are noisy.",
            persist_state="session",
        )
        patience = choose_patience(left, n_validation)
        inverse = right.number_input(
            "C of the probe",
            0.001,
            1000.0,
            1.0,
            key="train_c",
            help="Inverse regularisation strength of the linear probe. Choose less if it overfits.",
            persist_state="session",
        )
        first = left.number_input("First RNG seed", 0, value=0, key="train_rng_seed", persist_state="session")
    recipe = TrainingConfig(
        task.labels,
        encoder,
        steps=steps,
        epochs=epochs,
        learning_rate=rate,
        batch_size=batch,
        frozen_layers=frozen,
        patience=patience,
        synthetic_weight=weight,
        inverse_regularisation=inverse,
    )
    return recipe, first


def choose_length() -> tuple[int, int | None]:
    """Steps, and epochs where these are chosen instead."""
    length = st.segmented_control(
        "Length", ["steps", "epochs"], default="steps", required=True, key="train_length", persist_state="session"
    )
    if length == "steps":
        steps = st.number_input("Steps", 1, 10_000, 125, 25, key="train_steps", persist_state="session")
        st.caption("Every size is trained for the same number of steps, as in the reference notebook.")
        return steps, None
    epochs = st.number_input("Epochs", 1, 200, 10, key="train_epochs", persist_state="session")
    st.caption("Every size is trained for the same number of epochs, so larger training sets take more steps.")
    return 125, epochs


def choose_patience(place: "st.delta_generator.DeltaGenerator", n_validation: int) -> int | None:
    """Early stopping, which needs validation texts."""
    patience = place.number_input(
        "Early stopping",
        0,
        50,
        0,
        key="train_patience",
        disabled=not n_validation,
        help=f"Ends a run after this many evaluations without a better macro-F1 on the {n_validation:,} validation "
        "texts; 0 trains all steps. The test split is never used for this.",
        persist_state="session",
    )
    return (patience or None) if n_validation else None  # a choice kept from another task


def describe_plan(config: ExperimentConfig) -> list[str]:
    """A line for each thing that an experiment compares; its largest size where it adds texts."""
    lines = ["**seeds only**: the baseline"]
    for variant, sizes in sizes_of(config).items():
        n_texts = plural(max(sizes, default=0), "text")
        if variant.is_ceiling:
            lines.append(f"**real texts**: {n_texts} from the pool, as the ceiling")
        elif variant.is_synthetic:
            share = f", the surest {percent(variant.filter.keep_share)}" if variant.filter.keep_share < 1 else ""
            lines.append(f"**your synthetic texts**: {n_texts}{share}, each with the consensus of all label sources")
        elif config.label_knowledge:
            example = escape_markdown(config.label_knowledge.sentences[0].text)
            lines.append(f"**label sentences**: such as “{example}”, without a language model")
    if not any(variant.is_synthetic for variant in config.variants):
        lines.append("no synthetic texts yet: generate some to see whether they help")
    return lines


def count_runs(config: ExperimentConfig) -> int:
    """How many training runs the grid has now, its sizes cut to what each variant has."""
    return _count_points(config) * len(config.rng_seeds)


def _count_points(config: ExperimentConfig) -> int:
    return len(config.baselines) + sum(len(sizes) for sizes in sizes_of(config).values())


def sizes_of(config: ExperimentConfig) -> dict[Variant, tuple[int, ...]]:
    """The sizes that each variant can have, as far as that is known before a filter that needs a classifier."""
    count = workbench().store.experiments.count_texts
    return {
        variant: cut_sizes(config.sizes, _guess_kept(variant, count(variant, config.seed_set_id)))
        if variant.has_texts
        else (0,)
        for variant in config.variants
    }


def _guess_kept(variant: Variant, n_texts: int) -> int:
    """About how many of its texts a variant keeps: each label rounds its share, and what people decided stays."""
    return max(round(variant.filter.keep_share * n_texts), min(n_texts, 1))


def describe_cost(task: Task, config: ExperimentConfig) -> str:
    """'65 runs (13 points × 5 RNG seeds), about 8 min', and how the time is known."""
    points = plural(_count_points(config), "point")
    runs = f"{plural(count_runs(config), 'run')} ({points} × {plural(len(config.rng_seeds), 'RNG seed')})"
    seconds, is_measured = estimate_s(task, config)
    how = "" if is_measured else " (a first estimate)"
    return f"{runs}, about {round_duration(seconds)}{how}"


def describe_cuts(task: Task, config: ExperimentConfig) -> list[str]:
    """A sentence for each variant with fewer texts than the largest size."""
    names = name_variants([variant.texts for variant in config.variants], list_writers(workbench(), task.id))
    largest = max(config.sizes, default=0)
    sentences = {}
    for variant, sizes in sizes_of(config).items():
        if sizes and sizes[-1] < largest:
            n_texts = plural(sizes[-1], "text")
            sentences[variant.texts] = f"{names[variant.texts]} has {n_texts}: its largest size is all of them."
    return list(sentences.values())


def round_duration(seconds: float) -> str:
    """'8 s', '9 min', '1 h 5 min': no more digits than an estimate has."""
    return format_duration(seconds) if seconds < 90 else format_duration(60 * round(seconds / 60)).removesuffix(" 0 s")


def estimate_s(task: Task, config: ExperimentConfig) -> tuple[float, bool]:
    """Seconds the grid should take, and whether that is known from finished runs with the same encoder."""
    store = workbench().store
    n_test = store.tasks.count_split(task.id, Split.TEST)
    step_s: dict[ClassifierKind, list[float]] = {}
    for run in store.trainings.newest_done(task.id, limit=N_TIMED):
        if run.config.encoder == config.recipe.encoder:
            step_s.setdefault(run.config.kind, []).append(run.state.elapsed_s / run.config.count_steps(run.n_train))
    sizes = sizes_of(config)
    kinds = [(kind, 1) for kind in config.baselines]
    kinds += [(variant.kind, len(sizes[variant])) for variant in config.variants]
    seconds = 0.0
    for kind, n in kinds:
        n_steps = 1 if kind.is_instant else config.recipe.count_steps(max(config.sizes, default=30))
        measured = step_s.get(kind)
        each_s = sum(measured) / len(measured) * n_steps if measured else guess_run_s(kind, n_steps, n_test)
        seconds += each_s * n * len(config.rng_seeds)
    return seconds, all(kind in step_s for kind, _ in kinds)
