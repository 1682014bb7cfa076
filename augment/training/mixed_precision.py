"""AdamW in float32 for a model that computes in a narrower dtype. Knows nothing of tasks or texts.

Weights, gradients and their float32 originals are each stored in one block of memory for those with weight decay and
one for those without. A step is then a few passes over memory instead of thousands of small calls, and nothing is cast
layer by layer as in autocast.

Source: master weights, Micikevicius et al. 2018, arXiv 1710.03740, section 3.1.
"""

from typing import Any

import torch


class MixedPrecisionAdamW:
    """Updates `model` in place and casts its weights to `dtype`; the learning rate falls linearly to 0 over `n_steps`.

    Like transformers' Trainer: no decay on biases and norms, gradients clipped to a norm of 1.
    """

    def __init__(
        self, model: Any, dtype: torch.dtype, *, learning_rate: float, weight_decay: float, n_steps: int
    ) -> None:
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        groups = [
            (weight_decay, [parameter for parameter in trainable if parameter.ndim > 1]),
            (0.0, [parameter for parameter in trainable if parameter.ndim <= 1]),
        ]
        originals = [torch.cat([parameter.data.float().flatten() for parameter in group]) for _, group in groups]
        model.to(dtype)  # frozen weights too
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
        """Apply the current gradients and clear them."""
        for original, (_, gradient) in zip(self._originals, self._blocks, strict=True):
            assert original.grad is not None  # noqa: S101  set in __init__, never removed
            original.grad.copy_(gradient)
            gradient.zero_()
        torch.nn.utils.clip_grad_norm_(self._originals, 1.0)
        self._optimizer.step()
        self._schedule.step()
        for original, (weights, _) in zip(self._originals, self._blocks, strict=True):
            weights.copy_(original.data)


def _share_memory(parameters: list[torch.nn.Parameter]) -> tuple[torch.Tensor, torch.Tensor]:
    """Move weights and gradients of `parameters` into one block each; returns the two blocks."""
    weights = torch.cat([parameter.data.flatten() for parameter in parameters])
    gradients = torch.zeros_like(weights)
    start = 0
    for parameter in parameters:
        end = start + parameter.numel()
        parameter.data = weights[start:end].view_as(parameter)
        parameter.grad = gradients[start:end].view_as(parameter)
        start = end
    return weights, gradients
