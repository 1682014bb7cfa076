"""OpenAI-compatible endpoints: a real `transformers serve` with the embedded LM, and a small scripted server."""

import json
import math
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from augment import lms
from augment.embedded import unpacked_lm_folder
from augment.errors import LMError, PartialError
from augment.lms.endpoint.lm import EndpointLM
from augment.records import Completion, EndpointApi, LabelQuestion, LMKind, LMSpec, Sampling, ScoredCompletion

SAMPLING = Sampling(max_new_tokens=24)
PROMPTS = ["Tweet: i feel great (Sentiment: joy)\nTweet:", "Tweet: so mad (Sentiment: anger)\nTweet:"]
LABELS = (" joy", " anger", " surprise")
QUESTION = LabelQuestion(" (Sentiment:", LABELS)
TOP_TOKENS = {" joy": math.log(0.5), " Joy": math.log(0.1), " ang": math.log(0.2), " the": math.log(0.04)}
# 'joy' is 0.5 + 0.1; 'ang' starts only anger; surprise is missing and gets half of the least likely token.
LABEL_PROBS = (0.6, 0.2, 0.02)
AT_ONCE = {"retry-after-ms": "1"}  # the client ignores a Retry-After of 0


# --- a real server ---------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def served(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of `transformers serve`, and the name of the embedded LM on it."""
    folder, port = str(unpacked_lm_folder()), free_port()
    log = (tmp_path_factory.mktemp("serve") / "log.txt").open("w")
    command = [str(Path(sys.executable).parent / "transformers"), "serve", folder, "--host", "127.0.0.1"]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.5)
        else:
            raise AssertionError(f"transformers serve did not come up: {Path(log.name).read_text()[-2000:]}")
        yield f"http://127.0.0.1:{port}/v1", folder
    finally:
        process.terminate()
        process.wait(20)
        log.close()


@pytest.mark.models
@pytest.mark.parametrize("api", list(EndpointApi))
def test_a_real_server_completes_through_both_interfaces(served: tuple[str, str], api: EndpointApi) -> None:
    url, name = served
    lm = lms.load(LMSpec(LMKind.OPENAI, name, base_url=url, api=api))
    answers = lm.complete(PROMPTS, SAMPLING)
    assert len(answers) == 2
    assert all(answer.text.strip() and "\n" not in answer.text for answer in answers)
    assert all(0 < answer.n_tokens <= SAMPLING.max_new_tokens + 1 for answer in answers)
    assert all(answer.n_prompt_tokens > 5 for answer in answers)
    assert list(lm.notes) == []


@pytest.mark.models
@pytest.mark.parametrize("api", list(EndpointApi))
def test_the_probe_detects_that_a_real_server_ignores_logprobs_and_formats(
    served: tuple[str, str], api: EndpointApi
) -> None:
    url, name = served
    lm = EndpointLM(LMSpec(LMKind.OPENAI, name, base_url=url, api=api), None)
    abilities = lm.probe()
    assert not abilities.has_logprobs
    assert not abilities.has_structured_output
    assert bool(abilities.models) != any("lists no models" in note for note in abilities.notes)
    with pytest.raises(LMError, match="gives no label scores. Use the strategy 'free'"):
        lm.complete_and_score(PROMPTS[:1], Sampling(max_new_tokens=4), QUESTION)


@pytest.mark.models
def test_an_unknown_model_on_a_real_server_gives_an_error(served: tuple[str, str]) -> None:
    lm = EndpointLM(LMSpec(LMKind.OPENAI, "no-such-model", base_url=served[0]), None)
    with pytest.raises(LMError, match=r"refused the request \(400\): .*no-such-model"):
        lm.probe()


# --- a scripted server -----------------------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    server: "ScriptedServer"
    body: dict[str, Any]

    def do_GET(self) -> None:
        reply(self, *self.server.models)

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.server.bodies.append(self.body)
        self.server.authorizations.append(self.headers.get("Authorization", ""))
        self.server.script(self)

    @property
    def asked(self) -> str:
        """The text that is to be continued."""
        return str(self.body["prompt"] if "prompt" in self.body else self.body["messages"][-1]["content"])

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


