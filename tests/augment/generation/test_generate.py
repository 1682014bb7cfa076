"""Generation counts every completion, stores nothing twice and can resume; with scripted LMs and the embedded one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from augment import lms
from augment.data.draw_seeds import draw_seeds
from augment.errors import AugmentError, LMError, NoScoresError, PartialError, PromptError
from augment.generation.generate import generate
from augment.generation.quotas import apportion, describe_drift
from augment.generation.strategies.label_scores import label_probabilities
from augment.generation.strategies.word_templates import default_templates
from augment.lms.scoring import score_completions
from augment.prompts.few_shot import FewShot
from augment.prompts.parsing import find_marks
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    CheckAction,
    Completion,
    Example,
    Finding,
    GenerationConfig,
    GenerationProgress,
    LabelKnowledge,
    LabelQuestion,
    LabelWords,
    LMKind,
    LMSpec,
    PreparedData,
    Price,
    Reject,
    RejectReason,
    Sampling,
    ScoredCompletion,
    SeedChoice,
    Split,
    SyntheticText,
    TextChecks,
)
from augment.records.copies import CopyCheck, normalise_text

LABELS = ("joy", "anger")
SEEDS = [Example(i, Split.POOL, f"seed number {i}", LABELS[i % 2]) for i in range(10)]
CONFIG = GenerationConfig(
    DEFAULT_TEMPLATE,
    LABELS,
    LMSpec(LMKind.TRANSFORMERS, "scripted"),
    n_seeds=3,
    target=6,
    batch_size=4,
    texts_per_prompt=1,
    checks=TextChecks(min_words=1, near_duplicate=1.0),
)


class ScriptedLM:
    """A language model that returns the given lines in turn, so that tests know its completions."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self.asked: list[str] = []

    notes: Sequence[str] = ()

    def complete(self, prompts: Sequence[str], sampling: Sampling, *, labels: Sequence[str] = ()) -> list[Completion]:
        start = len(self.asked)
        self.asked += prompts
        return [Completion(self._lines[(start + i) % len(self._lines)], 5) for i in range(len(prompts))]

    def complete_and_score(
        self, prompts: Sequence[str], sampling: Sampling, question: LabelQuestion, *, after: str | None = None
    ) -> list[ScoredCompletion]:
        behind = prompts if after is None else [after] * len(prompts)
        return score_completions(self, behind, self.complete(prompts, sampling), question)

    def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
        """The longer the text, the likelier the last label; content-free texts favour the first."""
        return np.array([[0.0 if "N/A" not in context else 3.0, len(context) / 1000] for context in contexts])

    def count_tokens(self, text: str) -> int | None:
        return None


def good(n: int) -> list[str]:
    return [f" text {i} (Sentiment: {LABELS[i % 2]})" for i in range(n)]


def split(records: Sequence[object]) -> tuple[list[SyntheticText], list[Reject], list[GenerationProgress]]:
    return (
        [record for record in records if isinstance(record, SyntheticText)],
        [record for record in records if isinstance(record, Reject)],
        [record for record in records if isinstance(record, GenerationProgress)],
    )


def test_every_completion_becomes_a_text_or_a_reject_with_a_reason() -> None:
    bad = [" no label", " x (Sentiment: love)", "", " seed number 3 (Sentiment: joy)", " held out (Sentiment: joy)"]
    lm = ScriptedLM([*good(2), *bad, " text 0! (Sentiment: anger)", *good(9)[2:]])
    avoid = {"Held out": RejectReason.HELD_OUT_COPY}
    texts, rejects, progress = split(list(generate(CONFIG, lm, SEEDS, avoid=avoid)))
    assert [text.text for text in texts] == [f"text {i}" for i in range(6)]
    assert [reject.reason for reject in rejects if reject.reason is not RejectReason.SURPLUS] == [
        RejectReason.NO_LABEL,
        RejectReason.UNKNOWN_LABEL,
        RejectReason.EMPTY,
        RejectReason.SEED_COPY,
        RejectReason.HELD_OUT_COPY,
        RejectReason.DUPLICATE,
    ]
    numbers = sorted(record.attempt.number for record in [*texts, *rejects])
    assert numbers == list(range(progress[-1].n_attempts)) == list(range(len(lm.asked)))
    assert progress[-1].n_texts == 6


