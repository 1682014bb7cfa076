"""Any causal LM that transformers loads: hub name, local folder or GGUF file; CUDA, MPS or CPU.

Knows prompts only as strings. The sampling loop is our own: it stops each text at its line break, drops finished rows
from the batch, cuts to top-k before any sorting, and draws from its own generator, so that a seed gives the same texts.
"""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.devices import best_device, fastest_dtype, measure_need
from augment.errors import LMError
from augment.lms.unpack import unpack_embedded_lm
from augment.records import Completion, LMKind, LMSpec, Sampling

if TYPE_CHECKING:
    import torch


class LocalLM:
    """A causal LM and its tokenizer in this process."""

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        self.name = name
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._stop_ids = _line_break_ids(tokenizer) | _end_ids(model, tokenizer)
        self._context_length = getattr(model.config, "max_position_embeddings", None)
        self._keeps_last = "logits_to_keep" in inspect.signature(model.forward).parameters
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token

    @property
    def dtype(self) -> str:
        """The width the weights are held in, such as 'bfloat16'."""
        return str(self._model.dtype).removeprefix("torch.")

    def count_tokens(self, text: str) -> int:
        """Tokens of `text`, no special ones added."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[Completion]:
        """See `LanguageModel.complete`. Deterministic for one seed, dtype and list of prompts."""
        import torch

        if not prompts:
            return []
        input_ids, mask = self._encode([self._tokenizer(prompt)["input_ids"] for prompt in prompts])
        self._check_length(input_ids.shape[1] + sampling.max_new_tokens)
        generator = torch.Generator(device=input_ids.device).manual_seed(sampling.rng_seed)
        with torch.inference_mode():
            written = self._sample(input_ids, mask, sampling, generator)
        return [self._to_completion(ids) for ids in written]

    def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
        """See `LanguageModel.label_logprobs`; labels of several tokens are summed over their tokens."""
        import torch

        pairs = [
            (self._tokenizer(context)["input_ids"], self._tokenizer(label, add_special_tokens=False)["input_ids"])
            for context in contexts
            for label in labels
        ]
        longest = max(len(label) for _, label in pairs)
        scores = []
        for start in range(0, len(pairs), 48):
            chunk = pairs[start : start + 48]
            input_ids, mask = self._encode([context + label for context, label in chunk])
            self._check_length(input_ids.shape[1])
            with torch.inference_mode():
                logits = self._forward(input_ids, mask, keep=longest + 1)[0].float()  # (B, longest + 1, vocabulary)
            logprobs = logits.log_softmax(-1)
            for row, (_, label) in enumerate(chunk):
                steps = logprobs[row, -len(label) - 1 : -1]  # (len(label), vocabulary): what predicts each label token
                scores.append(steps.gather(1, torch.tensor(label, device=steps.device)[:, None]).sum().item())
        return np.array(scores).reshape(len(contexts), len(labels))

    def _encode(self, rows: Sequence[Sequence[int]]) -> "tuple[torch.Tensor, torch.Tensor]":
        """Left-padded ids and mask, both (B, T), on the model's device."""
        import torch

        width = max(len(row) for row in rows)
        pad = self._tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows], device=self._model.device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self._model.device)
        return ids, mask

    def _forward(
        self, input_ids: "torch.Tensor", mask: "torch.Tensor", *, keep: int, past: Any = None
    ) -> "tuple[torch.Tensor, Any]":
        """Logits of the last `keep` positions, (B, keep, vocabulary), and the cache. `mask` covers cache and input."""
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -input_ids.shape[1] :]
        extra = {"logits_to_keep": keep} if self._keeps_last else {}
        out = self._model(
            input_ids=input_ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=past,
            use_cache=True,
            **extra,
        )
        return out.logits[:, -keep:], out.past_key_values

    def _sample(
        self, input_ids: "torch.Tensor", mask: "torch.Tensor", sampling: Sampling, generator: "torch.Generator"
    ) -> list[list[int]]:
        import torch

        written: list[list[int]] = [[] for _ in range(input_ids.shape[0])]
        live = list(range(input_ids.shape[0]))  # which text each row of the batch is
        step_ids, past = input_ids, None
        for _ in range(sampling.max_new_tokens):
            logits, past = self._forward(step_ids, mask, keep=1, past=past)
            drawn = draw_tokens(logits[:, -1].float(), sampling, generator)  # (live rows,)
            tokens = drawn.tolist()
            keep = [row for row, token in enumerate(tokens) if token not in self._stop_ids]
            for row, token in enumerate(tokens):
                written[live[row]].append(token)
            if not keep:
                break
            if len(keep) < len(live):
                index = torch.tensor(keep, device=mask.device)
                past.batch_select_indices(index)
                mask, drawn = mask[index], drawn[index]
                live = [live[row] for row in keep]
            step_ids = drawn[:, None]
            mask = torch.cat([mask, mask.new_ones(len(live), 1)], dim=1)
        return written

    def _to_completion(self, ids: list[int]) -> Completion:
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        first, break_, _ = text.partition("\n")
        # A line break before any text is kept apart from an empty line: both parse as empty.
        return Completion(first if break_ else text, len(ids))

    def _check_length(self, n_tokens: int) -> None:
        if self._context_length and n_tokens > self._context_length:
            raise LMError(
                f"The prompt and its new tokens come to {n_tokens} tokens; '{self.name}' takes {self._context_length}. "
                "Use fewer seeds a prompt or fewer new tokens."
            )


