"""Widgets for what an endpoint charges, for the pages that send requests to one."""

from dataclasses import dataclass

import streamlit as st

from augment.records import LMKind, LMSpec, Price


@dataclass(frozen=True, slots=True)
class Cost:
    """What an endpoint charges, and where a run stops."""

    price: Price
    budget: float | None = None


def choose_cost(page: str, lm: LMSpec | None) -> Cost:
    """What an endpoint charges; nothing for an LM that runs here."""
    if lm is None or lm.kind is not LMKind.OPENAI:
        return Cost(Price())
    with st.expander("Price and budget"):
        left, right = st.columns(2)
        prices = [
            column.number_input(
                title,
                0.0,
                value=0.0,
                step=0.1,
                key=f"{page}_{key}",
                persist_state="session",
                help="Per million tokens, in the currency of your endpoint's bill; 0 if it is free",
            )
            for column, title, key in (
                (left, "Price of input", "price_in"),
                (right, "Price of output", "price_out"),
            )
        ]
        budget = st.number_input(
            "Budget",
            0.0,
            value=None,
            step=1.0,
            format="%g",
            placeholder="none",
            key=f"{page}_budget",
            persist_state="session",
            help="The run stops before it costs more. Enter a price first.",
            disabled=not any(prices),
        )
    return Cost(Price(*prices), budget if any(prices) else None)
