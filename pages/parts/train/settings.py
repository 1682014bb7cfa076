"""The settings of an experiment: widgets → ExperimentConfig. Nothing is trained and nothing drawn here."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import streamlit as st

from augment.embedded import ENCODER_NAME
from augment.records import (
    ArmSpec,
    ClassifierKind,
    EncoderKind,
    EncoderSpec,
    ExperimentConfig,
    GenerationRun,
    SeedSet,
    Split,
    Task,
    TextFilter,
    TextUse,
    TrainingConfig,
)
from augment.results.variants import name_arm
from augment.training.estimates import guess_run_s
from augment.wording import plural
from pages.parts.formats import escape_markdown, format_duration
from pages.parts.session import workbench

EMBEDDED, DISTILBERT, OTHER = (
    "all-MiniLM-L6-v2 (embedded)",
    "distilbert-base-uncased (the notebook's)",
    "Another BERT-like encoder",
)
SIZES = (10, 50, 100, 200, 300, 400, 500)
USES = {
    TextUse.RAW: "raw",
    TextUse.ACCEPTED: "accepted only",
    TextUse.REVIEWED: "reviewed only",
    TextUse.RELABELLED: "relabelled",
    TextUse.SOFT: "soft labels",
}
N_TIMED = 200  # newest runs that an estimate goes by
FILTERS = {
    "all of them": TextFilter(),
    "agreed": TextFilter(agrees=True),
    "surest half": TextFilter(keep_share=0.5),
    "balanced": TextFilter(is_balanced=True),
    "agreed, balanced": TextFilter(agrees=True, is_balanced=True),
}


def choose_experiment(task: Task, seed_sets: Sequence[SeedSet]) -> ExperimentConfig:
    """The whole grid.

    Raises:
        TrainingError: it cannot be trained as chosen.
    """
    seed_set = st.selectbox(
        "Seed set", seed_sets, format_func=lambda one: f"{one.id} · {one.name}", key=f"train_{task.id}_seed_set"
    )
    specs = choose_texts(task, seed_set)
    sizes = choose_sizes(task, seed_set, specs)
    kinds = st.pills(
        "Classifiers",
        list(ClassifierKind),
        selection_mode="multi",
        default=[ClassifierKind.FINE_TUNED, ClassifierKind.PROBE],
        key="train_kinds",
        help="Fine-tuned: the notebook's recipe. Contrastive: the same layers learn by pairs of texts, then a logistic "
        "regression (SetFit); twice the time, often the better classifier with few texts. Linear probe: logistic "
        "regression on frozen embeddings, 1 s a run",
    )
    n_repeats = st.number_input(
        "RNG seeds",
        1,
        50,
        5,
        key="train_repeats",
        persist_state="session",
        help="How often each point is trained anew, with other texts drawn, another head, another order; from 2 on "
        "there is an interval",
    )
    encoder = choose_encoder()
    recipe, first = choose_recipe(task, encoder)
    return ExperimentConfig(
        seed_set.id,
        recipe,
        tuple(ArmSpec(spec.use, spec.generation_run_ids, spec.filter, kind) for kind, spec in product(kinds, specs)),
        tuple(sizes),
        tuple(range(first, first + n_repeats)),
        tuple(kinds),
    )


def choose_texts(task: Task, seed_set: SeedSet) -> list[ArmSpec]:
    """Which texts, with which labels, filtered how: one arm each, without those that would find no text."""
    store = workbench().store
    writers: dict[str, list[GenerationRun]] = {}
    for run in store.generations.all(task.id):
        if run.n_texts:
            writers.setdefault(run.writer, []).append(run)
    n_texts = {name: sum(run.n_texts for run in runs) for name, runs in writers.items()}
    if not writers:
        st.caption("No synthetic texts yet: generate or import some. Until then only real ones can be added.")
    chosen = st.pills(
        "Texts of",
        list(writers),
        selection_mode="multi",
        default=list(writers)[:1],
        format_func=lambda name: escape_markdown(f"{name} · {n_texts[name]:,}"),
        key=f"train_{task.id}_writers_{len(writers)}",
        help="Each makes arms of its own. Runs of one LM and strategy count together",
    )
    groups = [writers[name] for name in chosen]
    is_reviewed = store.generations.is_changed([run.id for group in groups for run in group])
    if len(groups) > 1 and st.checkbox(
        "Also all together, as one arm",
        key="train_together",
        help="Such as label-word templates with an LM's texts: each size is drawn from all of them",
        persist_state="session",
    ):
        groups.append([run for group in groups for run in group])
    n_real = count_texts(seed_set, ArmSpec(TextUse.REAL))
    has_real = st.checkbox(
        f"Real texts as the ceiling · {n_real:,}",
        value=n_real > 0,
        disabled=n_real < 1,
        key=f"train_{task.id}_real",
        help="The same number of texts from the pool with their real labels: what perfect synthetic texts could reach",
    )
    uses = st.pills(
        "Labels",
        list(USES),
        selection_mode="multi",
        default=[TextUse.RAW, TextUse.RELABELLED] if is_reviewed else [TextUse.RAW],
        format_func=USES.__getitem__,
        key=f"train_{task.id}_uses_{is_reviewed}",
        help="Raw: as the LM proposed. Accepted only: what people accepted as it was. Reviewed only: all that they "
        "accepted, with the label each has now. Relabelled: the same, and what still waits. Soft labels: the LM's "
        "label probabilities, where a text has some",
    )
    filters = st.pills(
        "Filters",
        list(FILTERS),
        selection_mode="multi",
        default=list(FILTERS)[:1],
        key="train_filters",
        help="Agreed: a classifier trained on the seeds gives the same label. Surest half: the half of each label's "
        "texts that it is surest of. Balanced: equally many of each label. None looks at validation or test data",
    )
    specs = [
        ArmSpec(use, tuple(sorted(run.id for run in group)), FILTERS[one])
        for group, use, one in product(groups, uses, filters)
    ]
    found = [spec for spec in specs if count_texts(seed_set, spec)]
    tell_waiting(found, seed_set, is_reviewed=is_reviewed)
    if len(found) < len(specs):
        missing = dict.fromkeys(USES[spec.use] for spec in specs if spec not in found)
        st.caption(f"Left out, as there are no such texts: {', '.join(missing)}.")
    return [*found, ArmSpec(TextUse.REAL)] if has_real and n_real > 0 else found


def tell_waiting(specs: Sequence[ArmSpec], seed_set: SeedSet, *, is_reviewed: bool) -> None:
    """Where relabelled arms hold texts that nobody looked at, say so, and what leaves them out."""
    relabelled = [spec for spec in specs if spec.use is TextUse.RELABELLED and spec.filter == TextFilter()]
    n_all = sum(count_texts(seed_set, spec) for spec in relabelled)
    n_reviewed = sum(count_texts(seed_set, replace(spec, use=TextUse.REVIEWED)) for spec in relabelled)
    if n_all and not is_reviewed:
        st.caption("Nobody has decided on these texts yet: **relabelled** is the same as **raw**.")
    elif 0 < n_reviewed < n_all:
        st.caption(
            f"{n_all - n_reviewed:,} of the {n_all:,} relabelled texts still wait and count as the LM labelled them; "
            "**reviewed only** leaves them out, which is better where many labels are wrong."
        )


def count_texts(seed_set: SeedSet, spec: ArmSpec) -> int:
    """How many texts an arm finds now, before its filter."""
    return workbench().store.experiments.count_texts(spec, seed_set.id)


def choose_sizes(task: Task, seed_set: SeedSet, specs: Sequence[ArmSpec]) -> list[int]:
    """How many synthetic texts; the baseline of none is always there."""
    counts = [count_texts(seed_set, spec) for spec in specs if spec.use is not TextUse.REAL]
    counts = counts or [min(count_texts(seed_set, spec), SIZES[-1]) for spec in specs]
    most = max(counts, default=0)
    options = sorted({*(size for size in SIZES if size <= most), most} - {0}) or list(SIZES)
    if not specs:
        st.caption("No texts chosen: only the baseline is trained, on the seeds alone.")
        return []
    return st.pills(
        "How many",
        options,
        selection_mode="multi",
        default=[size for size in options if size in (10, 50, 100, 200)] or options[-1:],
        key=f"train_{task.id}_sizes_{most}",
        help="Nested: 50 holds the 10 of the same RNG seed. The seeds alone (0) are always trained: the baseline",
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
    """How each run is trained, and the first RNG seed. The defaults are the notebook's."""
    n_validation = workbench().store.tasks.count_split(task.id, Split.VALIDATION)
    most = 6 if encoder.name in (ENCODER_NAME, "distilbert-base-uncased") else 48
    with st.expander("Recipe"):
        length = st.segmented_control(
            "Length", ["steps", "epochs"], default="steps", required=True, key="train_length", persist_state="session"
        )
        steps, epochs = 125, None
        if length == "steps":
            steps = st.number_input("Steps", 1, 10_000, 125, 25, key="train_steps", persist_state="session")
            st.caption("Equal steps for every size, as in the notebook: few texts are then seen more often.")
        else:
            epochs = st.number_input("Epochs", 1, 200, 10, key="train_epochs", persist_state="session")
            st.caption("Equal epochs: larger training sets take more steps.")
        left, right = st.columns(2)
        frozen = left.number_input(
            "Frozen layers",
            0,
            most,
            3,
            key=f"train_frozen_{most}",
            help="From the bottom, with the embeddings; 0 freezes nothing",
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
            help="A synthetic text's weight in the loss; a real one has 1",
            persist_state="session",
        )
        patience = left.number_input(
            "Early stopping",
            0,
            50,
            0,
            key="train_patience",
            disabled=not n_validation,
            help=f"Evaluations without a better macro-F1 on the {n_validation:,} validation texts after which a run "
            "ends; 0 trains all steps. The test split is never looked at for it",
            persist_state="session",
        )
        inverse = right.number_input(
            "Probe's C", 0.001, 1000.0, 1.0, key="train_c", help="Inverse regularisation", persist_state="session"
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
        patience=(patience or None) if n_validation else None,  # kept from another task
        synthetic_weight=weight,
        inverse_regularisation=inverse,
    )
    return recipe, first


