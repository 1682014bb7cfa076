"""What the Prompt page remembers in this browser tab, task by task. No other page reads or writes it."""

from dataclasses import asdict, dataclass

import streamlit as st

from augment.generation.strategies.strategy import Outcome
from augment.records import GenerationConfig, PromptTemplate
from pages.parts.session import page_state


@dataclass(frozen=True, slots=True)
class Trial:
    """What the language model wrote, the prompt it was shown and the settings it was asked with."""

    config: GenerationConfig
    prompt: str
    outcomes: tuple[Outcome, ...]

    def is_of(self, config: GenerationConfig, prompt: str) -> bool:
        """Whether it was made with this prompt and these settings."""
        return self.prompt == prompt and self.config == config


@dataclass(slots=True)
class PromptState:
    """Which draw of seeds the rendered prompt shows, and what the last trial gave.

    Seeds and completions follow from the attempt's number and the RNG seed.
    """

    number: int = 0
    rng_seed: int = 0
    trial: Trial | None = None


def prompt_state(task_id: int) -> PromptState:
    """The state of this browser tab for one task."""
    return page_state(f"prompt_{task_id}_state", PromptState)


def field_key(task_id: int, name: str) -> str:
    """The widget key of one field of the editor."""
    return f"prompt_{task_id}_{name}"


def version_key(task_id: int) -> str:
    """The widget key of the version that the editor started from."""
    return f"prompt_{task_id}_version"


def chosen_version(task_id: int) -> int:
    """The number of the version that the editor started from; 0 for the default template."""
    return int(st.session_state[version_key(task_id)])


def choose_version(task_id: int, number: int) -> None:
    """Mark a version as the one that the editor started from."""
    st.session_state[version_key(task_id)] = number


def is_loaded(task_id: int) -> bool:
    """Whether the editor holds a template already."""
    return field_key(task_id, "description") in st.session_state


def load_template(task_id: int, template: PromptTemplate) -> None:
    """Put a template into the editor."""
    for name, value in asdict(template).items():
        st.session_state[field_key(task_id, name)] = value
