"""Sources at explorers: a server on this machine compiles what it is sent, and each way to be refused is one line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from pyutils import artifacts, devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect, rpc
from pyutils.contracts import System
from pyutils.deployment import Plan, deploy_system
from pyutils.manifest import UnknownContractError
from pyutils.ports import free_port
from pyutils.settings import load_settings
from pyutils.verification import (
    ChainNotServedError,
    Etherscan,
    Explorer,
    ExplorerUnreachableError,
    NoKeyError,
    OtherSourcesError,
    Publication,
    PublishingPolicy,
    RateLimitedError,
    Service,
    Sourcify,
    Standing,
    Submission,
    WrongKeyError,
    minimal_input,
    open_explorer,
    publish,
    submissions,
)
from pyutils.verification.errors import ExplorerUrlError

if TYPE_CHECKING:
    from tests.explorer_server import KEY, Compiler, ExplorerServer, Reply, exploring, failed, not_ok, ok
else:
    # pytest puts this folder on the path, not the one above it.
    from explorer_server import KEY, Compiler, ExplorerServer, Reply, exploring, failed, not_ok, ok

QUICK = PublishingPolicy(
    timeout_s=10.0, attempts=3, pause_s=0.01, longest_pause_s=0.05, interval_s=0.0, poll_s=0.02, wait_s=60.0
)
SMALL = ("Create3Factory", "TestPriceFeed", "TestCollateral")
"""Contracts that compile quickly: without arguments, with one, and called otherwise than compiled."""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Deploy once, on a chain of this module's: explorers change nothing on it."""
    log = tmp_path_factory.mktemp("explored") / "anvil.log"
    with Anvil.start(log, arguments=("--accounts", str(devnet.ACCOUNTS))) as chain:
        web3 = connect([chain.url], devnet.CHAIN_ID)
        yield System.at(web3, deploy_system(devnet.account("deployer"), Plan.default(devnet.CHAIN_ID), web3))


@pytest.fixture
def system(deployed: System) -> Iterator[System]:
    """Return what was deployed, and put the chain back afterwards."""
    snapshot = rpc.request(deployed.web3, "evm_snapshot")
    yield deployed
    rpc.request(deployed.web3, "evm_revert", snapshot)


@pytest.fixture
def server(system: System, compiled: Path) -> Iterator[ExplorerServer]:
    with exploring(system.web3, compiled) as explorer:
        yield explorer


def opened(server: ExplorerServer, service: Service, policy: PublishingPolicy = QUICK, key: str = KEY) -> Explorer:
    if service is Service.SOURCIFY:
        return Sourcify(server.sourcify, policy)
    if service is Service.ETHERSCAN:
        return Etherscan(server.etherscan, key=SecretStr(key), chain_id=int(server.chain_id), policy=policy)
    return Etherscan(server.blockscout, policy=policy, name="Blockscout")


def named(system: System, *names: str) -> tuple[Submission, ...]:
    return submissions(system.manifest, names)


def only(found: Iterator[Publication]) -> Publication:
    (one,) = found
    return one


every_service = pytest.mark.parametrize("service", list(Service))


# what is sent


@pytest.mark.parametrize("contract", artifacts.names())
def test_minimal_input__every_contract__has_the_sources_of_its_metadata_and_the_settings_of_all(contract: str) -> None:
    whole, document = artifacts.standard_input(), minimal_input(contract)
    assert set(document) == {"language", "sources", "settings"}
    assert artifacts.load(contract).source in document["sources"]
    assert {name: whole["sources"][name] for name in document["sources"]} == document["sources"]
    assert len(document["sources"]) < len(whole["sources"]) / 3
    for settings in (whole["settings"], document["settings"]):
        del settings["outputSelection"]
    assert document["settings"] == whole["settings"]


def test_submissions__names__choose_among_all(system: System) -> None:
    assert [one.name for one in submissions(system.manifest)] == [name for name, _ in system.manifest.everything]
    (vault,) = named(system, "CreditVault")
    assert vault.identifier == "contracts/CreditVault.sol:CreditVault"
    assert vault.transaction is not None
    (collateral,) = named(system, "TestCollateral")
    assert collateral.identifier == "contracts/mocks/TestStablecoin.sol:TestStablecoin"
    with pytest.raises(UnknownContractError, match="has no Nothing"):
        named(system, "LeaseBook", "Nothing")


