"""How many texts each label gets, and when a run drifts from that. Pure."""

from collections.abc import Sequence

DRIFT_AFTER = 30  # texts
DRIFT_POINTS = 0.15  # difference of shares at which a drift is worth a word


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers that sum to `total` and stand as near to the weights' proportions as whole numbers can.

    Equal remainders go to the earlier place. Source: the largest remainder method (Hamilton).
    """
    share = total / (sum(weights) or 1)
    exact = [weight * share for weight in weights]
    whole = [int(one) for one in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (whole[i] - exact[i], i))
    for i in by_remainder[: total - sum(whole)]:
        whole[i] += 1
    return whole


def describe_drift(counts: Sequence[int], shares: Sequence[float], labels: Sequence[str]) -> str:
    """The label that stands furthest from its wanted share, in words; empty while nothing is worth a word.

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
        f"{counts[worst]:,} of {total:,} texts are {labels[worst]} ({counts[worst] / total:.0%}; {wanted:.0%} wanted)"
    )
