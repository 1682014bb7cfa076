"""Summarise what happened to a run's completions, in numbers and words. Pure; uses neither the store nor pages."""

from collections.abc import Mapping

from augment.generation.quotas import describe_drift
from augment.records import GenerationRun, RejectReason

MIN_TIMED_S = 0.2  # the rate of a shorter run means nothing

NOT_NEEDED = (RejectReason.OVER_QUOTA, RejectReason.SURPLUS)
NOT_PARSED = (RejectReason.EMPTY, RejectReason.NO_LABEL)


def funnel_stages(run: GenerationRun, rejects: Mapping[RejectReason, int], accepted: int) -> dict[str, int]:
    """Counts per stage: attempted → completed → parsed → valid label → passed checks → kept → accepted.

    Texts that pass the checks but exceed the target or their label's quota are not kept. An imported run has only the
    last two stages.
    """
    kept = {"kept": run.n_texts, "accepted": accepted}
    if run.config is None:
        return kept
    completed = run.n_texts + sum(rejects.values())
    parsed = completed - sum(rejects.get(reason, 0) for reason in NOT_PARSED)
    valid = parsed - rejects.get(RejectReason.UNKNOWN_LABEL, 0)
    return {
        "attempted": run.n_attempts,
        "completed": completed,
        "parsed": parsed,
        "valid label": valid,
        "passed checks": run.n_texts + sum(rejects.get(reason, 0) for reason in NOT_NEEDED),
        **kept,
    }


def describe_yield(run: GenerationRun, accepted: int) -> str:
    """'0.12 s per text · 0.31 s per accepted text · cost 0.0021 so far, 0.011 expected in total', as far as known."""
    parts = []
    for n, what in ((run.n_texts, "per text"), (accepted, "per accepted text")):
        if n and run.state.elapsed_s >= MIN_TIMED_S:
            each = run.state.elapsed_s / n
            parts.append(f"{each:.2g} s {what}" if each >= 0.1 else f"{1000 * each:.2g} ms {what}")
        if n and run.cost:
            parts.append(f"cost {run.cost / n:.2g} {what}")
    if run.cost and run.n_texts:
        expected = run.cost / run.n_texts * run.state.n_total
        parts.append(f"cost {run.cost:.3g} so far, {expected:.3g} expected in total")
    return " · ".join(parts)


def find_drift(run: GenerationRun, counts: Mapping[str, int], seed_counts: Mapping[str, int]) -> str:
    """Describe how a run's labels drift from the target shares (or its seeds' shares), and what to do; empty if not."""
    if run.config is None:
        return ""
    labels, wanted = run.config.labels, run.config.label_shares
    shares = wanted or [float(seed_counts.get(label, 0)) for label in labels]
    drift = describe_drift([counts.get(label, 0) for label in labels], shares, labels)
    if not drift or wanted:
        return drift
    return f"{drift}. To keep them even, set the labels to 'balanced' or use the strategy 'conditional'."
