"""What tests of pages by Streamlit's AppTest share."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

Open = Callable[[str], AppTest]


def errors(app: AppTest) -> list[str]:
    return [one.value for one in [*app.exception, *app.error]]


def button(app: AppTest, label: str) -> AppTest:
    return next(one for one in app.button if one.label == label).click().run()
