"""Label-word templates: fixed patterns that a label's own words fill. The plainest synthetic text, without an LM.

Knows nothing of seeds or of the texts it is to resemble. Pure, and deterministic under the RNG's seed.
"""

import random
from collections.abc import Sequence

from augment.records import LabelWords, WordTemplates
from augment.records.copies import normalise_text

DEFAULT_PATTERNS: tuple[str, ...] = (
    "i feel {word}",
    "i am so {word} right now",
    "feeling {word} today",
    "i have been feeling {word} all day",
    "this makes me feel {word}",
    "i woke up feeling {word} this morning",
    "honestly i am just {word}",
    "i cannot help feeling {word}",
    "i feel really {word} about this",
    "i am {word} and i do not know why",
)

_WORDS = {
    "joy": "happy glad joyful cheerful delighted elated merry thrilled overjoyed content",
    "sadness": "sad unhappy gloomy miserable heartbroken lonely depressed tearful dejected sorrowful",
    "anger": "angry furious mad annoyed irritated enraged outraged bitter resentful livid",
    "fear": "afraid scared frightened terrified anxious nervous worried fearful panicky uneasy",
    "love": "loving affectionate tender caring romantic passionate devoted adoring loved cherished",
    "surprise": "surprised amazed astonished shocked stunned startled astounded dazed speechless dumbfounded",
    "positive": "good great wonderful happy fantastic pleased glad hopeful excited lucky",
    "negative": "bad awful terrible horrible miserable disappointed annoyed unhappy upset frustrated",
    "neutral": "okay fine alright normal calm neutral indifferent average unbothered ordinary",
}


def default_templates(labels: Sequence[str]) -> WordTemplates:
    """The default patterns, with the words we have for a label in any case; a label without is its own only word."""
    words = [LabelWords(label, tuple(_WORDS.get(label.casefold(), "").split()) or (label,)) for label in labels]
    return WordTemplates(DEFAULT_PATTERNS, tuple(words))


def fill_template(templates: WordTemplates, label: str, rng: random.Random) -> str:
    """A random pattern with a random one of the label's words in it.

    Raises:
        AugmentError: the label has no words.
    """
    return rng.choice(templates.patterns).replace("{word}", rng.choice(templates.words_of(label)))


def count_texts(templates: WordTemplates, label: str) -> int:
    """How many texts `fill_template` can give for a label that no check takes for the same.

    Raises:
        AugmentError: the label has no words.
    """
    words = templates.words_of(label)
    return len({normalise_text(pattern.replace("{word}", word)) for pattern in templates.patterns for word in words})
