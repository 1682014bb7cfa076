"""Find the texts nearest in meaning to a text: exact search over embeddings, computed in batches and cached.

Knows nothing of storage and pages: texts by id in, progress and neighbours out. Unlike the near-duplicate check of
`augment.records.copies`, which compares characters, it also finds paraphrases.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.encoders import embed_texts

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

CAPACITY = 20_000  # texts; a vector has 384 × 4 bytes, so about 30 MB, and the texts themselves
BATCH = 256  # texts between two progress records: about half a second on one core


@dataclass(frozen=True, slots=True)
class NeighbourProgress:
    """How many of the texts to compare have their embedding."""

    n_done: int
    n_total: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A text's id and its cosine similarity to the query text, -1 to 1."""

    id: int
    similarity: float


class NeighbourIndex:
    """Finds nearest texts and caches the embeddings of at most `capacity` texts, dropping the least recently used.

    Safe to share between threads and sessions. More candidates than `capacity` still work, but the rest is embedded
    again each time.
    """

    def __init__(self, embed: Embed = embed_texts, *, capacity: int = CAPACITY, batch: int = BATCH) -> None:
        """`embed` returns one unit vector per text, (n_texts, n_dimensions); it gets `batch` texts at once."""
        self._embed_new, self._capacity, self._batch = embed, capacity, batch
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many embeddings are cached."""
        return len(self._kept)

    def find(
        self, query: str, candidates: Mapping[int, str], *, n: int = 10, query_id: int | None = None
    ) -> Iterator[NeighbourProgress | tuple[Neighbour, ...]]:
        """Yield progress at the start and after each batch, then the `n` nearest candidates, the most similar first.

        The candidate `query_id` is the query itself and is left out; copies of it under other ids are found. Ties go to
        the smaller id. If the caller stops early, the embeddings so far stay cached.

        Raises:
            TrainingError: the embedded encoder is not installed.
        """
        others = {text_id: text for text_id, text in candidates.items() if text_id != query_id}
        ids = sorted(others)
        places: dict[str, list[int]] = {}  # positions of each text in `ids`
        for place, text_id in enumerate(ids):
            places.setdefault(others[text_id], []).append(place)
        similarities = np.zeros(len(ids), dtype=np.float32)
        n_done = 0
        yield NeighbourProgress(n_done, len(ids))  # before the encoder is loaded, which takes seconds
        vector = self._embed([query])[0]
        for batch in self._plan(list(places)):
            for text, similarity in zip(batch, self._embed(batch) @ vector, strict=True):
                similarities[places[text]] = similarity
                n_done += len(places[text])
            yield NeighbourProgress(n_done, len(ids))
        nearest = np.argsort(-similarities, kind="stable")[:n]
        yield tuple(Neighbour(ids[i], float(np.clip(similarities[i], -1, 1))) for i in nearest)

    def _plan(self, texts: Sequence[str]) -> list[list[str]]:
        """The texts in batches: cached ones first, before others push them out; then by length, to save padding."""
        with self._lock:
            ordered = sorted(texts, key=lambda text: (text not in self._kept, len(text)))
        return [ordered[start : start + self._batch] for start in range(0, len(ordered), self._batch)]

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector per text, (n_texts, n_dimensions); new ones are cached."""
        with self._lock:
            found = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in texts if text not in found]
        if missing:  # outside the lock, so that other threads need not wait for the encoder
            found |= {
                text: vector.copy()  # not a view, which would keep its whole batch alive
                for text, vector in zip(missing, self._embed_new(missing), strict=True)
            }
        with self._lock:
            for text in texts:
                self._kept[text] = found[text]
                self._kept.move_to_end(text)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return np.stack([found[text] for text in texts])
