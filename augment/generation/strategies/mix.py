"""The strategy `mix`, GPT3Mix: the LM writes a text and scores every label after it; the likeliest label is proposed.

Every text that is not empty is valid; its label probabilities are the soft label. With `config.is_calibrated` they are
divided by the probabilities after a content-free text and normalised.

Source: Yoo et al. 2021 (arXiv 2104.08826), section 3.3; Zhao et al. 2021 (arXiv 2102.09690), section 5.
"""

from augment.generation.strategies.label_scores import NO_TEXT, label_probabilities, text_before_mark
from augment.generation.strategies.strategy import Outcome, Request, Strategy, Written, ask_lm
from augment.prompts.parsing import ParsedCompletion
from augment.prompts.template import ask_label
from augment.records import LabelQuestion, ScoredCompletion


def write(request: Request) -> Written:
    """Get one text per prompt and the scores of all labels after it."""
    config, lm = request.config, request.writer()
    question = ask_label(config.template, config.labels, is_calibrated=config.is_calibrated)
    answers, error = ask_lm(lambda: lm.complete_and_score(request.prompts, request.sampling, question))
    return Written([_read(question, config.labels, answer) if answer else None for answer in answers], error)


def _read(question: LabelQuestion, labels: tuple[str, ...], scored: ScoredCompletion) -> Outcome:
    text = text_before_mark(question, scored.completion)
    if not text:
        return Outcome(scored.completion, NO_TEXT)
    probs = label_probabilities(scored)
    return Outcome(scored.completion, ParsedCompletion(text, labels[probs.index(max(probs))]), probs)


STRATEGY = Strategy(
    "mix (GPT3Mix)",
    "The language model writes a text, then scores every label for it. Every text that is not empty is valid.",
    write,
    needs_scores=True,
)