def test_submissions__two_markets__a_bare_name_means_both(system: System) -> None:
    (market,) = system.manifest.credit
    other = market.model_copy(update={"token": system.manifest.deployer})
    both = system.manifest.model_copy(update={"credit": (market, other)})
    assert len(submissions(both, ["CreditVault"])) == 2
    assert len(submissions(both, [f"CreditVault for {other.token}"])) == 1


def test_submissions__record_of_other_sources__is_refused(system: System) -> None:
    other = system.manifest.model_copy(update={"sources_hash": b"\1" * 32})
    with pytest.raises(OtherSourcesError, match="was deployed from other sources") as refused:
        submissions(other)
    assert refused.value.exit_status == 2


# verified


@every_service
def test_publish__small_contracts__are_compiled_compared_and_not_sent_again(
    system: System, server: ExplorerServer, service: Service
) -> None:
    server.pending = 2
    found, explorer = named(system, *SMALL), opened(server, service)

    first = list(publish(explorer, found))

    assert [(one.contract, one.standing) for one in first] == [(one.name, Standing.VERIFIED) for one in found]
    assert {one.said for one in first} == {"match" if service is Service.SOURCIFY else "sources are published"}
    assert server.submitted == [one.record.address.lower() for one in found]

    again = list(publish(opened(server, service), found))

    assert {one.standing for one in again} == {Standing.BEFORE}
    assert len(server.submitted) == len(found)


def test_publish__cut_short__the_next_run_sends_what_is_left(system: System, server: ExplorerServer) -> None:
    found = named(system, *SMALL)
    run = publish(opened(server, Service.ETHERSCAN), found)
    assert next(run).standing is Standing.VERIFIED

    standings = [one.standing for one in publish(opened(server, Service.ETHERSCAN), found)]

    assert standings == [Standing.BEFORE, Standing.VERIFIED, Standing.VERIFIED]
    assert server.submitted == [one.record.address.lower() for one in found]


def test_publish__creation_not_recorded__sourcify_compares_the_code_on_chain_alone(
    system: System, server: ExplorerServer
) -> None:
    (one,) = named(system, "TestPriceFeed")
    bare = Submission(one.name, one.record.model_copy(update={"transaction": None}), one.chain_id)
    done = only(publish(opened(server, Service.SOURCIFY), [bare]))
    assert done.said == "match of the code on chain, its creation was not compared"


# refused for one contract


@every_service
def test_publish__other_code_on_chain__is_a_mismatch_and_the_next_contract_goes_on(
    system: System, server: ExplorerServer, service: Service
) -> None:
    found = named(system, "TestPriceFeed", "Create3Factory")
    wrong = found[0] if found[0].name == "TestPriceFeed" else found[1]
    rpc.request(system.web3, "anvil_setCode", wrong.record.address, "0x6001")

    done = {one.contract: one for one in publish(opened(server, service), found)}

    assert done["TestPriceFeed"].standing is Standing.REFUSED
    assert "gpurwa deployments check" in done["TestPriceFeed"].said
    assert "does not match" in done["TestPriceFeed"].said
    assert done["Create3Factory"].standing is Standing.VERIFIED


@pytest.mark.parametrize("service", [Service.ETHERSCAN, Service.BLOCKSCOUT])
def test_publish__other_constructor_arguments__is_a_mismatch(
    system: System, server: ExplorerServer, service: Service
) -> None:
    (one,) = named(system, "TestPriceFeed")
    wrong = Submission(one.name, one.record.model_copy(update={"constructor_args": (7,)}), one.chain_id)
    done = only(publish(opened(server, service), [wrong]))
    assert done.standing is Standing.REFUSED
    assert "could not match TestPriceFeed with the chain: Fail - Unable to verify" in done.said


@every_service
def test_publish__explorer_behind_the_chain__waits_for_it(
    system: System, server: ExplorerServer, service: Service
) -> None:
    if service is Service.SOURCIFY:
        unseen: Reply = (200, {"isJobCompleted": True, "error": failed("contract_not_deployed", "none")})
        word = "/v2/verify/"
        # The submission, which has the word too, is answered rightly.
        server.fault("/v2/verify/31337/", (202, {"verificationId": "ticket"}), times=1)
    elif service is Service.ETHERSCAN:
        word, unseen = "verifysourcecode", (200, not_ok("Unable to locate ContractCode at 0x…"))
    else:
        word, unseen = "verifysourcecode", (200, {"status": "0", "message": "The address is not a smart contract"})
    server.fault(word, unseen, times=1)

    done = only(publish(opened(server, service), named(system, "TestPriceFeed")))

    assert done.standing is Standing.VERIFIED


