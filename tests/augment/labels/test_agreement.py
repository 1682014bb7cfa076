"""Cohen's kappa compared with scikit-learn, Wilson's interval compared with SciPy, and their edge cases."""

import math
import random
from collections import Counter

import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from augment.labels.agreement import Counts, cohens_kappa, kappa_of_label, name_kappa, wilson_share

LABELS = ("joy", "anger", "surprise", "")


def rate(rng: random.Random, n: int, *, agreeing: float) -> tuple[list[str], list[str]]:
    first = [rng.choice(LABELS) for _ in range(n)]
    return first, [label if rng.random() < agreeing else rng.choice(LABELS) for label in first]


@pytest.mark.parametrize("agreeing", [0.0, 0.3, 0.8, 0.99])
def test_kappa_equals_scikit_learn_over_all_labels_and_per_label(agreeing: float) -> None:
    rng = random.Random(f"{agreeing}")
    for n in (7, 40, 500):
        first, second = rate(rng, n, agreeing=agreeing)
        counts = Counter(zip(first, second, strict=True))
        assert cohens_kappa(counts) == pytest.approx(cohen_kappa_score(first, second))
        for label in LABELS:
            ours = kappa_of_label(counts, label)
            if label in (*first, *second):
                theirs = cohen_kappa_score([given == label for given in first], [given == label for given in second])
                assert ours == pytest.approx(theirs)
            else:
                assert ours is None


def test_kappa_worked_by_hand() -> None:
    """20 + 15 of 50 agree: 0.7; by chance 0.5 · 0.6 + 0.5 · 0.4 = 0.5; so (0.7 − 0.5) / (1 − 0.5)."""
    counts = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    assert cohens_kappa(counts) == pytest.approx(0.4)
    assert cohens_kappa({(b, a): n for (a, b), n in counts.items()}) == cohens_kappa(counts)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, None),
        ({("joy", "anger"): 0}, None),
        ({("joy", "joy"): 9}, None),  # both always chose joy
        ({("joy", "anger"): 9}, 0.0),  # they never agreed, and chance would not either
        ({("joy", "joy"): 1, ("anger", "anger"): 1}, 1.0),
        ({("joy", "anger"): 1, ("anger", "joy"): 1}, -1.0),
        ({("joy", "joy"): 9, ("joy", "anger"): 1}, 0.0),  # one of them always chose the same label
        ({("joy", "joy"): 10**9, ("anger", "anger"): 1}, 1.0),  # rounding must not make this None
    ],
)
def test_kappa_in_edge_cases(counts: Counts, expected: float | None) -> None:
    assert cohens_kappa(counts) == expected


def test_a_label_that_nobody_used_has_no_kappa() -> None:
    assert kappa_of_label({("joy", "anger"): 3, ("joy", "joy"): 4}, "surprise") is None
    assert kappa_of_label({("", "joy"): 3, ("", ""): 4, ("joy", "joy"): 5}, "") == pytest.approx(
        cohens_kappa({("y", "n"): 3, ("y", "y"): 4, ("n", "n"): 5})
    )


@pytest.mark.parametrize(
    ("kappa", "word"),
    [
        (-0.01, "poor"),
        (0.0, "slight"),
        (0.204, "slight"),  # 0.20
        (0.206, "fair"),  # 0.21
        (0.4, "fair"),
        (0.41, "moderate"),
        (0.61, "substantial"),
        (0.8, "substantial"),
        (0.81, "almost perfect"),
        (1.0, "almost perfect"),
    ],
)
def test_kappa_is_named_as_by_landis_and_koch(kappa: float, word: str) -> None:
    assert name_kappa(kappa) == word


@pytest.mark.parametrize("n", [1, 2, 5, 17, 212, 50_000])
def test_the_wilson_interval_equals_scipy(n: int) -> None:
    for hits in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        expected = binomtest(hits, n).proportion_ci(method="wilson")
        found = wilson_share(hits, n)
        assert (found.n_hits, found.n, found.share) == (hits, n, hits / n)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert 0 <= found.low <= found.share <= found.high <= 1


def test_the_wilson_interval_worked_by_hand() -> None:
    """10 of 20: with s = z²/20 = 0.19207, half the width is √(0.25 s + s²/4) / (1 + s) = 0.2007."""
    found = wilson_share(10, 20)
    assert (found.low, found.high) == pytest.approx((0.2993, 0.7007), abs=5e-5)


def test_a_share_of_zero_texts_is_nan() -> None:
    found = wilson_share(0, 0)
    assert (found.n_hits, found.n) == (0, 0)
    assert all(math.isnan(figure) for figure in (found.share, found.low, found.high))
