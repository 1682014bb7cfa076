"""How many of a task's labels are right, as they would be trained on with consensus. Pure; works on stated confidences.

A decided text counts as right. Any other is right with the probability that the consensus states, corrected by what
decisions showed: of each decided text we know what the consensus expected without that decision, and so whether it was
right. All stated confidences are shifted by one number on the logit scale. Before there are decisions the shift is
likely within ±1 (a stated 80% may be 57% to 92%); its prior has heavy tails, so that decisions that contradict the
consensus soon outweigh it. The interval covers the shift's uncertainty and the chance of each label. It assumes that
decided texts are as right as others of the same stated confidence, which no order of the queue ensures exactly.

Source: recalibration of the intercept, Platt 1999 (Probabilistic outputs for support vector machines) with fixed slope;
Student's t as a weak prior for logistic regression, Gelman et al. 2008, Annals of Applied Statistics 2.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.records import StatedLabel

SHIFTS = np.linspace(-6.0, 6.0, 241)
PRIOR_SCALE, PRIOR_FREEDOM = 0.4, 4.0  # of Student's t
LEAST_PROB = 0.001  # stated confidences are kept away from 0 and 1
DIGITS = 3  # confidences that agree to so many are counted together


@dataclass(frozen=True, slots=True)
class Calibration:
    """How probable each shift of `SHIFTS` is, after `n_decided` decisions of which the consensus expected `n_right`.

    `n_expected` is how many it should have been right about by what it stated.
    """

    weights: NDArray[np.float64]
    n_decided: int
    n_right: int
    n_expected: float


@dataclass(frozen=True, slots=True)
class EstimatedAccuracy:
    """The share of `n` labels that is right, from 0 to 1, with a 95% interval; `n_decided` of them are certain."""

    n: int
    n_decided: int
    share: float
    low: float
    high: float


def calibrate(stated: Iterable[StatedLabel]) -> Calibration:
    """What the decided texts show about the confidences that the consensus states; others are ignored."""
    decided = [text for text in stated if text.decided_label is not None]
    outcomes = Counter((round(text.prob, DIGITS), text.label == text.decided_label) for text in decided)
    log_weights = -(PRIOR_FREEDOM + 1) / 2 * np.log1p((SHIFTS / PRIOR_SCALE) ** 2 / PRIOR_FREEDOM)
    for (prob, is_right), times in outcomes.items():
        right = _shift(prob)
        log_weights += times * np.log(right if is_right else 1 - right)
    weights = np.exp(log_weights - log_weights.max())
    n_right = sum(times for (_, is_right), times in outcomes.items() if is_right)
    return Calibration(weights / weights.sum(), len(decided), n_right, sum(text.prob for text in decided))


def estimate_accuracy(stated: Sequence[StatedLabel], calibration: Calibration) -> EstimatedAccuracy | None:
    """How many of the labels are right, by the median of what is probable; None without texts."""
    if not stated:
        return None
    n = len(stated)
    open_probs = Counter(round(text.prob, DIGITS) for text in stated if text.decided_label is None)
    n_decided = n - open_probs.total()
    if not open_probs:
        return EstimatedAccuracy(n, n, 1.0, 1.0, 1.0)
    right = np.stack([_shift(prob) for prob in open_probs])  # (n_distinct, n_shifts)
    times = np.array(list(open_probs.values()), dtype=np.float64)
    means = n_decided + times @ right
    spreads = np.sqrt(times @ (right * (1 - right)))
    low, middle, high = (_quantile(share, calibration.weights, means, spreads) for share in (0.025, 0.5, 0.975))
    return EstimatedAccuracy(n, n_decided, middle / n, max(low, n_decided) / n, min(high, n) / n)


def expect_changes(probs: Iterable[float], calibration: Calibration) -> float:
    """How many labels decisions on texts with these stated confidences are expected to change."""
    return float(sum(1 - calibration.weights @ _shift(prob) for prob in probs))


def _shift(prob: float) -> NDArray[np.float64]:
    """A stated confidence after each shift, (n_shifts,)."""
    kept = min(max(prob, LEAST_PROB), 1 - LEAST_PROB)
    shifted: NDArray[np.float64] = 1 / (1 + np.exp(-(math.log(kept / (1 - kept)) + SHIFTS)))
    return shifted


def _quantile(
    share: float, weights: NDArray[np.float64], means: NDArray[np.float64], spreads: NDArray[np.float64]
) -> float:
    """The value below which a mixture of normal distributions has this share, by bisection."""
    low, high = float((means - 6 * spreads).min()), float((means + 6 * spreads).max())
    kept = weights > 1e-9
    parts = list(zip(weights[kept].tolist(), means[kept].tolist(), spreads[kept].tolist(), strict=True))
    while high - low > 1e-4 * max(1.0, high):
        middle = (low + high) / 2
        below = sum(w * (1 + math.erf((middle - mean) / (spread * math.sqrt(2)))) / 2 for w, mean, spread in parts)
        low, high = (middle, high) if below < share else (low, middle)
    return (low + high) / 2
