"""Modules import the heavy libraries they need at the top; only a few listed functions load those modules.

docs/ARCHITECTURE.md has the same list under "Where heavy libraries are loaded".
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDERS = ("augment", "workbench", "storage", "pages")
FILES = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
HEAVY = ("torch", "transformers", "datasets", "sklearn", "scipy", "openai")

# Every function that may import a module: what it imports, and when it runs.
SEAMS = {
    ("augment/lms/__init__.py", "_load_local", "augment.lms.loading"): "a local LM is loaded",
    ("augment/lms/__init__.py", "measure", "augment.lms.loading"): "an LM's size is read from its config",
    ("augment/lms/__init__.py", "load_endpoint", "augment.lms.endpoint.lm"): "an endpoint is connected",
    ("augment/encoders/__init__.py", "embed_texts", "augment.encoders.similarity"): "texts are compared by meaning",
    ("augment/data/read_files.py", "read_hub", "augment.data.hub_datasets"): "a data set is read from the hub",
    ("augment/data/read_files.py", "_read_zip", "augment.data.hub_datasets"): "a saved data set is uploaded",
    ("augment/data/export_formats.py", "_write_dataset", "augment.data.hub_datasets"): "a data set is exported",
    ("augment/results/intervals.py", "mean_interval", "scipy.stats"): "finished training runs are averaged",
    ("augment/results/comparison.py", "compare_pairs", "scipy.stats"): "finished training runs are compared",
    ("workbench/consensus.py", "_compute", "augment.labels.consensus"): "consensus labels are computed",
    ("workbench/experiments.py", "_experiment", "augment.training.experiments"): "an experiment starts",
}


def imports_in_functions(file: Path) -> Iterator[tuple[str, str, str]]:
    """File, innermost function and module of every import inside a function."""

    def visit(node: ast.AST, function: str | None) -> Iterator[tuple[str | None, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom) and function:
                names = (
                    [child.module or "."]
                    if isinstance(child, ast.ImportFrom)
                    else [alias.name for alias in child.names]
                )
                yield from ((function, name) for name in names)
            elif isinstance(child, ast.Call) and ast.unparse(child.func).endswith(("import_module", "__import__")):
                yield function, ast.unparse(child)
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from visit(child, getattr(child, "name", "lambda") if is_function else function)

    tree = ast.parse(file.read_text(encoding="utf-8"))
    name = str(file.relative_to(ROOT))
    yield from ((name, function or "", module) for function, module in visit(tree, None))


def test_only_the_listed_functions_import_modules() -> None:
    assert {found for file in FILES for found in imports_in_functions(file)} == set(SEAMS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_is_imported_for_type_checkers_only(file: Path) -> None:
    assert "TYPE_CHECKING" not in file.read_text(encoding="utf-8")


def test_an_import_in_a_method_or_a_lambda_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_seams.ROOT", tmp_path)
    file = tmp_path / "a.py"
    file.write_text(
        "import os\nclass A:\n    def b(self):\n        if os:\n            import torch, json\n"
        "c = lambda: __import__('torch')\nasync def d():\n    from . import e\n"
    )
    assert set(imports_in_functions(file)) == {
        ("a.py", "b", "torch"),
        ("a.py", "b", "json"),
        ("a.py", "lambda", "__import__('torch')"),
        ("a.py", "d", "."),
    }


def test_the_architecture_lists_the_same_functions() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.split("## Where heavy libraries are loaded")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([\w/.]+)` \| `(\w+)` \| `([\w.]+)`[^|]*\| (.+) \|$", section, re.MULTILINE)
    assert {(file, function, module): reason for file, function, module, reason in rows} == SEAMS


def test_what_pages_import_loads_no_heavy_library() -> None:
    """Covers the modules that pages import; tests/pages opens the pages themselves."""
    parts = [file for folder in ("workbench", "pages/parts") for file in sorted((ROOT / folder).rglob("*.py"))]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in parts]
    light = [name for name in names if not name.endswith("__main__")]
    script = f"""
import importlib, json, sys
for name in {light!r}:
    importlib.import_module(name)
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.strip().splitlines()[-1]) == []
