"""How often a simulated reviewer agrees with the labels that each strategy proposes, on the Emotion task.

The reviewer is a logistic regression on MiniLM embeddings, trained on all train rows of the three labels and never on
validation or test rows. It simulates a person who reads the text; its agreement with held-out labels is printed first.
Seeds are the first ten of each label, as in the notebook. The last line is JSON with one figure per setting.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from augment import lms
from augment.data import prepare, read_files
from augment.data.draw_seeds import take_first_seeds
from augment.encoders import embed_texts
from augment.generation.generate import generate
from augment.generation.strategies.word_templates import default_templates
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    Example,
    GenerationConfig,
    PreparedData,
    RejectReason,
    Sampling,
    SeedChoice,
    Split,
    SyntheticText,
)
from augment.results.intervals import mean_interval

LABELS = ("joy", "anger", "surprise")
DATA = Path(__file__).parents[2] / "shared" / "data" / "emotion"


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to generate."""

    name: str
    strategy: str
    seed_choice: SeedChoice = SeedChoice.UNIFORM
    n_contrast: int = 0
    given_item: str = DEFAULT_TEMPLATE.given_item
    is_calibrated: bool = True


SETTINGS = (
    Setting("free", "free"),
    Setting("mix", "mix"),
    Setting("mix, not calibrated", "mix", is_calibrated=False),
    Setting("mix, balanced seeds", "mix", SeedChoice.BALANCED),
    Setting("mix, near seeds", "mix", SeedChoice.NEAREST),
    Setting("mix, far seeds", "mix", SeedChoice.FURTHEST),
    Setting("conditional", "conditional"),
    Setting("conditional, 4 contrasting", "conditional", n_contrast=4),
    Setting(
        "conditional, 'Sentiment: joy | Tweet:'",
        "conditional",
        given_item="{Label_type}: {label} | {Text_type}: {text}",
    ),
    Setting("templates", "templates"),
    Setting("eda", "eda"),
)


def read_emotion() -> PreparedData:
    """The Emotion task as the Seeds page creates it from the three uploaded files."""
    files = ("train.txt", "val.txt", "test.txt")
    tables = [table for name in files for table in read_files.read_file(name, (DATA / name).read_bytes())]
    columns = read_files.list_columns(tables)
    names = {label: label for label in LABELS}
    choice = prepare.DataChoice(columns[0], columns[-1], names, text_type="tweet", label_type="sentiment")
    return prepare.prepare(tables, choice, name="Emotion", source="Emotion")


def run(
    setting: Setting, lm: lms.LanguageModel, seeds: Sequence[Example], n: int, rng_seed: int
) -> list[SyntheticText]:
    """The synthetic texts of one run."""
    config = GenerationConfig(
        replace(DEFAULT_TEMPLATE, given_item=setting.given_item),
        LABELS,
        lms.EMBEDDED_LM,
        Sampling(rng_seed=rng_seed),
        strategy=setting.strategy,
        target=n,
        seed_choice=setting.seed_choice,
        n_contrast=setting.n_contrast,
        is_calibrated=setting.is_calibrated,
        word_templates=default_templates(LABELS),
    )
    return [record for record in generate(config, lm, seeds) if isinstance(record, SyntheticText)]


def main() -> None:
    """Print the agreement, label balance and rate of each setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=120, help="texts per run")
    parser.add_argument("--rng-seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="run only settings whose name contains this")
    options = parser.parse_args()
    data = read_emotion()
    train, held_out = data.splits[Split.POOL], data.splits[Split.VALIDATION]
    reviewer = LogisticRegression(max_iter=3000, C=10).fit(
        embed_texts([row.text for row in train]), [row.label for row in train]
    )
    agreed = reviewer.predict(embed_texts([row.text for row in held_out])) == [row.label for row in held_out]
    print(f"the reviewer agrees with {np.mean(agreed):.1%} of {len(held_out)} validation rows")
    pool = [Example(i, Split.POOL, row.text, row.label) for i, row in enumerate(train)]
    seeds = take_first_seeds(pool, LABELS, 10)
    lm = lms.load(lms.EMBEDDED_LM)
    figures = {}
    for setting in (candidate for candidate in SETTINGS if options.only in candidate.name):
        rates, kept, counts, started = [], [], np.zeros(3, dtype=int), time.perf_counter()
        for rng_seed in range(options.rng_seeds):
            texts = run(setting, lm, seeds, options.texts, rng_seed=rng_seed)
            agrees = reviewer.predict(embed_texts([text.text for text in texts])) == [text.label for text in texts]
            sure = [not any(flag.reason is RejectReason.DISAGREES for flag in text.flags) for text in texts]
            rates.append(float(np.mean(agrees)))
            kept.append(float(np.mean(agrees[sure])))
            counts += [sum(text.label == label for text in texts) for label in LABELS]
        per_s = options.texts * options.rng_seeds / (time.perf_counter() - started)
        mean = mean_interval(rates)
        figures[setting.name] = round(mean.mean, 3)
        share = ", ".join(f"{label} {n / counts.sum():.0%}" for label, n in zip(LABELS, counts, strict=True))
        print(
            f"{setting.name}: agreement {mean.mean:.3f} ({mean.low:.3f} to {mean.high:.3f}); unflagged "
            f"{np.mean(kept):.3f}; {share}; {per_s:.1f} texts/s",
            flush=True,
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
