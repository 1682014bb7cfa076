"""A process is killed at random points of a run: stored texts are kept and nothing is written twice."""

import multiprocessing
import os
import random
import signal
import sys
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import ModuleType

import pytest

from augment.data.draw_seeds import draw_seeds
from augment.records import (
    CheckAction,
    GenerationConfig,
    LMKind,
    LMSpec,
    PreparedData,
    PromptTemplate,
    RunKey,
    RunKind,
    RunStatus,
    Sampling,
    Split,
    TextChecks,
)
from storage import Store
from tests.tiny import save_tiny_lm
from workbench.bench import open_workbench
from workbench.generation import resume_generation

N_KILLS = 10
TARGET = 320
TEMPLATE = PromptTemplate("{examples}", "{text} ({label})", "Tweet:")  # short: the LM has a context of 256 tokens
CHECKS = TextChecks(min_words=1, cut_off=CheckAction.OFF, mark_inside=CheckAction.OFF)  # the LM writes noise


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Starts processes with torch already imported, which saves five seconds per process."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["torch", "transformers", "workbench.generation", "augment.lms.loading"])
    return made


def drive(url: str, run_id: int) -> None:
    """Resume the run until it is done; the test kills this process."""
    bench = open_workbench(url)
    resume_generation(bench, run_id)
    bench.runner.wait()


def make_run(store: Store, starter: PreparedData, lm: LMSpec) -> int:
    task = store.tasks.create(starter)
    seeds = draw_seeds(store.tasks.examples(task.id, Split.POOL), task.labels, 4, rng_seed=0)
    seed_set = store.tasks.create_seed_set(task.id, "12", seeds)
    version = store.prompts.save(task.id, TEMPLATE)
    sampling = Sampling(max_new_tokens=12, top_k=0)
    config = GenerationConfig(
        TEMPLATE, task.labels, lm, sampling, strategy="mix", n_seeds=1, target=TARGET, batch_size=8, checks=CHECKS
    )
    return store.generations.create(task.id, config, seed_set_id=seed_set.id, prompt_version_id=version.id).id


def test_ten_kills_neither_lose_nor_duplicate_a_text(
    tmp_path: Path, starter: PreparedData, context: ForkServerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A new process first runs the file of the main module, and AppTest leaves a page's script as main module.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    lm = LMSpec(LMKind.TRANSFORMERS, str(save_tiny_lm(tmp_path / "lm", "llama")))
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    store = Store.open(url)
    run_id = make_run(store, starter, lm)
    rng = random.Random(0)
    kept: list[tuple[int, str]] = []
    for _ in range(N_KILLS):
        process = context.Process(target=drive, args=(url, run_id), daemon=True)
        process.start()
        goal = store.generations.get(run_id).n_attempts + 8 * rng.randrange(4)
        deadline = time.monotonic() + 60
        while store.generations.get(run_id).n_attempts <= goal and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.random() * 0.05)  # at a random point of a batch or a write
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(10)
        texts = [(text.id, text.text) for text in store.generations.texts([run_id])]
        assert texts[: len(kept)] == kept
        assert len({text for _, text in texts}) == len(texts)
        run = store.generations.get(run_id)
        assert run.n_texts == len(texts) >= len(kept)
        assert run.n_attempts == len(texts) + sum(store.generations.count_rejects(run_id).values())
        kept = texts
    assert len(kept) < TARGET  # every kill came before the end
    assert store.runs.state(RunKey(RunKind.GENERATION, run_id)).status is RunStatus.RUNNING  # not updated
    bench = open_workbench(url)
    assert store.runs.state(RunKey(RunKind.GENERATION, run_id)).status is RunStatus.INTERRUPTED
    bench.store.close()
    process = context.Process(target=drive, args=(url, run_id), daemon=True)
    process.start()
    process.join(120)
    assert store.runs.state(RunKey(RunKind.GENERATION, run_id)).status is RunStatus.DONE

    whole = Store.open(f"sqlite:///{tmp_path / 'whole.db'}")
    whole_id = make_run(whole, starter, lm)
    process = context.Process(target=drive, args=(f"sqlite:///{tmp_path / 'whole.db'}", whole_id), daemon=True)
    process.start()
    process.join(120)
    assert _attempts(store, run_id) == _attempts(whole, whole_id)
    assert len(_attempts(store, run_id)) == TARGET
    store.close()
    whole.close()


def _attempts(store: Store, run_id: int) -> list[tuple[str, str, str]]:
    found = []
    for text in store.generations.texts([run_id]):
        attempt = store.generations.attempt(text.id)
        assert attempt is not None
        found.append((attempt.prompt, text.text, text.proposed_label))
    return found
