"""What the two doctors find wrong, one thing at a time, and how they say that it is mended."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyutils.chain import rpc
from pyutils.contracts.base import encode_call
from pyutils.devnet import account

from .reporting import Reporting, fleet_reporting
from .shell import reported, signed

if TYPE_CHECKING:
    from tests.faulty_rpc import FaultyRpc
    from tests.sending import send
else:
    from faulty_rpc import FaultyRpc
    from sending import send

reporting = pytest.fixture(fleet_reporting)

VERIFIERS = ("verifier-1", "verifier-2")


@pytest.fixture
def ready(reporting: Reporting) -> Reporting:
    reporting.sh(*reporting.init(VERIFIERS))
    reporting.due(1)
    return reporting


def found(ready: Reporting, *command: object) -> dict[str, tuple[str, str]]:
    """Return what a doctor says of each thing: well, WRONG or note, and why."""
    status, out, err = ready.sh.run(*(command or ("operator", "doctor")), "--json")
    rows = json.loads(out)
    told = {}
    for one in rows:
        mark = "well" if one["is_well"] else "WRONG" if one["is_needed"] else "note"
        told[one["what"]] = (mark, one["said"])
    wrong = [what for what, (mark, _) in told.items() if mark == "WRONG"]
    assert status == (1 if wrong else 0), (status, wrong)
    assert err.count("\n") == bool(wrong), err
    return told


def wrong(told: dict[str, tuple[str, str]]) -> set[str]:
    return {what for what, (mark, _) in told.items() if mark == "WRONG"}


def edit(ready: Reporting, old: str, new: str) -> None:
    path = ready.operator_folder / "operator.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_operator_doctor__all_in_order__status_0(ready: Reporting) -> None:
    with ready.verifiers(*VERIFIERS):
        told = found(ready)
    assert {mark for mark, _ in told.values()} == {"well"}
    assert set(told) > {"endpoints", "reporter key", "gas key", "clock", "fleet", "operator", "reporter", "quorum"}
    assert set(told) > {"gas", "stake", "bond", "meter: clock", "meter: samples", "disk", "published port"}
    assert told[f"verifier {account('verifier-1').address}"][1] == "answers, and knows this key"
    assert "answers" not in told["published port"][1], "nothing runs"


def test_operator_doctor__one_of_three_verifiers_down__worth_a_note(reporting: Reporting) -> None:
    reporting.sh(*reporting.init((*VERIFIERS, "verifier-3")))
    reporting.due(1)
    with reporting.verifiers(*VERIFIERS):
        told = found(reporting)
    mark, said = told[f"verifier {account('verifier-3').address}"]
    assert mark == "note"
    assert "does not answer" in said


def test_operator_doctor__verifier_that_is_another__wrong(ready: Reporting) -> None:
    edit(ready, ready.url("verifier-1"), ready.url("verifier-2"))
    with ready.verifiers(*VERIFIERS):
        told = found(ready)
    mark, said = told[f"verifier {account('verifier-1').address}"]
    assert (mark, said.split(":")[0]) == ("WRONG", "what answers is of another address")


def test_operator_doctor__wrong_verifiers_configured__wrong(ready: Reporting) -> None:
    edit(ready, account("verifier-1").address, account("lessee-1").address)
    told = found(ready)
    assert {"quorum", "verifiers"} <= wrong(told)
    assert "is no verifier of the fleet" in told["verifiers"][1]


def test_operator_doctor__too_few_verifiers_configured__wrong(reporting: Reporting) -> None:
    reporting.sh(*reporting.init(("verifier-1",)))
    mark, said = found(reporting)["quorum"]
    assert (mark, "2 verifiers must sign, 1 are configured" in said) == ("WRONG", True)


def test_operator_doctor__key_that_the_chain_does_not_name__says_the_command(reporting: Reporting) -> None:
    reporting.sh(*reporting.init((), "--reporter", "reporter-b"))
    reporting.due(1)
    mark, said = found(reporting)["reporter"]
    assert mark == "WRONG"
    assert f"gpurwa fleet reporter 1 {account('reporter-b').address}" in said


def test_operator_doctor__keys_that_do_not_open__wrong(ready: Reporting) -> None:
    edit(ready, 'signer = "reporter-a"', 'signer = "nobody"')
    edit(ready, 'signer = "operator-a"', 'signer = "http://127.0.0.1:9#0x' + "11" * 20 + '"')
    told = found(ready)
    assert {"reporter key", "gas key"} <= wrong(told)
    assert "neither a keystore file nor a role" in told["reporter key"][1]
    assert "does not answer" in told["gas key"][1]
    assert told["store"][0] == "note"


@pytest.mark.parametrize(("balance", "mark"), [(0, "WRONG"), (3 * 10**15, "note"), (10**18, "well")])
def test_operator_doctor__gas_account__reports_that_it_pays_for(ready: Reporting, balance: int, mark: str) -> None:
    web3 = ready.sh.chain.web3
    rpc.request(web3, "anvil_setBalance", account("operator-a").address, hex(balance))
    told = found(ready)
    assert told["gas"][0] == mark, told["gas"]
    assert ("Send it" in told["gas"][1]) == (mark != "well")


def test_operator_doctor__bond_and_stake_gone__says_how_to_stake(ready: Reporting) -> None:
    sh = ready.sh
    sh("bond", "unbond", 1, "4500", "--account", "operator-a")
    coin = sh.chain.manifest.address("TestStablecoin")
    has = sh.json("read", "TestStablecoin", "balanceOf", "operator-a", "--at", coin)
    data = "0x" + encode_call("TestStablecoin", "transfer", account("lessee-1").address, has).hex()
    sent = {"from": account("operator-a").address, "to": coin, "data": data}
    send(partial(rpc.request, sh.chain.web3), sent)
    told = found(ready)
    assert told["bond"][0] == "WRONG"
    assert "gpurwa bond stake 1" in told["bond"][1]
    assert told["stake"][0] == "note"
    edit(ready, "post_alone = true", "post_alone = false")
    assert found(ready)["stake"] == ("well", "reports are never posted alone")


def test_operator_doctor__meter__what_is_wrong_with_it(ready: Reporting) -> None:
    edit(ready, "max_clock_skew_s = 0", "max_clock_skew_s = 300")
    mark, said = found(ready)["meter: clock"]
    assert (mark, "300 s are allowed" in said) == ("WRONG", True)
    ready.trace.write_bytes(ready.trace.read_bytes()[:100])
    assert "cut off or damaged" in found(ready)["meter"][1]


@pytest.mark.parametrize(
    ("meter", "reason"),
    [
        ('kind = "prometheus"\nurl = "http://127.0.0.1:9"\nenergy = false', "127.0.0.1:9"),
        ('kind = "nvml"\nenergy = false', "GPU"),
    ],
)
def test_operator_doctor__meter_that_is_not_there__wrong_in_one_line(ready: Reporting, meter: str, reason: str) -> None:
    path = ready.operator_folder / "operator.toml"
    before, _, after = path.read_text().partition("[meter]")
    path.write_text(f"{before}[meter]\n{meter}\n{after[after.index('# How energy is derived') :]}")
    mark, said = found(ready)["meter"]
    assert (mark, reason in said, "\n" in said) == ("WRONG", True, False), said


def test_operator_doctor__gpu_without_samples__is_named(ready: Reporting) -> None:
    text = gzip.decompress(ready.trace.read_bytes()).decode()
    ready.trace.write_bytes(gzip.compress(text.replace("gpu-3", "gpu-9").encode()))
    mark, said = found(ready)["meter: samples"]
    assert mark == "WRONG"
    assert "of 1 of 4 GPUs there are no recent samples: gpu-3" in said


def test_operator_doctor__list_of_gpus_missing__says_to_file_it(ready: Reporting) -> None:
    for path in (ready.sh.folder / "state" / "devnet" / "gpus").iterdir():
        path.unlink()
    assert "gpurwa fleet gpus" in found(ready)["meter"][1]


def test_operator_doctor__blank_store_of_a_key_that_reported__says_to_import(ready: Reporting) -> None:
    sh = ready.sh
    path = reported(sh, ready.fleet)
    sh("report", "submit", path, *signed(sh, path, "reporter-a", *VERIFIERS), "--account", "lessee-1")
    mark, said = found(ready)["history"]
    assert mark == "WRONG"
    assert "gpurwa operator import" in said


@pytest.mark.parametrize(
    ("hurt", "reason"),
    [
        (lambda path: path.unlink(), "there is no store"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:5_000]), "damaged"),
    ],
)
def test_operator_doctor__store_gone_or_damaged__wrong(
    ready: Reporting, hurt: Callable[[Path], Any], reason: str
) -> None:
    hurt(ready.operator_folder / "store.sqlite")
    mark, said = found(ready)["store"]
    assert (mark, reason in said) == ("WRONG", True), said


@pytest.mark.parametrize(("free", "mark"), [(2**29, "WRONG"), (2**32, "note"), (2**40, "well")])
def test_operator_doctor__disk__room_that_is_left(
    ready: Reporting, monkeypatch: pytest.MonkeyPatch, free: int, mark: str
) -> None:
    class Usage:
        def __init__(self, _: object) -> None:
            self.free = free

    monkeypatch.setattr("shutil.disk_usage", Usage)
    assert found(ready)["disk"][0] == mark


def test_operator_doctor__published_port_taken_by_another__wrong(ready: Reporting) -> None:
    edit(ready, ready.endpoint("operator"), ready.endpoint("verifier-1"))
    with ready.verifiers("verifier-1"):
        mark, said = found(ready)["published port"]
    assert (mark, "is taken" in said) == ("WRONG", True)


def test_operator_doctor__daemon_runs_and_is_not_reached__wrong(ready: Reporting) -> None:
    with ready.operator():
        assert found(ready)["published port"][1].endswith("answers, from here")
        edit(ready, "# public_url = …", f'public_url = "{ready.url("nobody")}"')
        mark, said = found(ready)["published port"]
        assert (mark, "public_url" in said) == ("WRONG", True)


def test_operator_doctor__fleet_unknown__goes_no_further(ready: Reporting) -> None:
    edit(ready, "fleet = 1\n", "fleet = 9\n")
    told = found(ready, "operator", "doctor", "--config", ready.operator_folder / "operator.toml")
    assert "unknown fleet" in told["fleet 9"][1].lower()
    assert "bond" not in told
    assert told["disk"][0] == "well", "what needs no chain is looked at all the same"
    told = found(ready, "operator", "doctor", "--rpc", "http://127.0.0.1:9")
    assert wrong(told) == {"endpoints", "fleet 9"}


def test_operator_doctor__endpoints__down_lagging_or_of_another_chain(ready: Reporting) -> None:
    url = ready.sh.chain.anvil.url
    with FaultyRpc(url) as lagging:
        lagging.lag(100)
        down = "http://127.0.0.1:9"
        told = found(ready, "operator", "doctor", "--rpc", url, "--rpc", lagging.url, "--rpc", down)
    marks = {what: mark for what, (mark, _) in told.items() if what.startswith("endpoint")}
    assert sorted(marks.values()) == ["WRONG", "note", "note", "well"]
    assert "1 of 3 work, 2 must agree" in told["endpoints"][1]


def test_verifier_doctor__all_in_order_and_then_not(ready: Reporting) -> None:
    ready.sh(*ready.init_verifier("verifier-1"))
    doctor = ("verifier", "doctor", "--config", ready.verifier_file("verifier-1"))
    with ready.operator():
        told = found(ready, *doctor)
        assert {mark for mark, _ in told.values()} == {"well"}
        assert "there is no head yet" in told["fleet 1: operator"][1]
        assert "must sign" in told["fleet 1"][1]
    assert wrong(found(ready, *doctor)) == {"fleet 1: operator"}, "lists of GPUs were fetched and are kept"


def test_verifier_doctor__not_appointed__says_who_appoints(ready: Reporting) -> None:
    ready.sh(*ready.init_verifier("investor-2", "--gas", "investor-3"))
    with ready.operator():
        told = found(ready, "verifier", "doctor", "--config", ready.verifier_file("investor-2"))
    assert "gpurwa admin verifiers 1" in told["fleet 1"][1]
    assert told["gas"][0] == "well"