Script = Callable[[Handler], None]


class ScriptedServer(ThreadingHTTPServer):
    """Responds to every POST with `script` and records the requests; lists models with `models`."""

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.models: tuple[int, object] = (404, {"error": {"message": "no list here"}})
        self.bodies: list[dict[str, Any]] = []
        self.authorizations: list[str] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def lm(
        self,
        api: EndpointApi = EndpointApi.COMPLETIONS,
        *,
        key: str | None = None,
        is_structured: bool = False,
        timeout_s: float = 20,
    ) -> EndpointLM:
        spec = LMSpec(LMKind.OPENAI, "m", base_url=self.url, api=api, is_structured=is_structured)
        return EndpointLM(spec, key, timeout_s=timeout_s)


@pytest.fixture
def serve() -> Iterator[Callable[[Script], ScriptedServer]]:
    servers: list[ScriptedServer] = []

    def start(script: Script) -> ScriptedServer:
        server = ScriptedServer(script)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    yield start
    for server in servers:
        server.closing.set()
        server.shutdown()
        server.server_close()


Serve = Callable[[Script], ScriptedServer]


def reply(handler: Handler, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    sent = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
    for name, value in sent.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def always(status: int, body: object, headers: Mapping[str, str] | None = None) -> Script:
    return lambda handler: reply(handler, status, body, headers)


def refuse(handler: Handler, message: str, *, param: str | None = None, status: int = 400) -> None:
    reply(handler, status, {"error": {"message": message, "type": "invalid_request_error", "param": param}})


def answer(
    handler: Handler,
    text: str,
    *,
    usage: tuple[int, int] | None = (30, 7),
    top_tokens: Mapping[str, float] | None = None,
) -> None:
    """A response in OpenAI's format for the requested interface."""
    tops = [{"token": token, "logprob": logprob} for token, logprob in (top_tokens or {}).items()]
    if handler.path.endswith("/chat/completions"):
        logprobs: object = {"content": [{"token": tops[0]["token"], "top_logprobs": tops}]} if tops else None
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": logprobs}
    else:
        choice = {"index": 0, "text": text, "logprobs": {"top_logprobs": [dict(top_tokens)]} if top_tokens else None}
    body: dict[str, object] = {"choices": [choice]}
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    reply(handler, 200, body)


def is_label_request(handler: Handler) -> bool:
    return "logprobs" in handler.body


def write_and_score(text: str, top_tokens: Mapping[str, float] = TOP_TOKENS) -> Script:
    """A server with logprobs: 30 prompt and 7 new tokens per text, 40 and 1 per label request."""

    def script(handler: Handler) -> None:
        if is_label_request(handler):
            answer(handler, " joy", usage=(40, 1), top_tokens=top_tokens)
        else:
            answer(handler, text)

    return script


def cut(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def hang(handler: Handler) -> None:
    handler.server.closing.wait(30)


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "expected", "n_requests"),
    [
        (always(401, {"error": {"message": "bad key"}}), "refused the key (401)", 1),
        (always(403, {"error": {"message": "no access"}}), "refused the key (403)", 1),
        (always(404, {"error": {"message": "no"}}), "has no model 'm' or no completions interface (404)", 1),
        (always(429, {}, AT_ONCE), "'too many requests' (429)", 3),
        (always(500, {}, AT_ONCE), "answered 500 after every retry", 3),
        (always(402, {"error": {"message": "no\ncredit"}}), "refused the request (402): no credit", 1),
        (always(200, {"choices": []}), "returned no choices", 1),
        (always(200, {"error": "late"}), "returned no choices", 1),
        (always(200, {"choices": [{}]}), "cannot be read", 1),
        (always(200, ["no object"]), "cannot be read", 1),
        (always(200, b"<html>"), "cannot be read", None),
        (always(200, b"<html>", {"Content-Type": "text/html"}), "cannot be read", 1),
        (cut, "cannot be reached", 3),
    ],
)
def test_each_fault_gives_one_clear_error_after_limited_retries(
    serve: Serve, script: Script, expected: str, n_requests: int | None
) -> None:
    server = serve(script)
    lm = lms.load(LMSpec(LMKind.OPENAI, "m", base_url=server.url), key="sk-secret")
    with pytest.raises(LMError) as caught:
        lm.complete(PROMPTS[:1], SAMPLING)
    assert not isinstance(caught.value, PartialError)
    assert expected in str(caught.value)
    assert "sk-secret" not in str(caught.value)
    assert n_requests is None or len(server.bodies) == n_requests
    assert set(server.authorizations) == {"Bearer sk-secret"}


