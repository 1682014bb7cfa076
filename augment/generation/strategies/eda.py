"""The strategy `eda`, Easy Data Augmentation: changes single words of a seed, without an LM. The label stays the same.

Words are separated by white space and keep their punctuation. The same RNG seed gives the same texts.

Source: Wei & Zou 2019, arXiv 1901.11196, section 2. Our own: the list of stop words, and that a deletion removes at
least one word, just as the other three operations change at least one.
"""

import random
import re
from collections.abc import Callable, Sequence

from augment.generation.strategies.strategy import Outcome, Request, Strategy, Written
from augment.labels.wordnet import find_synonyms
from augment.prompts.parsing import ParsedCompletion
from augment.records import Completion, RejectReason

Synonyms = Callable[[str], Sequence[str]]

ALPHA = 0.1  # the share of a text's words that is changed. Source: ibid., ablation of each operation

# English function words: their synonyms mean something else ("he", "helium"). Tweets often omit the apostrophe.
_FUNCTION_WORDS = """
a an the this that these those some any each every much many few either neither both all such no not nor none
i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
herself it its itself they them their theirs themselves who whom whose which what
be am is are was were been being do does did doing done have has had having can could may might must shall should
will would ought
and or but if than because as until while though although unless whether so
at by for from in into of off on onto out over under up down to with without within about above across after
against along among around before behind below beneath beside between beyond during near per since through toward
towards upon via
how when where why here there then now too very just only again also more most
i'm im i've ive i'd i'll you're youre you've youve you'd you'll he's hes she's shes it's we're we've weve we'd we'll
they're theyre they've theyve they'd they'll that's thats there's theres what's whats let's lets
isn't isnt aren't arent wasn't wasnt weren't werent don't dont doesn't doesnt didn't didnt haven't havent hasn't
hasnt hadn't hadnt can't cant cannot couldn't couldnt shouldn't shouldnt won't wouldn't wouldnt mustn't
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())


def write(request: Request) -> Written:
    """One text per attempt: a seed of the given label with synonyms replaced or inserted, words swapped or deleted."""
    by_id = {seed.id: seed for seed in request.shots.seeds}
    outcomes = []
    for attempt in request.planned:
        text = augment_text(by_id[attempt.seed_ids[0]].text, request.rng(attempt), find_synonyms)
        outcomes.append(Outcome(Completion(text, 0), ParsedCompletion(text, str(attempt.label))))
    return Written(outcomes)


def augment_text(text: str, rng: random.Random, synonyms: Synonyms, *, alpha: float = ALPHA) -> str:
    """Apply one of the four operations, chosen at random among those that can change the text.

    A text that none can change (a single word without a synonym, or blank) is returned as it is. `synonyms` gets
    lower-case words without surrounding punctuation, and never a stop word.
    """
    words = text.split()
    for operation in rng.sample(_OPERATIONS, len(_OPERATIONS)):
        changed = operation(words, rng, synonyms, alpha)
        if changed != words:
            return " ".join(changed)
    return text


def replace_words(words: Sequence[str], rng: random.Random, synonyms: Synonyms, alpha: float) -> list[str]:
    """Synonym replacement: replace n random words that have synonyms, each by a random synonym."""
    options = _find_options(words, synonyms)
    changed = list(words)
    for place in rng.sample(list(options), min(_count_changes(words, alpha), len(options))):
        changed[place] = words[place].replace(_strip_punctuation(words[place]), rng.choice(options[place]), 1)
    return changed


def insert_words(words: Sequence[str], rng: random.Random, synonyms: Synonyms, alpha: float) -> list[str]:
    """Random insertion: n times, insert a random synonym of a random word that has synonyms, at a random place."""
    options = _find_options(words, synonyms)
    changed = list(words)
    for _ in range(_count_changes(words, alpha) if options else 0):
        new = rng.choice(options[rng.choice(list(options))])
        changed.insert(rng.randrange(len(changed) + 1), new)
    return changed


def swap_words(words: Sequence[str], rng: random.Random, _synonyms: Synonyms, alpha: float) -> list[str]:
    """Random swap: n times, swap two random words."""
    changed = list(words)
    for _ in range(_count_changes(words, alpha) if len(words) > 1 else 0):
        i, j = rng.sample(range(len(words)), 2)
        changed[i], changed[j] = changed[j], changed[i]
    return changed


def delete_words(words: Sequence[str], rng: random.Random, _synonyms: Synonyms, alpha: float) -> list[str]:
    """Random deletion: delete each word with probability `alpha`; at least one is deleted and at least one stays."""
    if len(words) < 2:
        return list(words)
    gone = {place for place in range(len(words)) if rng.random() < alpha}
    if not gone:
        gone = {rng.randrange(len(words))}
    elif len(gone) == len(words):
        gone.remove(rng.randrange(len(words)))
    return [word for place, word in enumerate(words) if place not in gone]


_OPERATIONS = (replace_words, insert_words, swap_words, delete_words)


def _count_changes(words: Sequence[str], alpha: float) -> int:
    return max(1, round(alpha * len(words)))


def _find_options(words: Sequence[str], synonyms: Synonyms) -> dict[int, list[str]]:
    """Synonyms by word position, for words that have synonyms and are not stop words."""
    options = {}
    for place, word in enumerate(words):
        core = _strip_punctuation(word).lower().replace("’", "'")
        if core and core not in STOP_WORDS:
            options[place] = [new for new in synonyms(core) if new.lower() not in STOP_WORDS | {core}]
    return {place: found for place, found in options.items() if found}


def _strip_punctuation(word: str) -> str:
    return re.sub(r"^\W+|\W+$", "", word)


STRATEGY = Strategy(
    "EDA, no LM",
    "Copies of the seeds in which words are replaced by synonyms, inserted, swapped or deleted (Wei & Zou 2019).",
    write,
    gives_label=True,
    needs_lm=False,
    changes_seed=True,
    skips=frozenset({RejectReason.NEAR_DUPLICATE}),
)
