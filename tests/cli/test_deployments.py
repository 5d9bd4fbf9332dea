"""`gpurwa deployments`: records named, shown, and compared with the chain."""

from __future__ import annotations

import json

from pyutils.chain import rpc

from .shell import Shell


def test_deployments_list__own_records__are_named_a_broken_one_with_its_fault(sh: Shell) -> None:
    folder = sh.chain.folder / "deployments"
    broken = folder / "broken.json"
    broken.write_text('{"chain_id": "seven"}')
    try:
        rows = {row["network"]: row for row in sh.json("deployments", "list")}
        assert "broken" in sh("deployments", "list")
    finally:
        broken.unlink()

    assert rows["devnet"]["state"] == "complete"
    assert rows["devnet"]["contracts"] == len(list(sh.chain.manifest.everything))
    assert rows["devnet"]["record"] == "deployments/devnet.json"
    assert rows["broken"]["chain_id"] is None
    assert "deployment record deployments/broken.json: " in rows["broken"]["state"]


def test_deployments_show__devnet__says_what_it_was_made_of(sh: Shell) -> None:
    shown = sh.json("deployments", "show")
    assert shown == json.loads(sh.chain.manifest.model_dump_json())
    printed = sh("deployments", "show")
    assert "solc 0.8.37+commit.f401782d, cancun, 100 optimizer runs, metadata hash none" in printed
    assert shown["sources_hash"] in printed
    assert shown["contracts"]["LeaseBook"]["address"] in printed
    assert "there is no deployment record of network 'nowhere'" in sh.refused(
        "deployments", "show", "--network", "nowhere"
    )


def test_deployments_check__code_put_in_place_of_a_contract__is_named_with_status_1(sh: Shell) -> None:
    well = sh.json("deployments", "check")
    assert well["differs"] is None
    assert [row["faults"] for row in well["contracts"]] == [[]] * len(well["contracts"])
    assert "as compiled" in sh("deployments", "check")
    address = sh.chain.manifest.address("LossFund")
    rpc.request(sh.chain.web3, "anvil_setCode", address, "0x00")

    status, out, err = sh.run("deployments", "check")

    assert status == 1
    assert "other code than compiled: 1 bytes, not" in out
    assert err.startswith("gpurwa: not as compiled and recorded: LossFund. ")
    assert err.count("\n") == 1