def test_an_unreachable_server_gives_an_error() -> None:
    lm = EndpointLM(LMSpec(LMKind.OPENAI, "m", base_url=f"http://127.0.0.1:{free_port()}/v1"), None)
    with pytest.raises(LMError, match="cannot be reached"):
        lm.complete(PROMPTS[:1], SAMPLING)


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(LMError, match="must start with http"):
        LMSpec(LMKind.OPENAI, "m", base_url="localhost:8000")


def test_a_server_that_never_responds_is_given_up_after_two_retries(serve: Serve) -> None:
    server = serve(hang)
    started = time.monotonic()
    with pytest.raises(LMError, match="did not answer within 0.3 s"):
        server.lm(timeout_s=0.3).complete(PROMPTS[:1], SAMPLING)
    assert len(server.bodies) == 3
    assert time.monotonic() - started < 15


def test_a_refusal_without_a_parameter_shows_the_server_s_message_but_never_the_key(serve: Serve) -> None:
    server = serve(lambda handler: refuse(handler, "Prompt of\nsk-secret is not allowed. " + 300 * "x"))
    with pytest.raises(LMError) as caught:
        server.lm(key="sk-secret").complete(PROMPTS[:1], SAMPLING)
    said = str(caught.value).partition("refused the request (400): ")[2]
    assert said.startswith("Prompt of … is not allowed. xxx")
    assert len(said) == 200
    assert len(server.bodies) == 1


# --- a batch that fails midway ---------------------------------------------------------------------------------------


def fail_on(word: str, otherwise: Script) -> Script:
    def script(handler: Handler) -> None:
        if word in handler.asked:
            time.sleep(0.3)  # so that the others are answered first, on a busy machine too
            reply(handler, 500, {}, AT_ONCE)
        else:
            otherwise(handler)

    return script


def test_a_failed_batch_keeps_its_answers_in_the_order_of_the_prompts(serve: Serve) -> None:
    server = serve(fail_on("bad", lambda handler: answer(handler, f" {handler.asked}!")))
    with pytest.raises(PartialError, match="answered 500 after every retry") as caught:
        server.lm().complete(["one", "bad", "three", "four"], SAMPLING)
    assert caught.value.answers == [
        Completion(" one!", 7, 30),
        None,
        Completion(" three!", 7, 30),
        Completion(" four!", 7, 30),
    ]


def test_a_failed_batch_keeps_scored_texts_too(serve: Serve) -> None:
    server = serve(fail_on("bad", write_and_score(" so glad")))
    with pytest.raises(PartialError, match="answered 500") as caught:
        server.lm().complete_and_score(["one", "two", "bad"], SAMPLING, QUESTION)
    first, second, bad = caught.value.answers
    assert isinstance(first, ScoredCompletion)
    assert first == second
    assert first.completion.text == " so glad"
    assert bad is None


