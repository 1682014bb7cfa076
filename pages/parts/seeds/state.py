"""What the Seeds page remembers in this browser tab. Other pages call these functions and use none of its keys."""

from dataclasses import dataclass, field
from enum import StrEnum

import streamlit as st

from augment.data.read_files import SourceTable
from pages.parts.session import page_state

SOURCE = "seeds_source"
RNG_SEED = "seeds_rng_seed"


class DataSource(StrEnum):
    """Where labelled texts come from."""

    STARTER = "Starter set"
    HUB = "Emotion (hub)"
    UPLOAD = "Upload"


@dataclass(slots=True)
class SeedsState:
    """Tables downloaded from the hub, which a rerun must not download again."""

    hub_tables: list[SourceTable] = field(default_factory=list)


def seeds_state() -> SeedsState:
    """The state of this browser tab."""
    return page_state("seeds_state", SeedsState)


def prepare_upload() -> None:
    """The Seeds page opens with its upload field, for somebody who comes with a file."""
    st.session_state[SOURCE] = DataSource.UPLOAD


def draw_again() -> None:
    """The callback of "Draw again": the next RNG seed."""
    st.session_state[RNG_SEED] += 1
