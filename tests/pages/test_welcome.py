"""The Overview page without data, with AppTest: a measured result and two ways to start."""

import json
import re

from pages.parts.seeds.state import DataSource
from pages.parts.welcome import AS_WRITTEN, CORRECTED, FINDING, SEEDS_ONLY, SOURCE, Point, example_curve
from storage import Store
from tests.app_test import Open, errors
from tests.conftest import ROOT


def fine_tuned(variant: str) -> list[Point]:
    """The fine-tuned points of one variant in docs/RESULTS.md."""
    section = (ROOT / "docs" / "RESULTS.md").read_text().split("## Fine-tuned")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    sizes = [int(cell) for cell in rows[0][1:]]
    (found,) = [row[1:] for row in rows if row[0] == variant]
    cells = [(size, re.match(r"\*\*([\d.]+)\*\* ± ([\d.]+)", cell)) for size, cell in zip(sizes, found, strict=True)]
    return [Point(size, float(match[1]), float(match[2])) for size, match in cells if match]


def test_its_figures_equal_those_in_the_results() -> None:
    assert fine_tuned("seeds only") == [SEEDS_ONLY]
    assert set(CORRECTED) <= set(fine_tuned("SmolLM2-135M-Instruct · conditional · relabelled"))
    assert set(AS_WRITTEN) <= set(fine_tuned("SmolLM2-135M-Instruct · conditional · raw"))
    at_50 = next(point for point in CORRECTED if point.n_texts == 50)
    assert f"from {SEEDS_ONLY.macro_f1:.2f} to {at_50.macro_f1:.2f}" in FINDING
    assert "797 test texts" in SOURCE
    assert "docs/RESULTS.md" in SOURCE


def test_the_chart_names_its_lines_and_shows_every_interval() -> None:
    figure = json.loads(example_curve().to_json())
    assert [annotation["text"] for annotation in figure["layout"]["annotations"]] == [
        "uncorrected 0.40",
        "seeds only 0.46",
        "corrected 0.65",
    ]
    low, high = figure["layout"]["yaxis"]["range"]
    drawn = [y for trace in figure["data"] for y in trace["y"]]
    assert low < min(drawn) < max(drawn) < high


def test_without_data_the_overview_introduces_the_workbench(open_page: Open) -> None:
    app = open_page("overview")
    assert errors(app) == []
    assert app.title[0].value == "Turn 30 labelled texts into a better classifier"
    assert [widget.label for widget in app.button] == ["Use my data", "Try the example"]
    steps = [markdown.value for markdown in app.markdown if re.search(r"\*\*\d\. ", markdown.value)]
    assert len(steps) == 3
    assert len(app.get("plotly_chart")) == 1


def test_after_choosing_the_example_one_click_generates_texts(open_page: Open, bench: Store) -> None:
    app = open_page("overview")
    app.button(key="welcome_example").click().run()
    assert errors(app) == []
    (task,) = bench.tasks.all()
    (seed_set,) = bench.tasks.seed_sets(task.id)
    assert task.labels == ("joy", "anger", "surprise")
    assert [sum(seed.label == label for seed in seed_set.examples) for label in task.labels] == [10, 10, 10]
    assert (seed_set.name, seed_set.rng_seed) == ("30 seeds, RNG seed 0", 0)
    app.switch_page("pages/generate.py").run()
    start = app.button(key="generate_start")
    assert (start.label, start.disabled) == ("Generate 200 texts", False)


def test_my_data_leads_to_the_upload_field(open_page: Open) -> None:
    app = open_page("overview")
    app.button(key="welcome_upload").click().run()
    app.switch_page("pages/seeds.py").run()
    assert app.segmented_control(key="seeds_source").value == DataSource.UPLOAD
    assert app.get("file_uploader")
