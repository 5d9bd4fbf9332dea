"""What nodes may answer to a lens, rightly or not: an answer is read whole or refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pyutils import devnet
from pyutils.chain import connect
from pyutils.chain.errors import ChainProtocolError, RevertedError
from pyutils.contracts import System
from pyutils.errors import GpuRwaError
from pyutils.portfolio import read_fleets, read_position
from pyutils.portfolio.block import PrunedBlockError
from pyutils.portfolio.lens import QuestionTooLargeError, ask

if TYPE_CHECKING:
    from tests.faulty_rpc import Body, Fault, FaultyRpc, Forward, Reply, altered, error, result, said
else:
    from faulty_rpc import Body, Fault, FaultyRpc, Forward, Reply, altered, error, result, said

ACCOUNT = devnet.account("operator-a").address


@pytest.fixture
def node(lived: System) -> Iterator[FaultyRpc]:
    """Return an endpoint in front of the chain that lived through the demo."""
    with FaultyRpc(lived.manifest.rpc_urls[0]) as endpoint:
        yield endpoint


@pytest.fixture
def through(lived: System, node: FaultyRpc) -> System:
    """Return the system as that endpoint shows it."""
    return System.at(connect([node.url], devnet.CHAIN_ID), lived.manifest)


def wrapped(change: str) -> Fault:
    """Hand the node's revert data on in another way."""

    def fault(body: Body, forward: Forward) -> Reply:
        told = forward(body)["error"]
        data = told["data"]
        other = {
            "in an object": {"data": data, "message": "reverted"},
            "after a word": f"Reverted {data}",
            "cut off": data[: len(data) // 2],
            "without data": None,
            "emptied": data[:10] + "0" * (len(data) - 10),
        }[change]
        return said(body, error={**told, "data": other})

    return fault


@pytest.mark.parametrize("how", ["in an object", "after a word"])
def test_answer__data_as_other_nodes_wrap_it__is_read(
    lived: System, node: FaultyRpc, through: System, how: str
) -> None:
    whole = read_position(lived, ACCOUNT)
    node.fault("eth_call", wrapped(how))
    assert read_position(through, ACCOUNT) == whole


@pytest.mark.parametrize("how", ["cut off", "without data", "emptied"])
def test_answer__data_that_is_not_all_there__is_refused(node: FaultyRpc, through: System, how: str) -> None:
    node.fault("eth_call", wrapped(how))
    for job in (lambda: read_position(through, ACCOUNT), lambda: read_fleets(through)):
        with pytest.raises((ChainProtocolError, RevertedError)) as caught:
            job()
        assert "\n" not in caught.value.line()


@pytest.mark.parametrize("value", ["0x", "0x" + "00" * 64, None, 7, {}])
def test_answer__result_where_none_can_be__is_refused(node: FaultyRpc, through: System, value: object) -> None:
    node.fault("eth_call", result(value))
    with pytest.raises(ChainProtocolError, match="always reverts"):
        read_position(through, ACCOUNT)


def test_answer__too_little_gas__is_refused_in_the_node_s_words(node: FaultyRpc, through: System) -> None:
    node.fault("eth_call", error("out of gas (gas capped at: 1000000)"))
    with pytest.raises(GpuRwaError, match="out of gas"):
        read_position(through, ACCOUNT)


def test_answer__state_that_is_gone__is_told(node: FaultyRpc, through: System) -> None:
    node.fault("eth_call", error("No state available for block 0x5c4f", -32002))
    with pytest.raises(PrunedBlockError):
        read_fleets(through)


@pytest.mark.parametrize("row", [{}, {"number": "0x1"}, {"number": "x", "hash": "0x", "timestamp": "0x1"}, 7])
def test_pin__block_that_cannot_be_read__is_refused(node: FaultyRpc, through: System, row: object) -> None:
    node.fault("eth_getBlockByNumber", altered(lambda _: row))
    with pytest.raises(ChainProtocolError, match="cannot be read"):
        read_position(through, ACCOUNT)


def test_ask__question_larger_than_a_call__is_refused(lived: System) -> None:
    at = read_position(lived, ACCOUNT).block
    markets = [(ACCOUNT, ACCOUNT, ACCOUNT)] * 2_000
    with pytest.raises(QuestionTooLargeError, match="more than the 49152 of one call"):
        ask(lived.web3, "FleetLens", "fleets", (1, 1, *[ACCOUNT] * 5, markets, 90_000), at=at)
