"""Look up English words in WordNet 3.0's own files: their synonyms, and words related to their first sense.

Ignores inflection ("loved" is looked up as it is written), part of speech and sense: every synset of the word counts.
Reads the files in place and caches nothing. Synsets are found by bisection, because their byte offsets are wrong in
these files, whose lines end in CRLF. NLTK 3.10 is no alternative: it needs its own WordNet download.

Source: wndb(5WN), https://wordnet.princeton.edu/documentation/wndb5wn.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache
from mmap import ACCESS_READ, mmap

from augment.embedded import find_wordnet_folder

_PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
_FILE_OF = {"n": 0, "v": 1, "a": 2, "s": 2, "r": 3}  # by the letter of a pointer; s is a satellite adjective
_RELATED = {("+", "a"), ("+", "n"), ("&", "a"), ("~", "n")}  # derived words, similar adjectives, kinds of a noun


def find_synonyms(word: str) -> tuple[str, ...]:
    """The words and phrases that share a synset with `word`: lower-case, sorted, without the word itself.

    Raises:
        DataError: WordNet is not installed.
    """
    lemma = "_".join(word.lower().split())
    return tuple(sorted({found.replace("_", " ") for found in _lemmas_beside(lemma)} - {lemma.replace("_", " ")}))


def find_related(word: str) -> tuple[str, ...]:
    """Words and phrases for the first sense of `word`, lower-case, in WordNet's order, without the word itself.

    Per part of speech: its synonyms, the adjectives and nouns derived from it ("joyful" for "joy"), similar adjectives,
    and for a noun its kinds ("fury" for "anger").

    Raises:
        DataError: WordNet is not installed.
    """
    lemma = "_".join(word.lower().split())
    found: list[str] = []
    for index, data in _open_files():
        entry = _find_line(index, lemma)
        if entry:
            first = _find_line(data, entry[-int(entry[2])])
            found += _lemmas_of(first)
            for symbol, offset, part, _ in _pointers_of(first):
                if (symbol, part.replace("s", "a")) in _RELATED:
                    found += _lemmas_of(_find_line(_open_files()[_FILE_OF[part]][1], offset))
    return tuple(dict.fromkeys(name.replace("_", " ") for name in found if name != lemma))


def _lemmas_beside(lemma: str) -> Iterator[str]:
    """Every lemma of every synset that contains `lemma`, including `lemma` itself."""
    for index, data in _open_files():
        # lemma pos synset_cnt p_cnt [pointer...] sense_cnt tagsense_cnt synset_offset...
        entry = _find_line(index, lemma)
        for offset in entry[-int(entry[2]) :] if entry else []:
            yield from _lemmas_of(_find_line(data, offset))


def _lemmas_of(synset: Sequence[str]) -> Iterator[str]:
    """The lemmas of a synset: synset_offset lex_filenum ss_type w_cnt (hex) [word lex_id]... and its pointers."""
    for name in synset[4 : 4 + 2 * int(synset[3], 16) : 2]:
        yield name.partition("(")[0].lower()  # an adjective may end in a syntactic marker: "galore(ip)"


def _pointers_of(synset: Sequence[str]) -> Iterator[Sequence[str]]:
    """The pointers of a synset, behind its words: p_cnt [pointer_symbol synset_offset pos source/target]..."""
    start = 4 + 2 * int(synset[3], 16)
    for at in range(start + 1, start + 1 + 4 * int(synset[start]), 4):
        yield synset[at : at + 4]


@cache
def _open_files() -> tuple[tuple[mmap, mmap], ...]:
    """Map the index and data file of each part of speech into memory. Threads can share them: reads keep no state."""
    folder = find_wordnet_folder()

    def open_file(name: str) -> mmap:
        with (folder / name).open("rb") as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)

    return tuple((open_file(f"index.{part}"), open_file(f"data.{part}")) for part in _PARTS_OF_SPEECH)


def _find_line(file: mmap, key: str) -> list[str]:
    """The fields of the line that starts with `key`, or []. Files are sorted by their first field, in byte order."""
    wanted = key.encode()

    def line_at(position: int) -> bytes:
        return file[file.rfind(b"\n", 0, position) + 1 : file.find(b"\n", position)]

    def key_at(position: int) -> bytes:
        return line_at(position).partition(b" ")[0]  # empty in the licence at the top, whose lines begin with a space

    position = bisect_left(range(len(file)), wanted, key=key_at)
    if not wanted or key_at(position) != wanted:
        return []
    return line_at(position).decode().split()