def test_surplus_texts_are_kept_as_rejects_and_the_target_is_exact() -> None:
    lm = ScriptedLM([" bad"] * 5 + good(20))
    texts, rejects, progress = split(list(generate(CONFIG, lm, SEEDS)))
    assert len(texts) == progress[-1].n_texts == 6
    assert {reject.reason for reject in rejects} == {RejectReason.NO_LABEL, RejectReason.SURPLUS}


def test_the_attempt_cap_ends_a_run_without_texts_and_the_message_says_so() -> None:
    config = replace(CONFIG, attempt_cap=10)
    texts, rejects, progress = split(list(generate(config, ScriptedLM([" nothing"]), SEEDS)))
    assert (len(texts), len(rejects)) == (0, 10)
    assert "cap of 10 attempts with 0 of 6 texts" in progress[-1].message


def test_a_resumed_run_gives_the_same_texts_as_one_that_never_stopped() -> None:
    whole = list(generate(CONFIG, ScriptedLM(good(20)), SEEDS))
    first = list(generate(CONFIG, ScriptedLM(good(20)), SEEDS))
    cut = next(i for i, record in enumerate(first) if isinstance(record, GenerationProgress)) + 1
    done = first[cut - 1]
    assert isinstance(done, GenerationProgress)
    lm = ScriptedLM(good(20)[done.n_attempts :])
    avoid = {record.text: RejectReason.DUPLICATE for record in first[:cut] if isinstance(record, SyntheticText)}
    rest = list(generate(CONFIG, lm, SEEDS, avoid=avoid, resume_from=done))

    def attempts(records: Sequence[object]) -> list[tuple[int, str, str]]:
        return [
            (record.attempt.number, record.attempt.prompt, record.text)
            for record in records
            if isinstance(record, SyntheticText)
        ]

    assert attempts([*first[:cut], *rest]) == attempts(whole)


def test_each_attempt_draws_different_seeds_reproducibly() -> None:
    prompts = [FewShot(CONFIG, SEEDS).prompt(number) for number in range(20)]
    assert prompts == [FewShot(CONFIG, SEEDS[::-1]).prompt(number) for number in range(20)]
    assert len({prompt.seed_ids for prompt in prompts}) > 15
    assert all(len(set(prompt.seed_ids)) == 3 for prompt in prompts)
    other = replace(CONFIG, sampling=replace(CONFIG.sampling, rng_seed=1))
    assert prompts != [FewShot(other, SEEDS).prompt(number) for number in range(20)]


