"""What a fleet's owner, its controller and a finder do with it, by commands; read from the chain afterwards."""

from __future__ import annotations

import json

from pyutils.devnet import account
from pyutils.operations.gpu_lists import gpu_tree

from .shell import LiveFleet, Shell, confirm, enroll, listed, opened, twice

OWNER = ("--account", "operator-a")


def fleet_of(sh: Shell, fleet_id: int) -> dict[str, object]:
    found: dict[str, object] = sh.json("fleet", "show", fleet_id)["fleet"]
    return found


def root(gpu_ids: tuple[str, ...]) -> str:
    return "0x" + gpu_tree(gpu_ids).root.hex()


def test_grow_shrink_replace_boards__confirmed__capacity_and_root_follow(sh: Shell, fleet: LiveFleet) -> None:
    number, more = fleet.fleet_id, (*fleet.gpu_ids, "gpu-9")
    sh("fleet", "grow", number, "--gpus", listed(sh, more), *OWNER)
    assert fleet_of(sh, number)["requested_capacity"] == 5
    assert fleet_of(sh, number)["capacity"] == 4
    twice(sh, confirm(sh, number, more))
    assert fleet_of(sh, number)["capacity"] == 5
    assert fleet_of(sh, number)["gpu_root"] == root(more)

    opened(sh, fleet)
    sh("fleet", "shrink", number, "--gpus", listed(sh, more[:2]), *OWNER)
    assert (fleet_of(sh, number)["capacity"], fleet_of(sh, number)["gpu_root"]) == (2, root(more[:2]))
    assert sh.refused("fleet", "shrink", number, "--gpus", listed(sh, more[:1]), "--account", "investor-1")
    others = (more[0], "gpu-7")
    sh("fleet", "replace-boards", number, "--gpus", listed(sh, others), *OWNER)
    assert fleet_of(sh, number)["gpu_root"] == root(others)
    assert "the fleet has 2" in sh.refused("fleet", "replace-boards", number, "--gpus", listed(sh, more), *OWNER)


def test_transfer__title__bound_shares_go_with_it(sh: Shell, fleet: LiveFleet) -> None:
    sh("fleet", "transfer", fleet.fleet_id, "investor-2", *OWNER)
    view = sh.json("fleet", "show", fleet.fleet_id)
    assert view["owner"] == view["controller"] == account("investor-2").address
    titles = sh.json("positions", "investor-2")["titles"]
    assert [row["bound_shares"] for row in titles] == [100_000 * 10**18]
    assert sh.refused("fleet", "price", fleet.fleet_id, "3", *OWNER)
    sh("fleet", "price", fleet.fleet_id, "3", "--account", "investor-2")
    assert sh.json("fleet", "show", fleet.fleet_id)["price_per_gpu_hour"] == 3_000_000


def test_prove_double__one_gpu_in_two_fleets__both_suspended_until_cleared(sh: Shell, fleet: LiveFleet) -> None:
    ids = ("gpu-3", "gpu-8")
    second = enroll(sh, ids)
    twice(sh, confirm(sh, second, ids))
    proof = ("fleet", "prove-double", "gpu-3", fleet.fleet_id, second, "--account", "investor-3")
    assert sh.refused("fleet", "prove-double", "gpu-8", *proof[3:])
    sh(*proof)
    for number in (fleet.fleet_id, second):
        assert fleet_of(sh, number)["suspended"] is True
    lease = ("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "8h", "--account", "lessee-1")
    assert "suspended" in sh.refused(*lease)
    sh("admin", "clear-double", fleet.fleet_id, "--account", "registrar")
    assert fleet_of(sh, fleet.fleet_id)["suspended"] is False
    assert fleet_of(sh, second)["suspended"] is True
    sh(*lease)


def test_replace_operator__after_its_notice__runs_the_fleet(sh: Shell, fleet: LiveFleet) -> None:
    number = fleet.fleet_id
    propose = ("fleet", "propose-operator", number, "operator-b", *OWNER)
    assert "not admitted" in sh.refused(*propose)
    sh("admin", "admit", "operator", "operator-b", "--checked", "papers.txt", "--account", "registrar")
    sh(*propose)
    sh("faucet", "operator-b", "--account", "operator-b")
    sh("bond", "stake", number, "5000", "--account", "operator-b")
    replace = ("fleet", "replace-operator", number, "--account", "investor-3")
    assert "notice" in sh.refused(*replace)
    sh.clock.advance(7 * 86_400)
    sh(*replace)
    view = sh.json("fleet", "show", number)
    assert view["fleet"]["operator"] == account("operator-b").address
    assert int(view["reporter"], 16) == 0
    assert sh.refused("fleet", "reporter", number, "reporter-b", *OWNER)
    sh("fleet", "reporter", number, "reporter-b", "--account", "operator-b")
    assert sh.json("fleet", "show", number)["reporter"] == account("reporter-b").address


def test_set_documents__as_they_are_printed__read_back(sh: Shell, fleet: LiveFleet) -> None:
    told = sh.json("fleet", "documents", fleet.fleet_id)
    told |= {"token_issuer": "Main Compute", "jurisdiction": "DE"}
    file = sh.write("documents.json", json.dumps(told))
    sh("fleet", "set-documents", fleet.fleet_id, file, *OWNER)
    assert sh.json("fleet", "documents", fleet.fleet_id) == told
    assert "Main Compute" in sh("fleet", "documents", fleet.fleet_id)
    bad = sh.write("bad.json", "[]")
    assert "ERC-7578" in sh.refused("fleet", "set-documents", fleet.fleet_id, bad, *OWNER)


def test_insure_share_and_wind_down__by_the_owner__on_chain(sh: Shell, fleet: LiveFleet) -> None:
    number = fleet.fleet_id
    sh("fleet", "insure", number, "--insured-until", "2040-01-01", "--deed", "papers.txt", *OWNER)
    assert fleet_of(sh, number)["insurance_expiry"] == 2_208_988_800
    sh("fleet", "operating-share", number, 500, *OWNER)
    assert sh.refused("fleet", "operating-share", number, 600, *OWNER)
    assert sh.json("shares", "show", number)["revenue"]["operating_share_bps"] == 500
    sh("fleet", "wind-down", number, *OWNER)
    assert fleet_of(sh, number)["status"] == "wound_down"
