"""Every page with AppTest: empty, filled, with bad input; fast, and without loading torch."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from augment.lms import EMBEDDED_LM
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    GenerationConfig,
    GenerationProgress,
    PreparedData,
    RunKey,
    RunKind,
    RunStatus,
    Split,
    Task,
)
from pages.parts.formats import escape_markdown, format_duration
from storage import Store
from tests.app_test import Open, button, desk, errors
from tests.conftest import ROOT
from workbench.jobs import worker_name

PAGES = ["overview", "seeds", "prompt", "generate", "review", "train", "results", "present"]


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_page_offers_a_button_and_shows_no_error(name: str, open_page: Open) -> None:
    app = open_page(name)
    assert errors(app) == []
    assert app.button


@pytest.mark.parametrize("name", PAGES)
def test_a_filled_page_opens_without_error(name: str, open_page: Open, filled: Task) -> None:
    app = open_page(name)
    assert errors(app) == []


def test_a_task_created_by_somebody_else_does_not_replace_the_open_one(
    open_page: Open, bench: Store, filled: Task, starter: PreparedData
) -> None:
    app = open_page("review")
    shown = desk(app)["cards"][0]["text"]
    bench.tasks.create(starter)
    app.run()
    assert errors(app) == []
    assert desk(app)["cards"][0]["text"] == shown


def test_the_overview_lists_unfinished_runs(open_page: Open, bench: Store, filled: Task) -> None:
    assert not any("Open experiment" in widget.label for widget in open_page("overview").button)
    experiment = bench.experiments.all(filled.id)[0]
    bench.runs.finish(RunKey(RunKind.EXPERIMENT, experiment.id), RunStatus.INTERRUPTED, "")
    app = open_page("overview")
    assert f"Experiment {experiment.id} was interrupted at 2 of 2. Open it to resume." in [
        caption.value for caption in app.caption
    ]
    assert app.button(key="overview_open_experiment").label == f"Open experiment {experiment.id}"
    bench.runs.finish(RunKey(RunKind.GENERATION, 1), RunStatus.PAUSED, "")
    app = open_page("overview")
    assert app.button(key="overview_open_generation").label == "Open generation run 1"
    app.button(key="overview_open_generation").click().run()
    assert app.session_state["generate_run"] == 1


def test_the_overview_calls_what_runs_a_generation_run_or_an_experiment(
    open_page: Open, bench: Store, filled: Task
) -> None:
    experiment = bench.experiments.all(filled.id)[0]
    bench.start_run(RunKey(RunKind.EXPERIMENT, experiment.id), worker_name())
    bench.start_run(RunKey(RunKind.GENERATION, 1), worker_name())
    shown = [markdown.value for markdown in open_page("overview").markdown]
    for name in ("Generation run 1", f"Experiment {experiment.id}"):
        assert any(value.startswith(f"{name} · ") for value in shown)


def test_the_overview_leads_to_the_next_step(open_page: Open, bench: Store, starter: PreparedData) -> None:
    task = bench.tasks.create(starter)
    assert open_page("overview").button(key="overview_next").label == "Continue: save a seed set"
    bench.tasks.create_seed_set(task.id, "s", bench.tasks.examples(task.id, Split.POOL)[:3])
    assert open_page("overview").button(key="overview_next").label == "Continue: save a prompt"


def test_importing_the_starter_set_and_saving_seeds(open_page: Open, bench: Store) -> None:
    app = open_page("seeds")
    app = button(app, "Import 450 texts")
    assert errors(app) == []
    app = button(app, "Save 30 seeds")
    task = bench.tasks.all()[0]
    assert task.labels == ("joy", "anger", "surprise")
    seed_set = bench.tasks.seed_sets(task.id)[0]
    assert [sum(seed.label == label for seed in seed_set.examples) for label in task.labels] == [10, 10, 10]


def test_saved_seeds_are_confirmed_in_place_and_the_next_step_appears_at_once(open_page: Open) -> None:
    app = button(open_page("seeds"), "Import 450 texts")
    assert "seeds_continue" not in [widget.key for widget in app.button]
    app = button(app, "Save 30 seeds")
    assert app.button(key="seeds_save").disabled
    assert any("Saved as seed set 1" in caption.value for caption in app.caption)
    assert not app.toast
    assert app.button(key="seeds_continue").label == "Continue: prompt"
    app = button(app, "Draw again")
    assert app.button(key="seeds_save").label == "Save 30 seeds"
    assert not app.button(key="seeds_save").disabled


def test_draw_again_draws_other_seeds(open_page: Open, bench: Store) -> None:
    app = button(open_page("seeds"), "Import 450 texts")
    button(app, "Save 30 seeds")
    app = button(app, "Draw again")
    assert errors(app) == []
    button(app, "Save 30 seeds")
    task = bench.tasks.all()[0]
    second, first = bench.tasks.seed_sets(task.id)
    assert {seed.id for seed in first.examples} != {seed.id for seed in second.examples}
    assert (first.rng_seed, second.rng_seed) == (0, 1)


def test_too_many_seeds_are_refused_in_place(open_page: Open, filled: Task) -> None:
    app = open_page("seeds")
    app.number_input(key="seeds_n").set_value(500).run()
    assert [error for error in errors(app) if "70 pool examples" in error]


def badges(app: AppTest) -> list[str]:
    return [badge.value for badge in app.text]


def test_the_badge_of_a_run_shows_its_progress_and_disappears_at_its_end(bench: Store, filled: Task) -> None:
    def page() -> None:
        import streamlit as st

        from pages.parts.navigation import follow_runs, page_titles

        follow_runs()
        titles = page_titles()
        st.text(titles["generate"])
        st.text(titles["train"])

    run = bench.generations.create(
        filled.id, GenerationConfig(DEFAULT_TEMPLATE, filled.labels, EMBEDDED_LM), seed_set_id=1, prompt_version_id=1
    )
    key = RunKey(RunKind.GENERATION, run.id)
    app = AppTest.from_function(page).run()
    assert badges(app) == ["Generate", "Train"]
    bench.start_run(key, worker_name())
    assert badges(app.run()) == ["Generate · starting", "Train"]
    bench.generations.write(run.id, [], GenerationProgress(40, 30, 50, 4.0))
    assert badges(app.run()) == ["Generate · 60%", "Train"]
    bench.runs.finish(key, RunStatus.DONE, "")
    assert badges(app.run()) == ["Generate", "Train"]


def test_generated_text_is_never_rendered_as_markdown(open_page: Open, filled: Task) -> None:
    """The imported texts contain an image link and HTML; only st.text and tables may show them."""
    for name in PAGES:
        app = open_page(name)
        shown = [element.value for kind in ("markdown", "caption", "subheader", "title") for element in app.get(kind)]
        shown += [widget.label for widget in app.button]
        assert not [text for text in shown if "127.0.0.1:9" in text], name
    cards = desk(open_page("review"))["cards"]  # shown as text nodes in the browser (tests/browser/test_review.py)
    assert any("![x](http://127.0.0.1:9/" in shown_card["text"] for shown_card in cards)


def test_results_compare_stored_variants(open_page: Open, filled: Task) -> None:
    app = open_page("results")
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    named = {trace["name"]: trace["y"] for trace in figure["data"] if trace.get("name")}
    assert named["raw"] == [0.4, 0.6]
    sentence = app.subheader[0].value.replace("\\", "")
    assert sentence.startswith("12 raw texts gain 20.0 points of macro-F1 over the 30 seeds alone, but one RNG seed")


def test_a_page_opens_in_under_a_second_and_without_torch(home: Path, starter: PreparedData) -> None:
    """In its own process, like a server: the first run pays for the imports, then each page is timed."""
    store = Store.open()
    store.tasks.create(starter)
    store.close()
    script = f"""