def test_as_many_attempts_share_a_prompt_as_the_config_sets() -> None:
    config = replace(CONFIG, texts_per_prompt=4)
    prompts = [FewShot(config, SEEDS).prompt(number).text for number in range(12)]
    assert [len(set(prompts[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1]
    assert len(set(prompts)) == 3


def test_with_mix_every_non_empty_text_is_valid_and_keeps_its_soft_label() -> None:
    config = replace(CONFIG, strategy="mix")
    lm = ScriptedLM([" no label", " x (Sentiment: love)", "", " y (Sentiment: joy) (Sentiment:", *good(9)])
    texts, rejects, _ = split(list(generate(config, lm, SEEDS)))
    assert [text.text for text in texts][:3] == ["no label", "x", "y"]
    assert [reject.reason for reject in rejects if reject.reason is not RejectReason.SURPLUS] == [RejectReason.EMPTY]
    for text in texts:
        assert text.label_probs is not None
        assert sum(text.label_probs) == pytest.approx(1)
        assert text.label == LABELS[int(np.argmax(text.label_probs))]


@pytest.mark.parametrize(
    ("line", "checks", "reason", "found"),
    [
        (" one (Sentiment: joy)", TextChecks(), RejectReason.TOO_SHORT, "1 words; at least 2"),
        (" a b c d (Sentiment: joy)", TextChecks(max_words=3), RejectReason.TOO_LONG, "4 words; at most 3"),
        (" seed numbers 3 (Sentiment: joy)", TextChecks(), RejectReason.NEAR_DUPLICATE, "% like 'seed number 3'"),
    ],
)
def test_a_text_that_fails_a_check_is_a_reject_with_the_measured_value(
    line: str, checks: TextChecks, reason: RejectReason, found: str
) -> None:
    config = replace(CONFIG, checks=checks, target=1)
    texts, rejects, _ = split(list(generate(config, ScriptedLM([line, " quite another text (Sentiment: joy)"]), SEEDS)))
    assert [text.text for text in texts] == ["quite another text"]
    assert rejects[0].reason is reason
    assert found in rejects[0].detail


def test_a_cut_off_text_and_an_uncertain_label_are_rejects() -> None:
    config = replace(CONFIG, strategy="mix", target=1, sampling=Sampling(max_new_tokens=5))
    texts, rejects, _ = split(list(generate(config, ScriptedLM([" going on and", " it ends (Sentiment: joy)"]), SEEDS)))
    assert [text.text for text in texts] == ["it ends"]
    assert rejects[0].reason is RejectReason.CUT_OFF
    config = replace(config, checks=TextChecks(min_confidence=0.98), attempt_cap=3, sampling=Sampling())
    _, rejects, _ = split(list(generate(config, ScriptedLM([" it ends (Sentiment: joy)"]), SEEDS)))
    assert {reject.reason for reject in rejects} == {RejectReason.UNSURE}


def test_a_run_with_a_low_parse_rate_stops_after_fifty_attempts_and_says_why() -> None:
    lm = ScriptedLM([" nothing to parse"])
    with pytest.raises(AugmentError, match=r"Only 0 of \d+ completions could be parsed, fewer than 10%"):
        list(generate(replace(CONFIG, target=100), lm, SEEDS))
    assert 50 <= len(lm.asked) < 60


def test_calibration_divides_by_the_content_free_scores() -> None:
    raw = ScoredCompletion(Completion("x", 1), label_logprobs=(np.log(0.6), np.log(0.2)))
    assert label_probabilities(raw) == pytest.approx((0.75, 0.25))
    # 0.6 / 0.9 against 0.2 / 0.1: 0.667 to 2
    biased = replace(raw, content_free_logprobs=(np.log(0.9), np.log(0.1)))
    assert label_probabilities(biased) == pytest.approx((0.25, 0.75))


@pytest.mark.parametrize(
    ("config", "seeds", "expected"),
    [
        (CONFIG, [], "seed set is empty"),
        (replace(CONFIG, strategy="magic"), SEEDS, "no strategy 'magic'"),
        (replace(CONFIG, labels=("joy", "fear")), SEEDS, "labels that the task does not have: anger"),
    ],
)
def test_a_run_that_cannot_work_gives_the_reason(config: GenerationConfig, seeds: list[Example], expected: str) -> None:
    with pytest.raises(AugmentError, match=expected):
        list(generate(config, ScriptedLM(good(1)), seeds))


def test_a_broken_template_is_refused_before_the_lm_is_called() -> None:
    lm = ScriptedLM(good(1))
    with pytest.raises(PromptError):
        list(generate(replace(CONFIG, template=replace(DEFAULT_TEMPLATE, item="{text}")), lm, SEEDS))
    assert lm.asked == []


def test_copies_are_found_regardless_of_case_spaces_and_outer_punctuation() -> None:
    copies = CopyCheck()
    copies.forbid(["So  happy!"], RejectReason.SEED_COPY)
    assert copies.find(' "so happy" ') == Finding(RejectReason.SEED_COPY, ' "so happy" ')
    assert copies.find("so happy today") is None
    assert normalise_text("Über  Alles.") == "über alles"


@pytest.mark.models
def test_the_embedded_lm_gives_the_same_texts_for_one_seed(home: Path, starter: PreparedData) -> None:
    seeds = [Example(i, Split.POOL, row.text, row.label) for i, row in enumerate(starter.splits[Split.POOL][:60:4])]
    config = GenerationConfig(
        DEFAULT_TEMPLATE, starter.labels, lms.EMBEDDED_LM, Sampling(max_new_tokens=40), target=6, batch_size=8
    )
    lm = lms.load(lms.EMBEDDED_LM)
    texts, rejects, _ = split(list(generate(config, lm, seeds)))
    again, _, _ = split(list(generate(config, lm, seeds)))
    assert [text.text for text in texts] == [text.text for text in again]
    assert len(texts) == 6
    assert {text.label for text in texts} <= set(starter.labels)
    assert all("\n" not in record.attempt.completion.text for record in [*texts, *rejects])


# Labels: given, wanted and scored ------------------------------------------------------------------------------------


def test_quotas_follow_the_wanted_shares_by_largest_remainder() -> None:
    assert apportion(50, [1, 1, 1]) == [17, 17, 16]
    assert apportion(10, [0.5, 0.3, 0.2]) == [5, 3, 2]
    assert apportion(7, [2, 1, 1]) == [3, 2, 2]
    assert apportion(5, [0, 1]) == [0, 5]
    assert apportion(0, [1, 1]) == [0, 0]


def test_a_drift_of_labels_is_reported_once_there_are_enough_texts() -> None:
    assert describe_drift([20, 5], [1, 1], LABELS) == ""  # 25 texts are too few
    assert describe_drift([20, 15], [1, 1], LABELS) == ""  # 57% is close enough
    assert describe_drift([9, 27], [2, 2], LABELS) == "9 of 36 texts are joy (25%; target 50%)"
    assert describe_drift([30, 10], [0, 0], LABELS) == ""


def test_conditional_gives_each_label_exactly_its_share_and_shows_seeds_of_that_label() -> None:
    config = replace(CONFIG, strategy="conditional", target=7, label_shares=(3, 4), texts_per_prompt=2)
    lm = ScriptedLM([f" words number {i}" for i in range(50)])
    texts, rejects, _ = split(list(generate(config, lm, SEEDS)))
    assert [sum(text.label == label for text in texts) for label in LABELS] == [3, 4]
    assert not [reject for reject in rejects if reject.reason is not RejectReason.OVER_QUOTA]
    label_of = {seed.id: seed.label for seed in SEEDS}
    for text in texts:
        assert {label_of[i] for i in text.attempt.seed_ids} == {text.label}
        assert text.attempt.prompt.endswith(f"Tweet ({text.label}):")
        assert sum(text.label_probs or ()) == pytest.approx(1)


def test_contrasting_seeds_come_before_those_of_the_given_label() -> None:
    shots = FewShot(replace(CONFIG, n_seeds=2, n_contrast=3), SEEDS)
    label_of = {seed.id: seed.label for seed in SEEDS}
    drawn = shots.conditional_prompt("joy", "0")
    assert [label_of[i] for i in drawn.seed_ids] == ["anger"] * 3 + ["joy"] * 2


def test_a_text_whose_scores_disagree_with_its_given_label_is_flagged_or_rejected() -> None:
    class Opinionated(ScriptedLM):
        def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
            assert all(context.endswith("(Sentiment:") for context in contexts)
            return np.log(np.array([[0.9, 0.1]] * len(contexts)))  # always joy

    config = replace(CONFIG, strategy="conditional", target=4, is_calibrated=False)
    lines = [f" words number {i}" for i in range(60)]
    texts, _, _ = split(list(generate(config, Opinionated(lines), SEEDS)))
    flags = {label: [text.flags for text in texts if text.label == label] for label in LABELS}
    assert flags["joy"] == [(), ()]
    assert flags["anger"] == [(Finding(RejectReason.DISAGREES, "joy 0.90, anger 0.10"),)] * 2
    strict = replace(config, checks=replace(CONFIG.checks, disagrees=CheckAction.REJECT), attempt_cap=12)
    texts, rejects, _ = split(list(generate(strict, Opinionated(lines), SEEDS)))
    assert {text.label for text in texts} == {"joy"}
    assert {reject.reason for reject in rejects} == {RejectReason.DISAGREES}


def test_conditional_also_works_without_label_scores() -> None:
    class Unscored(ScriptedLM):
        def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
            raise NoScoresError("no scores here")

    config = replace(CONFIG, strategy="conditional", target=4)
    texts, _, _ = split(list(generate(config, Unscored([f" words {i}" for i in range(9)]), SEEDS)))
    assert [text.label_probs for text in texts] == [None] * 4


def test_texts_over_their_label_s_quota_are_rejects_until_every_quota_is_met() -> None:
    lines = [f" joyful text {i} (Sentiment: joy)" for i in range(5)] + [" angry one (Sentiment: anger)"]
    lines += [" angry two (Sentiment: anger)", " angry three (Sentiment: anger)", " more joy (Sentiment: joy)"]
    config = replace(CONFIG, label_shares=(1, 1), target=6)
    texts, rejects, progress = split(list(generate(config, ScriptedLM(lines), SEEDS)))
    assert [sum(text.label == label for text in texts) for label in LABELS] == [3, 3]
    over = [reject.detail for reject in rejects if reject.reason is RejectReason.OVER_QUOTA]
    assert set(over) == {"joy already has its 3 texts"}
    assert progress[-1].n_by_label == (3, 3)


def test_a_resumed_run_with_quotas_gives_the_same_texts_as_one_that_never_stopped() -> None:
    config = replace(CONFIG, strategy="conditional", target=9, texts_per_prompt=2)
    lines = [f" words number {i}" for i in range(60)]
    whole = list(generate(config, ScriptedLM(lines), SEEDS))
    cut = next(i for i, record in enumerate(whole) if isinstance(record, GenerationProgress)) + 1
    done = whole[cut - 1]
    assert isinstance(done, GenerationProgress)
    rest = list(generate(config, ScriptedLM(lines[done.n_attempts :]), SEEDS, resume_from=done))
    made = [record.attempt for record in [*whole[:cut], *rest] if isinstance(record, SyntheticText)]
    assert made == [record.attempt for record in whole if isinstance(record, SyntheticText)]


# Which seeds ---------------------------------------------------------------------------------------------------------


def test_balanced_seeds_are_spread_over_the_labels() -> None:
    shots = FewShot(replace(CONFIG, n_seeds=5, seed_choice=SeedChoice.BALANCED), SEEDS)
    label_of = {seed.id: seed.label for seed in SEEDS}
    for number in range(10):
        labels = [label_of[i] for i in shots.prompt(number).seed_ids]
        assert abs(labels.count("joy") - labels.count("anger")) == 1
    assert len({shots.prompt(number).seed_ids for number in range(10)}) == 10


@pytest.mark.models
def test_near_seeds_are_similar_and_far_seeds_are_not() -> None:
    texts = ["my dog ran in the park", "a puppy played on the grass", "dogs love long walks"]
    texts += ["the bank raised its interest rates", "stock markets fell as rates rose", "inflation hit the markets"]
    seeds = [Example(i, Split.POOL, text, LABELS[i % 2]) for i, text in enumerate(texts)]
    for number in range(6):
        near = FewShot(replace(CONFIG, seed_choice=SeedChoice.NEAREST), seeds).prompt(number).seed_ids
        assert {i // 3 for i in near} in ({0}, {1})
        far = FewShot(replace(CONFIG, n_seeds=2, seed_choice=SeedChoice.FURTHEST), seeds).prompt(number).seed_ids
        assert {i // 3 for i in far} == {0, 1}


# What is kept --------------------------------------------------------------------------------------------------------


def test_a_check_that_flags_keeps_the_text_and_a_check_that_is_off_finds_nothing() -> None:
    line = " one two three four five (Sentiment: joy)"
    flagging = TextChecks(max_words=3, too_long=CheckAction.FLAG)
    texts, _, _ = split(list(generate(replace(CONFIG, checks=flagging, target=1), ScriptedLM([line]), SEEDS)))
    assert texts[0].flags == (Finding(RejectReason.TOO_LONG, "5 words; at most 3 allowed"),)
    idle = replace(flagging, too_long=CheckAction.OFF)
    texts, _, _ = split(list(generate(replace(CONFIG, checks=idle, target=1), ScriptedLM([line]), SEEDS)))
    assert texts[0].flags == ()


def test_a_copy_of_a_held_out_text_is_rejected_with_any_settings() -> None:
    lenient = TextChecks(1, duplicate=CheckAction.OFF, seed_copy=CheckAction.OFF, near=CheckAction.OFF)
    lm = ScriptedLM([" seed number 3 (Sentiment: joy)", " seed number 1 (Sentiment: joy)"])
    avoid = {"Seed number 3.": RejectReason.HELD_OUT_COPY}
    texts, rejects, _ = split(list(generate(replace(CONFIG, checks=lenient, target=2), lm, SEEDS, avoid=avoid)))
    assert [text.text for text in texts] == ["seed number 1", "seed number 1"]
    assert {reject.reason for reject in rejects} == {RejectReason.HELD_OUT_COPY}


def test_a_label_mark_inside_the_text_is_found() -> None:
    lines = [" nice day sentiment: joy ok (Sentiment: joy)", " then a Tweet: again (Sentiment: joy)", *good(3)]
    _, rejects, _ = split(list(generate(replace(CONFIG, target=2), ScriptedLM(lines), SEEDS)))
    assert [reject.detail for reject in rejects if reject.reason is RejectReason.MARK_INSIDE] == [
        "the text contains 'Sentiment:'",
        "the text contains 'Tweet:'",
    ]


def test_completions_before_an_lm_failure_are_kept_and_the_run_can_resume() -> None:
    class Failing(ScriptedLM):
        def complete(
            self, prompts: Sequence[str], sampling: Sampling, *, labels: Sequence[str] = ()
        ) -> list[Completion]:
            answers = super().complete(prompts, sampling)
            if len(self.asked) > 4:
                raise PartialError("the server fell over", [answers[0], None, *answers[2:]])
            return answers

    config = replace(CONFIG, target=12, batch_size=8)
    records: list[object] = []
    run = generate(config, Failing(good(40)), SEEDS)
    with pytest.raises(LMError, match="fell over"):
        records.extend(run)
    texts, _, progress = split(records)
    missing = set(range(progress[-1].n_attempts)) - {text.attempt.number for text in texts}
    assert len(missing) == 1
    rest = list(generate(config, ScriptedLM(good(60)[20:]), SEEDS, resume_from=progress[-1]))
    numbers = [text.attempt.number for text in split(rest)[0]]
    assert min(numbers) == progress[-1].n_attempts
    assert len(texts) + len(numbers) == 12


# Money ---------------------------------------------------------------------------------------------------------------


class Billing(ScriptedLM):
    """Counts 100 prompt tokens and 20 new tokens per completion."""

    def complete(self, prompts: Sequence[str], sampling: Sampling, *, labels: Sequence[str] = ()) -> list[Completion]:
        return [Completion(completion.text, 20, 100) for completion in super().complete(prompts, sampling)]


def test_costs_add_up_and_the_run_stops_before_it_exceeds_the_budget() -> None:
    price = Price(prompt_per_million=1000.0, completion_per_million=5000.0)  # 0.1 + 0.1 per completion
    config = replace(CONFIG, target=50, price=price, budget=2.05)
    texts, _, progress = split(list(generate(config, Billing(good(80)), SEEDS)))
    assert len(texts) == 10
    assert progress[-1].cost == pytest.approx(2.0)
    assert "Stopped before exceeding the budget of 2.05: 2 spent on 10 of 50 texts" in progress[-1].message
    more = replace(config, budget=3.0)
    rest = split(list(generate(more, Billing(good(80)[10:]), SEEDS, resume_from=progress[-1])))
    assert rest[2][-1].cost == pytest.approx(3.0)


def test_the_budget_counts_the_cost_of_answered_completions() -> None:
    price = Price(1000.0, 5000.0)  # 0.2 per completion
    config = replace(CONFIG, target=50, price=price, budget=1.0)
    half_answered = GenerationProgress(8, 4, 50, 1.0, n_by_label=(2, 2), cost=0.8, n_completed=4)
    rest = split(list(generate(config, Billing(good(80)), SEEDS, resume_from=half_answered)))
    assert rest[2][-1].cost == pytest.approx(1.0)


def test_a_label_mark_counts_only_as_a_separate_word() -> None:
    assert find_marks(DEFAULT_TEMPLATE, "see my retweet: it is great") is None
    assert find_marks(DEFAULT_TEMPLATE, "see my TWEET: it is great") == "Tweet:"


def test_notes_of_the_lm_are_in_the_progress_message() -> None:
    lm = ScriptedLM(good(20))
    lm.notes = ("The server refused 'top_p'.",)
    assert "refused 'top_p'" in split(list(generate(CONFIG, lm, SEEDS)))[2][-1].message


# Strategies without an LM --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["templates", "eda"])
def test_strategies_without_an_lm_are_deterministic_and_balanced(strategy: str) -> None:
    seeds = [
        Example(i, Split.POOL, f"i feel {word} about this long day number {i}", LABELS[i % 2])
        for i, word in enumerate(["happy", "angry", "glad", "furious", "cheerful", "mad"])
    ]
    config = replace(
        CONFIG, strategy=strategy, target=20, word_templates=default_templates(LABELS), checks=TextChecks()
    )
    texts, _, _ = split(list(generate(config, None, seeds)))
    assert [sum(text.label == label for text in texts) for label in LABELS] == [10, 10]
    assert [text.text for text in split(list(generate(config, None, seeds)))[0]] == [text.text for text in texts]
    other = replace(config, sampling=Sampling(rng_seed=1))
    assert [text.text for text in split(list(generate(other, None, seeds)))[0]] != [text.text for text in texts]
    assert len({text.text for text in texts}) == 20
    assert {text.text for text in texts}.isdisjoint(seed.text for seed in seeds)


def test_templates_that_cannot_make_enough_texts_are_refused_at_once() -> None:
    words = LabelKnowledge(
        ("i feel {word}", "so {word}"), (LabelWords("joy", ("happy",)), LabelWords("anger", ("mad",)))
    )
    config = replace(CONFIG, strategy="templates", target=10, word_templates=words)
    with pytest.raises(AugmentError, match="make 2 different texts of 'joy'; 5 are needed"):
        list(generate(config, None, SEEDS))


def test_a_strategy_that_needs_an_lm_says_that_it_is_missing() -> None:
    with pytest.raises(LMError, match="'free' needs a language model"):
        list(generate(CONFIG, None, SEEDS))


def test_conditional_refuses_a_label_without_seeds() -> None:
    with pytest.raises(AugmentError, match="no seed of 'anger', but 3 texts of it are needed"):
        list(generate(replace(CONFIG, strategy="conditional"), ScriptedLM(good(3)), SEEDS[::2]))


@pytest.mark.models
@pytest.mark.parametrize("strategy", ["mix", "conditional"])
def test_the_embedded_lm_writes_with_every_strategy_that_scores_labels(
    home: Path, starter: PreparedData, strategy: str
) -> None:
    pool = [Example(i, Split.POOL, row.text, row.label) for i, row in enumerate(starter.splits[Split.POOL])]
    seeds = draw_seeds(pool, starter.labels, 10, rng_seed=0)
    config = GenerationConfig(
        DEFAULT_TEMPLATE, starter.labels, lms.EMBEDDED_LM, Sampling(max_new_tokens=40), strategy=strategy, target=9
    )
    lm = lms.load(lms.EMBEDDED_LM)
    texts, _, _ = split(list(generate(config, lm, seeds)))
    again, _, _ = split(list(generate(config, lm, seeds)))
    assert [(text.text, text.label) for text in texts] == [(text.text, text.label) for text in again]
    assert all(text.label_probs and sum(text.label_probs) == pytest.approx(1) for text in texts)
    if strategy == "conditional":
        assert [sum(text.label == label for text in texts) for label in starter.labels] == [3, 3, 3]
