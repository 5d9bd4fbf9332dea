"""Prove `tests/solidity/symbolic` with halmos: each `check_` function holds for every argument, or this fails.

A query that the solver cannot answer in time fails too: a lemma is then to be made smaller, not to be left open.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROOFS = "tests/solidity/symbolic"
BUILD = ".build/proofs"
SECONDS = 60
HALMOS = [
    *("uv", "run", "--no-project", "--isolated", "--python", ".venv/bin/python"),
    *("--with-requirements", "tooling/halmos.txt"),
    *("halmos", "--forge-build-out", BUILD, "--function", "check_", "--loop", "100"),
    *("--solver-command", "python tooling/smt_solver.py", "--solver-timeout-assertion", str(SECONDS * 1000)),
]


def main() -> None:
    """Run halmos over the proofs alone; exit as it does."""
    # A build of its own: halmos asks forge for syntax trees, which nobody else needs.
    alone = {"FOUNDRY_SRC": PROOFS, "FOUNDRY_TEST": PROOFS, "FOUNDRY_SCRIPT": PROOFS}
    folders = {"FOUNDRY_OUT": BUILD, "FOUNDRY_CACHE_PATH": f"{BUILD}-cache"}
    sys.exit(subprocess.run(HALMOS, cwd=ROOT, env={**os.environ, **alone, **folders}, check=False).returncode)


if __name__ == "__main__":
    main()