def describe_cost(task: Task, config: ExperimentConfig) -> str:
    """'65 runs (13 points × 5 RNG seeds), about 8 min', and how the time is known."""
    points = plural(config.n_points, "point")
    runs = f"{plural(config.n_runs, 'run')} ({points} × {plural(len(config.rng_seeds), 'RNG seed')})"
    seconds, is_measured = estimate_s(task, config)
    how = "" if is_measured else ", a guess until the first run is measured"
    return f"{runs}, about {round_duration(seconds)}{how}"


def round_duration(seconds: float) -> str:
    """'8 s', '9 min', '1 h 5 min': no more digits than an estimate has."""
    return format_duration(seconds) if seconds < 90 else format_duration(60 * round(seconds / 60)).removesuffix(" 0 s")


def estimate_s(task: Task, config: ExperimentConfig) -> tuple[float, bool]:
    """Seconds the grid should take, and whether finished runs on the same encoder say so."""
    store = workbench().store
    n_test = store.tasks.count_split(task.id, Split.TEST)
    done: dict[ClassifierKind, list[float]] = {}
    for run in store.trainings.newest_done(task.id, limit=N_TIMED):
        if run.config.encoder == config.recipe.encoder:
            done.setdefault(run.config.kind, []).append(run.state.elapsed_s / run.config.count_steps(run.n_train))
    seconds = 0.0
    kinds = [(kind, 1) for kind in config.baselines] + [(arm.kind, len(config.sizes)) for arm in config.arms]
    for kind, n in kinds:
        recipe = config.recipe
        n_steps = 1 if kind.is_instant else recipe.count_steps(max(config.sizes, default=30))
        each = sum(done[kind]) / len(done[kind]) * n_steps if kind in done else guess_run_s(kind, n_steps, n_test)
        seconds += each * n * len(config.rng_seeds)
    return seconds, all(kind in done for kind, _ in kinds)


def warn_of_shortage(task: Task, config: ExperimentConfig) -> list[str]:
    """A sentence for each arm that has too few texts for a chosen size before its filter."""
    store = workbench().store
    names = {run.id: run.writer for run in store.generations.all(task.id)}
    seed_set = store.tasks.seed_set(config.seed_set_id)
    sentences = {}
    for spec in config.arms:
        n = count_texts(seed_set, spec)
        short = [size for size in config.sizes if size > n]
        if short:
            plain = replace(spec, filter=TextFilter(), kind=ClassifierKind.FINE_TUNED)
            arm = name_arm([names[one] for one in spec.generation_run_ids], plain)
            sizes = ", ".join(map(str, short))
            sentences[spec.use, spec.generation_run_ids] = f"{arm} has {n:,} texts: its runs with {sizes} will fail."
    return list(sentences.values())
