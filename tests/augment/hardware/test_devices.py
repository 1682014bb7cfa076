"""Which number format is chosen."""

import platform
import subprocess
import sys

import pytest

from tests.conftest import ROOT

ASK = "from augment.hardware.devices import fastest_dtype; print(fastest_dtype('cpu'))"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86 processors are asked for their instructions")
def test_processes_that_compete_for_the_cpu_choose_the_same_number_format() -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", ASK], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    answers = {process.communicate(timeout=120)[0].strip() for process in processes}
    assert len(answers) == 1
    assert answers <= {"torch.bfloat16", "torch.float32"}
