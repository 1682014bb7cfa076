"""Match labels that were given elsewhere to stored texts, by text. Pure: neither reads files nor uses the store."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from augment.errors import DataError
from augment.records import LabelledText
from augment.records.copies import normalise_text
from augment.wording import plural


@dataclass(frozen=True, slots=True)
class MatchedLabels:
    """The label probabilities of each matched text by its id, and what could not be matched.

    Rows with the same text and different labels (`n_disputed` texts) give each label its share of the rows.
    """

    of_texts: Mapping[int, tuple[float, ...]]
    n_rows: int
    n_matched_rows: int
    n_without_row: int
    n_disputed: int

    @property
    def summary(self) -> str:
        """'180 of 200 rows match 185 texts; 15 texts have no row; 3 texts have rows with different labels'."""
        parts = [f"{self.n_matched_rows:,} of {plural(self.n_rows, 'row')} match {plural(len(self.of_texts), 'text')}"]
        if self.n_without_row:
            parts.append(f"{plural(self.n_without_row, 'text')} without a row")
        if self.n_disputed:
            parts.append(f"{plural(self.n_disputed, 'text')} with different labels, which count by their share of rows")
        return "; ".join(parts)


def match_labels(labels: Sequence[str], rows: Sequence[LabelledText], texts: Mapping[int, str]) -> MatchedLabels:
    """Match rows to `texts` (by id). Case, white space, outer quotes and final full stops do not matter.

    Raises:
        DataError: a row has a label that is not one of `labels`.
    """
    unknown = sorted({row.label for row in rows} - set(labels))
    if unknown:
        raise DataError(
            f"The file has labels that this task does not have: {', '.join(unknown[:5])}. "
            f"Expected {', '.join(labels)}. Change or remove these rows."
        )
    given: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        given[normalise_text(row.text)][row.label] += 1
    keys = {text_id: normalise_text(text) for text_id, text in texts.items()}
    matched = {text_id: given[key] for text_id, key in keys.items() if key in given}
    return MatchedLabels(
        {text_id: tuple(counts[label] / counts.total() for label in labels) for text_id, counts in matched.items()},
        n_rows=len(rows),
        n_matched_rows=sum(given[key].total() for key in set(keys.values()) & set(given)),
        n_without_row=len(texts) - len(matched),
        n_disputed=sum(len(counts) > 1 for counts in matched.values()),
    )
