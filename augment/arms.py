"""What training runs are called on charts: their arm, and the recipe that comparable runs share. Pure."""

from collections.abc import Sequence

from augment.records import TextUse, TrainingRun

SEEDS_ONLY = "seeds only"


def name_arm(writers: Sequence[str], use: TextUse) -> str:
    """'GPT-J · raw', 'SmolLM2-135M-Instruct · mix · accepted', or 'seeds only' without synthetic texts."""
    if use is TextUse.NONE or not writers:
        return SEEDS_ONLY
    return f"{' + '.join(sorted(set(writers)))} · {use}"


def name_recipe(run: TrainingRun) -> str:
    """Everything that must be equal for two runs to be compared, in words; RNG seed, arm and size may differ."""
    config = run.config
    return (
        f"{config.encoder.name} · {config.steps} steps · lr {config.learning_rate:g} · batch {config.batch_size} · "
        f"{config.frozen_layers} frozen layers · seed set {run.plan.seed_set_id}"
    )


def name_run(run: TrainingRun) -> str:
    """'12 · GPT-J · raw · 50 texts'."""
    return f"{run.id} · {run.arm}" + (f" · {run.plan.n_synthetic} texts" if run.plan.n_synthetic else "")
