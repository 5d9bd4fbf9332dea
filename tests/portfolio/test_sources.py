"""Where events are read from, and that they belong to the block that was named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pyutils import devnet
from pyutils.chain import connect
from pyutils.contracts import System
from pyutils.operations.event_source import NodeEvents
from pyutils.operations.history import topic
from pyutils.portfolio.block import ReplacedBlockError, pin
from pyutils.portfolio.payments import ReceiptPayments
from pyutils.portfolio.sources import open_events

if TYPE_CHECKING:
    from tests.faulty_rpc import FaultyRpc, altered
else:
    from faulty_rpc import FaultyRpc, altered


@pytest.fixture
def node(lived: System) -> Iterator[FaultyRpc]:
    """Return an endpoint in front of the chain that lived through the demo."""
    with FaultyRpc(lived.manifest.rpc_urls[0]) as endpoint:
        yield endpoint


@pytest.mark.parametrize("change", [{"hash": bytes(32)}, {"number": 10**9}])
def test_open_events__block_that_left_the_chain_meanwhile__is_refused(lived: System, change: dict[str, Any]) -> None:
    block = pin(lived.web3, "latest")
    with open_events(lived, block, None) as source:
        assert source.block == block.number
    with (
        pytest.raises(ReplacedBlockError, match="was replaced while it was read"),
        open_events(lived, block.model_copy(update=change), None),
    ):
        pass


def test_node_events__none_of_no_values__will_do(lived: System, quiet: list[str]) -> None:
    source = NodeEvents(lived, pin(lived.web3, "latest").number)
    assert list(source.events("LeaseBook.Open", leaseId=[])) == []
    assert list(source.events("LeaseBook.Open"))
    assert quiet.count("eth_getLogs") == 1


def test_node_events__one_value_more_often_than_is_asked_at_once__tells_once(lived: System) -> None:
    source = NodeEvents(lived, pin(lived.web3, "latest").number)
    opened = next(source.events("LeaseBook.Open"))
    lease_id = opened.arguments["leaseId"]
    assert list(source.events("LeaseBook.Open", leaseId=[lease_id] * 501)) == [opened]


def test_payments__log_that_pretends_to_be_a_transfer__is_passed_over(lived: System, node: FaultyRpc) -> None:
    source = NodeEvents(lived, pin(lived.web3, "latest").number)
    claim = next(source.events("FleetShares.Claim"))
    who, asked = claim.arguments["to"], [claim.transaction]
    coin, expected = lived.coin().address.lower(), ReceiptPayments(lived.web3, []).paid(who, asked)

    def pretended(receipt: Any) -> Any:
        first = next(log for log in receipt["logs"] if log["address"] == coin and log["topics"][2:] == [topic(who)])
        return {**receipt, "logs": [*receipt["logs"], {**first, "data": "0x"}]}

    node.fault("eth_getTransactionReceipt", altered(pretended))
    assert ReceiptPayments(connect([node.url], devnet.CHAIN_ID), []).paid(who, asked) == expected != {}


def test_payments__what_went_to_the_system__is_no_price(lived: System) -> None:
    source = NodeEvents(lived, pin(lived.web3, "latest").number)
    opened = next(source.events("LeaseBook.Open"))
    book, coin = lived.lease_book.address, lived.coin().address.lower()
    payer, asked = opened.arguments["payer"], [opened.transaction]
    assert ReceiptPayments(lived.web3, []).paid(payer, asked) == {(asked[0], coin): opened.arguments["deposit"]}
    assert ReceiptPayments(lived.web3, [], [book]).paid(payer, asked) == {}
