"""The card in the browser: a component that has the next cards already, so that a key is answered at once.

Python sends cards, and takes what was done to them. Nothing is lost or done twice: the browser sends again what was not
acknowledged, each act has a number, and `done` says how far the server is, by mount of the component.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import streamlit as st

HERE = Path(__file__).parent
KEY = "review_desk"
Kind = Literal["label", "accept", "reject", "skip", "forth", "back", "undo", "note"]


def _read(kind: str) -> str:
    return (HERE / f"desk.{kind}").read_text(encoding="utf-8")


_desk = st.components.v2.component("review_desk", html=_read("html"), css=_read("css"), js=_read("js"))


@dataclass(frozen=True, slots=True)
class Act:
    """One key or click. `event_id` is the text's last event as the browser showed it; undo and back are of no text."""

    number: int
    kind: Kind
    text_id: int = 0
    event_id: int | None = None
    label: str | None = None
    note: str = ""


def show_desk(view: Mapping[str, Any], *, on_sent: Callable[[], object]) -> None:
    """Draw the desk; `on_sent` is called when the browser has something to tell."""

    def hear() -> None:
        on_sent()

    _desk(key=KEY, data=view, on_sent_change=hear)


def read_sent() -> tuple[str, list[Act]]:
    """The mount and its acts that were not acknowledged when it sent them; what no desk would send is left out."""
    sent = (st.session_state.get(KEY) or {}).get("sent")
    if not isinstance(sent, Mapping) or not isinstance(sent.get("acts"), list):
        return "", []
    return str(sent.get("mount")), [act for one in sent["acts"] if (act := _read_act(one)) is not None]


def _read_act(one: object) -> Act | None:
    if not isinstance(one, Mapping) or one.get("kind") not in get_args(Kind) or not isinstance(one.get("n"), int):
        return None
    event_id, label = one.get("event"), one.get("label")
    return Act(
        number=one["n"],
        kind=one["kind"],
        text_id=one["id"] if isinstance(one.get("id"), int) else 0,
        event_id=event_id if isinstance(event_id, int) else None,
        label=label if isinstance(label, str) else None,
        note=str(one.get("note") or ""),
    )
