"""Propose label knowledge for a task: words that stand for each label, and patterns that make sentences of them.

Words come from a short list of ours for common emotions and sentiments, else from the label's own name and WordNet.
Knows nothing of seeds, texts or language models. People can edit what is proposed.
"""

import re
from collections.abc import Sequence

import numpy as np

from augment.encoders import embed_texts
from augment.labels.wordnet import find_related
from augment.records import LabelKnowledge, LabelWords

_GENERIC = frozenset({"label", "class", "category", "cat", "type", "topic", "group", "cluster", "none", "null", "nan"})
N_WORDS = 8  # per label, besides its name
LEAST_SIMILARITY = 0.45  # cosine of a word from WordNet to the label's name; below it, most words mean something else

_SHORT = {  # short forms that names of labels use
    "biz": "business",
    "env": "environment",
    "neg": "negative",
    "neu": "neutral",
    "pos": "positive",
    "sci": "science",
    "tech": "technology",
}

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


def propose_knowledge(
    labels: Sequence[str], *, text_type: str, label_type: str, is_quick: bool = False
) -> LabelKnowledge:
    """Words and patterns for a task's labels, such as 'This tweet is joyful.'; no word stands for two labels.

    If quick, no label gets words from WordNet: only ours, or its name.

    Raises:
        TrainingError: the embedded encoder is not installed.
        DataError: WordNet is not installed.
    """
    text_type, label_type = _without_braces(text_type), _without_braces(label_type)
    patterns = (f"This {text_type} is {{word}}.", f"The {label_type} of this {text_type} is {{word}}.", "{word}")
    proposed = {label: _propose_words(spell_out(label), is_quick=is_quick) for label in labels}
    taken = [word for words in proposed.values() for word in dict.fromkeys(words)]
    words = [
        LabelWords(label, tuple(word for word in found if taken.count(word) == 1) or (_without_braces(label),))
        for label, found in proposed.items()  # the label as it is: 'pos' and 'positive' are spelled out alike
    ]
    return LabelKnowledge(patterns, tuple(words))


def known_words(label: str) -> tuple[str, ...]:
    """Our own words for a common emotion or sentiment, in any case; none for other labels."""
    return tuple(_WORDS.get(label.casefold(), "").split())


def spell_out(label: str) -> str:
    """A label's name as words: 'science and technology' for 'Sci/Tech', 'card not working' for 'card_not_working'."""
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", label)
    words = re.sub(r"(?<=\w)\s*[/&+|]\s*(?=\w)", " and ", words)  # but 'C++' stays as it is
    parts = re.sub(r"[_\-.:{}]", " ", words).lower().split()
    return " ".join(_SHORT.get(part, part) for part in parts) or _without_braces(label)


def is_telling(label: str) -> bool:
    """Whether a label's name can say what it means: 'joy' and 'no' can; '0', 'B2', 'LABEL_1' and '+' cannot."""
    words = re.findall(r"[^\W\d_]{3,}|\bno\b", spell_out(label))
    return any(word not in _GENERIC for word in words)


def _propose_words(name: str, *, is_quick: bool) -> tuple[str, ...]:
    return known_words(name) or (name, *(() if is_quick else _find_words(name)))


def _find_words(name: str) -> list[str]:
    """Words that WordNet relates to a label's name and that the encoder finds similar to it, the most similar first."""
    parts = dict.fromkeys([name, name.removesuffix("s"), *(name.split(" and ") if " and " in name else ())])
    related = [word for part in parts for word in find_related(part)]
    candidates = [word for word in dict.fromkeys(related) if word != name and not set("{}") & set(word)]
    if not candidates:
        return []
    vectors = embed_texts([name, *candidates])
    similarities = vectors[1:] @ vectors[0]
    order = np.argsort(-similarities, kind="stable")[:N_WORDS]
    return [candidates[i] for i in order if similarities[i] >= LEAST_SIMILARITY]


def _without_braces(name: str) -> str:
    return name.replace("{", "(").replace("}", ")")
