"""The Generate page with AppTest: strategies, label shares, limits, endpoints, flags and label drift."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from streamlit.testing.v1 import AppTest

from augment import lms
from augment.data.draw_seeds import draw_seeds
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    Attempt,
    Completion,
    Finding,
    GenerationConfig,
    GenerationProgress,
    GenerationRun,
    LabelledText,
    PreparedData,
    RejectReason,
    RunKey,
    RunKind,
    RunStatus,
    Split,
    SyntheticText,
    Task,
)
from storage import Store
from tests.app_test import Open, act, button, card, errors


def wait_for(app: AppTest, bench: Store, task: Task) -> GenerationRun:
    """Wait until the newest run has ended, rerun the page and return the run."""
    deadline = time.monotonic() + 60
    while bench.generations.all(task.id)[0].state.status.is_active and time.monotonic() < deadline:
        time.sleep(0.05)
    app.run()
    return bench.generations.all(task.id)[0]


def captions(app: AppTest) -> str:
    return " ".join(caption.value.replace("\\", "") for caption in app.caption)


def test_an_import_clears_its_field_and_reports_the_result_in_place(
    open_page: Open, bench: Store, filled: Task
) -> None:
    app = open_page("generate")
    file = ("x.csv", b"text,label\nnever seen,joy\nnor this,anger\n", "text/csv")
    for n, told in enumerate(("2 texts imported", "2 texts imported, 2 of them also in earlier runs")):
        app.text_input(key="generate_import_name").set_value("GPT-3").run()
        app.file_uploader(key=f"generate_import_file_{n}").set_value([file]).run()
        app.button(key="generate_import").click().run()
        assert errors(app) == []
        assert bench.generations.all(filled.id)[0].state.message == told
        assert "generate_import" not in [widget.key for widget in app.button]
        assert [message.value.replace("\\", "") for message in app.success] == [f"{told}, as generation run {n + 2}"]
        assert not app.toast


def test_an_import_whose_columns_have_other_names_asks_for_them(open_page: Open, bench: Store, filled: Task) -> None:
    app = open_page("generate")
    app.text_input(key="generate_import_name").set_value("GPT-3").run()
    file = ("x.csv", b"content,kind\nnever seen,joy\n", "text/csv")
    app.file_uploader(key="generate_import_file_0").set_value([file]).run()
    assert app.button(key="generate_import").disabled
    app.selectbox(key="generate_label_column").set_value("kind").run()
    app.button(key="generate_import").click().run()
    assert errors(app) == []
    assert [text.text for text in bench.generations.texts([2])] == ["never seen"]


@pytest.mark.parametrize("strategy", ["templates", "eda"])
def test_texts_without_an_lm_are_generated_from_the_page(
    open_page: Open, bench: Store, filled: Task, strategy: str
) -> None:
    app = open_page("generate")
    app.selectbox(key="generate_strategy").set_value(strategy).run()
    assert "Language model" not in [widget.label for widget in app.selectbox]
    app.number_input(key="generate_target").set_value(12).run()
    app.selectbox(key="generate_mixture_given").set_value("given shares").run()
    for i, share in enumerate((2.0, 1.0, 1.0)):
        app.number_input(key=f"generate_{filled.id}_share_{i}").set_value(share)
    app.run()
    button(app, "Generate 12 texts")
    run = wait_for(app, bench, filled)
    assert errors(app) == []
    assert run.state.status is RunStatus.DONE
    assert [bench.generations.count_labels(run.id)[label] for label in filled.labels] == [6, 3, 3]
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]
    assert figure["y"] == ["attempted", "completed", "parsed", "valid label", "passed checks", "kept", "accepted"]


def test_a_broken_pattern_shows_an_error_in_place_and_nothing_starts(
    open_page: Open, bench: Store, filled: Task
) -> None:
    app = open_page("generate")
    app.selectbox(key="generate_strategy").set_value("templates").run()
    app.text_area(key=f"generate_{filled.id}_patterns").set_value("i feel {wrod}").run()
    assert any("must contain" in error for error in errors(app))
    assert app.button(key="generate_start").disabled
    app.text_area(key=f"generate_{filled.id}_patterns").set_value("i feel {word}").run()
    assert any("Add words or patterns" in error for error in errors(app))  # ten texts per label
    assert app.button(key="generate_start").disabled
    app.number_input(key="generate_target").set_value(30).run()
    assert errors(app) == []
    button(app, "Generate 30 texts")
    assert wait_for(app, bench, filled).n_texts == 30


def primary_buttons(app: AppTest) -> list[str]:
    return [widget.label for widget in app.button if widget.proto.type == "primary"]


def test_once_texts_wait_for_review_the_way_on_is_the_only_primary_button(
    open_page: Open, bench: Store, starter: PreparedData
) -> None:
    task = bench.tasks.create(starter)
    assert primary_buttons(open_page("generate")) == ["Choose seeds"]
    seeds = draw_seeds(bench.tasks.examples(task.id, Split.POOL), task.labels, 10, rng_seed=0)
    bench.tasks.create_seed_set(task.id, "30 seeds", seeds)
    assert primary_buttons(open_page("generate")) == ["Save a prompt"]
    bench.prompts.save(task.id, DEFAULT_TEMPLATE)
    app = open_page("generate")
    assert primary_buttons(app) == ["Generate 200 texts"]
    app.selectbox(key="generate_strategy").set_value("eda").run()
    app.number_input(key="generate_target").set_value(6).run()
    button(app, "Generate 6 texts")
    wait_for(app, bench, task)
    app.run()
    # The popover "Extend" is closed, so its own button is not seen beside the others.
    assert [label for label in primary_buttons(app) if label != "Extend the run"] == ["Continue: review 6 texts"]
    assert "Generate 6 texts" in [widget.label for widget in app.button]


def test_a_finished_run_is_extended_from_the_page(open_page: Open, bench: Store, filled: Task) -> None:
    app = open_page("generate")
    app.selectbox(key="generate_strategy").set_value("eda").run()
    app.number_input(key="generate_target").set_value(6).run()
    button(app, "Generate 6 texts")
    run = wait_for(app, bench, filled)
    app.number_input(key=f"generate_more_{run.id}").set_value(15).run()
    button(app, "Extend the run")
    assert wait_for(app, bench, filled).n_texts == 15
    assert len(bench.generations.all(filled.id)) == 2
    assert app.button(key="generate_continue").label == "Continue: review 26 texts"


def test_settings_that_repeat_a_run_are_reported_with_another_rng_seed_to_use(
    open_page: Open, bench: Store, filled: Task
) -> None:
    app = open_page("generate")
    app.selectbox(key="generate_strategy").set_value("eda").run()
    app.number_input(key="generate_target").set_value(6).run()
    button(app, "Generate 6 texts")
    first = wait_for(app, bench, filled)
    assert f"Generation run {first.id} had the same settings and RNG seed" in captions(app)
    button(app, "Use RNG seed 1")
    assert app.number_input(key="generate_rng_seed").value == 1
    assert "had the same settings" not in captions(app)
    button(app, "Generate 6 texts")
    second = wait_for(app, bench, filled)
    assert second.id != first.id
    own = {text.text for text in bench.generations.texts([first.id])}
    assert own.isdisjoint(text.text for text in bench.generations.texts([second.id]))
    assert errors(app) == []


@pytest.fixture
def leaning(bench: Store, filled: Task) -> GenerationRun:
    """A finished run of `mix` whose texts are nearly all of one label, with money and flags."""
    seed_set = bench.tasks.seed_sets(filled.id)[0]
    config = GenerationConfig(DEFAULT_TEMPLATE, filled.labels, lms.EMBEDDED_LM, strategy="mix", target=50)
    run = bench.generations.create(filled.id, config, seed_set_id=seed_set.id, prompt_version_id=1)
    flag = Finding(RejectReason.DISAGREES, "anger 0.61, joy 0.20 *bold*")
    texts = [
        SyntheticText(f"text {i}", filled.labels[i == 0], Attempt(i, "p", (), Completion("r", 9, 90)), flags=(flag,))
        for i in range(40)
    ]
    bench.generations.write(run.id, texts, GenerationProgress(60, 40, 50, 8.0, n_by_label=(39, 1, 0), cost=0.4))
    bench.runs.finish(RunKey(RunKind.GENERATION, run.id), RunStatus.CANCELLED, "Cancelled.")
    return run


def test_a_run_that_leans_to_one_label_shows_its_figures_and_its_cost(open_page: Open, leaning: GenerationRun) -> None:
    app = open_page("generate")
    said = captions(app)
    assert "39 of 40 texts are joy (98%; target 33%)" in said
    assert "0.2 s per text" in said
    assert "cost 0.4 so far, 0.5 expected in total" in said
    assert "Flagged: 40 × label disagrees" in said
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]
    assert figure["text"][:2] == ["60  (100%)", "40  (67%)"]  # 20 were requested and never answered


def test_flags_are_shown_literally_on_the_review_card(open_page: Open, bench: Store, leaning: GenerationRun) -> None:
    app = open_page("review")
    while card(app)["text"] != "text 0":
        act(app, "accept")
    assert any("anger 0.61, joy 0.20 *bold*" in flag for flag in card(app)["flags"])


class _Server(BaseHTTPRequestHandler):
    """Lists two models and always returns the same text."""

    def do_GET(self) -> None:
        self._answer({"data": [{"id": "big"}, {"id": "small"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = " i feel fine (Sentiment: joy)"
        self._answer({"choices": [{"text": text}], "usage": {"prompt_tokens": 80, "completion_tokens": 10}})

    def _answer(self, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_an_endpoint_lists_its_models_and_abilities_and_the_budget_applies(
    open_page: Open, bench: Store, filled: Task, endpoint: str
) -> None:
    app = open_page("generate")
    app.selectbox(key="generate_lm").set_value("An OpenAI-compatible endpoint").run()
    app.text_input(key="generate_endpoint_url").set_value(endpoint).run()
    button(app, "List its models")
    assert app.selectbox(key="generate_endpoint_model").options == ["big", "small"]
    app.selectbox(key="generate_endpoint_model").set_value("small").run()
    button(app, "Ask what it can do")
    app.selectbox(key="generate_strategy").set_value("mix").run()
    assert "small gives no label scores" in captions(app)
    start = next(widget for widget in app.button if widget.label == "Generate 200 texts")
    assert start.disabled  # mix needs label scores
    app.selectbox(key="generate_strategy").set_value("free").run()
    app.number_input(key="generate_price_in").set_value(100.0)
    app.number_input(key="generate_price_out").set_value(200.0).run()
    assert "for 200 texts if every completion is kept" in captions(app)
    app.number_input(key="generate_budget").set_value(0.2).run()
    button(app, "Generate 200 texts")
    run = wait_for(app, bench, filled)
    assert errors(app) == []
    assert run.cost == pytest.approx(run.n_attempts * 0.01)  # 80 tokens at 100 and 10 at 200 per million
    assert run.n_attempts == 20
    assert "Stopped before exceeding the budget of 0.2" in run.state.message
    assert run.n_texts == 1  # it always returns the same text


def test_every_run_in_the_list_can_be_opened(open_page: Open, bench: Store, filled: Task) -> None:
    for name in ("B", "C", "D"):
        bench.generations.import_texts(filled.id, name, [LabelledText(f"by {name}", "joy")])
    app = open_page("generate")
    for run_id in (4, 2, 3, 1):
        app.selectbox(key="generate_run").set_value(run_id).run()
        assert any(markdown.value.startswith(f"**Generation run {run_id}**") for markdown in app.markdown)


def test_a_run_with_a_small_budget_can_be_opened_and_extended(
    open_page: Open, bench: Store, leaning: GenerationRun
) -> None:
    assert leaning.config is not None
    bench.generations.extend(leaning.id, replace(leaning.config, budget=0.004))
    app = open_page("generate")
    assert errors(app) == []
    assert app.number_input(key=f"generate_more_budget_{leaning.id}").value == 0.004


def test_a_run_with_a_missing_model_cannot_be_started(open_page: Open, filled: Task) -> None:
    app = open_page("generate")
    app.selectbox(key="generate_lm").set_value("Another transformers model").run()
    app.text_input(key="generate_lm_name").set_value("/no/such/folder").run()
    assert any("There is no folder" in error.replace("\\", "") for error in errors(app))
    assert app.button(key="generate_start").disabled


def test_a_key_typed_for_one_endpoint_is_not_sent_to_another() -> None:
    def page() -> None:
        import streamlit as st

        from augment.records import LMKind, LMSpec
        from pages.parts.language_models import key_for

        st.session_state["x_endpoint_url"], st.session_state["x_endpoint_key"] = "http://a/v1", "typed"
        lms = [LMSpec(LMKind.OPENAI, "m", base_url=f"http://{host}/v1") for host in "ab"]
        st.text([key_for("x", lm) for lm in lms])

    app = AppTest.from_function(page).run()
    assert app.text[0].value == "['typed', None]"
