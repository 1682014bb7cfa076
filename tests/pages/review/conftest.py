"""Helpers for tests of the Review page."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from augment.records import Task
from pages.parts.review.state import VIEW, ReviewState, TaskReview
from tests.app_test import Open


@pytest.fixture
def review(open_page: Open, filled: Task) -> AppTest:
    """The Review page of a reviewer who has entered a name."""
    return open_page("review")


def view(app: AppTest, name: str) -> AppTest:
    """Open one of the page's tabs."""
    app.session_state[VIEW] = name
    return app.run()


def task_review(state: Any, task: Task) -> TaskReview:
    """The page's state for one task."""
    found: TaskReview = state[f"review_{task.id}_state"]
    return found


def review_state(state: Any) -> ReviewState:
    """The page's state for all tasks."""
    found: ReviewState = state["review_state"]
    return found