@every_service
def test_publish__contract_that_no_explorer_sees__is_said_when_the_wait_is_over(
    system: System, server: ExplorerServer, service: Service
) -> None:
    (one,) = named(system, "TestPriceFeed")
    nowhere = Submission(one.name, one.record.model_copy(update={"address": "0x" + "11" * 20}), one.chain_id)
    if service is Service.SOURCIFY:
        server.fault("/v2/verify/31337/", (202, {"verificationId": "ticket"}), times=99)
        unseen = failed("contract_not_deployed", "There is no bytecode")
        server.fault("/v2/verify/ticket", (200, {"isJobCompleted": True, "error": unseen}), times=99)
    policy = PublishingPolicy(poll_s=0.02, wait_s=0.1, interval_s=0.0)

    done = only(publish(opened(server, service, policy), [nowhere]))

    assert done.standing is Standing.REFUSED
    assert f"finds no code of TestPriceFeed at 0x{'11' * 20}. Wait until the explorer has seen its block" in done.said


@every_service
def test_publish__explorer_that_does_not_decide__is_said_when_the_wait_is_over(
    system: System, server: ExplorerServer, service: Service
) -> None:
    server.pending = 10**6
    policy = PublishingPolicy(poll_s=0.02, wait_s=0.1, interval_s=0.0)
    done = only(publish(opened(server, service, policy), named(system, "TestPriceFeed")))
    assert done.standing is Standing.REFUSED
    assert "has not decided about TestPriceFeed within 0.1 s. Give the same command again" in done.said


@pytest.mark.parametrize(
    ("service", "word", "reply"),
    [
        (Service.SOURCIFY, "/v2/verify/31337/", (409, failed("already_verified", "both being exact matches"))),
        (Service.ETHERSCAN, "verifysourcecode", (200, not_ok("Contract source code already verified"))),
        (Service.BLOCKSCOUT, "verifysourcecode", (200, not_ok("Smart-contract already verified."))),
    ],
)
def test_publish__verified_meanwhile__is_no_refusal(
    system: System, server: ExplorerServer, service: Service, word: str, reply: Reply
) -> None:
    server.fault(word, reply)
    done = only(publish(opened(server, service), named(system, "TestPriceFeed")))
    assert done.standing is Standing.BEFORE


def test_publish__sourcify_compiles_it_already__its_outcome_is_waited_for(
    system: System, server: ExplorerServer
) -> None:
    (one,) = named(system, "TestPriceFeed")
    server.fault("/v2/verify/31337/", (429, failed("duplicate_verification_request", "is already being verified")))
    before = Sourcify(server.sourcify, QUICK)
    assert before.submit(one) == ""
    assert before.outcome(one, "") is None
    ticket = before.submit(one)
    while before.outcome(one, ticket) is None:
        pass
    assert before.outcome(one, "") == "match"


@pytest.mark.parametrize(
    ("service", "word", "reply", "said"),
    [
        (
            Service.SOURCIFY,
            "/v2/verify/31337/",
            (400, failed("invalid_parameter", "Contract identifier is required")),
            "refuses TestPriceFeed: Contract identifier is required (invalid_parameter)",
        ),
        (
            Service.ETHERSCAN,
            "verifysourcecode",
            (200, not_ok("Missing sourceCode or contractaddress fields")),
            "refuses TestPriceFeed: Missing sourceCode or contractaddress fields",
        ),
        (Service.BLOCKSCOUT, "checkverifystatus", (200, ok("Unknown UID")), "refuses TestPriceFeed: Unknown UID"),
    ],
)
def test_publish__refusal_in_the_explorer_s_own_words__is_passed_on(
    system: System, server: ExplorerServer, service: Service, word: str, reply: Reply, said: str
) -> None:
    server.fault(word, reply)
    done = only(publish(opened(server, service), named(system, "TestPriceFeed")))
    assert done.standing is Standing.REFUSED
    assert said in done.said


# refused altogether


@every_service
def test_publish__chain_that_is_not_served__stops(system: System, server: ExplorerServer, service: Service) -> None:
    if service is Service.BLOCKSCOUT:
        server.fault("getsourcecode", (200, not_ok("Unknown chainId")))
    (one,) = submissions(system.manifest, ["TestPriceFeed"])
    other = Submission(one.name, one.record, 5)
    explorer = (
        Etherscan(server.etherscan, key=SecretStr(KEY), chain_id=5, policy=QUICK)
        if service is Service.ETHERSCAN
        else opened(server, service)
    )
    with pytest.raises(ChainNotServedError, match="does not serve chain 5"):
        list(publish(explorer, [other]))


