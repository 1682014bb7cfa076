"""Pool an encoder's outputs per token to one vector per text."""

import torch


def mean_over_tokens(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Unit vectors in float32, (B, hidden): the mean of `hidden` (B, tokens, hidden) where `mask` (B, tokens) is 1."""
    mean = (hidden.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return torch.nn.functional.normalize(mean, dim=1)
