"""What tests of the Review page share."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from augment.records import Task
from pages.parts.review.state import VIEW, ReviewState, TaskReview
from tests.app_test import Open


@pytest.fixture
def review(open_page: Open, filled: Task) -> AppTest:
    """The Review page of somebody whose name is known."""
    return open_page("review")


def view(app: AppTest, name: str) -> AppTest:
    """Open one of the page's tabs."""
    app.session_state[VIEW] = name
    return app.run()


def task_review(state: Any, task: Task) -> TaskReview:
    """What the page remembers of a task."""
    found: TaskReview = state[f"review_{task.id}_state"]
    return found


def review_state(state: Any) -> ReviewState:
    """What the page remembers whatever the task."""
    found: ReviewState = state["review_state"]
    return found
