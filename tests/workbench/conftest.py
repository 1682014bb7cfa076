"""A workbench without a page, on a fresh home folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.bench import Workbench, open_workbench


@pytest.fixture
def bench(home: Path) -> Iterator[Workbench]:
    opened = open_workbench()
    yield opened
    assert opened.runner.wait(120)
    opened.store.close()
