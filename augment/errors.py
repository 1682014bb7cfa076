"""The error tree: everything a person can mend. A message says what was expected, what was found, what to do.

AugmentError
├── DataError       a file, a column, a label, a split
├── PromptError     a template or its placeholders
├── LMError         loading or asking a language model
├── TrainingError   a classifier or its training set
└── StorageError    the database: full, locked, from a newer version
"""


class AugmentError(Exception):
    """Something a person can mend; pages show its text and stop there."""


class DataError(AugmentError):
    """A file, a column, a label or a split is not as expected."""


class PromptError(AugmentError):
    """A template cannot be rendered or parsed."""


class LMError(AugmentError):
    """A language model cannot be loaded, does not fit, or does not answer."""


class TrainingError(AugmentError):
    """A classifier cannot be trained as asked."""


class StorageError(AugmentError):
    """The database cannot be opened or written."""
