"""Choose the seeds of each prompt and render it. Deterministic; does not use an LM.

Seeds are chosen uniformly as in GPT3Mix (Yoo et al. 2021, arXiv 2104.08826, section 3.1), balanced over the labels, or
by their similarity in the embedded encoder: near to or far from each other.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from augment.encoders import embed_texts
from augment.prompts.template import render_conditional_prompt, render_prompt
from augment.records import Example, GenerationConfig, LabelledText, SeedChoice


@dataclass(frozen=True, slots=True)
class DrawnPrompt:
    """A prompt and the ids of its seeds, in order."""

    text: str
    seed_ids: tuple[int, ...]


class FewShot:
    """Draws prompts from one seed set with one config. The same key gives the same prompt."""

    def __init__(self, config: GenerationConfig, seeds: Sequence[Example]) -> None:
        self._config = config
        self.seeds = sorted(seeds, key=lambda seed: seed.id)

    def prompt(self, number: int) -> DrawnPrompt:
        """The prompt of attempt `number`; `config.texts_per_prompt` consecutive attempts share a prompt."""
        key = number // self._config.texts_per_prompt
        return self._render(self._choose(self.seeds, self._config.n_seeds, self._config.seed_choice, str(key)))

    def conditional_prompt(self, label: str, key: str) -> DrawnPrompt:
        """A prompt for a text of `label`: contrasting seeds first, if any, then seeds of the label."""
        config = self._config
        contrast = [seed for seed in self.seeds if seed.label != label]
        own = [seed for seed in self.seeds if seed.label == label]
        chosen = [
            *self._choose(contrast, config.n_contrast, SeedChoice.BALANCED, f"{key}:contrast"),
            *self._choose(own, config.n_seeds, config.seed_choice, f"{key}:{label}"),
        ]
        text = render_conditional_prompt(config.template, config.labels, _as_labelled(chosen), label)
        return DrawnPrompt(text, tuple(seed.id for seed in chosen))

    @cached_property
    def scoring_prompt(self) -> str:
        """The prompt used to score the labels of all texts whose own prompts reveal the label."""
        n = max(self._config.n_seeds, len(self._config.labels))
        return self._render(self._choose(self.seeds, n, SeedChoice.BALANCED, "scoring")).text

    def _render(self, chosen: Sequence[Example]) -> DrawnPrompt:
        text = render_prompt(self._config.template, self._config.labels, _as_labelled(chosen))
        return DrawnPrompt(text, tuple(seed.id for seed in chosen))

    def _choose(self, pool: Sequence[Example], n: int, choice: SeedChoice, key: str) -> list[Example]:
        rng = random.Random(f"{self._config.sampling.rng_seed}:{key}")
        n = min(n, len(pool))
        if not n:
            return []
        if choice is SeedChoice.UNIFORM:
            return rng.sample(pool, n)
        if choice is SeedChoice.BALANCED:
            return choose_balanced(pool, n, rng)
        alike = self._similarity(pool)
        chosen = [rng.randrange(len(pool))]
        while len(chosen) < n:
            rest = [i for i in range(len(pool)) if i not in chosen]
            if choice is SeedChoice.NEAREST:
                chosen.append(max(rest, key=lambda i: alike[chosen[0], i]))
            else:  # the seed whose nearest chosen seed is furthest away
                chosen.append(min(rest, key=lambda i: alike[chosen, i].max()))
        rng.shuffle(chosen)
        return [pool[i] for i in chosen]

    def _similarity(self, pool: Sequence[Example]) -> NDArray[np.float32]:
        """Cosine similarities among `pool`, (n, n)."""
        vectors = embed_texts([seed.text for seed in self.seeds])
        place = {seed.id: i for i, seed in enumerate(self.seeds)}
        own = vectors[[place[seed.id] for seed in pool]]
        return np.asarray(own @ own.T)


def choose_balanced(pool: Sequence[Example], n: int, rng: random.Random) -> list[Example]:
    """Choose `n` seeds in random order, with label counts that differ by at most 1 as far as the pool allows."""
    labels = sorted({seed.label for seed in pool})
    rng.shuffle(labels)
    decks = [[seed for seed in pool if seed.label == label] for label in labels]
    for deck in decks:
        rng.shuffle(deck)
    longest = max(map(len, decks))
    in_turn = [deck[turn] for turn in range(longest) for deck in decks if turn < len(deck)]
    chosen = in_turn[:n]
    rng.shuffle(chosen)
    return chosen


def _as_labelled(seeds: Sequence[Example]) -> list[LabelledText]:
    return [LabelledText(seed.text, seed.label) for seed in seeds]