def test_after_a_failure_no_request_is_sent_and_pending_answers_are_kept(serve: Serve) -> None:
    def script(handler: Handler) -> None:
        if handler.asked == "0":
            reply(handler, 401, {})
        else:
            time.sleep(0.5)
            answer(handler, " fine")

    server = serve(script)
    with pytest.raises(PartialError, match="refused the key") as caught:
        server.lm().complete([str(n) for n in range(40)], SAMPLING)
    kept = [n for n, completion in enumerate(caught.value.answers) if completion]
    asked = sorted(int(body["prompt"]) for body in server.bodies)
    assert asked == [0, *kept]
    assert 3 <= len(kept) < 12


# --- refused parameters ----------------------------------------------------------------------------------------------


def test_a_refused_parameter_is_left_out_from_then_on_and_noted_once_even_with_four_refusals(
    serve: Serve,
) -> None:
    all_four = threading.Barrier(4)

    def script(handler: Handler) -> None:
        if "temperature" in handler.body:
            all_four.wait(10)
            refuse(handler, "Unsupported value: only the default is supported.", param="temperature")
        else:
            answer(handler, " fine")

    server = serve(script)
    lm = server.lm()
    assert [completion.text for completion in lm.complete(["1", "2", "3", "4"], SAMPLING)] == [" fine"] * 4
    assert list(lm.notes) == [f"{server.url} refused 'temperature'; sending requests without it."]
    lm.complete(["5"], SAMPLING)
    assert len(server.bodies) == 9
    assert all("temperature" not in body and body["top_p"] == 0.9 for body in server.bodies[4:])
    assert len(lm.notes) == 1


def test_parameters_are_left_out_one_by_one_when_only_the_message_names_them(serve: Serve) -> None:
    def script(handler: Handler) -> None:
        if handler.body.keys() & {"seed", "stop"}:
            reply(handler, 422, {"detail": f"Unexpected fields: { {'seed', 'stop'} & handler.body.keys() }"})
        else:
            answer(handler, " first line\nsecond line")

    server = serve(script)
    lm = server.lm()
    assert lm.complete(["1"], SAMPLING)[0].text == " first line"
    assert len(server.bodies) == 3
    assert sorted(note.removeprefix(server.url) for note in lm.notes) == [
        " refused 'seed'; sending requests without it.",
        " refused 'stop'; sending requests without it.",
    ]


