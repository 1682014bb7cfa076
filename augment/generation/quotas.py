"""How many texts each label gets, and when a run drifts from these shares. Pure."""

from collections.abc import Sequence

DRIFT_AFTER = 30  # texts
DRIFT_POINTS = 0.15  # difference between shares from which drift is reported


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers that sum to `total`, as close to the weights' proportions as possible.

    Ties go to the earlier position. Source: the largest remainder method (Hamilton).
    """
    share = total / (sum(weights) or 1)
    exact = [weight * share for weight in weights]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (whole[i] - exact[i], i))
    for i in by_remainder[: total - sum(whole)]:
        whole[i] += 1
    return whole


def describe_drift(counts: Sequence[int], shares: Sequence[float], labels: Sequence[str]) -> str:
    """Describe the label that is furthest from its target share; empty while the drift is small.

    `shares` need not sum to 1.
    """
    total = sum(counts)
    if total < DRIFT_AFTER or not sum(shares):
        return ""
    gaps = [count / total - share / sum(shares) for count, share in zip(counts, shares, strict=True)]
    worst = max(range(len(gaps)), key=lambda i: abs(gaps[i]))
    if abs(gaps[worst]) < DRIFT_POINTS:
        return ""
    wanted = shares[worst] / sum(shares)
    return (
        f"{counts[worst]:,} of {total:,} texts are {labels[worst]} ({counts[worst] / total:.0%}; target {wanted:.0%})"
    )
