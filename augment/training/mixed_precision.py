"""AdamW for a model that computes in a narrower width than it learns in. Knows nothing of tasks or texts.

The model's weights, gradients and their float32 originals each lie in one block of memory for those that decay and one
for those that do not: a step is then a few passes over memory instead of thousands of small calls, and nothing is cast
layer by layer as autocast does.

Source: master weights, Micikevicius et al. 2018, arXiv 1710.03740, section 3.1.
"""

from typing import Any

import torch


class MixedPrecisionAdamW:
    """Steps `model` in place, whose weights become `dtype`; the learning rate falls linearly to 0 over `n_steps`.

    As transformers' Trainer: no decay on biases and norms, gradients clipped to a norm of 1.
    """

    def __init__(
        self, model: Any, dtype: torch.dtype, *, learning_rate: float, weight_decay: float, n_steps: int
    ) -> None:
        learning = [one for one in model.parameters() if one.requires_grad]
        groups = [
            (weight_decay, [one for one in learning if one.ndim > 1]),
            (0.0, [one for one in learning if one.ndim <= 1]),
        ]
        originals = [torch.cat([one.data.float().flatten() for one in group]) for _, group in groups]
        model.to(dtype)  # what does not learn too
        self._blocks = [_share_memory(group) for _, group in groups]
        self._originals = [torch.nn.Parameter(block) for block in originals]
        for original in self._originals:
            original.grad = torch.zeros_like(original)
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [original], "weight_decay": decay}
                for original, (decay, _) in zip(self._originals, groups, strict=True)
            ],
            lr=learning_rate,
            fused=True,
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, lambda step: max(0.0, 1 - step / n_steps))

    def step(self) -> None:
        """Learn from the gradients that are there, and clear them."""
        for original, (_, gradient) in zip(self._originals, self._blocks, strict=True):
            assert original.grad is not None  # noqa: S101  given in __init__, never taken away
            original.grad.copy_(gradient)
            gradient.zero_()
        torch.nn.utils.clip_grad_norm_(self._originals, 1.0)
        self._optimizer.step()
        self._schedule.step()
        for original, (weights, _) in zip(self._originals, self._blocks, strict=True):
            weights.copy_(original.data)


def _share_memory(parameters: list[torch.nn.Parameter]) -> tuple[torch.Tensor, torch.Tensor]:
    """Move weights and gradients of `parameters` into one block each; returns the two blocks."""
    weights = torch.cat([one.data.flatten() for one in parameters])
    gradients = torch.zeros_like(weights)
    start = 0
    for one in parameters:
        end = start + one.numel()
        one.data = weights[start:end].view_as(one)
        one.grad = gradients[start:end].view_as(one)
        start = end
    return weights, gradients
