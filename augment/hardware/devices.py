"""The fastest device and data type of this machine, and the free memory of a device."""

import time
from functools import cache

import torch

from augment.hardware.memory import free_main_memory


def best_device() -> str:
    """'cuda', 'mps' or 'cpu': the first that is available."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@cache
def fastest_dtype(device: str) -> torch.dtype:
    """bfloat16 if matrix products are faster in it than in float32 on this device, else float32.

    All processes on a machine must choose the same, or a resumed run would continue differently. On x86 the choice
    therefore depends on the processor's instructions: timings on a busy machine vary (docs/LOG.md). Other devices are
    timed.
    """
    capabilities = torch.cpu.get_capabilities() if device == "cpu" else {}
    if capabilities.get("architecture") == "x86_64":
        has_products = capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")
        return torch.bfloat16 if has_products else torch.float32

    def seconds(a: torch.Tensor, b: torch.Tensor) -> float:
        start = time.perf_counter()
        (a @ b).float().sum().item()  # .item() waits for the device
        return time.perf_counter() - start

    a, b = torch.randn(256, 576, device=device), torch.randn(576, 1536, device=device)
    times: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for _ in range(20):  # in turn, so that a busy moment affects both
        for dtype, taken in times.items():
            taken.append(seconds(a.to(dtype), b.to(dtype)))
    return min(times, key=lambda dtype: min(times[dtype][1:]))


def free_memory(device: str) -> int:
    """Bytes of memory that are free on `device` now."""
    free: int = torch.cuda.mem_get_info()[0] if device == "cuda" else free_main_memory()
    return free