def draw_tokens(logits: "torch.Tensor", sampling: Sampling, generator: "torch.Generator") -> "torch.Tensor":
    """Draw one token a row from (B, vocabulary) logits: temperature, then top-k, then top-p among those; (B,)."""
    import torch

    k = min(sampling.top_k or logits.shape[-1], logits.shape[-1])
    values, ids = (logits / sampling.temperature).topk(k, dim=-1)  # both (B, k), largest first
    probs = values.softmax(-1)
    outside = probs.cumsum(-1) - probs >= sampling.top_p  # the first token that reaches top_p still counts
    probs = probs.masked_fill(outside, 0.0)
    chosen = torch.multinomial(probs, 1, generator=generator)  # (B, 1)
    return ids.gather(1, chosen)[:, 0]


# Loading -------------------------------------------------------------------------------------------------------------


def load_local(spec: LMSpec) -> LocalLM:
    """Load the embedded LM, a hub name, a folder or a .gguf file onto the best device there is.

    Raises:
        LMError: there is no such model, it is not a causal LM, or it does not fit into memory.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    source, options = _locate(spec)
    device = best_device()
    try:
        config = AutoConfig.from_pretrained(source, **options)
        with torch.device("meta"):
            n_parameters = sum(one.numel() for one in AutoModelForCausalLM.from_config(config).parameters())
        dtype = fastest_dtype(device)
        need = measure_need(n_parameters, dtype.itemsize, device)
        if not need.fits:
            raise LMError(f"'{spec.name}' {need}. Choose a smaller LM, free memory, or use an endpoint.")
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        if "gguf_file" in options:  # dense weights in our dtype: packed ones cast at every product
            options["quantization_config"] = GgufConfig(dequantize=True)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, **options)
    except (OSError, ValueError, KeyError) as error:  # not there, not reachable, or not a causal LM
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise LMError(
            f"No language model '{spec.name}' could be loaded. Expected a hub name such as EleutherAI/gpt-neo-2.7B, a "
            f"folder with a causal LM, or a .gguf file; transformers says: {reason}"
        ) from error
    try:
        model = model.to(device)
    except torch.OutOfMemoryError as error:
        raise LMError(f"'{spec.name}' does not fit into the memory of {device}. Choose a smaller LM.") from error
    return LocalLM(spec.name, model, tokenizer)


def _locate(spec: LMSpec) -> tuple[str, dict[str, Any]]:
    """Where `from_pretrained` finds the model, and the options that go with it."""
    if spec.kind is LMKind.EMBEDDED:
        return str(unpack_embedded_lm()), {}
    path = Path(spec.name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise LMError(f"There is no GGUF file '{spec.name}'. Expected the path of a .gguf file on this machine.")
        return str(path.parent), {"gguf_file": path.name}
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise LMError(
                f"The folder '{spec.name}' holds no config.json. Expected a folder that save_pretrained wrote."
            )
        return str(path), {}
    if path.is_absolute() or spec.name.count("/") > 1:
        raise LMError(
            f"There is no folder '{spec.name}' on this machine. Expected a folder or a hub name 'owner/model'."
        )
    return spec.name, {}


def _line_break_ids(tokenizer: Any) -> set[int]:
    """Every token whose text holds a line break, as byte-level BPE ('Ċ'), SentencePiece ('<0x0A>') or plainly."""
    return {id_ for token, id_ in tokenizer.get_vocab().items() if "Ċ" in token or "\n" in token or token == "<0x0A>"}  # noqa: S105


def _end_ids(model: Any, tokenizer: Any) -> set[int]:
    named = (tokenizer.eos_token_id, getattr(model.generation_config, "eos_token_id", None))
    ids: set[int] = set()
    for one in named:
        ids.update(one if isinstance(one, list) else [] if one is None else [one])
    return ids
