"""The strategy `conditional`: the label is given, and the text is written for it.

The prompt shows seeds of the label, after contrasting seeds of other labels. Labels are still scored, after a balanced
prompt that does not reveal the label, so that a text whose probabilities disagree can be flagged. Quotas make the label
balance exact.

Source: label-conditioned few-shot prompting as in PromDA (Wang et al. 2022, arXiv 2202.12499) and AugGPT (Dai et al.
2023, arXiv 2302.13007); scores as in `augment.generation.strategies.mix`.
"""

from augment.errors import NoScoresError
from augment.generation.strategies.label_scores import NO_TEXT, label_probabilities, text_before_mark
from augment.generation.strategies.strategy import Outcome, Planned, Request, Strategy, Written, ask_lm
from augment.prompts.parsing import ParsedCompletion
from augment.prompts.template import ask_label
from augment.records import Completion, LabelQuestion, ScoredCompletion


def write(request: Request) -> Written:
    """Get one text per prompt for its given label, and the scores of all labels if the LM gives any."""
    config, lm, behind = request.config, request.writer(), request.shots.scoring_prompt
    question = ask_label(config.template, config.labels, is_calibrated=config.is_calibrated)
    try:
        answers, error = ask_lm(
            lambda: lm.complete_and_score(request.prompts, request.sampling, question, after=behind)
        )
    except NoScoresError:  # the label is given; without scores the text just cannot be flagged
        answers, error = ask_lm(lambda: lm.complete(request.prompts, request.sampling))
    outcomes = [
        _read(question, planned, answer) if answer else None
        for planned, answer in zip(request.planned, answers, strict=True)
    ]
    return Written(outcomes, error)


def _read(question: LabelQuestion, planned: Planned, answer: Completion | ScoredCompletion) -> Outcome:
    completion = answer.completion if isinstance(answer, ScoredCompletion) else answer
    text = text_before_mark(question, completion)
    if not text:
        return Outcome(completion, NO_TEXT)
    probs = label_probabilities(answer) if isinstance(answer, ScoredCompletion) else None
    return Outcome(completion, ParsedCompletion(text, str(planned.label)), probs)


STRATEGY = Strategy(
    "conditional",
    "The prompt shows seeds of one label, and the language model writes a text for it. The label shares are exact.",
    write,
    gives_label=True,
)
