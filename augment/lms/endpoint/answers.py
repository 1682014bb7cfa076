"""Read an endpoint's answers: text, token counts, and label scores from the likeliest tokens. Pure: sends nothing.

Answers are read as plain JSON, because OpenAI-compatible servers differ in the fields that they leave out.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from augment.errors import NoScoresError

_VERY_UNLIKELY = -9999.0  # means zero probability. Source: OpenAI API reference, chat logprobs


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `text` is None if there are no choices; token counts are None if the server gives none.

    `top_tokens` are the likeliest first tokens and their log-probabilities in nats.
    """

    text: str | None
    n_prompt_tokens: int | None
    n_tokens: int | None
    top_tokens: tuple[tuple[str, float], ...]


def read_answer(body: object) -> Answer:
    """Read the JSON of a completions or chat answer.

    Raises:
        ValueError: it does not have that shape.
    """
    if not isinstance(body, dict):
        raise ValueError(f"expected a JSON object, found {type(body).__name__}")
    try:
        usage = body.get("usage") or {}
        n_prompt_tokens, n_tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if not body.get("choices"):
            return Answer(None, n_prompt_tokens, n_tokens, ())
        choice = body["choices"][0]
        text = choice["message"].get("content") if "message" in choice else choice["text"]
        if not isinstance(text, str | None):
            raise ValueError(f"expected a text, found {type(text).__name__}")
        return Answer(text or "", n_prompt_tokens, n_tokens, _read_top_tokens(choice.get("logprobs") or {}))
    except (AttributeError, IndexError, KeyError, TypeError) as error:  # the server may send any shape
        raise ValueError(f"expected a completion, found {str(body)[:200]}") from error


def _read_top_tokens(logprobs: Any) -> tuple[tuple[str, float], ...]:
    if logprobs.get("content"):  # chat, and llama.cpp's completions
        pairs = [(top["token"], top["logprob"]) for top in logprobs["content"][0].get("top_logprobs") or []]
    else:
        pairs = list(((logprobs.get("top_logprobs") or [{}])[0] or {}).items())
    return tuple((token, logprob) for token, logprob in pairs if logprob > _VERY_UNLIKELY)


def score_labels(top_tokens: Sequence[tuple[str, float]], labels: Sequence[str]) -> tuple[float, ...]:
    """Log-probability in nats of each label, from the likeliest first tokens; white space and case are ignored.

    A label gets the summed probability of the tokens that it starts with. A label without such a token gets half the
    probability of the least likely token: it must be less likely than that token. A token that several labels start
    with counts for none of them.

    Raises:
        NoScoresError: tokens that several labels start with are likelier than any label.
    """
    starts: list[list[float]] = [[] for _ in labels]
    shared: dict[str, float] = {}
    for token, logprob in top_tokens:
        start = token.strip().casefold()
        if not start:
            continue
        begun = [own for own, label in zip(starts, labels, strict=True) if label.strip().casefold().startswith(start)]
        if len(begun) == 1:
            begun[0].append(logprob)
        elif begun:
            shared[start] = float(np.logaddexp(shared.get(start, -math.inf), logprob))
    floor = min(logprob for _, logprob in top_tokens) - math.log(2)
    scores = tuple(float(np.logaddexp.reduce(own)) if own else floor for own in starts)
    if shared and np.logaddexp.reduce(list(shared.values())) > max(scores):
        start = max(shared, key=lambda token: shared[token])
        alike = [f"'{label.strip()}'" for label in labels if label.strip().casefold().startswith(start)]
        raise NoScoresError(
            f"The labels {', '.join(alike)} start with the same token '{start}', and the endpoint scores only first "
            "tokens. Rename one, or use the strategy 'free'."
        )
    return scores


def item_format(labels: Sequence[str]) -> dict[str, Any]:
    """The `response_format` for an object with a text and one of `labels`."""
    return {
        "type": "json_schema",
        "json_schema": {
            "name": "item",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "label": {"type": "string", "enum": list(labels)}},
                "required": ["text", "label"],
                "additionalProperties": False,
            },
        },
    }


def is_item(text: str, labels: Sequence[str]) -> bool:
    """Whether `text` matches `item_format(labels)`."""
    try:
        item = json.loads(text)
    except ValueError:
        return False
    return isinstance(item, dict) and isinstance(item.get("text"), str) and item.get("label") in labels
