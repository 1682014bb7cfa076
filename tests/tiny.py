"""Creates tiny random causal LMs of four architectures, to test code paths rather than quality."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPTJConfig,
    GPTJForCausalLM,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

CORPUS = ["Tweet: i feel happy today (Sentiment: joy)\n", "Tweet: so angry (Sentiment: anger)\n"] * 20


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with 300 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")


def save_tiny_lm(folder: Path, architecture: str) -> Path:
    """Save a two-layer GPT-J, GPT-Neo, Llama or Gemma 3 with random weights, as save_pretrained does."""
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    sizes = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 0}
    model: GPTJForCausalLM | GPTNeoForCausalLM | LlamaForCausalLM | Gemma3ForCausalLM
    if architecture == "gptj":
        model = GPTJForCausalLM(GPTJConfig(n_embd=32, n_layer=2, n_head=4, rotary_dim=4, n_positions=256, **sizes))
    elif architecture == "llama":  # two query heads share one key head
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
        shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "max_position_embeddings": 256}
        model = LlamaForCausalLM(LlamaConfig(**shape, **heads, **sizes))
    elif architecture == "gemma3":  # one layer with a window, one without; one key head
        heads = {"num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 8, "query_pre_attn_scalar": 8}
        shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "max_position_embeddings": 512}
        kinds = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 256}
        model = Gemma3ForCausalLM(Gemma3TextConfig(**shape, **heads, **kinds, **sizes, pad_token_id=0))
    else:
        config = GPTNeoConfig(
            hidden_size=32,
            num_layers=2,
            num_heads=4,
            attention_types=[[["global", "local"], 1]],
            window_size=16,
            max_position_embeddings=256,
            **sizes,
        )
        model = GPTNeoForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
