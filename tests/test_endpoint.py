"""OpenAI-compatible endpoints: a real `transformers serve` with the embedded LM, and a small server that fails."""

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from augment import lms
from augment.embedded import unpacked_lm_folder
from augment.errors import LMError
from augment.records import EndpointApi, LMKind, LMSpec, Sampling

SAMPLING = Sampling(max_new_tokens=24)
PROMPTS = ["Tweet: i feel great (Sentiment: joy)\nTweet:", "Tweet: so mad (Sentiment: anger)\nTweet:"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def served(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of `transformers serve`, and the name of the embedded LM there."""
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
def test_a_real_server_completes_by_both_interfaces(served: tuple[str, str], api: EndpointApi) -> None:
    url, name = served
    lm = lms.load(LMSpec(LMKind.OPENAI, name, base_url=url, api=api))
    answers = lm.complete(PROMPTS, SAMPLING)
    assert len(answers) == 2
    assert all(answer.text.strip() and "\n" not in answer.text for answer in answers)
    assert all(0 < answer.n_tokens <= SAMPLING.max_new_tokens + 1 for answer in answers)


class FaultyServer(ThreadingHTTPServer):
    """Answers every POST by `answer`, and counts the requests."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.n_requests = 0
        self.authorizations: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: FaultyServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.n_requests += 1
        self.server.authorizations.append(self.headers.get("Authorization", ""))
        self.server.answer(self)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def answer_with(
    status: int, body: object, headers: dict[str, str] | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def faulty() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], FaultyServer]]:
    servers: list[FaultyServer] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> FaultyServer:
        server = FaultyServer(answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "expected", "n_requests"),
    [
        (answer_with(401, {"error": {"message": "bad key"}}), "refused the key (401)", 1),
        (answer_with(404, {"error": {"message": "no"}}), "knows no model 'm' or no completions interface (404)", 1),
        (answer_with(429, {}, {"Retry-After": "0"}), "'too many requests' (429)", 3),
        (answer_with(500, {}, {"Retry-After": "0"}), "answered 500 after every retry", 3),
        (answer_with(200, {"choices": []}), "without any choice", 1),
        (answer_with(200, b"<html>"), "cannot be read", None),
        (cut, "cannot be reached", 3),
    ],
)
def test_each_fault_gives_one_clear_sentence_after_bounded_retries(
    faulty: Callable[[Callable[[BaseHTTPRequestHandler], None]], FaultyServer],
    answer: Callable[[BaseHTTPRequestHandler], None],
    expected: str,
    n_requests: int | None,
) -> None:
    server = faulty(answer)
    lm = lms.load(LMSpec(LMKind.OPENAI, "m", base_url=f"http://127.0.0.1:{server.server_port}/v1"), key="sk-secret")
    with pytest.raises(LMError) as caught:
        lm.complete(PROMPTS[:1], SAMPLING)
    assert expected in str(caught.value)
    assert "sk-secret" not in str(caught.value)
    assert n_requests is None or server.n_requests == n_requests
    assert set(server.authorizations) == {"Bearer sk-secret"}


def test_a_server_that_is_not_there_is_named() -> None:
    lm = lms.load(LMSpec(LMKind.OPENAI, "m", base_url=f"http://127.0.0.1:{free_port()}/v1"))
    with pytest.raises(LMError, match="cannot be reached"):
        lm.complete(PROMPTS[:1], SAMPLING)


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(LMError, match="must start with http"):
        LMSpec(LMKind.OPENAI, "m", base_url="localhost:8000")
