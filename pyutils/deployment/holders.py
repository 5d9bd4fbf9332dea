"""Can whoever is to hold a role make its calls? What the chain can honestly say of an address.

That somebody has an account's key, or that enough owners of a wallet still have theirs, no chain knows. What it does
know: nobody has the key of the zero address or of a precompile, and a contract acts only as its code lets it. So the
answer is yes, no, or that nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

from web3 import Web3

from pyutils import artifacts
from pyutils.chain import RevertedError, rpc
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.models.address import parse_address

_LAST_PRECOMPILE: Final = 0xFFFF
"""No key is known to anybody for so small an address, `0x…dEaD` among them."""
_DELEGATED: Final = bytes.fromhex("ef0100")
"""An account with a key whose calls EIP-7702 lets a contract's code answer."""
_CALLS: Final = frozenset({0xF1, 0xF2, 0xF4})
"""CALL, CALLCODE and DELEGATECALL: without one of them, code changes nothing but itself."""
_PUSH1, _PUSH4, _PUSH32 = 0x60, 0x63, 0x7F

_WALLET_CALLS: Final = {
    keccak256(signature.encode())[:4]: kind
    for signature, kind in {
        "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": "a Safe",
        "submitTransaction(address,uint256,bytes)": "a multisig wallet",
        "execute(address,uint256,bytes)": "a smart account",
        "execute(address,uint256,bytes,uint8)": "a smart account",
        "execute((address,uint256,bytes)[])": "a smart account",
        "executeBatch((address,uint256,bytes)[])": "a smart account",
        "execute(bytes32,bytes)": "a smart account (ERC-7579)",
        "execute(address,uint256,bytes,bytes32,bytes32)": "a timelock",
        "execute(address[],uint256[],bytes[],bytes32)": "a governor",
        "executeTransaction(address,uint256,string,bytes,uint256)": "a timelock",
        "execute(address,bytes)": "an access manager",
        "execute(uint256)": "a governor",
        "forward(address,bytes)": "a forwarder (Aragon)",
    }.items()
}
"""Calls by which wallets make calls of their users' choice."""

_WALLET_VIEWS: Final = {"getThreshold()": "a Safe", "getMinDelay()": "a timelock"}
"""What only such wallets answer: they tell where a proxy's code is not found."""

_IMPLEMENTATION_SLOTS: Final = (
    int.from_bytes(keccak256(b"eip1967.proxy.implementation")) - 1,
    int.from_bytes(keccak256(b"org.zeppelinos.proxy.implementation")),
    0,  # Safe, and others that keep the address of their code first
)
_MINIMAL_PROXY: Final = (bytes.fromhex("363d3d373d3d3d363d73"), bytes.fromhex("5af43d82803e903d91602b57fd5bf3"))
"""What stands before and behind the address of the code of an ERC-1167 clone."""
_WORD: Final = 32


class CannotActError(InputError):
    """A role is to be held by an address that cannot make its calls."""

    remedy = "Name an account with a key, a multisig wallet or a timelock"

    def __init__(self, role: str, address: str, said: str) -> None:
        super().__init__(f"{role} cannot be held by {address}: {said}")
        self.role, self.address = role, address


class Verdict(Enum):
    """Whether an address can make calls of its own."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ability:
    """What the chain says of an address, and why."""

    verdict: Verdict
    said: str

    def __bool__(self) -> bool:
        """Return whether it may be named: only what certainly cannot act may not."""
        return self.verdict is not Verdict.NO


def can_act(web3: Web3, address: str, *, ours: Mapping[str, str] = {}) -> Ability:
    """Return whether `address` can make the calls of a role.

    Args:
        web3: the chain.
        address: who is to hold a role.
        ours: names of the system's contracts by address, those that are still to come among them.

    """
    account = parse_address(address)
    if int(account, 16) == 0:
        return Ability(Verdict.NO, "it is the zero address")
    if int(account, 16) <= _LAST_PRECOMPILE:
        return Ability(Verdict.NO, "nobody has a key of so small an address")
    named = {parse_address(one): name for one, name in ours.items()}
    if account in named:
        return Ability(Verdict.NO, f"it is the system's {named[account]}, which makes no calls of anybody's choice")
    code = rpc.code_at(web3, account)
    if not code:
        return Ability(Verdict.YES, "an account without code: whoever has its key")
    if code.startswith(_DELEGATED):
        return Ability(Verdict.YES, "an account with a key, which lends its calls to a contract (EIP-7702)")
    return _of_contract(web3, account, code)


def require_able(web3: Web3, role: str, address: str, *, ours: Mapping[str, str] = {}) -> Ability:
    """Return what is known of a role's holder. Raises `CannotActError` where it certainly cannot act."""
    found = can_act(web3, address, ours=ours)
    if not found:
        raise CannotActError(role, parse_address(address), found.said)
    return found


