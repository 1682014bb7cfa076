"""Compute an encoder's last layer for the first token only, as classifier heads use no other. Same logits, less work.

A single query does not need the keys and values of every token. Scores are q·(K x) = (Kᵀq)·x and the output is
V(Σ p x) + v Σ p, so both projections run once per text instead of once per token. The keys' bias adds the same to every
score and cancels in the softmax. Knows nothing of tokenizers, texts or heads.
"""

from typing import Any

import torch

# Names of query, key, value and output in transformers' self-attentions: BERT's and RoBERTa's, DistilBERT's, MPNet's.
PROJECTIONS = (("query", "key", "value", ""), ("q_lin", "k_lin", "v_lin", "out_lin"), ("q", "k", "v", "o"))


def keep_first_token(layer: Any) -> bool:
    """Make `layer` continue with only the first token after its attention, in place; False if that is not possible.

    The caller must check that the model's head uses no other token.
    """
    names = ("sa_layer_norm", "attention")  # DistilBERT's; BERT's, RoBERTa's and MPNet's
    place = next((getattr(layer, name) for name in names if hasattr(layer, name)), None)
    if place is None:
        return False
    _shorten_attention(layer)
    place.register_forward_hook(_cut)  # the residual connection added the other tokens again
    return True


def _shorten_attention(layer: Any) -> None:
    """Replace the layer's self-attention, if it is of a known type."""
    for path, module in list(layer.named_modules()):
        for names in PROJECTIONS:
            if all(hasattr(module, name) for name in names if name):
                parent, _, own = path.rpartition(".")
                setattr(layer.get_submodule(parent), own, FirstTokenAttention(module, names))
                return


def _cut(_module: Any, _inputs: Any, output: Any) -> Any:
    if isinstance(output, tuple):
        return (output[0][:, :1].contiguous(), *output[1:])
    return output[:, :1].contiguous()


class FirstTokenAttention(torch.nn.Module):
    """Replaces a self-attention and uses its projections; returns the first token's output, (B, 1, hidden)."""

    def __init__(self, attention: Any, names: tuple[str, str, str, str]) -> None:
        super().__init__()
        self.query, self.key, self.value = (getattr(attention, name) for name in names[:3])
        self.output = getattr(attention, names[3]) if names[3] else torch.nn.Identity()
        self.dropout = attention.dropout
        self.n_heads = next(
            getattr(attention, name) for name in ("num_attention_heads", "n_heads") if hasattr(attention, name)
        )

    def forward(
        self, hidden_states: Any, attention_mask: Any = None, position_bias: Any = None, **_options: Any
    ) -> Any:
        """Called with the arguments of the attention that it replaces."""
        n_texts, _, width = hidden_states.shape
        query = self.query(hidden_states[:, 0]).view(n_texts, self.n_heads, -1).transpose(0, 1)  # (heads, B, head)
        scale = query.shape[-1] ** -0.5
        keys = self.key.weight.view(self.n_heads, -1, width)  # (heads, head, width)
        folded = (query * scale @ keys).transpose(0, 1)  # (B, heads, width)
        scores = folded @ hidden_states.transpose(1, 2)  # (B, heads, T)
        if position_bias is not None:
            scores = scores + position_bias[:, :, 0]
        if attention_mask is not None:
            mask = attention_mask[:, :, 0]  # (B, 1, T)
            scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
        probs = self.dropout(scores.softmax(-1))
        mixed = (probs @ hidden_states).transpose(0, 1)  # (heads, B, width)
        values = self.value.weight.view(self.n_heads, -1, width)
        found = (mixed @ values.transpose(1, 2)).transpose(0, 1)  # (B, heads, head)
        if self.value.bias is not None:
            found = found + self.value.bias.view(self.n_heads, -1) * probs.sum(-1, keepdim=True)
        return self.output(found.reshape(n_texts, 1, -1)), None