def test_chat_that_refuses_max_tokens_gets_max_completion_tokens(serve: Serve) -> None:
    def script(handler: Handler) -> None:
        if "max_tokens" in handler.body:
            refuse(handler, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        else:
            answer(handler, "fine")

    server = serve(script)
    lm = server.lm(EndpointApi.CHAT)
    assert lm.complete(["1"], SAMPLING)[0].text == "fine"
    assert server.bodies[-1]["max_completion_tokens"] == 24
    assert list(lm.notes) == [f"{server.url} refused 'max_tokens'; using 'max_completion_tokens' instead."]


def test_a_prompt_that_is_too_long_is_not_mistaken_for_a_refusal_of_max_tokens(serve: Serve) -> None:
    message = "'max_tokens' is too large: 24. This model's maximum context length is 16 tokens."
    server = serve(lambda handler: refuse(handler, message, param="max_tokens"))
    lm = server.lm()
    with pytest.raises(LMError, match="maximum context length is 16 tokens"):
        lm.complete(["1"], SAMPLING)
    assert len(server.bodies) == 1
    assert list(lm.notes) == []


# --- label scores ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", list(EndpointApi))
def test_labels_are_scored_by_their_likeliest_first_tokens(serve: Serve, api: EndpointApi) -> None:
    server = serve(write_and_score(" so glad (Sentiment: joy)"))
    (scored,) = server.lm(api).complete_and_score(PROMPTS[:1], SAMPLING, QUESTION)
    assert [math.exp(logprob) for logprob in scored.label_logprobs] == pytest.approx(LABEL_PROBS)
    assert scored.content_free_logprobs is None
    assert scored.completion.text.strip() == "so glad (Sentiment: joy)"  # as the server returned it
    written, asked = server.bodies
    assert written["stop"] == ["\n", "(Sentiment:"]
    assert asked["max_tokens"] == 1
    assert "temperature" not in asked
    context = asked["prompt"] if api is EndpointApi.COMPLETIONS else asked["messages"][-1]["content"]
    assert context == PROMPTS[0] + " so glad (Sentiment:"
    assert (asked["logprobs"], asked.get("top_logprobs")) == ((20, None) if "prompt" in asked else (True, 20))


def test_the_content_free_text_is_scored_once_per_prompt_and_all_tokens_are_counted(serve: Serve) -> None:
    free = {" joy": math.log(0.3), " anger": math.log(0.2), " surprise": math.log(0.1)}

    def script(handler: Handler) -> None:
        if " N/A (Sentiment:" in handler.asked:
            answer(handler, " joy", usage=(35, 1), top_tokens=free)
        else:
            write_and_score(" so glad")(handler)

    server = serve(script)
    question = LabelQuestion(QUESTION.mark, LABELS, " N/A")
    scored = server.lm().complete_and_score([PROMPTS[0], PROMPTS[1], PROMPTS[0]], SAMPLING, question)
    asked = [body["prompt"] for body in server.bodies if " N/A" in body["prompt"]]
    assert sorted(asked) == sorted(prompt + " N/A (Sentiment:" for prompt in PROMPTS)
    for result in scored:
        assert result.content_free_logprobs is not None
        assert [math.exp(logprob) for logprob in result.content_free_logprobs] == pytest.approx((0.3, 0.2, 0.1))
    assert [result.completion.n_tokens for result in scored] == [7, 7, 7]
    # 30 for the text's prompt, 40 + 1 for its label, and once per prompt 35 + 1 for the content-free text.
    assert [result.completion.n_prompt_tokens for result in scored] == [107, 107, 71]


def test_texts_scored_after_another_prompt_count_the_tokens_of_both_prompts(serve: Serve) -> None:
    free = {" joy": math.log(0.3), " anger": math.log(0.2), " surprise": math.log(0.1)}

    def script(handler: Handler) -> None:
        if " N/A (Sentiment:" in handler.asked:
            answer(handler, " joy", usage=(35, 1), top_tokens=free)
        else:
            write_and_score(" so glad")(handler)

    server = serve(script)
    question = LabelQuestion(QUESTION.mark, LABELS, " N/A")
    scored = server.lm().complete_and_score(PROMPTS[:2], SAMPLING, question, after="Neutral:")
    asked = [body["prompt"] for body in server.bodies]
    assert sorted(asked) == sorted([*PROMPTS[:2], "Neutral: N/A (Sentiment:", *["Neutral: so glad (Sentiment:"] * 2])
    assert [result.completion.n_prompt_tokens for result in scored] == [107, 71]  # the content-free text counts once


def test_label_logprobs_follow_the_order_of_contexts_and_labels(serve: Serve) -> None:
    def script(handler: Handler) -> None:
        p = 0.8 if "glad" in handler.asked else 0.1
        answer(handler, "", top_tokens={"joy": math.log(p), "anger": math.log(0.9 - p)})

    scores = serve(script).lm().label_logprobs(["so glad (", "so mad ("], (" anger", " joy"))
    assert scores.shape == (2, 2)
    assert [math.exp(logprob) for logprob in scores.flatten()] == pytest.approx([0.1, 0.8, 0.8, 0.1])


def test_label_scores_that_fail_midway_give_no_partial_answers(serve: Serve) -> None:
    server = serve(fail_on("bad", write_and_score("")))
    with pytest.raises(LMError, match="answered 500") as caught:
        server.lm().label_logprobs(["one", "bad"], LABELS)
    assert not isinstance(caught.value, PartialError)


def test_labels_with_a_common_first_token_are_refused_if_it_is_the_likeliest(serve: Serve) -> None:
    top_tokens = {" very": math.log(0.7), " neutral": math.log(0.2)}
    server = serve(write_and_score(" so glad", top_tokens))
    question = LabelQuestion(QUESTION.mark, (" very good", " very bad", " neutral"))
    with pytest.raises(LMError, match="'very good', 'very bad' start with the same token 'very'"):
        server.lm().complete_and_score(PROMPTS[:1], SAMPLING, question)


def test_an_unlikely_token_that_starts_several_labels_counts_for_none(serve: Serve) -> None:
    top_tokens = {" sad": math.log(0.6), " surprise": math.log(0.3), " s": math.log(0.04)}
    scores = serve(write_and_score("", top_tokens)).lm().label_logprobs(["x"], (" sadness", " surprise"))
    assert [math.exp(logprob) for logprob in scores[0]] == pytest.approx([0.6, 0.3])


def test_tokens_without_probability_do_not_affect_missing_labels(serve: Serve) -> None:
    top_tokens = {" joy": math.log(0.9), " anger": math.log(0.1), " x": -9999.0, " ": math.log(0.5)}
    scores = serve(write_and_score("", top_tokens)).lm(EndpointApi.CHAT).label_logprobs(["x"], LABELS)
    assert [math.exp(logprob) for logprob in scores[0]] == pytest.approx([0.9, 0.1, 0.05])


def test_logprobs_in_chat_format_are_read_from_completions_too(serve: Serve) -> None:
    tops = [{"token": token, "logprob": logprob} for token, logprob in TOP_TOKENS.items()]
    choice = {"text": " joy", "logprobs": {"content": [{"token": " joy", "top_logprobs": tops}]}}  # llama.cpp's server
    scores = serve(always(200, {"choices": [choice]})).lm().label_logprobs(["x"], LABELS)
    assert [math.exp(logprob) for logprob in scores[0]] == pytest.approx(LABEL_PROBS)


@pytest.mark.parametrize("api", list(EndpointApi))
def test_a_server_that_refuses_20_logprobs_is_asked_for_five(serve: Serve, api: EndpointApi) -> None:
    n_asked = "logprobs" if api is EndpointApi.COMPLETIONS else "top_logprobs"

    def script(handler: Handler) -> None:
        if handler.body.get(n_asked, 0) > 5:
            refuse(handler, "Requested sample logprobs of 20, which is greater than max allowed: 5")
        else:
            write_and_score(" so glad")(handler)

    server = serve(script)
    lm = server.lm(api)
    scored = lm.complete_and_score(["1", "2", "3", "4"], SAMPLING, QUESTION)
    assert [math.exp(logprob) for logprob in scored[3].label_logprobs] == pytest.approx(LABEL_PROBS)
    assert list(lm.notes) == [f"{server.url} refused 20 'logprobs'; requesting 5 instead."]


@pytest.mark.parametrize("api", list(EndpointApi))
def test_a_server_that_refuses_logprobs_gives_no_label_scores_but_still_writes_texts(
    serve: Serve, api: EndpointApi
) -> None:
    def script(handler: Handler) -> None:
        if is_label_request(handler):
            refuse(handler, "You are not allowed to request logprobs from this model.", status=403)
        else:
            answer(handler, " so glad")

    server = serve(script)
    lm = server.lm(api)
    with pytest.raises(LMError, match="gives no label scores. Use the strategy 'free'"):
        lm.complete_and_score(PROMPTS, SAMPLING, QUESTION)
    assert list(lm.notes) == [f"{server.url} refused 'logprobs'."]
    assert all("logprobs" in body for body in server.bodies if body["max_tokens"] == 1)  # no text is paid for in vain
    assert [completion.text.strip() for completion in lm.complete(PROMPTS, SAMPLING)] == ["so glad"] * 2


@pytest.mark.parametrize("top_tokens", [None, {" joy": -0.1}])
def test_a_server_that_returns_no_alternative_tokens_gives_no_label_scores(
    serve: Serve, top_tokens: Mapping[str, float] | None
) -> None:
    server = serve(lambda handler: answer(handler, " joy", top_tokens=top_tokens))
    with pytest.raises(LMError, match="gives no label scores. Use the strategy 'free'"):
        server.lm().label_logprobs(["x"], LABELS)


# --- structured output -----------------------------------------------------------------------------------------------

TASK_LABELS = ("joy", "anger")


def test_structured_output_is_requested_with_the_labels_and_kept_as_one_line(serve: Serve) -> None:
    server = serve(lambda handler: answer(handler, '{\n  "text": "so glad",\n  "label": "joy"\n}\n'))
    lm = server.lm(EndpointApi.CHAT, is_structured=True)
    (completion,) = lm.complete(PROMPTS[:1], SAMPLING, labels=TASK_LABELS)
    assert "\n" not in completion.text
    assert json.loads(completion.text) == {"text": "so glad", "label": "joy"}
    (body,) = server.bodies
    asked = body["response_format"]["json_schema"]
    assert body["response_format"]["type"] == "json_schema"
    assert (asked["name"], asked["strict"]) == ("item", True)
    assert asked["schema"]["properties"]["label"]["enum"] == ["joy", "anger"]
    assert asked["schema"]["required"] == ["text", "label"]
    assert asked["schema"]["additionalProperties"] is False
    assert "JSON object" in body["messages"][0]["content"]
    assert list(lm.notes) == []


@pytest.mark.parametrize(
    ("api", "is_structured", "labels"),
    [
        (EndpointApi.CHAT, True, ()),
        (EndpointApi.CHAT, False, TASK_LABELS),
        (EndpointApi.COMPLETIONS, True, TASK_LABELS),
    ],
)
def test_otherwise_a_plain_line_is_requested(
    serve: Serve, api: EndpointApi, is_structured: bool, labels: Sequence[str]
) -> None:
    server = serve(lambda handler: answer(handler, " so glad (Sentiment: joy)\nTweet: more"))
    (completion,) = server.lm(api, is_structured=is_structured).complete(PROMPTS[:1], SAMPLING, labels=labels)
    assert completion.text.strip() == "so glad (Sentiment: joy)"
    assert "response_format" not in server.bodies[0]


def test_ignored_structured_output_is_read_as_plain_lines_with_a_note(serve: Serve) -> None:
    server = serve(lambda handler: answer(handler, "Tweet: so glad (Sentiment: joy)\nTweet: more"))
    lm = server.lm(EndpointApi.CHAT, is_structured=True)
    assert [completion.text for completion in lm.complete(PROMPTS, SAMPLING, labels=TASK_LABELS)] == [
        " so glad (Sentiment: joy)"
    ] * 2
    assert list(lm.notes) == [f"{server.url} accepts 'response_format' but answers in plain lines."]


def test_refused_structured_output_is_replaced_by_a_request_for_a_plain_line(serve: Serve) -> None:
    def script(handler: Handler) -> None:
        if "response_format" in handler.body:
            refuse(handler, "This response_format type is unavailable now")
        else:
            answer(handler, "so glad (Sentiment: joy)")

    server = serve(script)
    lm = server.lm(EndpointApi.CHAT, is_structured=True)
    assert [completion.text for completion in lm.complete(PROMPTS, SAMPLING, labels=TASK_LABELS)] == [
        "so glad (Sentiment: joy)"
    ] * 2
    assert "JSON" not in server.bodies[-1]["messages"][0]["content"]
    assert list(lm.notes) == [f"{server.url} refused 'response_format'; requesting plain lines instead."]


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_token_counts_come_from_the_server(serve: Serve) -> None:
    server = serve(lambda handler: answer(handler, " so glad", usage=(123, 45)))
    lm = server.lm()
    assert lm.complete(PROMPTS[:1], SAMPLING) == [Completion(" so glad", 45, 123)]
    assert list(lm.notes) == []
    assert lm.count_tokens("so glad") is None


def test_without_token_counts_the_length_gives_an_estimate_and_one_note(serve: Serve) -> None:
    server = serve(lambda handler: answer(handler, " so glad.", usage=None))
    lm = server.lm()
    # 9 characters are three tokens, rounded up; 40 are ten, 41 eleven.
    assert lm.complete([40 * "x", 41 * "x"], SAMPLING) == [
        Completion(" so glad.", 3, 10),
        Completion(" so glad.", 3, 11),
    ]
    assert list(lm.notes) == [f"{server.url} gives no token counts; the cost is estimated from the length."]


def test_an_answer_without_content_is_an_empty_text(serve: Serve) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "length"}
    server = serve(always(200, {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 24}}))
    assert server.lm(EndpointApi.CHAT).complete(["x"], SAMPLING) == [Completion("", 24, 9)]


