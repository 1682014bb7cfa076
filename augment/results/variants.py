"""What training runs are called on charts: their arm, and the recipe that comparable runs share. Pure."""

from collections.abc import Sequence

from augment.records import ArmSpec, ClassifierKind, Experiment, TextFilter, TextUse, TrainingRun

SEEDS_ONLY = "seeds only"
REAL_TEXTS = "real texts"
ENDINGS: dict[ClassifierKind, str] = {
    kind: f" · {kind}" for kind in ClassifierKind if kind is not ClassifierKind.FINE_TUNED
}


def name_arm(writers: Sequence[str], spec: ArmSpec) -> str:
    """'GPT-J · raw', 'SmolLM2-135M-Instruct · mix · accepted · agreed · linear probe', 'real texts'."""
    parts = [REAL_TEXTS] if spec.use is TextUse.REAL else [" + ".join(sorted(set(writers))), spec.use.value]
    parts += name_filter(spec.filter)
    return name_kind(" · ".join(parts), spec.kind)


def name_baseline(kind: ClassifierKind) -> str:
    """'seeds only' or 'seeds only · linear probe'."""
    return name_kind(SEEDS_ONLY, kind)


def name_kind(name: str, kind: ClassifierKind) -> str:
    """`name`, with the classifier's kind where it is not the usual one."""
    return name + ENDINGS.get(kind, "")


def split_kind(arm: str) -> tuple[str, ClassifierKind]:
    """An arm's name without its classifier's kind, and that kind."""
    for kind, ending in ENDINGS.items():
        if arm.endswith(ending):
            return arm.removesuffix(ending), kind
    return arm, ClassifierKind.FINE_TUNED


def name_filter(text_filter: TextFilter) -> list[str]:
    """The parts of an arm's name that its filter gives: 'agreed', 'surest 50%', 'balanced'."""
    parts = ["agreed"] if text_filter.agrees else []
    if text_filter.keep_share < 1:
        parts.append(f"surest {text_filter.keep_share:.0%}")
    return [*parts, "balanced"] if text_filter.is_balanced else parts


def name_recipe(experiment: Experiment) -> str:
    """Everything that must be equal for experiments to be compared, in words; arms, sizes and RNG seeds may differ."""
    config = experiment.config.recipe
    length = f"{config.epochs} epochs" if config.epochs else f"{config.steps} steps"
    parts = [config.encoder.name, length, f"lr {config.learning_rate:g}", f"batch {config.batch_size}"]
    parts.append(f"{config.frozen_layers} frozen layers")
    if config.patience:
        parts.append(f"early stopping after {config.patience}")
    if config.synthetic_weight != 1:
        parts.append(f"synthetic weight {config.synthetic_weight:g}")
    if config.inverse_regularisation != 1:
        parts.append(f"probe C {config.inverse_regularisation:g}")
    return " · ".join([*parts, f"seed set {experiment.config.seed_set_id}"])


def name_run(run: TrainingRun) -> str:
    """'12 · GPT-J · raw · 50 texts · RNG seed 3'."""
    texts = f" · {run.n_synthetic} texts" if run.n_synthetic else ""
    return f"{run.id} · {run.arm}{texts} · RNG seed {run.config.rng_seed}"
