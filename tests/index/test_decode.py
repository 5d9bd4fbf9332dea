"""Decoding in bulk says what the general decoder says, and refuses what no contract emits."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pyutils.chain.receipt import Log
from pyutils.index.decode import decode_logs
from pyutils.index.errors import UnindexableLogError
from pyutils.index.layout import EventLayout, all_layouts, kinds, snake
from pyutils.index.rows import event_reader
from pyutils.operations.history import Event
from pyutils.units import BlockNumber, UnixSeconds

from .emitter import MadeLog
from .histories import SHAPES, log_of

ADDRESS = "0x" + "ab" * 20
TRANSACTION = "0x" + "cd" * 32


def row_of(log: MadeLog, index: int = 0) -> dict[str, Any]:
    return {
        "address": log.address,
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
        "blockNumber": "0x7",
        "blockHash": TRANSACTION,
        "transactionHash": TRANSACTION,
        "logIndex": hex(index),
    }


def layout_of(label: str) -> EventLayout:
    return next(layout for layout in all_layouts() if layout.label == label)


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda layout: layout.label)
def test_decode_logs__every_event__says_what_the_general_decoder_says(layout: EventLayout) -> None:
    dice = random.Random(layout.label)
    logs = [log_of(dice, layout.label, ADDRESS) for _ in range(50)]
    (rows,) = decode_logs([row_of(log, n) for n, log in enumerate(logs)], {ADDRESS: layout.contract})
    assert rows.layout == layout
    read = event_reader(layout)
    for index, (log, row) in enumerate(zip(logs, zip(*rows.columns, strict=True), strict=True)):
        raw = Log(log.address, log.topics, log.data, index)
        arguments = SHAPES[layout.label].decode(raw)
        expected = Event(BlockNumber(7), UnixSeconds(99), arguments, layout.name, TRANSACTION, index, ADDRESS.lower())
        assert read((*row, 99)) == expected


def transfer(**parts: bytes) -> MadeLog:
    log = log_of(random.Random(1), "CreditVault.Transfer", ADDRESS)
    topics = (log.topics[0], parts.get("sender", log.topics[1]), parts.get("receiver", log.topics[2]))
    return MadeLog(ADDRESS, topics, parts.get("data", log.data))


def changed(label: str, at: int, word: int) -> MadeLog:
    """Return a log with another word in its data."""
    log = log_of(random.Random(1), label, ADDRESS)
    return MadeLog(ADDRESS, log.topics, log.data[: 32 * at] + word.to_bytes(32) + log.data[32 * at + 32 :])


@pytest.mark.parametrize(
    ("kind", "log"),
    [
        ("CreditVault", transfer(sender=b"\1" * 32)),
        ("CreditVault", transfer(data=b"")),
        ("CreditVault", transfer(data=bytes(31))),
        ("CreditVault", transfer(data=bytes(64))),
        ("CreditVault", MadeLog(ADDRESS, transfer().topics[:2], bytes(64))),
        ("CreditVault", MadeLog(ADDRESS, (b"\7" * 32,), b"")),
        ("CreditVault", MadeLog(ADDRESS, (), b"")),
        ("CreditVault", changed("CreditVault.OperatorSet", 0, 2)),
        ("FleetRegistry", changed("FleetRegistry.ListToken", 0, 256)),
        ("AccessManager", changed("AccessManager.OperationScheduled", 0, 1 << 48)),
        ("AccessManager", changed("AccessManager.OperationScheduled", 3, 1 << 20)),
        ("AccessManager", changed("AccessManager.OperationScheduled", 4, 1 << 200)),
        ("AccessManager", changed("AccessManager.TargetFunctionRoleUpdated", 0, 1)),
        ("MeterOracle", changed("MeterOracle.SetVerifiers", 0, 1 << 20)),
        ("LeaseTerms", MadeLog(ADDRESS, log_of(random.Random(1), "LeaseTerms.SetTerms", ADDRESS).topics, bytes(64))),
    ],
    ids=str,
)
def test_decode_logs__no_contract_emits_it__names_the_log(kind: str, log: MadeLog) -> None:
    sound = log_of(random.Random(2), "CreditVault.Transfer", "0x" + "ef" * 20)
    rows = [row_of(sound), row_of(log, 0x21)]
    with pytest.raises(UnindexableLogError, match=r"^log 33 of block 7 by 0xabab"):
        decode_logs(rows, {ADDRESS: kind, sound.address: "CreditVault"})


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (b"\xff\xfe", r"\xff\xfe"),
        (b"a\0b", r"a\x00b"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        ("ordinary ß".encode(), "ordinary ß"),
    ],
)
def test_decode_logs__text_that_no_database_takes__is_written_out(text: bytes, written: str) -> None:
    log = log_of(random.Random(1), "AccessManager.RoleLabel", ADDRESS)
    data = (32).to_bytes(32) + len(text).to_bytes(32) + text.ljust(32, b"\0")
    (rows,) = decode_logs([row_of(MadeLog(ADDRESS, log.topics, data))], {ADDRESS: "AccessManager"})
    assert rows.columns[-1] == [written]


def test_layouts__names__are_those_of_the_documentation() -> None:
    assert {layout.table for layout in all_layouts()} >= {
        "lease_book_settle",
        "fleet_shares_transfer",
        "fleet_shares_frozen",
        "credit_vault_deposit",
        "fleet_credit_draw_loan",
    }
    assert "LoanOffice" not in kinds()
    assert "TestStablecoin" not in kinds()
    assert [column.name for column in layout_of("MeterOracle.AdvanceHead").columns][:5] == [
        "fleet_id", "as_of", "digest", "signers", "report_fleet_id",
    ]  # fmt: skip
    assert snake("deliveredGpuMs") == "delivered_gpu_ms"
    assert snake("ERC7943CannotSend") == "erc7943_cannot_send"
