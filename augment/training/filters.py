"""Which of an arm's texts a training run takes: filters that use no validation or test data, and the nested draw.

Knows nothing of storage. The seeds' classifier comes in as probabilities.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from augment.errors import ShortageError
from augment.records import TextFilter

T = TypeVar("T")


def find_dropped(
    given: Sequence[str], probs: NDArray[np.float64], labels: Sequence[str], text_filter: TextFilter
) -> list[int]:
    """Indices of the texts that a filter leaves out.

    `given` are the texts' labels, `probs` (n, n_labels) what a classifier trained on the seeds says of them. Agreement
    goes first; of what is left, each label keeps its surest texts, at least one.
    """
    places = [labels.index(label) for label in given]
    kept = list(range(len(given)))
    if text_filter.agrees:
        kept = [i for i in kept if int(probs[i].argmax()) == places[i]]
    if text_filter.keep_share < 1:
        of_label: dict[int, list[int]] = defaultdict(list)
        for i in sorted(kept, key=lambda i: (-probs[i, places[i]], i)):
            of_label[places[i]].append(i)
        kept = [i for rows in of_label.values() for i in rows[: max(1, round(text_filter.keep_share * len(rows)))]]
    return sorted(set(range(len(given))) - set(kept))


def draw_nested(
    texts: Sequence[T],
    size: int,
    rng_seed: int,
    *,
    key: Callable[[T], str],
    label: Callable[[T], str],
    is_balanced: bool = False,
) -> list[T]:
    """`size` texts in an order drawn by the RNG seed; a larger size holds every smaller one's texts.

    A text's rank depends on its key and the RNG seed alone: arms that share texts draw them alike, which is what makes
    runs of one RNG seed pairs. Balanced: labels in turn, so that none has more than one text more than another.

    Raises:
        ShortageError: there are fewer texts.
    """
    order = sorted(texts, key=lambda one: _rank(key(one), rng_seed))
    there = f"{len(order)}"
    if is_balanced:
        order = _take_in_turn(order, label)
        there = f"{len(order)} (balanced, of {there})"
    if len(order) < size:
        raise ShortageError(
            f"{size} texts asked for, {there} there. Choose a smaller size, generate or review more, or filter less."
        )
    return order[:size]


def _take_in_turn(texts: Sequence[T], label: Callable[[T], str]) -> list[T]:
    """One text of each label after the other, until one label has no more."""
    of_label: dict[str, list[T]] = defaultdict(list)
    for one in texts:
        of_label[label(one)].append(one)
    rounds = zip(*(of_label[name] for name in sorted(of_label)), strict=False)
    return [one for texts_of_round in rounds for one in texts_of_round]


def _rank(key: str, rng_seed: int) -> bytes:
    return hashlib.blake2b(f"{rng_seed}:{key}".encode(), digest_size=8).digest()
