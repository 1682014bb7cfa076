"""Modules, functions and paths that docstrings and documents cite must exist."""

import importlib
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDERS = ("augment", "storage", "workbench", "pages", "benchmarks", "tests")
CITED = re.compile(r"`((?:augment|storage|workbench|pages)(?:\.\w+)+)`")
PATH = re.compile(r"`((?:augment|storage|workbench|pages|docs|benchmarks)/[\w/.]*)`")
FILES = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
DOCUMENTS = [ROOT / "README.md", ROOT / "docs" / "ARCHITECTURE.md"]  # log and changelog describe the past


def is_there(name: str) -> bool:
    parts = name.split(".")
    for i in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:i]))
        except ModuleNotFoundError:
            continue
        return all((found := getattr(found, part, None)) is not None for part in parts[i:])
    return False


@pytest.mark.parametrize("file", [*FILES, *DOCUMENTS], ids=lambda file: str(file.relative_to(ROOT)))
def test_cited_modules_functions_and_paths_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert [name for name in CITED.findall(text) if not is_there(name)] == []
    assert [path for path in PATH.findall(text) if not (ROOT / path).exists()] == []
