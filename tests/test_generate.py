"""Generation: every completion counted, nothing twice, resumable; on a tiny LM and on the embedded one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from augment import lms
from augment.checks import CopyCheck, normalise_text
from augment.errors import AugmentError, PromptError
from augment.few_shot import FewShot
from augment.generate import generate
from augment.lms.scoring import score_completions
from augment.prompts import DEFAULT_TEMPLATE
from augment.records import (
    Completion,
    Example,
    Finding,
    GenerationConfig,
    GenerationProgress,
    LabelQuestion,
    LMKind,
    LMSpec,
    PreparedData,
    Reject,
    RejectReason,
    Sampling,
    ScoredCompletion,
    Split,
    SyntheticText,
    TextChecks,
)
from augment.strategies import label_probabilities

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
    """Writes given lines in turn: a language model whose completions are known, for counting them."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self.asked: list[str] = []

    notes: Sequence[str] = ()

    def complete(self, prompts: Sequence[str], sampling: Sampling, *, labels: Sequence[str] = ()) -> list[Completion]:
        start = len(self.asked)
        self.asked += prompts
        return [Completion(self._lines[(start + i) % len(self._lines)], 5) for i in range(len(prompts))]

    def complete_and_score(
        self, prompts: Sequence[str], sampling: Sampling, question: LabelQuestion
    ) -> list[ScoredCompletion]:
        return score_completions(self, prompts, self.complete(prompts, sampling), question)

    def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
        """The last label is the likelier the longer the text; content-free texts favour the first."""
        return np.array([[0.0 if "N/A" not in one else 3.0, len(one) / 1000] for one in contexts])

    def count_tokens(self, text: str) -> int | None:
        return None


def good(n: int) -> list[str]:
    return [f" text {i} (Sentiment: {LABELS[i % 2]})" for i in range(n)]


def split(records: Sequence[object]) -> tuple[list[SyntheticText], list[Reject], list[GenerationProgress]]:
    return (
        [one for one in records if isinstance(one, SyntheticText)],
        [one for one in records if isinstance(one, Reject)],
        [one for one in records if isinstance(one, GenerationProgress)],
    )


def test_every_completion_becomes_one_text_or_one_reject_with_its_reason() -> None:
    bad = [" no label", " x (Sentiment: love)", "", " seed number 3 (Sentiment: joy)", " held out (Sentiment: joy)"]
    lm = ScriptedLM([*good(2), *bad, " text 0! (Sentiment: anger)", *good(9)[2:]])
    avoid = {"Held out": RejectReason.HELD_OUT_COPY}
    texts, rejects, progress = split(list(generate(CONFIG, lm, SEEDS, avoid=avoid)))
    assert [one.text for one in texts] == [f"text {i}" for i in range(6)]
    assert [one.reason for one in rejects if one.reason is not RejectReason.SURPLUS] == [
        RejectReason.NO_LABEL,
        RejectReason.UNKNOWN_LABEL,
        RejectReason.EMPTY,
        RejectReason.SEED_COPY,
        RejectReason.HELD_OUT_COPY,
        RejectReason.DUPLICATE,
    ]
    numbers = sorted(one.attempt.number for one in [*texts, *rejects])
    assert numbers == list(range(progress[-1].n_attempts)) == list(range(len(lm.asked)))
    assert progress[-1].n_texts == 6


def test_surplus_texts_are_kept_as_rejects_and_the_target_is_exact() -> None:
    lm = ScriptedLM([" bad"] * 5 + good(20))
    texts, rejects, progress = split(list(generate(CONFIG, lm, SEEDS)))
    assert len(texts) == progress[-1].n_texts == 6
    assert {one.reason for one in rejects} == {RejectReason.NO_LABEL, RejectReason.SURPLUS}


def test_the_attempt_cap_ends_a_run_that_yields_nothing_and_says_so() -> None:
    config = replace(CONFIG, attempt_cap=10)
    texts, rejects, progress = split(list(generate(config, ScriptedLM([" nothing"]), SEEDS)))
    assert (len(texts), len(rejects)) == (0, 10)
    assert "cap of 10 attempts with 0 of 6 texts" in progress[-1].message


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped() -> None:
    whole = list(generate(CONFIG, ScriptedLM(good(20)), SEEDS))
    first = list(generate(CONFIG, ScriptedLM(good(20)), SEEDS))
    cut = next(i for i, one in enumerate(first) if isinstance(one, GenerationProgress)) + 1
    done = first[cut - 1]
    assert isinstance(done, GenerationProgress)
    lm = ScriptedLM(good(20)[done.n_attempts :])
    avoid = {one.text: RejectReason.DUPLICATE for one in first[:cut] if isinstance(one, SyntheticText)}
    rest = list(generate(CONFIG, lm, SEEDS, avoid=avoid, resume_from=done))

    def attempts(records: Sequence[object]) -> list[tuple[int, str, str]]:
        return [(one.attempt.number, one.attempt.prompt, one.text) for one in records if isinstance(one, SyntheticText)]

    assert attempts([*first[:cut], *rest]) == attempts(whole)


