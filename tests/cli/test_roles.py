"""Who may call what, and the proof that the deployer may nothing."""

from __future__ import annotations

import pytest

from pyutils.devnet import account

from .shell import LiveFleet, Shell


def test_roles__fleet_that_is_announced_to_grow__everybody_s_rights_are_printed(sh: Shell) -> None:
    sh.write("papers.txt", "x")
    sh("admin", "list-token", "TestCollateral", "--account", "parameters")
    printed = sh("roles")
    for said in ("guardian", account("guardian").address, "FleetRegistry.pause", "give and take risk", "2d after"):
        assert said in printed
    assert "FleetRegistry.listToken(token=0x" in printed

    found = sh.json("roles")
    by_name = {role["name"]: role for role in found["roles"]}
    assert by_name["parameters"]["holders"][0]["execution_delay"]["seconds"] == 2 * 86_400
    assert by_name["parameters"]["guardian"] == "guardian"
    assert {"FleetRegistry", "CreditVault", "AccessManager"} <= {target["name"] for target in found["targets"]}
    (call,) = found["announced"]
    assert (call["caller"], call["role"]) == (account("parameters").address, "parameters")
    assert call["void_at"] - call["ready_at"] == 7 * 86_400

    sh("admin", "cancel-call", call["operation"], "--account", "guardian")
    assert sh.json("roles")["announced"] == []
    assert len(sh.json("roles", "--block", found["block"])["announced"]) == 1


def test_roles__check__deployer_can_do_nothing(sh: Shell) -> None:
    printed = sh("roles", "--check")
    assert account("deployer").address in printed
    assert "WRONG" not in printed
    assert all(row["is_well"] for row in sh.json("roles", "--check"))


def test_roles__check_of_somebody_with_rights__status_1_and_what_is_left(sh: Shell, fleet: LiveFleet) -> None:
    status, out, err = sh.run("roles", "--check", "--of", "guardian")
    assert status == 1
    assert "it may call FleetRegistry.pause" in out
    assert err.startswith("gpurwa: not in order: roles held, or to be held, functions that it may call. ")
    assert err.count("\n") == 1
    status, out, _ = sh.run("roles", "--check", "--of", "operator-a")
    assert status == 1
    assert f"it owns the title of fleet {fleet.fleet_id}" in out
    assert sh.run("roles", "--check", "--of", "0x12")[0] == 2


@pytest.mark.parametrize(
    ("holder", "said"),
    [
        ("LeaseBook", "it is the system's LeaseBook"),
        ("0x0000000000000000000000000000000000000000", "it is the zero address"),
        ("TestStablecoin", "it is the system's TestStablecoin"),
    ],
)
def test_grant_role__holder_that_cannot_act__one_line_and_nothing_is_announced(
    sh: Shell, holder: str, said: str
) -> None:
    line = sh.refused("admin", "grant-role", "guardian", holder, "--delay", "0s", "--account", "admin")
    assert line.startswith("gpurwa: guardian cannot be held by 0x")
    assert said in line
    assert sh.json("roles")["announced"] == []
