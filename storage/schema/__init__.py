"""The tables, as SQLAlchemy 2 typed classes. Rows never leave this package: callers get records.

In the order of the journey: task → example → seed_set; prompt_version; generation_run → completion →
synthetic_text → review_event ← review_step; label_source → label_opinion; consensus_version → text_consensus;
experiment → variant → variant_text; training_run → metric_point, prediction, text_prediction.
Migrations follow this file (Alembic).
"""

from storage.schema.base import Base, RunRow, UtcDateTime, utc_now
from storage.schema.experiments import (
    ExperimentRow,
    MetricPointRow,
    PredictionRow,
    TextPredictionRow,
    TrainingRunRow,
    TrainingTextRow,
    VariantRow,
    VariantTextRow,
)
from storage.schema.generations import CompletionRow, GenerationRunRow, SyntheticTextRow, TextFlagRow
from storage.schema.labels import ConsensusVersionRow, LabelOpinionRow, LabelSourceRow, TextConsensusRow
from storage.schema.reviews import ReviewEventRow, ReviewLeaseRow, ReviewStepRow
from storage.schema.tasks import ExampleRow, LeftOutRow, PromptVersionRow, SeedSetExampleRow, SeedSetRow, TaskRow

__all__ = [
    "Base",
    "CompletionRow",
    "ConsensusVersionRow",
    "ExampleRow",
    "ExperimentRow",
    "GenerationRunRow",
    "LabelOpinionRow",
    "LabelSourceRow",
    "LeftOutRow",
    "MetricPointRow",
    "PredictionRow",
    "PromptVersionRow",
    "ReviewEventRow",
    "ReviewLeaseRow",
    "ReviewStepRow",
    "RunRow",
    "SeedSetExampleRow",
    "SeedSetRow",
    "SyntheticTextRow",
    "TaskRow",
    "TextConsensusRow",
    "TextFlagRow",
    "TextPredictionRow",
    "TrainingRunRow",
    "TrainingTextRow",
    "UtcDateTime",
    "VariantRow",
    "VariantTextRow",
    "utc_now",
]
