"""The strategy `templates`: fills patterns such as "i feel {word}" with a word of the label, without an LM.

It uses no seeds, so it shows how much of an LM's help comes from knowing label words alone. The same RNG seed gives the
same texts.
"""

import random
from collections.abc import Sequence

from augment.errors import AugmentError, LMError
from augment.generation.strategies.strategy import Outcome, Request, Strategy, Written
from augment.labels.knowledge import known_words
from augment.prompts.parsing import ParsedCompletion
from augment.records import Completion, GenerationConfig, LabelKnowledge, LabelWords, RejectReason
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


def default_templates(labels: Sequence[str]) -> LabelKnowledge:
    """The default patterns with our words for each label, ignoring case. Any other label is its own only word."""
    words = [LabelWords(label, known_words(label) or (label,)) for label in labels]
    return LabelKnowledge(DEFAULT_PATTERNS, tuple(words))


def write(request: Request) -> Written:
    """One text per attempt: a random pattern with a random word of the given label.

    Raises:
        LMError: the config has no word templates.
    """
    templates = request.config.word_templates
    if templates is None:
        raise LMError("The strategy 'templates' needs words and patterns. Fill them in on the Generate page.")
    outcomes = []
    for attempt in request.planned:
        text = fill_template(templates, str(attempt.label), request.rng(attempt))
        outcomes.append(Outcome(Completion(text, 0), ParsedCompletion(text, str(attempt.label))))
    return Written(outcomes)


def check_label(config: GenerationConfig, label: str, n_texts: int) -> None:
    """Check that the patterns and words make enough different texts of a label.

    Raises:
        AugmentError: they make fewer than `n_texts`.
    """
    if config.word_templates is None:
        return
    possible = count_texts(config.word_templates, label)
    if possible < n_texts:
        raise AugmentError(
            f"The patterns and words make {possible:,} different texts of '{label}'; {n_texts:,} are needed. "
            "Add words or patterns, or generate fewer texts."
        )


def fill_template(templates: LabelKnowledge, label: str, rng: random.Random) -> str:
    """Fill a random pattern with a random word of the label.

    Raises:
        AugmentError: the label has no words.
    """
    return rng.choice(templates.patterns).replace("{word}", rng.choice(templates.words_of(label)))


def count_texts(templates: LabelKnowledge, label: str) -> int:
    """How many texts `fill_template` can give for a label, counting texts that the copy check treats as equal once.

    Raises:
        AugmentError: the label has no words.
    """
    words = templates.words_of(label)
    return len({normalise_text(pattern.replace("{word}", word)) for pattern in templates.patterns for word in words})


STRATEGY = Strategy(
    "label-word templates, no LM",
    "Fills patterns such as 'i feel {word}' with words of each label. A baseline that needs no language model.",
    write,
    gives_label=True,
    needs_lm=False,
    skips=frozenset({RejectReason.NEAR_DUPLICATE}),
    check_label=check_label,
)
