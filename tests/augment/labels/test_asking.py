"""Asking a language model for labels: with the embedded LM, and with a server that knows labels by words."""

from collections import Counter
from dataclasses import replace

import pytest

from augment import lms
from augment.errors import AugmentError, LMError
from augment.labels.asking import ask_labels, draw_prompts, guess_labelling, read_label
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    EndpointApi,
    Example,
    LabellingConfig,
    LabellingProgress,
    LabelOpinion,
    LMSpec,
    Price,
    Split,
)
from tests.label_server import N_PROMPT_TOKENS, N_TOKENS, serving_labels

LABELS = ("joy", "anger", "surprise")
WORDS = dict(zip(LABELS, ("happy", "mad", "what"), strict=True))
SEEDS = [
    Example(1 + place * 10 + i, Split.POOL, f"{WORDS[label]} seed {place} {i}", label)
    for place, label in enumerate(LABELS)
    for i in range(10)
]
TEXTS = {7: "so happy today", 3: "mad at you", 5: "what is that", 9: "nothing to see"}


def plan(lm: LMSpec = lms.EMBEDDED_LM, **changes: object) -> LabellingConfig:
    return replace(LabellingConfig(lm, DEFAULT_TEMPLATE, LABELS, seed_set_id=1), **changes)  # type: ignore[arg-type]


def opinions(records: list[LabelOpinion | LabellingProgress]) -> dict[int | None, tuple[float, ...]]:
    """Probabilities by text id; seeds are under None."""
    return {record.text_id: record.probs for record in records if isinstance(record, LabelOpinion)}


def of_seeds(records: list[LabelOpinion | LabellingProgress]) -> dict[int, tuple[float, ...]]:
    found = [record for record in records if isinstance(record, LabelOpinion)]
    return {record.example_id: record.probs for record in found if record.example_id is not None}


# Prompts -------------------------------------------------------------------------------------------------------------


def test_every_prompt_shows_each_label_alike_and_leaves_out_a_fifth_of_the_seeds() -> None:
    prompts = draw_prompts(plan(seeds_per_prompt=24), SEEDS)
    label_of = {seed.id: seed.label for seed in SEEDS}
    assert len({prompt.text for prompt in prompts}) == 5
    for prompt in prompts:
        assert Counter(label_of[seed_id] for seed_id in prompt.seed_ids) == dict.fromkeys(LABELS, 8)
    shown = [set(prompt.seed_ids) for prompt in prompts]
    assert [sum(seed.id not in ids for ids in shown) for seed in SEEDS] == [1] * 30  # each in all prompts but one


def test_a_prompt_shows_two_seeds_of_each_label_however_few_are_asked_for() -> None:
    label_of = {seed.id: seed.label for seed in SEEDS}
    for prompt in draw_prompts(plan(seeds_per_prompt=2), SEEDS):
        assert Counter(label_of[seed_id] for seed_id in prompt.seed_ids) == dict.fromkeys(LABELS, 2)


def test_labels_with_one_seed_each_do_not_lose_them_to_the_same_prompt() -> None:
    prompts = draw_prompts(plan(), SEEDS[::10])
    assert [len(prompt.seed_ids) for prompt in prompts] == [2, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (SEEDS[:1], "at least 2 seeds; found 1"),
        ([*SEEDS, Example(99, Split.POOL, "x", "boredom")], "does not have: boredom"),
    ],
)
def test_seeds_that_cannot_be_used_give_a_clear_error(seeds: list[Example], expected: str) -> None:
    with pytest.raises(AugmentError, match=expected):
        draw_prompts(plan(), seeds)


# Answers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        (" joy)", "joy"),
        ("Joy.", "joy"),
        ("'anger'", "anger"),
        (" joy) Tweet: so mad (Sentiment: anger)", "joy"),  # it went on with an item of its own
        (" so mad (Sentiment: anger)", "anger"),  # it repeated the text
        ('{"text": "", "label": "surprise"}', "surprise"),
        ('{"text": "x", "label": "boredom"}', None),
        ("joy or anger)", None),
        ("I cannot say", None),
        ("", None),
    ],
)
def test_an_answer_names_a_label_or_is_no_opinion(answer: str, label: str | None) -> None:
    assert read_label(plan(), answer) == label


# A server ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", list(EndpointApi))
def test_scores_of_an_endpoint_become_calibrated_probabilities(api: EndpointApi) -> None:
    with serving_labels() as server:
        records = list(ask_labels(plan(server.lm(api), price=Price(1000.0)), lms.load(server.lm(api)), SEEDS, TEXTS))
    found = opinions(records)
    assert found[7] == pytest.approx((0.8, 0.1, 0.1))  # 'N/A' scores all labels alike
    assert found[3] == pytest.approx((0.1, 0.8, 0.1))
    assert found[9] == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert {seed.id: LABELS[probs.index(max(probs))] for seed in SEEDS if (probs := of_seeds(records)[seed.id])} == {
        seed.id: seed.label for seed in SEEDS
    }
    last = records[-1]
    assert isinstance(last, LabellingProgress)
    assert last.n_done == last.n_total == len(server.bodies) - 5  # and the content-free text once for each prompt
    assert last.cost == pytest.approx(len(server.bodies) * (N_PROMPT_TOKENS + N_TOKENS) / 1000)


