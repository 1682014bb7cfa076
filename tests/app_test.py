"""Helpers for tests that open pages with Streamlit's AppTest."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

Open = Callable[[str], AppTest]


def errors(app: AppTest) -> list[str]:
    return [element.value for element in [*app.exception, *app.error]]


def button(app: AppTest, label: str) -> AppTest:
    return next(widget for widget in app.button if widget.label == label).click().run()


# The review desk: AppTest runs no JavaScript, so the test sends what the component would send.

_numbers = count(1)


def desk(app: AppTest) -> dict[str, Any]:
    """The data that the desk draws."""
    (component,) = app.get("bidi_component")
    view: dict[str, Any] = json.loads(component.proto.json or component.proto.mixed.json)
    return view


def card(app: AppTest) -> dict[str, Any]:
    """The card on the desk."""
    shown: dict[str, Any] = desk(app)["cards"][0]
    return shown


def act(app: AppTest, kind: str, **more: object) -> AppTest:
    """Press one key on the current card."""
    shown = {} if kind in ("undo", "back") else {name: card(app)[name] for name in ("id", "event", "is_blind")}
    return send(app, [{"number": next(_numbers), "kind": kind, **shown, **more}])


def send(app: AppTest, actions: list[dict[str, Any]], session: str = "") -> AppTest:
    """Send actions as the browser would: all that are not acknowledged yet."""
    (component,) = app.get("bidi_component")
    states = app._tree.get_widget_states()
    sent = json.dumps({"sent": {"session": session or desk(app)["session"], "mount": "test", "actions": actions}})
    states.widgets.append(WidgetState(id=component.proto.id, json_value=sent))
    return app._run(states)
