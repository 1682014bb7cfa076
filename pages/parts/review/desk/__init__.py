"""The card in the browser: a component that has the next cards already, so that a key is answered at once.

Python sends cards, and takes what was done to them. Nothing is lost or done twice: the browser keeps what was not
acknowledged and sends it again, also after a reload; each act has a number, and `done` says how far the server is, by
mount of the component. Acts are of one session: another one, such as after a restart, is sent them anew.
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
    """One key or click.

    `event_id` is the text's last event as the browser showed it, `begins` the first characters that it showed, and
    `is_blind` whether others' decisions were kept from the reviewer. Undo and back are of no text; an undo names in
    `after` an act that it followed unacknowledged.
    """

    number: int
    kind: Kind
    text_id: int = 0
    event_id: int | None = None
    label: str | None = None
    note: str = ""
    is_blind: bool = False
    begins: str = ""
    after: int = 0


def show_desk(view: Mapping[str, Any], *, on_sent: Callable[[], None]) -> None:
    """Draw the desk; `on_sent` is called when the browser has something to tell."""
    _desk(key=KEY, data=view, on_sent_change=on_sent)


def read_sent(session: str) -> tuple[str, list[Act]]:
    """The mount and its acts that were not acknowledged when it sent them, if they were sent to this session.

    What no desk would send is left out.
    """
    sent = (st.session_state.get(KEY) or {}).get("sent")
    if not isinstance(sent, Mapping) or sent.get("session") != session or not isinstance(sent.get("acts"), list):
        return "", []
    return str(sent.get("mount")), [act for one in sent["acts"] if (act := _read_act(one)) is not None]


def _read_act(one: object) -> Act | None:
    number = _read_whole(one.get("n")) if isinstance(one, Mapping) else None
    if not isinstance(one, Mapping) or number is None or one.get("kind") not in get_args(Kind):
        return None
    return Act(
        number=number,
        kind=one["kind"],
        text_id=_read_whole(one.get("id")) or 0,
        event_id=_read_whole(one.get("event")),
        label=one["label"] if isinstance(one.get("label"), str) else None,
        note=str(one.get("note") or ""),
        is_blind=one.get("is_blind") is True,
        begins=str(one.get("begins") or ""),
        after=_read_whole(one.get("after")) or 0,
    )


def _read_whole(value: object) -> int | None:
    """A number that can be a row's id."""
    return value if type(value) is int and 0 <= value < 2**53 else None
