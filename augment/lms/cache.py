"""Keeps one LM loaded and lends it to one caller at a time. Thread-safe; one object serves the whole process."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from augment import lms
from augment.hardware.memory import give_back
from augment.records import LMKind, LMSpec


class LMCache:
    """Keeps the last LM loaded until another one is needed.

    An endpoint is never kept: it costs nothing to create, and a key must not outlive its session.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._spec: LMSpec | None = None
        self._lm: lms.LanguageModel | None = None

    @property
    def loaded(self) -> LMSpec | None:
        """The LM that is loaded now."""
        return self._spec

    @contextmanager
    def borrow(self, spec: LMSpec, *, key: str | None = None) -> Iterator[lms.LanguageModel]:
        """Lend the LM that `spec` names to this caller alone; load it if needed.

        Raises:
            LMError: see `augment.lms.load`.
        """
        if spec.kind is LMKind.OPENAI:
            yield lms.load(spec, key=key)
            return
        with self._lock:
            if self._spec != spec or self._lm is None:
                self._unload()
                self._lm = lms.load(spec)
                self._spec = spec
            yield self._lm

    def count_tokens(self, spec: LMSpec, text: str) -> int | None:
        """Number of tokens of `text`, if the LM is loaded and can count them; never loads it, never waits."""
        lm = self._lm if self._spec == spec else None
        return lm.count_tokens(text) if lm else None

    def unload(self) -> bool:
        """Free the memory of the loaded LM; False if it is in use."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._unload()
        finally:
            self._lock.release()
        return True

    def _unload(self) -> None:
        self._spec, self._lm = None, None
        give_back()
