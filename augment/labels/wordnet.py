"""Look up synonyms of English words in WordNet 3.0's own files.

Ignores inflection ("loved" is looked up as it is written), part of speech and sense: every synset of the word counts.
Reads the files in place and caches nothing. Synsets are found by bisection, because their byte offsets are wrong in
these files, whose lines end in CRLF. NLTK 3.10 is no alternative: it needs its own WordNet download.

Source: wndb(5WN), https://wordnet.princeton.edu/documentation/wndb5wn.
"""

from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from mmap import ACCESS_READ, mmap

from augment.embedded import find_wordnet_folder

_PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")


def find_synonyms(word: str) -> tuple[str, ...]:
    """The words and phrases that share a synset with `word`: lower-case, sorted, without the word itself.

    Raises:
        DataError: WordNet is not installed.
    """
    lemma = "_".join(word.lower().split())
    return tuple(sorted({found.replace("_", " ") for found in _lemmas_beside(lemma)} - {lemma.replace("_", " ")}))


def _lemmas_beside(lemma: str) -> Iterator[str]:
    """Every lemma of every synset that contains `lemma`, including `lemma` itself."""
    for index, data in _open_files():
        # lemma pos synset_cnt p_cnt [pointer...] sense_cnt tagsense_cnt synset_offset...
        entry = _find_line(index, lemma)
        for offset in entry[-int(entry[2]) :] if entry else []:
            # synset_offset lex_filenum ss_type w_cnt (hex) [word lex_id]... and what we don't need
            synset = _find_line(data, offset)
            for name in synset[4 : 4 + 2 * int(synset[3], 16) : 2]:
                yield name.partition("(")[0].lower()  # an adjective may end in a syntactic marker: "galore(ip)"


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
