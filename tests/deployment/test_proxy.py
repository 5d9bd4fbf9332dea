"""The presigned transaction of the deterministic deployment proxy, and a chain that lacks the proxy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import coincurve
import pytest
import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_checksum_address

from pyutils.anvil import Anvil
from pyutils.chain import Lane, LanePolicy, connect, rpc
from pyutils.deployment.addresses import CREATE2_DEPLOYER
from pyutils.deployment.proxy import (
    PROXY_CODE,
    PROXY_FUNDS,
    PROXY_SIGNER,
    PROXY_TRANSACTION,
    NoCreate2DeployerError,
    fund_proxy,
    has_proxy,
    is_funded,
    put_proxy,
)
from pyutils.keccak import keccak256

from .practice import give, nonce, reach, signer_of, start_testnet

if TYPE_CHECKING:
    from tests.faulty_rpc import FaultyRpc, error
else:
    from faulty_rpc import FaultyRpc, error

POLICY = LanePolicy(timeout_s=20)


def test_presigned_transaction__recovered__is_of_the_account_whose_first_contract_is_the_proxy() -> None:
    price_and_gas: list[Any]
    sent_nonce, *price_and_gas, to, value, code, v, r, s = rlp.decode(PROXY_TRANSACTION)
    assert (sent_nonce, to, value, code) == (b"", b"", b"", PROXY_CODE)
    price, gas = (int.from_bytes(word) for word in price_and_gas)
    assert (price, gas) == (100 * 10**9, 100_000)
    assert price * gas == PROXY_FUNDS

    preimage = rlp.encode([b"", *price_and_gas, b"", b"", code])
    signature = r.rjust(32, b"\0") + s.rjust(32, b"\0") + bytes([int.from_bytes(v) - 27])
    public = coincurve.PublicKey.from_signature_and_message(signature, keccak256(preimage), hasher=None)
    signer = keccak256(public.format(compressed=False)[1:])[12:]

    assert to_checksum_address(signer) == PROXY_SIGNER
    assert to_checksum_address(keccak256(rlp.encode([signer, b""]))[12:]) == CREATE2_DEPLOYER


@pytest.fixture
def bare(tmp_path: Path) -> Any:
    """Run a chain without the proxy."""
    with start_testnet(tmp_path / "anvil.log", "--disable-default-create2-deployer") as chain:
        yield chain


def test_put_proxy__chain_without_it__stands_with_the_code_that_other_chains_have(bare: Anvil, anvil: Anvil) -> None:
    web3, deployer = reach(bare.url), signer_of("developer")
    give(web3, deployer.address)
    assert not has_proxy(web3)
    assert not is_funded(web3)

    fund_proxy(Lane(web3, deployer))
    assert is_funded(web3)
    receipt = put_proxy(web3, POLICY)

    assert receipt.succeeded
    assert has_proxy(web3)
    assert nonce(web3, deployer.address) == 1
    assert rpc.code_at(web3, CREATE2_DEPLOYER) == rpc.code_at(connect([anvil.url]), CREATE2_DEPLOYER)


def test_fund_proxy__somebody_sent_a_part__sends_the_rest(bare: Anvil) -> None:
    web3, deployer = reach(bare.url), signer_of("developer")
    give(web3, deployer.address)
    give(web3, PROXY_SIGNER, PROXY_FUNDS - 1)
    fund_proxy(Lane(web3, deployer))
    assert int(rpc.request(web3, "eth_getBalance", PROXY_SIGNER, "latest"), 16) == PROXY_FUNDS


def test_put_proxy__chain_takes_no_transaction_without_an_id__says_so(bare: Anvil) -> None:
    give(reach(bare.url), PROXY_SIGNER, PROXY_FUNDS)
    said = "only replay-protected (EIP-155) transactions allowed over RPC"
    with FaultyRpc(bare.url) as endpoint:
        endpoint.fault("eth_sendRawTransaction", error(said))
        with pytest.raises(NoCreate2DeployerError, match="only replay-protected"):
            put_proxy(reach(endpoint.url), POLICY)


def test_put_proxy__unfunded__says_so(bare: Anvil) -> None:
    with pytest.raises(NoCreate2DeployerError, match=r"(?i)insufficient funds"):
        put_proxy(reach(bare.url), POLICY)
