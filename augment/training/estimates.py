"""Estimate how long training takes, before anything is measured. Loads no model and no heavy library."""

from augment.records import ClassifierKind

# Seconds per training step, and per test text that is evaluated, with all-MiniLM-L6-v2 on one core (docs/LOG.md).
STEP_S, EVALUATED_TEXT_S, PROBE_S = 0.036, 0.0007, 0.3
N_TIMES_CONTRASTIVE = 2  # two texts per pair


def guess_run_s(kind: ClassifierKind, n_steps: int, n_test: int) -> float:
    """Estimated seconds per training run, with evaluation every 20 steps."""
    if kind.is_instant:
        return PROBE_S
    steps_s = n_steps * STEP_S * (N_TIMES_CONTRASTIVE if kind is ClassifierKind.CONTRASTIVE else 1)
    return steps_s + (n_steps / 20 + 1) * n_test * EVALUATED_TEXT_S
