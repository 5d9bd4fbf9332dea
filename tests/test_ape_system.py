"""Which deployment record ape's scripts and consoles mean on the chain that they are connected to."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyutils.ape_system import RECORD_VARIABLE, NoRecordError, manifest_on
from pyutils.contracts import System
from pyutils.manifest import Manifest, ManifestError


@pytest.fixture
def records(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with records of three networks, two of them on one chain."""
    monkeypatch.chdir(tmp_path)
    for name in ("NETWORK", "MANIFEST", "RECORD"):
        monkeypatch.delenv(f"GPURWA_{name}", raising=False)
    folder = tmp_path / "deployments"
    for network, chain_id in (("devnet", 31337), ("old", 999_001), ("new", 999_001)):
        renamed(system.manifest, network, chain_id).write(folder / f"{network}.json")
    return folder


def renamed(manifest: Manifest, network: str, chain_id: int) -> Manifest:
    return manifest.model_copy(update={"network": network, "chain_id": chain_id})


def test_manifest_on__one_record_of_the_chain__is_meant(records: Path) -> None:
    assert manifest_on(31337).network == "devnet"


def test_manifest_on__several_or_none__says_how_to_choose(records: Path) -> None:
    with pytest.raises(NoRecordError, match=r"^the records of new, old are of chain 999001$"):
        manifest_on(999_001)
    with pytest.raises(NoRecordError, match=r"^no deployment record is of chain 999002$") as refused:
        manifest_on(999_002)
    assert "--record or GPURWA_RECORD" in refused.value.line()


def test_manifest_on__named_by_file_or_network__is_that_one(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert manifest_on(999_001, records / "old.json").network == "old"
    monkeypatch.setenv("GPURWA_NETWORK", "new")
    assert manifest_on(999_001).network == "new"
    monkeypatch.setenv(RECORD_VARIABLE, str(records / "old.json"))
    assert manifest_on(999_001).network == "old"


def test_manifest_on__record_of_another_chain__is_refused(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoRecordError, match="old is of chain 999001, ape is connected to chain 31337"):
        manifest_on(31337, records / "old.json")
    monkeypatch.setenv("GPURWA_NETWORK", "old")
    with pytest.raises(NoRecordError, match="ape is connected to chain 31337"):
        manifest_on(31337)
    with pytest.raises(ManifestError):
        manifest_on(31337, records / "none.json")
