"""Builds the library that stands in for NVIDIA's, and loads it behind a copy of `pynvml` of its own."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIBRARY = "libnvidia-ml.so.1"
_NUMBERS = count()


def compiler() -> str | None:
    """Return the C compiler, where there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(folder: Path) -> Path:
    """Compile the library into a folder, under the name that `pynvml` asks the loader for."""
    path = folder / LIBRARY
    tool = compiler()
    if tool is None:
        raise RuntimeError("no C compiler")
    flags = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([tool, *flags, "-o", str(path), str(HERE / "fake_nvml.c")], check=True)
    return path


class FakeNvml:
    """A library with a state of its own, and the `pynvml` that calls it."""

    def __init__(self, library: Path, folder: Path, scenario: str | Path) -> None:
        """Load a copy of `library`, so that no other test shares its state, and begin a scenario: text or a file."""
        number = next(_NUMBERS)
        copy = folder / f"fake{number}.so"
        shutil.copy(library, copy)
        self._library = ctypes.CDLL(str(copy))
        self._library.fakeNvmlSetTime.argtypes = [ctypes.c_int64]
        self._library.fakeNvmlCalls.restype = ctypes.c_long
        self.module = _pynvml(f"pynvml_of_fake_{number}")
        self.module.nvmlLib = self._library
        if isinstance(scenario, str):
            path = folder / f"scenario{number}.txt"
            path.write_text(scenario)
            scenario = path
        wrong = self._library.fakeNvmlLoad(str(scenario).encode())
        if wrong:
            raise ValueError(f"{scenario}, line {wrong}: makes no sense")

    def set_time(self, unix_ms: int) -> None:
        """Let the boards show what they show at a time."""
        self._library.fakeNvmlSetTime(unix_ms)

    @property
    def calls(self) -> int:
        """How many functions of the library were called."""
        return int(self._library.fakeNvmlCalls())


def _pynvml(name: str) -> Any:
    """Return a fresh `pynvml`: it keeps the library and its functions in variables of the module."""
    spec = importlib.util.find_spec("pynvml")
    if spec is None or spec.origin is None:
        raise RuntimeError("nvidia-ml-py is not installed")
    copy = importlib.util.spec_from_file_location(name, spec.origin)
    if copy is None or copy.loader is None:
        raise RuntimeError("pynvml cannot be loaded")
    module = importlib.util.module_from_spec(copy)
    sys.modules[name] = module  # it looks itself up there
    copy.loader.exec_module(module)
    return module
