"""Label scores of finished completions in passes of their own, by any LM that gives `label_logprobs`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from augment.records import Completion, LabelQuestion, ScoredCompletion

if TYPE_CHECKING:
    from augment.lms import LanguageModel


def score_completions(
    lm: "LanguageModel", prompts: Sequence[str], completions: Sequence[Completion], question: LabelQuestion
) -> list[ScoredCompletion]:
    """Score every completion up to its label mark after its prompt, and the content-free text once a prompt."""
    texts = [one.text.partition(question.mark.strip())[0].rstrip() for one in completions]
    contexts = [prompt + text + question.mark for prompt, text in zip(prompts, texts, strict=True)]
    distinct = list(dict.fromkeys(prompts)) if question.content_free else []
    free = [prompt + (question.content_free or "") + question.mark for prompt in distinct]
    scores = lm.label_logprobs([*contexts, *free], question.labels).tolist()
    of_prompt = {prompt: tuple(row) for prompt, row in zip(distinct, scores[len(contexts) :], strict=True)}
    return [
        ScoredCompletion(completion, tuple(row), of_prompt.get(prompt))
        for completion, row, prompt in zip(completions, scores, prompts, strict=False)
    ]
