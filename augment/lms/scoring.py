"""Score the labels of finished completions in separate passes, with any LM that has `label_logprobs`."""

from collections.abc import Sequence

from augment.lms import LanguageModel
from augment.records import Completion, LabelQuestion, ScoredCompletion


def score_completions(
    lm: LanguageModel, prompts: Sequence[str], completions: Sequence[Completion], question: LabelQuestion
) -> list[ScoredCompletion]:
    """Score the labels after each prompt and its completion, cut at the mark; and the content-free text per prompt."""
    scored: dict[int, ScoredCompletion] = {}
    for prompt in dict.fromkeys(prompts):  # one prompt at a time, so that its contexts' common prefix is run once
        rows = [i for i, other in enumerate(prompts) if other == prompt]
        texts = [completions[i].text.partition(question.mark.strip())[0].rstrip() for i in rows]
        contexts = [prompt + text + question.mark for text in texts]
        if question.content_free:
            contexts.append(prompt + question.content_free + question.mark)
        scores = [tuple(row) for row in lm.label_logprobs(contexts, question.labels).tolist()]
        content_free = scores[-1] if question.content_free else None
        scored |= {i: ScoredCompletion(completions[i], scores[at], content_free) for at, i in enumerate(rows)}
    return [scored[i] for i in range(len(prompts))]
