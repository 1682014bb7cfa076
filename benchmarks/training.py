"""Seconds per training run: the reference notebook's Trainer loop against ours, on the same encoder and data.

The notebook's loop, in today's API: everything is padded to the longest text, batch size 8 in training and evaluation,
embeddings and three layers frozen, 125 steps, evaluation of the 797 test rows every 20 steps and at the end. Ours is
`augment.training.train` with the same config. Data: the first ten Emotion texts of each label, alone (30) and with the
notebook's 200 GPT-J texts (230). Both loops alternate for every RNG seed. Final metrics are compared by a paired
t-test; a large p-value means no evidence of a difference. The last line is JSON: `ratio` is the median over all pairs,
and each p-value is the smallest over the sizes.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import ttest_rel
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments
from transformers.utils import logging

from augment.data import prepare, read_files
from augment.embedded import find_encoder_folder
from augment.records import LabelledText, MetricPoint, PreparedData, Split, TrainingConfig, TrainingText
from augment.training.metrics import accuracy, macro_f1
from augment.training.train import train
from benchmarks.labels import LABELS, read_emotion

ML6 = Path(__file__).parents[2] / "shared" / "data" / "ml6_synthetic"
FROZEN_LAYERS = 3


def read_texts(data: PreparedData) -> dict[int, list[LabelledText]]:
    """The two training sets, by size."""
    pool = data.splits[Split.POOL]
    seeds = [row for label in LABELS for row in [text for text in pool if text.label == label][:10]]
    name = "gpt-j_200.jsonl"
    synthetic = prepare.read_labelled(read_files.read_file(name, (ML6 / name).read_bytes()), "text", "label", LABELS)
    return {30: seeds, 230: seeds + synthetic}


class _Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """Encoded rows, as the notebook passes them to Trainer."""

    def __init__(self, rows: Sequence[LabelledText], encoded: dict[str, Any]) -> None:
        self._encoded, self._labels = encoded, [LABELS.index(row.label) for row in rows]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {**{name: values[i] for name, values in self._encoded.items()}, "labels": self._labels[i]}


def run_notebook(texts: Sequence[LabelledText], test: Sequence[LabelledText], rng_seed: int) -> tuple[float, float]:
    """Final accuracy and macro-F1 of the notebook's loop."""
    folder = str(find_encoder_folder())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(rng_seed)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(LABELS))
    for module in (model.base_model.embeddings, *model.base_model.encoder.layer[:FROZEN_LAYERS]):
        module.requires_grad_(requires_grad=False)
    sets = [_Rows(rows, tokenizer([row.text for row in rows], padding=True, truncation=True)) for rows in (texts, test)]
    truth = [row.label for row in test]

    def measure(prediction: Any) -> dict[str, float]:
        predicted = [LABELS[i] for i in prediction.predictions.argmax(-1)]
        return {"accuracy": accuracy(truth, predicted), "macro_f1": macro_f1(truth, predicted, LABELS)}

    with tempfile.TemporaryDirectory() as out:
        settings = TrainingArguments(
            output_dir=out,
            max_steps=125,
            per_device_train_batch_size=8,
            per_device_eval_batch_size=8,
            learning_rate=1e-4,
            weight_decay=0.01,
            eval_strategy="steps",
            eval_steps=20,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            seed=rng_seed,
            disable_tqdm=True,
        )
        trainer = Trainer(
            model=model, args=settings, train_dataset=sets[0], eval_dataset=sets[1], compute_metrics=measure
        )
        trainer.train()
        final = trainer.evaluate()
    return final["eval_accuracy"], final["eval_macro_f1"]


def run_ours(texts: Sequence[LabelledText], test: Sequence[LabelledText], rng_seed: int) -> tuple[float, float]:
    """Final accuracy and macro-F1 of our training."""
    rows = [TrainingText(text.text, text.label) for text in texts]
    records = train(TrainingConfig(LABELS, rng_seed=rng_seed), rows, test)
    points = [record for record in records if isinstance(record, MetricPoint)]
    assert [point.step for point in points] == [20, 40, 60, 80, 100, 120, 125]
    return points[-1].accuracy, points[-1].macro_f1


def main() -> None:
    """Run both loops for every size and RNG seed, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rng-seeds", type=int, default=10)
    parser.add_argument("--sizes", type=int, nargs="*", default=[30, 230])
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    data = read_emotion()
    test, of_size = data.splits[Split.TEST], read_texts(data)
    run_ours(of_size[30], test, 99)  # warm up: load the encoder and encode the test rows once
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds: list[tuple[float, float]] = []
    figures: dict[str, float] = {}
    for size in options.sizes:
        results = []
        for rng_seed in range(options.rng_seeds):
            timed = []
            for run in (run_ours, run_notebook):
                started = time.perf_counter()
                found = run(of_size[size], test, rng_seed)
                timed.append((time.perf_counter() - started, found))
            (ours_s, ours), (notebook_s, notebook) = timed
            seconds.append((ours_s, notebook_s))
            results.append((ours, notebook))
            print(
                f"{size} texts, RNG seed {rng_seed}: ours {ours_s:.1f} s, {ours[0]:.3f} / {ours[1]:.3f}; notebook "
                f"{notebook_s:.1f} s, {notebook[0]:.3f} / {notebook[1]:.3f}; ratio {notebook_s / ours_s:.1f}",
                flush=True,
            )
        values = np.array(results)  # (RNG seeds, ours or notebook, accuracy or macro-F1)
        for i, name in enumerate(("accuracy", "macro_f1")):
            ours, notebook = values[:, 0, i], values[:, 1, i]
            p = float(ttest_rel(ours, notebook).pvalue) if options.rng_seeds > 1 else float("nan")
            print(f"{size} texts, {name}: ours {ours.mean():.3f}, notebook {notebook.mean():.3f}, p {p:.2f}")
            figures[f"{name}_p"] = round(min(p, figures.get(f"{name}_p", 1.0)), 3)
    figures |= {
        "ratio": round(statistics.median(notebook / ours for ours, notebook in seconds), 2),
        "run_s": round(statistics.median(ours for ours, _ in seconds), 2),
        "notebook_run_s": round(statistics.median(notebook for _, notebook in seconds), 2),
        "peak_mib": round(peak_mib),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
