"""Choose a variant's texts for a training run: filters that use no validation or test data, and the nested draw.

Does not use storage. The output of the seeds' classifier is passed in as probabilities.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from augment.errors import ShortageError
from augment.records import LabelledText, TextFilter, VariantText

T = TypeVar("T")


def find_dropped(
    given: Sequence[str], probs: NDArray[np.float64], labels: Sequence[str], text_filter: TextFilter
) -> list[int]:
    """Indices of the texts that a filter leaves out.

    `given` are the texts' labels, `probs` (n, n_labels) the probabilities from a classifier trained on the seeds. Texts
    that disagree are dropped first; then each label keeps its most confident texts, at least one.
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


def find_uncertain(texts: Sequence[VariantText], labels: Sequence[str], text_filter: TextFilter) -> set[int]:
    """Ids of the texts that a filter leaves out by their own consensus; texts that people decided are kept."""
    asked = [text for text in texts if not text.is_decided and text.probs]
    if not asked:
        return set()
    probs = np.array([text.probs for text in asked])
    return {asked[i].id for i in find_dropped([text.label for text in asked], probs, labels, text_filter)}


def draw_nested(
    texts: Sequence[T],
    size: int,
    rng_seed: int,
    *,
    key: Callable[[T], str],
    label: Callable[[T], str],
    is_balanced: bool = False,
) -> list[T]:
    """Draw `size` texts in an order set by the RNG seed; a larger size includes the texts of every smaller size.

    A text's rank depends only on its key and the RNG seed: variants that share texts draw them in the same order, so
    their runs of one RNG seed can be paired. If balanced, labels take turns and their counts differ by at most 1.

    Raises:
        ShortageError: there are fewer texts.
    """
    order = sorted(texts, key=lambda text: _rank(key(text), rng_seed))
    found = f"{len(order):,}"
    if is_balanced:
        order = _take_in_turn(order, label)
        found = f"{len(order):,} (balanced, of {found})"
    if len(order) < size:
        raise ShortageError(
            f"{size:,} texts needed; found {found}. Choose a smaller size, generate or review more, or filter less."
        )
    return order[:size]


def draw_sentences(
    sentences: Sequence[LabelledText], seeds: Sequence[LabelledText], rng_seed: int
) -> list[LabelledText]:
    """As many sentences of each label as it has seeds, or all where it has fewer, in an order set by the RNG seed."""
    n_seeds = Counter(seed.label for seed in seeds)
    drawn: list[LabelledText] = []
    for label in dict.fromkeys(sentence.label for sentence in sentences):
        of_label = [sentence for sentence in sentences if sentence.label == label]
        drawn += sorted(of_label, key=lambda sentence: _rank(sentence.text, rng_seed))[: n_seeds[label]]
    return drawn


def _take_in_turn(texts: Sequence[T], label: Callable[[T], str]) -> list[T]:
    """One text per label in turn, until a label has no more."""
    of_label: dict[str, list[T]] = defaultdict(list)
    for text in texts:
        of_label[label(text)].append(text)
    rounds = zip(*(of_label[name] for name in sorted(of_label)), strict=False)
    return [text for texts_of_round in rounds for text in texts_of_round]


def _rank(key: str, rng_seed: int) -> bytes:
    return hashlib.blake2b(f"{rng_seed}:{key}".encode(), digest_size=8).digest()
