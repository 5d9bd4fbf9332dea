"""Answer one SMT-LIB file as a solver does: cvc5, with bit vectors as integers, which makes products easy."""

from __future__ import annotations

import sys
from pathlib import Path

import cvc5


def main(path: Path) -> None:
    """Print what the commands in `path` answer, until the first error."""
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("solve-bv-as-int", "sum")
    solver.setOption("produce-models", "true")
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, str(path))
    symbols = parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        answer = command.invoke(solver, symbols).strip()
        if answer:
            print(answer, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