BUSY: list[tuple[Service, Reply]] = [
    (Service.SOURCIFY, (429, failed("too_many_requests", "Too many requests"))),
    (Service.SOURCIFY, (429, b"slow down")),
    (Service.ETHERSCAN, (200, not_ok("Max calls per sec rate limit reached (3/sec)"))),
    (Service.ETHERSCAN, (200, not_ok("Max rate limit reached, please use API Key for higher rate limit"))),
    (Service.BLOCKSCOUT, (429, {"message": "429 Too Many Requests", "result": None, "status": "0"})),
]


@pytest.mark.parametrize(("service", "reply"), BUSY)
def test_publish__busy_for_a_moment__is_asked_again(
    system: System, server: ExplorerServer, service: Service, reply: Reply
) -> None:
    server.fault("/", reply, times=2)
    done = only(publish(opened(server, service), named(system, "TestPriceFeed")))
    assert done.standing is Standing.VERIFIED


@pytest.mark.parametrize(("service", "reply"), BUSY)
def test_publish__busy_for_long__stops_and_says_so(
    system: System, server: ExplorerServer, service: Service, reply: Reply
) -> None:
    server.fault("/", reply, times=99)
    with pytest.raises(RateLimitedError, match="takes no more requests for now: ") as refused:
        list(publish(opened(server, service), named(system, "TestPriceFeed")))
    assert len(server.seen) == QUICK.attempts
    assert refused.value.exit_status == 1
    assert "not sent again" in refused.value.line()


def test_publish__asked_to_wait_longer_than_we_do__stops_at_once(system: System, server: ExplorerServer) -> None:
    server.fault("/", (429, failed("too_many_requests", "Too many requests")), times=99, Retry_After="3600")
    with pytest.raises(RateLimitedError, match="try again in 3600 s"):
        list(publish(opened(server, Service.SOURCIFY), named(system, "TestPriceFeed")))
    assert len(server.seen) == 1


@every_service
@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((503, b"<html>"), "does not answer: HTTP status 503"),
        ((500, failed("internal_error", "unexpected")), "does not answer: HTTP status 500"),
        ((200, b"<html>hello</html>"), "gave no answer that can be understood: HTTP status 200"),
        ((302, b""), "gave no answer that can be understood: HTTP status 302"),
        ((200, {"match": "perhaps", "status": "1", "result": "?"}), "gave no answer that can be understood"),
        ((200, {"match": "perhaps", "status": "1", "result": [7]}), "gave no answer that can be understood"),
        ((404, {}), "gave no answer that can be understood"),
    ],
)
def test_publish__server_down_or_another_one__stops_and_says_so(
    system: System, server: ExplorerServer, service: Service, reply: Reply, said: str
) -> None:
    server.fault("/", reply, times=99)
    with pytest.raises(ExplorerUnreachableError, match=said):
        list(publish(opened(server, service), named(system, "TestPriceFeed")))


def test_publish__nobody_listens__stops_and_says_so(system: System) -> None:
    port = free_port()
    with pytest.raises(ExplorerUnreachableError, match=f"Sourcify at http://127.0.0.1:{port} does not answer: "):
        list(publish(Sourcify(f"http://127.0.0.1:{port}/server", QUICK), named(system, "TestPriceFeed")))