# --- the probe -------------------------------------------------------------------------------------------------------


def offer_everything(handler: Handler) -> None:
    if "response_format" in handler.body:
        label = handler.body["response_format"]["json_schema"]["schema"]["properties"]["label"]["enum"][-1]
        answer(handler, json.dumps({"text": "hello", "label": label}))
    else:
        answer(handler, "hello", top_tokens=TOP_TOKENS)


@pytest.mark.parametrize("api", list(EndpointApi))
def test_the_probe_reports_what_the_server_can_do(serve: Serve, api: EndpointApi) -> None:
    server = serve(offer_everything)
    server.models = (200, {"object": "list", "data": [{"id": "m"}, {"id": "a"}]})
    abilities = server.lm(api).probe()
    assert abilities.models == ("a", "m")
    assert abilities.has_logprobs
    assert abilities.has_structured_output == (api is EndpointApi.CHAT)
    assert abilities.notes == ()


@pytest.mark.parametrize("text", ["hello", '{"text": "hello", "label": "neither"}', '{"label": "warm"}', "[]"])
def test_the_probe_notices_that_the_format_is_ignored(serve: Serve, text: str) -> None:
    abilities = serve(lambda handler: answer(handler, text)).lm(EndpointApi.CHAT).probe()
    assert not abilities.has_logprobs
    assert not abilities.has_structured_output


