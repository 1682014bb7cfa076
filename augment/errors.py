"""The error tree: everything a person can fix. Each message says what was expected, what was found, and what to do.

AugmentError
├── DataError       a file, a column, a label or a split
├── PromptError     a template or its placeholders
├── LMError         loading or calling a language model
│   ├── PartialError    only some prompts of a batch were answered
│   └── NoScoresError   the LM gives no label scores
├── TrainingError   a classifier or its training set
│   └── ShortageError   too few texts; retrying does not help
└── StorageError    the database: full, locked, or from a newer version
    └── ConflictError   someone else changed the text in the meantime
"""

from collections.abc import Sequence
from typing import Any


class AugmentError(Exception):
    """Something a person can fix. Pages show the message and stop there."""


class DataError(AugmentError):
    """A file, a column, a label or a split is not as expected."""


class PromptError(AugmentError):
    """A template cannot be rendered or parsed."""


class LMError(AugmentError):
    """A language model cannot be loaded, does not fit, or does not answer."""


class PartialError(LMError):
    """A batch failed midway. `answers` has one entry per prompt, in order; None for a prompt without an answer."""

    def __init__(self, message: str, answers: Sequence[Any]) -> None:
        super().__init__(message)
        self.answers = list(answers)


class NoScoresError(LMError):
    """The LM gives no label scores. Strategies that need none still work."""


class TrainingError(AugmentError):
    """A classifier cannot be trained with these settings."""


class ShortageError(TrainingError):
    """A variant or a seed set has too few texts. Running the same experiment again fails again; add texts first."""


class StorageError(AugmentError):
    """The database cannot be opened or written."""


class ConflictError(StorageError):
    """Someone else decided on this text after it was shown."""
