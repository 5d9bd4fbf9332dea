"""docs/verification.md is true: its blocks are run in order, against explorers on this machine."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyutils import devnet
from pyutils.chain import connect
from pyutils.cli import root

if TYPE_CHECKING:
    from tests.explorer_server import KEY, exploring
else:
    # pytest puts this folder on the path, not the one above it.
    from explorer_server import KEY, exploring

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_LINES = 120


def test_page__blocks__run_in_order(
    project_root: Path,
    compiled: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (project_root / "docs" / "verification.md").read_text()
    blocks = BLOCK.findall(page)
    assert len(page.splitlines()) <= MOST_LINES
    assert {kind for kind, _ in blocks} == {"sh", "python"}
    monkeypatch.chdir(tmp_path)
    for name in ("NETWORK", "RPC_URLS", "MANIFEST", "OUT", "BLOCKSCOUT_KEY"):
        monkeypatch.delenv(f"GPURWA_{name}", raising=False)
    chain = devnet.start_devnet(tmp_path / "deployments")
    try:
        with exploring(connect([chain.anvil.url], devnet.CHAIN_ID), compiled) as explorer:
            monkeypatch.setenv("GPURWA_SOURCIFY_URL", explorer.sourcify)
            monkeypatch.setenv("GPURWA_ETHERSCAN_URL", explorer.etherscan)
            monkeypatch.setenv("GPURWA_BLOCKSCOUT_URL", explorer.blockscout)
            monkeypatch.setenv("GPURWA_ETHERSCAN_KEY", KEY)
            for kind, text in blocks:
                if kind == "python":
                    exec(compile(text, "docs/verification.md", "exec"), {})
                    continue
                for line in text.splitlines():
                    command, *arguments = shlex.split(line)
                    assert command == "gpurwa"
                    assert root.run(arguments) == 0, f"{line}: {capsys.readouterr().err}"
    finally:
        chain.anvil.stop()

    printed = capsys.readouterr().out
    for said in ("Sourcify", "Etherscan", "Blockscout"):
        assert len(re.findall(rf"^{said} at \S+: \w+ verified: ", printed, re.MULTILINE)) == 2
    assert "Create3Factory verified before match" in printed
    assert (tmp_path / "out" / "verification" / "devnet" / "contracts.json").is_file()
