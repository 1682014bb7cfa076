"""The error tree: everything a person can mend. A message says what was expected, what was found, what to do.

AugmentError
├── DataError       a file, a column, a label, a split
├── PromptError     a template or its placeholders
├── LMError         loading or asking a language model
│   ├── PartialError    some of a batch's answers came, some did not
│   └── NoScoresError   the LM gives no label scores
├── TrainingError   a classifier or its training set
│   └── ShortageError   texts that are missing; training again changes nothing
└── StorageError    the database: full, locked, from a newer version
"""

from collections.abc import Sequence
from typing import Any


class AugmentError(Exception):
    """Something a person can mend; pages show its text and stop there."""


class DataError(AugmentError):
    """A file, a column, a label or a split is not as expected."""


class PromptError(AugmentError):
    """A template cannot be rendered or parsed."""


class LMError(AugmentError):
    """A language model cannot be loaded, does not fit, or does not answer."""


class PartialError(LMError):
    """Asking failed midway; `answers` holds what came, in the order of the prompts, None where nothing did."""

    def __init__(self, message: str, answers: Sequence[Any]) -> None:
        super().__init__(message)
        self.answers = list(answers)


class NoScoresError(LMError):
    """The LM gives no label scores; a strategy that needs none still works."""


class TrainingError(AugmentError):
    """A classifier cannot be trained as asked."""


class ShortageError(TrainingError):
    """A variant or a seed set lacks texts. The same experiment fails again; another one, with more texts, need not."""


class StorageError(AugmentError):
    """The database cannot be opened or written."""


class ConflictError(StorageError):
    """Somebody else decided on that text since it was shown."""
