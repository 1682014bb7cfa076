"""Which device and which width of numbers are fastest here. Measures, does not go by names."""

import os
import time
from functools import cache
from typing import TYPE_CHECKING

from augment.hardware.memory import free_main_memory

if TYPE_CHECKING:
    import torch


def leave_a_core() -> None:
    """Have torch use all cores but one, so that pages answer while a run is going; before torch is imported.

    Threads that wait for each other on a busy core cost more than the core they leave (docs/LOG.md). OMP_NUM_THREADS in
    the environment goes before.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - 1)))


def best_device() -> str:
    """'cuda', 'mps' or 'cpu': the first that is there."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@cache
def fastest_dtype(device: str) -> "torch.dtype":
    """bfloat16 where a short matrix product is faster in it than in float32 on this device, else float32."""
    import torch

    def seconds(dtype: torch.dtype) -> float:
        a = torch.randn(256, 576, device=device).to(dtype)
        b = torch.randn(576, 1536, device=device).to(dtype)
        times = []
        for _ in range(6):
            start = time.perf_counter()
            (a @ b).float().sum().item()  # .item() waits for the device
            times.append(time.perf_counter() - start)
        return min(times[1:])

    return torch.bfloat16 if seconds(torch.bfloat16) < seconds(torch.float32) else torch.float32


def free_memory(device: str) -> int:
    """Bytes that are free on `device` now."""
    import torch

    free: int = torch.cuda.mem_get_info()[0] if device == "cuda" else free_main_memory()
    return free