def test_the_probe_continues_after_refusals_and_without_a_list_of_models(serve: Serve) -> None:
    def script(handler: Handler) -> None:
        refused = [name for name in ("logprobs", "response_format") if name in handler.body]
        if refused:
            refuse(handler, f"Unknown parameter: {refused[0]}", param=refused[0])
        else:
            answer(handler, "hello")

    server = serve(script)
    abilities = server.lm(EndpointApi.CHAT).probe()
    assert abilities.models == ()
    assert not abilities.has_logprobs
    assert not abilities.has_structured_output
    assert [note.removeprefix(server.url) for note in abilities.notes] == [
        " lists no models; enter the model's name.",
        " refused 'logprobs'.",
        " refused 'response_format'; requesting plain lines instead.",
    ]


@pytest.mark.parametrize(
    ("models", "script", "expected"),
    [
        ((200, {"data": [{"id": "other"}]}), always(404, {}), "has no model 'm'"),
        ((401, {}), always(401, {}), "refused the key"),
        ((403, {}), always(401, {}), "refused the key"),
    ],
)
def test_the_probe_fails_on_a_wrong_model_or_key(
    serve: Serve, models: tuple[int, object], script: Script, expected: str
) -> None:
    server = serve(script)
    server.models = models
    with pytest.raises(LMError, match=expected):
        server.lm().probe()


def test_the_probe_fails_on_an_unreachable_server() -> None:
    spec = LMSpec(LMKind.OPENAI, "m", base_url=f"http://127.0.0.1:{free_port()}/v1")
    with pytest.raises(LMError, match="cannot be reached"):
        EndpointLM(spec, None).probe()
