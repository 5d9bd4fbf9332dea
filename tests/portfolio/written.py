"""Events that a test writes down, given as a source gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pyutils.operations.event_source import Wanted, Where
from pyutils.operations.history import Event
from pyutils.portfolio.block import PinnedBlock
from pyutils.units import BlockNumber, FleetId, UnixSeconds

COIN = "0x" + "c0" * 20
SHARES = {FleetId(number): f"0x{0x5A << 152 | number:040x}" for number in (1, 2)}
"""Where the shares of two fleets are."""


class Written:
    """Events as they are written down, one a block, and a block a minute."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Event]] = []

    @property
    def pinned(self) -> PinnedBlock:
        return PinnedBlock(number=self.block, hash=bytes(32), at=UnixSeconds(60 * self.block))

    @property
    def block(self) -> BlockNumber:
        return BlockNumber(1_000)

    def settlement_tokens(self) -> Mapping[str, str]:
        return dict.fromkeys(SHARES.values(), COIN)

    def add(self, label: str, contract: str, transaction: str, **arguments: object) -> None:
        named = {name.removesuffix("_"): value for name, value in arguments.items()}
        place = len(self.told)
        name = label.partition(".")[2]
        event = Event(
            BlockNumber(place + 1), UnixSeconds(60 * place), named, name, transaction, place, contract.lower()
        )
        self.told.append((label, event))

    def move(self, transaction: str, sender: str, receiver: str, value: int, fleet_id: int = 1) -> None:
        shares = SHARES[FleetId(fleet_id)]
        self.add("FleetShares.Transfer", shares, transaction, from_=sender, to=receiver, value=value)

    def events(
        self,
        names: str | Iterable[str],
        where: Where | None = None,
        *,
        contract: str | None = None,
        first: int | None = None,
        **arguments: Wanted,
    ) -> Iterator[Event]:
        assert first is None
        wanted, labels = {**(where or {}), **arguments}, [names] if isinstance(names, str) else list(names)
        for label, event in self.told:
            several = {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}
            is_of = contract is None or event.contract == contract.lower()
            if is_of and label in labels and all(event.arguments[name] in values for name, values in several.items()):
                yield event