def test_no_seed_and_no_text_is_put_into_a_prompt_that_shows_it() -> None:
    texts = TEXTS | {11: SEEDS[0].text.upper() + "!"}
    with serving_labels() as server:
        records = list(ask_labels(plan(server.lm()), lms.load(server.lm()), SEEDS, texts))
    for body in server.bodies:
        *shown, asked = body["prompt"].splitlines()
        text = asked.removeprefix("Tweet:").removesuffix("(Sentiment:").strip().casefold().strip("!")
        assert not any(f"Tweet: {text} (" in line.casefold().replace("tweet", "Tweet") for line in shown)
    assert 11 in opinions(records)
    asked_about = [body["prompt"].splitlines()[-1] for body in server.bodies]
    n_shown = sum(SEEDS[0].id in prompt.seed_ids for prompt in draw_prompts(plan(), SEEDS))
    assert sum(SEEDS[0].text.upper() in line for line in asked_about) == 5 - n_shown < 5


@pytest.mark.parametrize(
    ("api", "is_structured"),
    [(EndpointApi.COMPLETIONS, False), (EndpointApi.CHAT, False), (EndpointApi.CHAT, True)],
)
def test_an_endpoint_without_scores_answers_and_what_names_no_label_is_no_opinion(
    api: EndpointApi, is_structured: bool
) -> None:
    with serving_labels(has_scores=False) as server:
        spec = server.lm(api, is_structured=is_structured)
        records = list(ask_labels(plan(spec), lms.load(spec), SEEDS, TEXTS))
    found = opinions(records)
    assert found[7] == (1.0, 0.0, 0.0)
    assert found[3] == (0.0, 1.0, 0.0)
    assert of_seeds(records).keys() == {seed.id for seed in SEEDS}
    last = records[-1]
    assert isinstance(last, LabellingProgress)
    assert last.n_done == last.n_total
    if not is_structured:  # the format makes the server name one
        assert 9 not in found
        assert "No label was named for 1 text." in last.message


def test_labels_that_an_endpoint_cannot_tell_apart_by_their_first_token_are_asked_for_as_answers() -> None:
    labels = ("joy", "joyful")
    seeds = [replace(seed, label=labels[seed.id % 2]) for seed in SEEDS]
    with serving_labels() as server:
        server.token_length = 2
        records = list(ask_labels(plan(server.lm(), labels=labels), lms.load(server.lm()), seeds, TEXTS))
    assert opinions(records)[7] == (1.0, 0.0)
    assert 3 not in opinions(records)  # 'anger' is no label here


def test_what_was_answered_before_a_failure_is_kept_and_asking_goes_on_from_there() -> None:
    records: list[LabelOpinion | LabellingProgress] = []

    def collect() -> None:
        for record in ask_labels(config, lms.load(server.lm()), SEEDS, TEXTS):
            records.append(record)  # noqa: PERF402  what came before the error counts

    with serving_labels(has_scores=False) as server:
        config = plan(server.lm(), batch_size=8)
        server.n_answers = 60
        with pytest.raises(LMError, match="refused the key"):
            collect()
        kept = of_seeds(records)
        assert 0 < len(kept) < 30
        server.n_answers = 10_000
        n_before = len(server.bodies)
        more = list(ask_labels(config, lms.load(server.lm()), SEEDS, TEXTS, known_seeds=kept))
    assert of_seeds(more).keys() == {seed.id for seed in SEEDS} - kept.keys()
    last = more[-1]
    assert isinstance(last, LabellingProgress)
    assert 1 <= len(server.bodies) - n_before - last.n_total <= 4  # at once; they showed that there are no scores


@pytest.mark.parametrize("has_scores", [True, False])
def test_a_run_stops_before_it_exceeds_its_budget(has_scores: bool) -> None:
    with serving_labels(has_scores=has_scores) as server:
        config = plan(server.lm(), price=Price(1000.0, 1000.0), budget=5.0, batch_size=4)
        records = list(ask_labels(config, lms.load(server.lm()), SEEDS, TEXTS))
        last = records[-1]
        assert isinstance(last, LabellingProgress)
        assert 2.5 < last.cost <= 5.0
        assert last.n_done < last.n_total
        assert "Stopped before exceeding the budget of 5" in last.message
        assert "Raise the budget" in last.message


def test_the_guess_counts_every_question_and_its_characters() -> None:
    with serving_labels() as server:
        config = plan(server.lm(), price=Price(1e6), is_calibrated=False)
        guess = guess_labelling(config, SEEDS, TEXTS)
        list(ask_labels(config, lms.load(server.lm()), SEEDS, TEXTS))
    assert guess.n_questions == len(server.bodies)
    n_characters = sum(len(body["prompt"]) - len(" (Sentiment:") - 1 for body in server.bodies)
    assert guess.cost == pytest.approx(n_characters / 3.5)
    only_texts = guess_labelling(config, SEEDS, TEXTS, known_seeds={seed.id for seed in SEEDS})
    assert only_texts.n_questions == 5 * len(TEXTS)


# The embedded LM -----------------------------------------------------------------------------------------------------


@pytest.mark.models
def test_the_embedded_lm_finds_plain_labels_and_repeats_itself(home: object) -> None:
    seeds = [replace(seed, text=f"i feel {seed.text}") for seed in SEEDS]
    texts = {1: "i feel so happy and mad about nothing", 2: "what what what"}
    lm = lms.load(lms.EMBEDDED_LM)
    first = list(ask_labels(plan(n_prompts=3), lm, seeds, texts))
    found, seen = opinions(first), of_seeds(first)
    assert all(sum(probs) == pytest.approx(1) for probs in found.values())
    assert LABELS[found[2].index(max(found[2]))] == "surprise"
    n_right = sum(LABELS[seen[seed.id].index(max(seen[seed.id]))] == seed.label for seed in seeds)
    assert n_right > 20  # of 30, by the words that seeds of a label share
    again = list(ask_labels(plan(n_prompts=3), lm, seeds, texts, known_seeds=seen))
    assert of_seeds(again) == {}
    assert opinions(again)[2] == pytest.approx(found[2], abs=1e-3)
