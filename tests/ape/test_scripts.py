"""The scripts, run by ape against one chain: deployed, reported, settled, and looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyutils.anvil import Anvil
from pyutils.chain import AnvilClock, connect
from pyutils.cli import root
from pyutils.deployment import DEV_ACCOUNTS
from pyutils.toolchain import PROJECT_ROOT

ACCOUNTS = max(DEV_ACCOUNTS.values()) + 1


def test_scripts__deploy_publish_settle_positions__one_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPURWA_STATE", str(tmp_path / "state"))
    record = tmp_path / "deployments" / "devnet.json"

    with Anvil.start(tmp_path / "anvil.log", arguments=("--accounts", str(ACCOUNTS))) as chain:
        monkeypatch.setenv("GPURWA_RPC_URLS", chain.url)
        clock = AnvilClock(connect([chain.url]))

        def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
            command = ["run", script, "--network", f"ethereum:local:{chain.url}", *map(str, arguments)]
            program = Path(sys.executable).parent / "ape"
            # ape finds scripts in the project's folder.
            return subprocess.run(
                [program, *command, "--record", record], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
            )

        def ape(script: str, *arguments: object) -> str:
            done = run(script, *arguments)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        def gpurwa(*arguments: object) -> Any:
            capsys.readouterr()
            status = root.run([*map(str, arguments), "--json"])
            out, err = capsys.readouterr()
            assert status == 0, err
            return json.loads(out)

        refused = run("positions", "lessee-1")
        assert refused.returncode == 2
        (line,) = (line for line in refused.stderr.splitlines() if not line.startswith("INFO: "))
        assert line.startswith(f"positions: deployment record {record} cannot be read: No such file or directory. ")

        assert "FleetRegistry" in ape("deploy", "--account", f"TEST::{DEV_ACCOUNTS['deployer']}")
        assert "roles held, or to be held: it holds guardian" in run("roles", "--of", "guardian").stdout

        for name in ("gpus.txt", "papers.txt"):
            Path(name).write_text("gpu-0\n")
        gpurwa("admin", "admit", "operator", "operator-a", "--checked", "papers.txt", "--account", "registrar")
        what = ("--class", "H200", "--region", "DE-HE", "--gpus", "gpus.txt", "--cadence", "60s", "--price", "3")
        papers = ("--floor", "1", "--insured-until", "2050-01-01", "--deed", "papers.txt", "--account", "operator-a")
        fleet = gpurwa("fleet", "enroll", *what, *papers)["fleet"]
        for _ in range(2):
            gpurwa("admin", "confirm", fleet, "--gpus", "gpus.txt", "--account", "registrar")
            gpurwa("admin", "verifiers", fleet, "verifier-1", "--quorum", 1, "--account", "verifier-admin")
            clock.advance(2 * 86_400)
        gpurwa("fleet", "reporter", fleet, "reporter-a", "--account", "operator-a")
        for who in ("operator-a", "lessee-1"):
            gpurwa("faucet", who, "--account", who)
        gpurwa("bond", "stake", fleet, "2000", "--account", "operator-a")
        lessee = ("--account", f"TEST::{DEV_ACCOUNTS['lessee-1']}")
        said = ape("open_lease", *lessee, fleet, "--gpus", 1, "--for", "4h")
        lease = int(said.partition("lease ")[2].partition(" is open")[0])
        grant = ("--gpu", "gpu-0", "--connection", "papers.txt", "--account", "operator-a")
        gpurwa("lease", "grant", lease, *grant)
        granted = gpurwa("lease", "show", lease)["granted_at"]
        rows = "".join(f"{at},gpu-0,10\n" for at in range(granted, granted + 8_000, 60))
        Path("trace.csv").write_text("timestamp_s,pod,gpu_duty_cycle_percent\n" + rows)
        clock.advance(9_000)
        report = gpurwa("report", "build", fleet, "--trace", "trace.csv", "--as-of", granted + 7_200)["report"]
        signatures = [
            tmp_path / gpurwa("report", "sign", report, "--account", who)["file"]
            for who in ("reporter-a", "verifier-1")
        ]

        sender = ("--account", f"TEST::{DEV_ACCOUNTS['operator-b']}")
        assert "submitted in block" in ape("publish_utilization", *sender, tmp_path / report, *signatures)
        settled = ape("settle_leases", *sender, fleet, "--leaf-files", tmp_path / "out" / "leaf_files")
        assert "1 leases settled, 6000000 units of rent" in settled
        printed = ape("positions", "lessee-1")
        position = json.loads(printed[printed.index("{") :])
        assert [row["lease_id"] for row in position["leases"]] == [lease]
        assert position["leases"][0]["lease"]["paid"] == 6_000_000
        before = ape("positions", "lessee-1", "--block", position["block"]["number"] - 1)
        assert json.loads(before[before.index("{") :])["block"]["at"] <= position["block"]["at"]

        monkeypatch.setenv("GPURWA_RECORD", str(record))
        program = Path(sys.executable).parent / "ape"
        code = "print(positions('lessee-1').leases[0].lease_id, figures_of(fleet(1)).leased_wad)"
        console = subprocess.run(
            [program, "console", "--network", f"ethereum:local:{chain.url}", "-c", code],
            cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert f"{lease} {10**18}" in console.stdout, console.stdout + console.stderr
