"""Figures over several runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its confidence interval; `low` and `high` equal `mean` where one value gives no interval."""

    mean: float
    low: float
    high: float
    n: int