def _of_contract(web3: Web3, account: str, code: bytes) -> Ability:
    name = _compiled(code)
    if name is not None and name != "AccessManager":
        return Ability(Verdict.NO, f"it is a {name} of this package, which makes no calls of anybody's choice")
    codes = [code, *_implementations(web3, account, code)]
    for one in codes:
        for selector, kind in _WALLET_CALLS.items():
            if selector in _pushed(one):
                return Ability(Verdict.YES, f"{kind}, by its code")
    if not any(_CALLS & set(_operations(one)) for one in codes):
        return Ability(Verdict.NO, "its code has no instruction that calls another contract")
    for view, kind in _WALLET_VIEWS.items():
        if _answers(web3, account, view):
            return Ability(Verdict.YES, f"{kind}, by what it answers")
    if _is_token(web3, account):
        return Ability(Verdict.NO, "it is a token")
    if _answers(web3, account, "isValidSignature(bytes32,bytes)", bytes(32) + (64).to_bytes(32) + bytes(32)):
        return Ability(Verdict.YES, "a smart account, since it checks signatures (ERC-1271)")
    return Ability(Verdict.UNKNOWN, "a contract of a kind that is not known: it may be unable to act")


def _compiled(code: bytes) -> str | None:
    """Return which contract of this package has the code, whatever its immutables."""
    for name, blank, holes in _shapes():
        if len(code) == len(blank):
            masked = bytearray(code)
            for start, length in holes:
                masked[start : start + length] = bytes(length)
            if masked == blank:
                return name
    return None


@cache
def _shapes() -> tuple[tuple[str, bytes, tuple[tuple[int, int], ...]], ...]:
    """Return each artifact's code with zeros for immutables, and where those stand."""
    found = []
    for name in artifacts.names():
        artifact = artifacts.load(name)
        holes = tuple(
            (place.start, place.length) for places in artifact.immutable_references.values() for place in places
        )
        found.append((name, artifact.deployed_bytecode, holes))
    return tuple(found)


def _implementations(web3: Web3, account: str, code: bytes) -> Iterator[bytes]:
    """Yield the code that a proxy runs as its own, where it is one of a known kind."""
    head, tail = _MINIMAL_PROXY
    if code.startswith(head) and code[len(head) + 20 :].startswith(tail):
        yield rpc.code_at(web3, "0x" + code[len(head) :][:20].hex())
        return
    for slot in _IMPLEMENTATION_SLOTS:
        word = int(rpc.request(web3, "eth_getStorageAt", account, hex(slot), "latest"), 16)
        if _LAST_PRECOMPILE < word < 2**160:
            yield rpc.code_at(web3, parse_address(f"0x{word:040x}"))


def _instructions(code: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each operation with what it pushes; the compiler's metadata at the end is none."""
    if len(code) > 2 and (size := int.from_bytes(code[-2:]) + 2) < len(code) and code[-size] >> 5 == 5:
        code = code[:-size]
    place = 0
    while place < len(code):
        operation = code[place]
        size = operation - _PUSH1 + 1 if _PUSH1 <= operation <= _PUSH32 else 0
        yield operation, code[place + 1 : place + 1 + size]
        place += 1 + size


def _operations(code: bytes) -> Iterator[int]:
    return (operation for operation, _ in _instructions(code))


def _pushed(code: bytes) -> frozenset[bytes]:
    """Return the four-byte words that the code compares selectors with."""
    return frozenset(word for operation, word in _instructions(code) if operation == _PUSH4)


def _is_token(web3: Web3, account: str) -> bool:
    """Return whether it counts balances, as ERC-20 and ERC-721 do."""
    return _answers(web3, account, "balanceOf(address)", (1).to_bytes(_WORD)) and (
        _answers(web3, account, "totalSupply()") or _answers(web3, account, "symbol()")
    )


def _answers(web3: Web3, account: str, signature: str, arguments: bytes = b"") -> bool:
    """Return whether a view gives at least a word."""
    data = "0x" + (keccak256(signature.encode())[:4] + arguments).hex()
    try:
        answer: str = rpc.execution(web3, "eth_call", signature, {"to": account, "data": data}, "latest")
    except (RevertedError, rpc.RpcError):
        return False  # code that runs into an invalid instruction makes nodes say so each in its own words
    return len(answer) >= 2 + 2 * _WORD