import json, sys, time
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({str(ROOT / "app.py")!r}, default_timeout=30).run()
seconds = {{}}
for name in {PAGES!r}:
    start = time.perf_counter()
    app.switch_page(f"pages/{{name}}.py").run()
    seconds[name] = time.perf_counter() - start
heavy = [name for name in ("torch", "transformers", "datasets", "sklearn") if name in sys.modules]
print(json.dumps([seconds, heavy]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    seconds, heavy = json.loads(done.stdout.strip().splitlines()[-1])
    assert heavy == []
    assert max(seconds.values()) < 1.0, seconds


def test_escaped_text_has_no_markdown_left() -> None:
    escaped = escape_markdown("![x](http://e.org) **b** :red[r] `c` <i> $x$\n# h | t")
    assert "\n" not in escaped
    assert not re.search(r"(?<!\\)[*_`\[\]()!#<>|$:]", escaped)


def test_durations_are_formatted_for_people() -> None:
    assert [format_duration(s) for s in (7.6, 200, 3900)] == ["8 s", "3 min 20 s", "1 h 5 min"]


def test_the_task_in_the_address_is_opened_and_kept(bench: Store, filled: Task, starter: PreparedData) -> None:
    newer = bench.tasks.create(starter)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.query_params["task"] = str(filled.id)
    app.run()
    app.switch_page("pages/generate.py").run()
    assert app.query_params["task"] == str(filled.id)
    assert any("1 · GPT-J" in option for box in app.selectbox for option in box.options)
    assert newer.id != filled.id


def test_a_csv_without_a_clear_label_column_asks_for_it(open_page: Open) -> None:
    app = open_page("seeds")
    app.segmented_control(key="seeds_source").set_value("Upload").run()
    app.file_uploader(key="seeds_upload").set_value([("x.csv", b"text,when\nhello,1\nbye,2\n", "text/csv")]).run()
    assert errors(app) == []
    assert any("Choose the column that holds the labels" in message.value for message in app.info)
    assert "seeds_import" not in [widget.key for widget in app.button]
    app.selectbox(key="seeds_label_column").set_value("when").run()
    assert app.button(key="seeds_import").label == "Import 2 texts"


def test_an_upload_has_texts_and_labels_and_only_known_sources_have_tweets(open_page: Open, bench: Store) -> None:
    app = open_page("seeds")
    assert [app.text_input(key=f"seeds_{key}").value for key in ("text_type_tweet", "label_type_sentiment")] == [
        "tweet",
        "sentiment",
    ]
    assert not [widget for expander in app.expander for widget in expander.text_input]  # seen without opening anything
    button(app, "Import 450 texts")
    app = open_page("seeds")
    app.segmented_control(key="seeds_source").set_value("Upload").run()
    rows = [f"this is number {i},{('good', 'bad')[i % 2]}" for i in range(40)]
    file = ("x.csv", "\n".join(["text,label", *rows]).encode(), "text/csv")
    app.file_uploader(key="seeds_upload").set_value([file]).run()
    assert app.text_input(key="seeds_text_type_text").value == "text"
    app.text_input(key="seeds_label_type_label").set_value("topic").run()
    button(app, "Import 40 texts")
    assert errors(app) == []
    assert [(task.text_type, task.label_type) for task in bench.tasks.all()] == [
        ("text", "topic"),
        ("tweet", "sentiment"),
    ]


EMPTY_PAGES = [name for name in PAGES if name not in ("overview", "seeds")]


@pytest.mark.parametrize("name", EMPTY_PAGES)
def test_an_empty_page_explains_itself_and_leads_to_the_seeds_page(name: str, open_page: Open) -> None:
    app = open_page(name)
    (said,) = [markdown.value.replace("\\", "") for markdown in app.markdown]
    assert said.startswith(("Here ", "This page shows "))
    assert said.endswith("This page needs labelled texts, and there are none yet.")
    assert [widget.label for widget in app.button] == ["Import labelled texts"]


def test_a_prompt_is_tried_and_generated_only_with_seeds(open_page: Open, bench: Store, starter: PreparedData) -> None:
    bench.tasks.create(starter)
    for name in ("prompt", "generate"):
        app = open_page(name)
        assert errors(app) == []
        assert "Choose seeds" in [widget.label for widget in app.button]


def test_each_task_has_its_own_editor_and_keeps_it(
    open_page: Open, bench: Store, filled: Task, starter: PreparedData
) -> None:
    other = bench.tasks.create(starter)
    app = open_page("seeds")
    app.selectbox(key=f"seeds_task_{other.id}").set_value(filled).run()
    app.switch_page("pages/prompt.py").run()
    key = f"prompt_{filled.id}_item"
    app.text_input(key=key).set_value("{text} => {label}").run()
    app.switch_page("pages/seeds.py").run()
    app.selectbox(key=f"seeds_task_{filled.id}").set_value(other).run()
    app.switch_page("pages/prompt.py").run()
    assert app.text_input(key=f"prompt_{other.id}_item").value != "{text} => {label}"
    assert errors(app) == []
