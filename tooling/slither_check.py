"""Run slither over the contracts and hold each finding against `slither-answers.toml`.

A finding is named `detector:Contract.function`; its answer is one line in that file, or `detector:*` for all findings
of a detector. A finding without an answer fails, and so does an answer without a finding.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ANSWERS = ROOT / "slither-answers.toml"
SLITHER = [
    *("uv", "run", "--no-project", "--isolated", "--python", ".venv/bin/python"),
    *("--with-requirements", "tooling/slither.txt"),
    *("slither", ".", "--config-file", "slither.config.json", "--ignore-compile"),
]
BUILD = ["forge", "build", "contracts", "--build-info"]


def findings() -> set[str]:
    """Return the names of all findings; exit where slither itself fails."""
    with tempfile.TemporaryDirectory() as folder:
        # A build of its own: slither's would empty the folder in which the tests are compiled already.
        built, report = Path(folder) / "out", Path(folder) / "slither.json"
        places = ["--out", str(built), "--cache-path", str(Path(folder) / "cache")]
        made = subprocess.run([*BUILD, *places], cwd=ROOT, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            sys.exit(f"slither: contracts do not compile\n{made.stdout}{made.stderr}")
        command = [*SLITHER, "--foundry-out-directory", str(built), "--json", str(report)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not report.exists():
            sys.exit(f"slither: no report\n{run.stderr}")
        result = json.loads(report.read_text())
    if not result["success"]:
        sys.exit(f"slither: {result['error']}")
    return {f"{finding['check']}:{place(finding['elements'][0])}" for finding in result["results"].get("detectors", [])}


def place(element: dict[str, object]) -> str:
    """Return `Contract.function` of the innermost function or variable around an element."""
    names: list[str] = []
    at: object = element
    while isinstance(at, dict):
        if at["type"] in ("contract", "function", "variable", "struct", "event", "enum", "modifier"):
            names.insert(0, str(at["name"]))
        fields = at.get("type_specific_fields")
        at = fields.get("parent") if isinstance(fields, dict) else None
    return ".".join(names[:2])


def main() -> None:
    """Compare findings with answers; exit with status 1 where they differ."""
    answers: dict[str, str] = tomllib.loads(ANSWERS.read_text())["answers"]
    found = findings()
    used = {name if name in answers else f"{name.split(':')[0]}:*" for name in found}
    for name in sorted(found):
        if name not in answers and f"{name.split(':')[0]}:*" not in answers:
            print(f"slither: no answer in {ANSWERS.name} to {name}")
    for name in sorted(answers.keys() - used):
        print(f"slither: {ANSWERS.name} answers {name}, which slither does not find any more: delete the line")
    if used != answers.keys():
        sys.exit(1)
    print(f"slither: {len(found)} findings, each answered in {ANSWERS.name}")


if __name__ == "__main__":
    main()
