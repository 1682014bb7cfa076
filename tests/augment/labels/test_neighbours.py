"""Nearest texts: the same as by brute force, embedded in batches, with a cache of limited size."""

import random
import threading
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from augment.encoders import embed_texts
from augment.labels.neighbours import Neighbour, NeighbourIndex, NeighbourProgress
from augment.records import PreparedData, Split

TEXTS = {i: f"text {i}" for i in random.Random(0).sample(range(1000), 120)}  # ids in no particular order


class Embedder:
    """Gives each text a random but fixed unit vector; records the requested texts."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        rows = np.array([np.random.default_rng(list(text.encode())).normal(size=8) for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def find(
    index: NeighbourIndex, query: str, candidates: Mapping[int, str], **options: int
) -> tuple[list[NeighbourProgress], list[Neighbour]]:
    *progress, found = index.find(query, candidates, **options)
    assert isinstance(found, tuple)
    return [record for record in progress if isinstance(record, NeighbourProgress)], list(found)


def brute_force(vectors: NDArray[np.float32], ids: Sequence[int]) -> list[tuple[int, float]]:
    """Every id with its cosine similarity to the first vector, in float64, by similarity."""
    query, *others = vectors.astype(float)
    likeness = [vector @ query / np.linalg.norm(vector) / np.linalg.norm(query) for vector in others]
    return sorted(zip(ids, likeness, strict=True), key=lambda pair: -pair[1])


def test_the_nearest_texts_equal_those_of_brute_force() -> None:
    expected = brute_force(Embedder()(["query", *TEXTS.values()]), list(TEXTS))
    _, found = find(NeighbourIndex(Embedder(), batch=7), "query", TEXTS, n=1000)
    assert [neighbour.id for neighbour in found] == [text_id for text_id, _ in expected]
    assert [neighbour.similarity for neighbour in found] == pytest.approx(
        [similarity for _, similarity in expected], abs=1e-5
    )
    assert [neighbour.id for neighbour in find(NeighbourIndex(Embedder()), "query", TEXTS, n=3)[1]] == [
        neighbour.id for neighbour in found[:3]
    ]
    assert len(find(NeighbourIndex(Embedder()), "query", TEXTS)[1]) == 10


def test_the_text_itself_is_left_out_and_its_copies_are_found() -> None:
    candidates = {5: "same", 2: "other", 9: "same", 3: "same"}
    progress, found = find(NeighbourIndex(Embedder()), "same", candidates, query_id=5)
    assert [neighbour.id for neighbour in found] == [3, 9, 2]  # equally similar: by id
    assert [neighbour.similarity for neighbour in found[:2]] == [pytest.approx(1.0, abs=1e-6)] * 2
    assert all(-1 <= neighbour.similarity <= 1 for neighbour in found)
    assert progress[-1] == NeighbourProgress(3, 3)


def test_progress_is_reported_from_start_to_end_in_batches() -> None:
    index = NeighbourIndex(Embedder(), batch=50)
    progress, _ = find(index, "hello", TEXTS)
    assert [update.n_done for update in progress] == [0, 50, 100, 120]
    assert {update.n_total for update in progress} == {120}
    assert find(index, "hello", {}) == ([NeighbourProgress(0, 0)], [])
    assert find(index, "hello", {7: "hello"}, query_id=7) == ([NeighbourProgress(0, 0)], [])


def test_the_cache_stays_within_its_capacity_and_the_result_is_the_same() -> None:
    small, large = NeighbourIndex(Embedder(), capacity=30, batch=16), NeighbourIndex(Embedder())
    for query in ("one", "two", "one"):
        few, many = find(small, query, TEXTS)[1], find(large, query, TEXTS)[1]
        assert [neighbour.id for neighbour in few] == [neighbour.id for neighbour in many]
        assert [neighbour.similarity for neighbour in few] == pytest.approx(
            [neighbour.similarity for neighbour in many], abs=1e-6
        )
        assert len(small) == 30
    assert len(large) == len(TEXTS) + 2


def test_cached_texts_are_not_embedded_again_and_the_least_recently_used_is_evicted() -> None:
    embed = Embedder()
    index = NeighbourIndex(embed, capacity=3)
    find(index, "one", {1: "two", 2: "three"})
    assert sorted(embed.asked) == ["one", "three", "two"]
    find(index, "one", {1: "two"})  # "three" is now the least recently used
    assert len(embed.asked) == 3
    find(index, "one", {1: "four"})
    assert embed.asked[3:] == ["four"]
    find(index, "one", {1: "two", 2: "four"})
    assert len(embed.asked) == 4
    find(index, "one", {1: "three"})
    assert embed.asked[4:] == ["three"]


def test_too_many_candidates_still_use_the_cache() -> None:
    embed = Embedder()
    index = NeighbourIndex(embed, capacity=60, batch=20)
    find(index, "query", TEXTS)
    embed.asked.clear()
    find(index, "query", TEXTS)
    assert len(embed.asked) <= 120 - 59 + 1  # everything in the cache except the place that the query takes


def test_embeddings_stay_cached_when_the_caller_stops_early() -> None:
    index = NeighbourIndex(Embedder(), batch=50)
    records = index.find("hello", TEXTS)
    assert [next(records), next(records)] == [NeighbourProgress(0, 120), NeighbourProgress(50, 120)]
    assert len(index) == 51


def test_threads_share_one_index() -> None:
    index, answers = NeighbourIndex(Embedder(), capacity=40, batch=3), {}

    def ask(query: str) -> None:
        answers[query] = [neighbour.id for _ in range(5) for neighbour in find(index, query, TEXTS)[1]]

    threads = [threading.Thread(target=ask, args=(query,)) for query in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = {
        query: [neighbour.id for neighbour in find(NeighbourIndex(Embedder()), query, TEXTS)[1]] for query in "abcd"
    }
    assert answers == {query: 5 * ids for query, ids in alone.items()}
    assert len(index) == 40


# On the embedded encoder ---------------------------------------------------------------------------------------------


@pytest.mark.models
def test_with_the_encoder_the_nearest_texts_equal_those_of_brute_force(starter: PreparedData) -> None:
    texts = dict(enumerate(row.text for row in starter.splits[Split.POOL][:60]))
    query = "i am so happy for you"
    expected = brute_force(embed_texts([query, *texts.values()]), list(texts))
    _, found = find(NeighbourIndex(batch=16), query, texts, n=60)
    of = dict(expected)
    for neighbour, (_, similarity) in zip(found, expected, strict=True):  # by rank: padding moves the last digits
        assert neighbour.similarity == pytest.approx(similarity, abs=1e-4)
        assert neighbour.similarity == pytest.approx(of[neighbour.id], abs=1e-4)


@pytest.mark.models
def test_texts_are_compared_by_meaning_not_spelling() -> None:
    texts = {1: "my car broke down again", 2: "the automobile stopped working once more", 3: "my cat broke the jar"}
    _, found = find(NeighbourIndex(), "the car will not start", texts)
    assert {neighbour.id for neighbour in found[:2]} == {1, 2}