def test_publish__proxy_in_the_environment__is_gone_through(
    system: System, server: ExplorerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy is asked for whole URLs, and nobody of this name answers without one.
    monkeypatch.setenv("http_proxy", server.url)
    found = named(system, "TestPriceFeed")
    assert only(publish(Sourcify("http://sourcify.invalid/server", QUICK), found)).standing is Standing.VERIFIED
    monkeypatch.setenv("no_proxy", "sourcify.invalid")
    with pytest.raises(ExplorerUnreachableError):
        list(publish(Sourcify("http://sourcify.invalid/server", QUICK), found))


# the key


def test_publish__wrong_key__stops_and_says_it_nowhere(
    system: System, server: ExplorerServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    explorer = opened(server, Service.ETHERSCAN, key="not-the-key")

    with pytest.raises(WrongKeyError, match="does not accept the API key: Invalid API Key") as refused:
        list(publish(explorer, named(system, "TestPriceFeed")))

    # The server repeats the key that it was given; the error does not.
    assert server.seen[0].params["apikey"] == "not-the-key"
    assert "GPURWA_ETHERSCAN_KEY" in refused.value.line()
    everything: list[object] = [refused.value.line(), refused.value.args, explorer, vars(explorer), caplog.text]
    error: BaseException | None = refused.value
    while error is not None:
        everything += [error, vars(error)]
        error = error.__cause__ or error.__context__
    assert caplog.records
    assert "not-the-key" not in repr(everything)


def test_publish__key_and_no_server__is_said_nowhere(system: System, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_port()
    explorer = Etherscan(f"http://127.0.0.1:{port}/v2/api", key=SecretStr("the-key"), chain_id=1, policy=QUICK)
    with pytest.raises(ExplorerUnreachableError) as refused:
        list(publish(explorer, named(system, "TestPriceFeed")))
    said: list[object] = [refused.value.line(), caplog.text]
    error: BaseException | None = refused.value
    while error is not None:
        request = getattr(error, "_request", None)
        said += [str(error), vars(error), "" if request is None else str(request.url)]
        error = error.__cause__ or error.__context__
    assert "the-key" not in repr(said)


def test_open_explorer__etherscan_without_a_key__is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPURWA_ETHERSCAN_KEY", " ")
    with pytest.raises(NoKeyError, match="asks for an API key, and there is none") as refused:
        open_explorer(Service.ETHERSCAN, 1, load_settings())
    assert refused.value.exit_status == 2
    monkeypatch.setenv("GPURWA_ETHERSCAN_KEY", "key")
    assert open_explorer(Service.ETHERSCAN, 1, load_settings()).where == "Etherscan at https://api.etherscan.io"


def test_open_explorer__settings_and_argument__the_nearer_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPURWA_SOURCIFY_URL", raising=False)
    monkeypatch.delenv("GPURWA_BLOCKSCOUT_URL", raising=False)
    assert open_explorer(Service.SOURCIFY, 1, load_settings()).where == "Sourcify at https://sourcify.dev"
    with pytest.raises(ExplorerUrlError, match="each Blockscout serves one chain"):
        open_explorer(Service.BLOCKSCOUT, 1, load_settings())
    monkeypatch.setenv("GPURWA_SOURCIFY_URL", "https://one.example/server")
    monkeypatch.setenv("GPURWA_BLOCKSCOUT_URL", "https://two.example/api")
    settings = load_settings()
    assert open_explorer(Service.SOURCIFY, 1, settings).where == "Sourcify at https://one.example"
    assert open_explorer(Service.BLOCKSCOUT, 1, settings).where == "Blockscout at https://two.example"
    nearer = open_explorer(Service.SOURCIFY, 1, settings, url="https://three.example")
    assert nearer.where == "Sourcify at https://three.example"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://explorer.example/api", "would have the API key sent in the clear"),
        ("explorer.example/api", "is no URL of an API"),
        ("https://", "is no URL of an API"),
        ("https://explorer.example/api?apikey=secret", "is no URL of an API"),
    ],
)
def test_etherscan__url_that_cannot_be_used__is_refused(url: str, said: str) -> None:
    with pytest.raises(ExplorerUrlError, match=said) as refused:
        Etherscan(url, key=SecretStr("key"))
    assert "secret" not in refused.value.line()


# all of it


@pytest.mark.slow
@pytest.mark.parametrize("contract", artifacts.names())
def test_minimal_input__every_contract__compiles_to_the_same_code(contract: str, compiled: Path) -> None:
    artifact = artifacts.load(contract)
    made = Compiler(compiled).contract(minimal_input(contract), f"{artifact.source}:{contract}")
    assert made["bytecode"]["object"] == artifact.bytecode.hex()
    assert made["deployedBytecode"]["object"] == artifact.deployed_bytecode.hex()


@pytest.mark.slow
@pytest.mark.parametrize("service", list(Service))
def test_publish__whole_deployment__every_contract_is_verified(
    system: System, server: ExplorerServer, service: Service
) -> None:
    found = submissions(system.manifest)
    policy = PublishingPolicy(interval_s=0.0, poll_s=0.1, wait_s=300.0)
    done = list(publish(opened(server, service, policy), found))
    assert [(one.contract, one.standing) for one in done] == [(one.name, Standing.VERIFIED) for one in found]
