"""A small OpenAI-compatible server that knows labels by words: 'happy' is joy, 'mad' is anger, 'what' is surprise."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from augment.records import EndpointApi, LMKind, LMSpec

WORDS = {"happy": "joy", "mad": "anger", "what": "surprise"}
N_PROMPT_TOKENS, N_TOKENS = 100, 2  # that it counts in every request


class LabelServer(ThreadingHTTPServer):
    """Labels the last line of each prompt; `n_answers` limits the answers, after which it refuses the key.

    `token_length` is how many characters of a label its first token has.
    """

    def __init__(self, *, has_scores: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.has_scores = has_scores
        self.bodies: list[dict[str, Any]] = []
        self.n_answers = math.inf
        self.token_length = 100
        self.gate = Event()  # closed, no request is answered
        self.gate.set()

    def lm(self, api: EndpointApi = EndpointApi.COMPLETIONS, *, is_structured: bool = False) -> LMSpec:
        return LMSpec(LMKind.OPENAI, "judge", base_url=self.url, api=api, is_structured=is_structured)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: LabelServer

    def do_GET(self) -> None:
        self._reply(200, {"data": [{"id": "judge"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        assert self.server.gate.wait(30)
        self.server.bodies.append(body)
        if len(self.server.bodies) > self.server.n_answers:
            self._reply(401, {"error": {"message": "no more for this key"}})
            return
        is_chat = "messages" in body
        line = (body["messages"][-1]["content"] if is_chat else body["prompt"]).rsplit("\n", 1)[-1]
        label = next((label for word, label in WORDS.items() if word in line), None)
        choice: dict[str, Any] = {"text": f" {label})" if label else " no idea"}
        if is_chat:
            said = f"{label}.".capitalize() if label else "I cannot say"
            if "response_format" in body:
                said = json.dumps({"text": "", "label": label or "joy"})
            choice = {"message": {"content": said}}
        if self.server.has_scores and body.get("logprobs"):
            tops = {
                f" {other[: self.server.token_length]}": math.log(0.8 if other == label else 0.1)
                for other in WORDS.values()
            }
            pairs = [{"token": token, "logprob": logprob} for token, logprob in tops.items()]
            choice["logprobs"] = {"content": [{"top_logprobs": pairs}]} if is_chat else {"top_logprobs": [tops]}
        usage = {"prompt_tokens": N_PROMPT_TOKENS, "completion_tokens": N_TOKENS}
        self._reply(200, {"choices": [choice], "usage": usage})

    def _reply(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def serving_labels(*, has_scores: bool = True) -> Iterator[LabelServer]:
    """The server, for as long as it is needed."""
    server = LabelServer(has_scores=has_scores)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.gate.set()
        server.shutdown()
        server.server_close()
