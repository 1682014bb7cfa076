"""Agreement of two raters, and confidence intervals of shares. Pure: works on counts, not on texts or people."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

Counts = Mapping[tuple[str, str], int]  # (first rater's category, second rater's) → how many texts

Z_95 = 1.959963984540054  # the standard normal's 97.5% point

# Source: Landis & Koch 1977, The measurement of observer agreement for categorical data, Biometrics 33. Each
# name is valid up to its kappa, rounded to two decimals; the authors call the bounds clearly arbitrary.
STRENGTHS = {0.2: "slight", 0.4: "fair", 0.6: "moderate", 0.8: "substantial", 1.0: "almost perfect"}


@dataclass(frozen=True, slots=True)
class Share:
    """`n_hits` of `n` as a share from 0 to 1, with its 95% interval; all three are NaN where n is 0."""

    n_hits: int
    n: int
    share: float
    low: float
    high: float


def cohens_kappa(counts: Counts) -> float | None:
    """Agreement beyond chance: 1 is perfect, 0 is as good as chance, below 0 is worse than chance.

    None without texts, or if both raters used only one and the same category: chance would then agree as well.

    Source: Cohen 1960, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20.
    """
    n = sum(counts.values())
    first, second = Counter[str](), Counter[str]()
    for (a, b), times in counts.items():
        first[a] += times
        second[b] += times
    observed = n * sum(times for (a, b), times in counts.items() if a == b)
    expected = sum(times * second[category] for category, times in first.items())  # both in texts squared: exact
    return None if expected == n * n else (observed - expected) / (n * n - expected)


def kappa_of_label(counts: Counts, label: str) -> float | None:
    """Cohen's kappa for `label` against all other labels; None as in `cohens_kappa`."""
    merged = Counter[tuple[str, str]]()
    for (a, b), times in counts.items():
        merged[str(a == label), str(b == label)] += times
    return cohens_kappa(merged)


def name_kappa(kappa: float) -> str:
    """'substantial' for 0.7: Landis and Koch's word for the strength of agreement."""
    if kappa < 0:
        return "poor"
    return next((name for most, name in STRENGTHS.items() if round(kappa, 2) <= most), "almost perfect")


def wilson_share(n_hits: int, n: int) -> Share:
    """A share and its 95% interval by Wilson's score, which is valid for few texts and for shares near 0 or 1.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference, JASA 22.
    """
    if n == 0:
        return Share(0, 0, math.nan, math.nan, math.nan)
    share, spread = n_hits / n, Z_95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return Share(n_hits, n, share, centre - half if n_hits else 0.0, centre + half if n_hits < n else 1.0)
