"""The card in the browser: a component that has the next cards already, so that a key is answered at once.

Python sends cards, and receives the actions on them. None is lost or applied twice: the browser keeps the actions that
were not acknowledged and sends them again, also after a reload. Each has a number; `acknowledged` says up to which
number they are applied, by mount of the component. Actions belong to a session: after a restart, the browser sends
them to the new one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import streamlit as st

HERE = Path(__file__).parent
Kind = Literal["label", "accept", "reject", "skip", "forth", "back", "undo", "note"]


def _read(kind: str) -> str:
    return (HERE / f"desk.{kind}").read_text(encoding="utf-8")


_desk = st.components.v2.component("review_desk", html=_read("html"), css=_read("css"), js=_read("js"))


@dataclass(frozen=True, slots=True)
class DeskAction:
    """One key or click.

    `event_id` is the text's last event as the browser showed it, `text_start` the first characters that it showed, and
    `is_blind` whether others' decisions were hidden from the reviewer. Undo and back have no text; `after` of an undo
    is the number of an unacknowledged decision that came before it.
    """

    number: int
    kind: Kind
    text_id: int = 0
    event_id: int | None = None
    label: str | None = None
    note: str = ""
    is_blind: bool = False
    text_start: str = ""
    after: int = 0


def show_desk(view: Mapping[str, Any], *, key: str, on_sent: Callable[[], None]) -> None:
    """Draw the desk; `on_sent` is called when the browser has sent actions."""
    _desk(key=key, data=view, on_sent_change=on_sent)


def read_actions(sent: object, session: str) -> tuple[str, list[DeskAction]]:
    """Of what the browser sent: the mount and its actions that were not acknowledged, if they are of this session.

    What no desk would send is left out.
    """
    if not isinstance(sent, Mapping) or sent.get("session") != session or not isinstance(sent.get("actions"), list):
        return "", []
    return str(sent.get("mount")), [action for entry in sent["actions"] if (action := _read_action(entry)) is not None]


def _read_action(entry: object) -> DeskAction | None:
    number = _read_whole(entry.get("number")) if isinstance(entry, Mapping) else None
    if not isinstance(entry, Mapping) or number is None or entry.get("kind") not in get_args(Kind):
        return None
    return DeskAction(
        number=number,
        kind=entry["kind"],
        text_id=_read_whole(entry.get("id")) or 0,
        event_id=_read_whole(entry.get("event")),
        label=entry["label"] if isinstance(entry.get("label"), str) else None,
        note=str(entry.get("note") or ""),
        is_blind=entry.get("is_blind") is True,
        text_start=str(entry.get("text_start") or ""),
        after=_read_whole(entry.get("after")) or 0,
    )


def _read_whole(value: object) -> int | None:
    """A number that can be a row's id."""
    return value if type(value) is int and 0 <= value < 2**53 else None
