"""The strategy `free`: the LM writes text and label; a completion that does not parse is a reject.

Source: the reference notebook's loop.
"""

from augment.generation.strategies.strategy import Outcome, Request, Strategy, Written, ask_lm
from augment.prompts.parsing import parse_completion


def write(request: Request) -> Written:
    """Get one line per prompt and read text and label from it."""
    config, lm = request.config, request.writer()
    answers, error = ask_lm(lambda: lm.complete(request.prompts, request.sampling, labels=config.labels))
    outcomes = [
        Outcome(answer, parse_completion(config.template, config.labels, answer.text)) if answer else None
        for answer in answers
    ]
    return Written(outcomes, error)


STRATEGY = Strategy(
    "free",
    "The language model writes a text and its label, as in the notebook. Completions lacking either are rejected.",
    write,
)
