"""Figures over several runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its confidence interval; `low` and `high` equal `mean` if there is only one value."""

    mean: float
    low: float
    high: float
    n: int
