"""Lets `pytest tests/ape` find anvil and solc from any shell."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

os.environ.setdefault("SOLCX_BINARY_PATH", str(ROOT / ".solc"))
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
