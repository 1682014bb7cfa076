"""Draw few-shot seeds from the pool. Pure; the same RNG seed gives the same draw."""

import random
from collections.abc import Sequence

from augment.errors import DataError
from augment.records import Example, Split


def draw_seeds(examples: Sequence[Example], labels: Sequence[str], n_per_label: int, *, rng_seed: int) -> list[Example]:
    """Draw `n_per_label` examples of each label from the pool, without replacement.

    Raises:
        DataError: a label has too few pool examples.
    """
    chosen = []
    for label, pool in _pool_by_label(examples, labels, n_per_label).items():
        chosen += random.Random(f"{rng_seed}:{label}").sample(pool, n_per_label)
    return chosen


def take_first_seeds(examples: Sequence[Example], labels: Sequence[str], n_per_label: int) -> list[Example]:
    """Take the first `n_per_label` pool examples of each label in the source's order, as the reference notebook does.

    Raises:
        DataError: a label has too few pool examples.
    """
    pools = _pool_by_label(examples, labels, n_per_label)
    return [example for pool in pools.values() for example in pool[:n_per_label]]


def _pool_by_label(examples: Sequence[Example], labels: Sequence[str], n_per_label: int) -> dict[str, list[Example]]:
    if n_per_label < 1:
        raise DataError(f"At least 1 seed per label is needed; found {n_per_label}.")
    pools: dict[str, list[Example]] = {label: [] for label in labels}
    for example in sorted(examples, key=lambda example: example.id):
        if example.split is Split.POOL and example.label in pools:
            pools[example.label].append(example)
    for label, pool in pools.items():
        if len(pool) < n_per_label:
            raise DataError(
                f"Label '{label}' has {len(pool)} pool examples; {n_per_label} are needed. Draw fewer seeds per label."
            )
    return pools
