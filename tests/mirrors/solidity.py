"""Solidity's own libraries, to be asked the same as their mirrors: a harness compiled and called on the spot."""

from __future__ import annotations

from functools import cache
from typing import Any, Self

import solcx
from eth_abi.abi import decode, encode
from web3 import Web3

from pyutils import toolchain
from pyutils.chain import rpc
from pyutils.compile import foundry_profile
from pyutils.contracts.base import abi_type
from pyutils.keccak import keccak256

ADDRESS = "0x" + "4a" * 20
GAS = hex(10**9)


@cache
def _compiled(source: str) -> tuple[list[dict[str, Any]], str]:
    """Return ABI and code of the contract `Harness` in `source`, which may import what contracts may."""
    root = toolchain.PROJECT_ROOT
    profile = foundry_profile(root)
    settings = {
        "remappings": profile["remappings"],
        "evmVersion": profile["evm_version"],
        "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
        "outputSelection": {"Harness.sol": {"Harness": ["abi", "evm.deployedBytecode.object"]}},
    }
    document = {"language": "Solidity", "sources": {"Harness.sol": {"content": source}}, "settings": settings}
    output = solcx.compile_standard(document, solc_binary=toolchain.solc(), base_path=root, allow_paths=root)
    harness = output["contracts"]["Harness.sol"]["Harness"]
    return harness["abi"], harness["evm"]["deployedBytecode"]["object"]


class Harness:
    """A contract that was never deployed: its code is laid at an address for the length of each call."""

    def __init__(self, web3: Web3, abi: list[dict[str, Any]], code: str) -> None:
        self._web3, self._overrides = web3, {ADDRESS: {"code": "0x" + code}}
        self._functions = {entry["name"]: entry for entry in abi if entry["type"] == "function"}

    @classmethod
    def of(cls, web3: Web3, imports: str, functions: str) -> Self:
        """Compile a harness around `functions`."""
        source = (
            f"// SPDX-License-Identifier: MIT\npragma solidity 0.8.37;\n{imports}\ncontract Harness {{{functions}}}"
        )
        return cls(web3, *_compiled(source))

    def __call__(self, function: str, *arguments: Any, now: int | None = None) -> Any:
        """Return what a function returns in a block stamped `now`: the value, or a tuple where there are several."""
        entry = self._functions[function]
        types = [abi_type(item) for item in entry["inputs"]]
        selector = keccak256(f"{function}({','.join(types)})".encode())[:4]
        message = {"to": ADDRESS, "data": "0x" + (selector + encode(types, arguments)).hex(), "gas": GAS}
        block = {} if now is None else {"time": hex(now)}
        answer = rpc.request(self._web3, "eth_call", message, "latest", self._overrides, block)
        values = decode([abi_type(item) for item in entry["outputs"]], bytes.fromhex(answer[2:]))
        return values[0] if len(values) == 1 else values
