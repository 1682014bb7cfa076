"""Valid texts per second: the reference notebook's loop against ours, on the same embedded LM and prompts.

The notebook's loop sends one prompt at a time through `generate` with `max_length=100` and drops what does not parse.
It runs in float32, as the notebook loads the model; its bfloat16 figure is printed as well. Ours is strategy `mix` as
`augment.generation.generate` runs it, and counts only texts that a run would store. The two alternate. There is no
built-in target; the figures go to docs/LOG.md.
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Iterator
from itertools import count

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from augment import lms
from augment.data.draw_seeds import draw_seeds
from augment.data.read_files import read_starter
from augment.generation.generate import generate
from augment.lms.local import LocalLM
from augment.lms.unpack import unpack_embedded_lm
from augment.prompts.few_shot import FewShot
from augment.prompts.parsing import parse_completion
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import Example, GenerationConfig, GenerationProgress, Sampling, Split, SyntheticText

LABELS = ("joy", "anger", "surprise")
MAX_LENGTH = 100  # as in the notebook, prompt included
N_SEEDS = 2  # leaves the notebook's loop about twenty tokens after the prompt


def make_seeds() -> list[Example]:
    """Draw thirty seeds from the starter set."""
    rows = read_starter()[0].frame.itertuples()
    pool = [Example(i, Split.POOL, str(row.text), str(row.label)) for i, row in enumerate(rows)]
    return draw_seeds(pool, LABELS, 10, rng_seed=0)


def make_config(target: int, rng_seed: int) -> GenerationConfig:
    """Our run: `mix`, 128 completions per batch, 16 per prompt."""
    return GenerationConfig(
        DEFAULT_TEMPLATE,
        LABELS,
        lms.EMBEDDED_LM,
        Sampling(rng_seed=rng_seed),
        strategy="mix",
        n_seeds=N_SEEDS,
        target=target,
        batch_size=128,
        texts_per_prompt=16,
    )


def run_notebook(dtype: torch.dtype, seeds: list[Example], seconds: float) -> float:
    """Valid texts per second of the notebook's loop."""
    folder = unpack_embedded_lm()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    torch.manual_seed(0)
    n_valid, started = 0, time.perf_counter()
    for prompt in _prompts(seeds):
        ids = tokenizer(prompt, return_tensors="pt")
        with torch.no_grad():
            out = model.generate(**ids, do_sample=True, top_p=0.9, max_length=MAX_LENGTH, pad_token_id=0)
        text = tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        n_valid += parse_completion(DEFAULT_TEMPLATE, LABELS, text.lstrip("\n")).reason is None
        if time.perf_counter() - started > seconds:
            break
    return n_valid / (time.perf_counter() - started)


def _prompts(seeds: list[Example]) -> Iterator[str]:
    config = make_config(1, 0)
    shots = FewShot(config, seeds)
    return (shots.prompt(number * config.texts_per_prompt).text for number in count())


def run_ours(lm: LocalLM, seeds: list[Example], target: int, rng_seed: int) -> tuple[float, float]:
    """Valid texts per second and sampled tokens per second of one run."""
    started = time.perf_counter()
    records = list(generate(make_config(target, rng_seed), lm, seeds))
    elapsed = time.perf_counter() - started
    n_valid = sum(isinstance(record, SyntheticText) for record in records)
    n_tokens = sum(
        record.attempt.completion.n_tokens for record in records if not isinstance(record, GenerationProgress)
    )
    return n_valid / elapsed, n_tokens / elapsed


def measure_matmul(dtype: torch.dtype) -> float:
    """The machine's rate for a large matrix product, in floating-point operations per second."""
    n = 2048
    a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - started)
    return 2 * n**3 / best


def main() -> None:
    """Alternate between both and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--target", type=int, default=256, help="our texts per round")
    parser.add_argument("--seconds", type=float, default=60, help="duration of the notebook's loop per round")
    options = parser.parse_args()
    seeds = make_seeds()
    loaded = lms.load(lms.EMBEDDED_LM)
    assert isinstance(loaded, LocalLM)
    run_ours(loaded, seeds, 16, 99)  # warm up
    run_ours(loaded, seeds, options.target, 98)
    peak_mib = _peak_mib()  # before the notebook's models are loaded
    ours, tokens, notebook = [], [], []
    for round_ in range(options.rounds):
        valid_per_s, tokens_per_s = run_ours(loaded, seeds, options.target, round_)
        ours.append(valid_per_s)
        tokens.append(tokens_per_s)
        notebook.append(run_notebook(torch.float32, seeds, options.seconds))
        print(f"round {round_}: ours {ours[-1]:.2f} valid texts/s, {tokens[-1]:.0f} sampled tokens/s; ", end="")
        print(f"notebook float32 {notebook[-1]:.3f} valid texts/s; ratio {ours[-1] / notebook[-1]:.1f}", flush=True)
    print(f"notebook bfloat16 {run_notebook(torch.bfloat16, seeds, options.seconds):.3f} valid texts/s")
    n_parameters = sum(parameter.numel() for parameter in loaded._model.parameters())
    share = statistics.median(tokens) * 2 * n_parameters / measure_matmul(loaded._model.dtype)
    figures = {
        "ratio": round(statistics.median(a / b for a, b in zip(ours, notebook, strict=True)), 1),
        "valid_per_s": round(statistics.median(ours), 2),
        "notebook_valid_per_s": round(statistics.median(notebook), 3),
        "tokens_per_s": round(statistics.median(tokens)),
        "peak_mib": round(peak_mib),
        "matmul_share": round(share, 3),
    }
    print(json.dumps(figures))


def _peak_mib() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
