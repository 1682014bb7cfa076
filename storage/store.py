"""The store: one database, with an object per subject, and the sink that jobs write to."""

import os
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from augment.embedded import home_folder
from augment.records import (
    ExperimentProgress,
    ExperimentRecord,
    GenerationProgress,
    LabellingProgress,
    LabelOpinion,
    Reject,
    RunKey,
    RunStatus,
    SyntheticText,
)
from storage.consensus import TaskConsensus
from storage.engine import migrate, open_engine
from storage.exchange.exchange import Exchange
from storage.experiments import Experiments
from storage.generations import Generations
from storage.label_sources import LabelSources
from storage.prompts import Prompts
from storage.reviews.queue import ReviewQueue
from storage.reviews.reviews import Reviews
from storage.reviews.statistics import ReviewStatistics
from storage.runs import Runs
from storage.tasks import Tasks
from storage.trainings import Trainings


def default_url() -> str:
    """$AUGMENT_DATABASE_URL, or a SQLite file in the home folder."""
    return os.environ.get("AUGMENT_DATABASE_URL") or f"sqlite:///{home_folder() / 'workbench.db'}"


class Store:
    """All stored data. Safe to share between threads: each call is one short transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.tasks = Tasks(engine)
        self.prompts = Prompts(engine)
        self.generations = Generations(engine)
        self.reviews = Reviews(engine)
        self.review_queue = ReviewQueue(engine)
        self.review_statistics = ReviewStatistics(engine)
        self.exchange = Exchange(engine)
        self.label_sources = LabelSources(engine)
        self.consensus = TaskConsensus(engine)
        self.experiments = Experiments(engine)
        self.trainings = Trainings(engine)
        self.runs = Runs(engine)

    @classmethod
    def open(cls, url: str | None = None) -> "Store":
        """Open the database at `url` (any SQLAlchemy URL) and bring its tables to the newest version.

        Raises:
            StorageError: it cannot be opened, or is from a newer version.
        """
        engine = open_engine(url or default_url())
        migrate(engine)
        return cls(engine)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    # The methods of `workbench.jobs.Sink` ---------------------------------------------------------------------------

    def start_run(self, key: RunKey, worker: str) -> None:
        """Mark the run as running in `worker`."""
        self.runs.start(key, worker)

    def write_run(
        self,
        key: RunKey,
        records: Sequence[SyntheticText | Reject | LabelOpinion | ExperimentRecord],
        progress: GenerationProgress | LabellingProgress | ExperimentProgress,
    ) -> None:
        """Store `records` and the run's progress, together or not at all."""
        if isinstance(progress, GenerationProgress):
            written = [record for record in records if isinstance(record, SyntheticText | Reject)]
            self.generations.write(key.id, written, progress)
        elif isinstance(progress, LabellingProgress):
            opinions = [record for record in records if isinstance(record, LabelOpinion)]
            self.label_sources.write(key.id, opinions, progress)
        else:
            measured = [record for record in records if not isinstance(record, SyntheticText | Reject | LabelOpinion)]
            self.experiments.write(key.id, measured, progress)

    def finish_run(self, key: RunKey, status: RunStatus, message: str) -> None:
        """Mark the run as ended."""
        self.runs.finish(key, status, message)

    def interrupt_dead(self, is_alive: Callable[[str], bool]) -> list[RunKey]:
        """Mark every unfinished run of a dead worker as interrupted; returns their keys."""
        return self.runs.interrupt_dead(is_alive)