def test_each_attempt_draws_its_own_seeds_reproducibly() -> None:
    prompts = [FewShot(CONFIG, SEEDS).prompt(number) for number in range(20)]
    assert prompts == [FewShot(CONFIG, SEEDS[::-1]).prompt(number) for number in range(20)]
    assert len({one.seed_ids for one in prompts}) > 15
    assert all(len(set(one.seed_ids)) == 3 for one in prompts)
    other = replace(CONFIG, sampling=replace(CONFIG.sampling, rng_seed=1))
    assert prompts != [FewShot(other, SEEDS).prompt(number) for number in range(20)]


def test_attempts_share_a_prompt_by_as_many_as_the_config_says() -> None:
    config = replace(CONFIG, texts_per_prompt=4)
    prompts = [FewShot(config, SEEDS).prompt(number).text for number in range(12)]
    assert [len(set(prompts[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1]
    assert len(set(prompts)) == 3


def test_mix_makes_every_non_empty_text_valid_and_keeps_its_soft_label() -> None:
    config = replace(CONFIG, strategy="mix")
    lm = ScriptedLM([" no label", " x (Sentiment: love)", "", " y (Sentiment: joy) (Sentiment:", *good(9)])
    texts, rejects, _ = split(list(generate(config, lm, SEEDS)))
    assert [one.text for one in texts][:3] == ["no label", "x", "y"]
    assert [one.reason for one in rejects if one.reason is not RejectReason.SURPLUS] == [RejectReason.EMPTY]
    for one in texts:
        assert one.label_probs is not None
        assert sum(one.label_probs) == pytest.approx(1)
        assert one.label == LABELS[int(np.argmax(one.label_probs))]


@pytest.mark.parametrize(
    ("line", "checks", "reason", "found"),
    [
        (" one (Sentiment: joy)", TextChecks(), RejectReason.TOO_SHORT, "1 words; at least 2"),
        (" a b c d (Sentiment: joy)", TextChecks(max_words=3), RejectReason.TOO_LONG, "4 words; at most 3"),
        (" seed numbers 3 (Sentiment: joy)", TextChecks(), RejectReason.NEAR_DUPLICATE, "% like 'seed number 3'"),
    ],
)
def test_a_text_that_fails_a_check_is_a_reject_with_its_figure(
    line: str, checks: TextChecks, reason: RejectReason, found: str
) -> None:
    config = replace(CONFIG, checks=checks, target=1)
    texts, rejects, _ = split(list(generate(config, ScriptedLM([line, " quite another text (Sentiment: joy)"]), SEEDS)))
    assert [one.text for one in texts] == ["quite another text"]
    assert rejects[0].reason is reason
    assert found in rejects[0].detail


def test_a_text_that_did_not_end_and_an_unsure_label_are_rejects() -> None:
    config = replace(CONFIG, strategy="mix", target=1, sampling=Sampling(max_new_tokens=5))
    texts, rejects, _ = split(list(generate(config, ScriptedLM([" going on and", " it ends (Sentiment: joy)"]), SEEDS)))
    assert [one.text for one in texts] == ["it ends"]
    assert rejects[0].reason is RejectReason.CUT_OFF
    config = replace(config, checks=TextChecks(min_confidence=0.98), attempt_cap=3, sampling=Sampling())
    _, rejects, _ = split(list(generate(config, ScriptedLM([" it ends (Sentiment: joy)"]), SEEDS)))
    assert {one.reason for one in rejects} == {RejectReason.UNSURE}


def test_a_run_that_hardly_parses_stops_after_fifty_attempts_and_says_why() -> None:
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
def test_a_run_that_cannot_work_says_why(config: GenerationConfig, seeds: list[Example], expected: str) -> None:
    with pytest.raises(AugmentError, match=expected):
        list(generate(config, ScriptedLM(good(1)), seeds))


def test_a_broken_template_stops_before_the_lm_is_asked() -> None:
    lm = ScriptedLM(good(1))
    with pytest.raises(PromptError):
        list(generate(replace(CONFIG, template=replace(DEFAULT_TEMPLATE, item="{text}")), lm, SEEDS))
    assert lm.asked == []


def test_copies_are_found_up_to_case_space_and_outer_punctuation() -> None:
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
    assert [one.text for one in texts] == [one.text for one in again]
    assert len(texts) == 6
    assert {one.label for one in texts} <= set(starter.labels)
    assert all("\n" not in one.attempt.completion.text for one in [*texts, *rejects])
