"""The words of the project as frozen records, and every config; one file a subject.

Knows nothing of how they are made, stored or shown. A config checks itself and says what it expected and what it found.
Times are UTC. Records that the store hands out carry their `id`; records that the domain makes do not have one yet.
"""

from augment.records.checks import CheckAction, Finding, RejectReason, TextChecks
from augment.records.data import Example, LabelledText, LeftOut, PreparedData, SeedSet, Split, Task
from augment.records.generation import (
    Attempt,
    GenerationConfig,
    GenerationProgress,
    GenerationRun,
    LabelWords,
    Price,
    Reject,
    SeedChoice,
    StoredReject,
    SyntheticText,
    WordTemplates,
)
from augment.records.lms import (
    Completion,
    EndpointApi,
    LabelQuestion,
    LMKind,
    LMSpec,
    Quantisation,
    Sampling,
    ScoredCompletion,
)
from augment.records.prompts import PromptTemplate, PromptVersion
from augment.records.reviews import ReviewAction, ReviewEvent, ReviewStatus, StoredText
from augment.records.runs import RunKey, RunKind, RunState, RunStatus
from augment.records.training import (
    EncoderKind,
    EncoderSpec,
    MetricPoint,
    Prediction,
    TextUse,
    TrainingConfig,
    TrainingPlan,
    TrainingProgress,
    TrainingRun,
)

__all__ = [
    "Attempt",
    "CheckAction",
    "Completion",
    "EncoderKind",
    "EncoderSpec",
    "EndpointApi",
    "Example",
    "Finding",
    "GenerationConfig",
    "GenerationProgress",
    "GenerationRun",
    "LMKind",
    "LMSpec",
    "LabelQuestion",
    "LabelWords",
    "LabelledText",
    "LeftOut",
    "MetricPoint",
    "Prediction",
    "PreparedData",
    "Price",
    "PromptTemplate",
    "PromptVersion",
    "Quantisation",
    "Reject",
    "RejectReason",
    "ReviewAction",
    "ReviewEvent",
    "ReviewStatus",
    "RunKey",
    "RunKind",
    "RunState",
    "RunStatus",
    "Sampling",
    "ScoredCompletion",
    "SeedChoice",
    "SeedSet",
    "Split",
    "StoredReject",
    "StoredText",
    "SyntheticText",
    "Task",
    "TextChecks",
    "TextUse",
    "TrainingConfig",
    "TrainingPlan",
    "TrainingProgress",
    "TrainingRun",
    "WordTemplates",
]
