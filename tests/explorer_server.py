"""A block explorer on this machine: it speaks Sourcify's, Etherscan's and Blockscout's API, and really compiles.

What it is sent goes through solc, once for each input. The code that comes out is compared with the chain's, immutables
masked by what the compiler says of them, and so is the code that created the contract, which traces of the chain show.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from web3 import Web3

from pyutils import toolchain
from pyutils.chain import rpc
from pyutils.durable import write_whole
from pyutils.keccak import keccak256

KEY = "key-of-a-customer"
COMPILER = "0.8.37+commit.f401782d"

Reply = tuple[int, Any]
"""HTTP status and body: JSON, or bytes as they are."""


class Compiler:
    """Compiles each input once, and keeps what came out in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()

    def contract(self, document: dict[str, Any], identifier: str) -> dict[str, Any]:
        """Return the compiler's output of one contract; KeyError where there is no such contract."""
        source, name = identifier.rsplit(":", 1)
        outputs = ["evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]
        settings = {**document["settings"], "outputSelection": {source: {name: outputs}}}
        asked = json.dumps({**document, "settings": settings}, sort_keys=True)
        file = self._folder / f"{keccak256((COMPILER + asked).encode()).hex()}.json"
        with self._lock:
            if not file.exists():
                command = [str(toolchain.solc()), "--standard-json", "--base-path", str(self._folder)]
                done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
                write_whole(file, done.stdout.encode())
        found: dict[str, Any] = json.loads(file.read_text())["contracts"][source][name]["evm"]
        return found


@dataclass
class Fault:
    """An answer in place of the right one, for as often as is said."""

    matches: Callable[[str, str, dict[str, str]], bool]
    reply: Reply
    times: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Seen:
    """A request."""

    method: str
    path: str
    params: dict[str, str]
    body: Any


class ExplorerServer:
    """Three explorers of one chain, at one port."""

    def __init__(self, web3: Web3, compiler: Compiler) -> None:
        self.web3, self._compiler = web3, compiler
        self.chain_id = str(rpc.chain_id(web3))
        self.verified: dict[tuple[str, str], dict[str, Any]] = {}
        """By explorer and address."""
        self.seen: list[Seen] = []
        self.pending = 0
        """How often a job is said to be pending though it is done."""
        self._faults: list[Fault] = []
        self._jobs: dict[str, tuple[str, Future[dict[str, Any]], list[int]]] = {}
        self._pool = ThreadPoolExecutor(max_workers=2)
        self._created: dict[str, bytes] = {}
        explorer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Type"].startswith("application/json"):
                    self._answer(json.loads(data))
                else:
                    self._answer({name: values[0] for name, values in parse_qs(data.decode()).items()})

            def _answer(self, body: Any) -> None:
                parts = urlsplit(self.path)
                params = {name: values[0] for name, values in parse_qs(parts.query).items()}
                status, reply, headers = explorer.reply(self.command, parts.path, params, body)
                content = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def sourcify(self) -> str:
        return f"{self.url}/server"

    @property
    def etherscan(self) -> str:
        return f"{self.url}/v2/api"

    @property
    def blockscout(self) -> str:
        return f"{self.url}/api"

    @property
    def submitted(self) -> list[str]:
        """Return the addresses that were sent, in their order."""
        sent = [one for one in self.seen if one.method == "POST"]
        return [(one.body.get("contractaddress") or one.path.rsplit("/", 1)[1]).lower() for one in sent]

    def fault(self, word: str, reply: Reply, times: int = 1, **headers: str) -> None:
        """Answer requests whose path or action has `word` otherwise, `times` times."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._faults.append(
            Fault(lambda _, path, params: word in path or word == params.get("action"), reply, times, named)
        )

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def reply(self, method: str, path: str, params: dict[str, str], body: Any) -> tuple[int, Any, dict[str, str]]:
        self.seen.append(Seen(method, path, params, body))
        for fault in self._faults:
            if fault.times and fault.matches(method, path, params):
                fault.times -= 1
                return (*fault.reply, fault.headers)
        if path.startswith("/server/v2/"):
            return (*self._sourcify(method, path.removeprefix("/server/v2/"), body), {})
        if path == "/v2/api":
            if params.get("apikey") != KEY:
                return 200, not_ok(f"Invalid API Key ({params.get('apikey')})|#err2|"), {}
            if params.get("chainid") != self.chain_id:
                return 200, not_ok("Missing or unsupported chainid parameter (required for v2 api)"), {}
            return 200, self._etherscan("etherscan", params, body), {}
        if path == "/api":
            return 200, self._etherscan("blockscout", params, body), {}
        return 404, b"<html>not found</html>", {}

    # Sourcify

    def _sourcify(self, method: str, path: str, body: Any) -> Reply:
        if found := re.fullmatch(r"(contract|verify)/(\d+)/(0x[0-9a-fA-F]{40})", path):
            kind, chain, address = found.groups()
            if chain != self.chain_id:
                return 404, failed("unsupported_chain", f"Chain {chain} not found")
            if kind == "contract":
                record = self.verified.get(("sourcify", address.lower()))
                return (404, self._match(address, None)) if record is None else (200, record)
            assert method == "POST"
            return self._sourcify_submit(address, body)
        job = path.removeprefix("verify/")
        if job not in self._jobs:
            return 404, failed("job_not_found", "No verification job found")
        _, future, pending = self._jobs[job]
        row: dict[str, Any] = {"isJobCompleted": False, "verificationId": job, "jobStartTime": "2026-01-01T00:00:00Z"}
        if self._is_pending(future, pending):
            return 200, row
        return 200, row | {"isJobCompleted": True} | future.result()

    def _sourcify_submit(self, address: str, body: dict[str, Any]) -> Reply:
        document = body["stdJsonInput"]
        if set(document) - {"language", "sources", "settings"}:
            return 400, failed("invalid_parameter", "Standard JSON input contains unsupported top-level field(s)")
        if any(job[0] == address.lower() and not job[1].done() for job in self._jobs.values()):
            return 429, failed("duplicate_verification_request", f"Contract {address} is already being verified")

        def verify() -> dict[str, Any]:
            code = rpc.code_at(self.web3, address)
            if not code:
                missing = failed("contract_not_deployed", f"There is no bytecode at {address}")
                return {"contract": self._match(address, None), "error": missing}
            runtime, creation, error = self._compare(
                document, body["compilerVersion"], body["contractIdentifier"], address, None
            )
            if not runtime:
                refusal = failed("no_match", error or "The onchain and recompiled bytecodes don't match.")
                return {"contract": self._match(address, None), "error": refusal}
            is_traced = creation and self._created_in(body.get("creationTransactionHash"), address)
            record = self._match(address, "match", "match" if is_traced else None)
            self.verified["sourcify", address.lower()] = record
            return {"contract": record}

        return 202, {"verificationId": self._start(address, verify)}

    def _match(self, address: str, kind: str | None, creation: str | None = None) -> dict[str, Any]:
        return {
            "match": kind,
            "creationMatch": creation,
            "runtimeMatch": kind,
            "chainId": self.chain_id,
            "address": address,
        }

    # Etherscan and Blockscout

    def _etherscan(self, name: str, params: dict[str, str], body: Any) -> dict[str, Any]:
        action = params["action"]
        assert params["module"] == "contract"
        if action == "getsourcecode":
            record = self.verified.get((name, params["address"].lower()), {"SourceCode": "", "SimilarMatch": ""})
            return ok([record])
        if action == "checkverifystatus":
            if params["guid"] not in self._jobs:
                return ok("Unknown UID")
            _, future, pending = self._jobs[params["guid"]]
            if self._is_pending(future, pending):
                return not_ok("Pending in queue") if name == "etherscan" else ok("Pending in queue")
            said = future.result()["said"]
            return ok(said) if said.startswith("Pass") or name == "blockscout" else not_ok(said)
        assert action == "verifysourcecode"
        assert body["codeformat"] == "solidity-standard-json-input"
        address = body["contractaddress"]
        if (name, address.lower()) in self.verified:
            return not_ok(
                "Contract source code already verified" if name == "etherscan" else "Smart-contract already verified."
            )
        if not rpc.code_at(self.web3, address):
            return not_ok(
                f"Unable to locate ContractCode at {address}"
                if name == "etherscan"
                else "The address is not a smart contract"
            )
        arguments = bytes.fromhex(body.get("constructorArguements", ""))

        def verify() -> dict[str, Any]:
            document, version = json.loads(body["sourceCode"]), body["compilerversion"].removeprefix("v")
            runtime, creation, error = self._compare(document, version, body["contractname"], address, arguments)
            if not (runtime and creation):
                return {"said": f"Fail - Unable to verify{'. ' + error if error else ''}"}
            self.verified[name, address.lower()] = {"SourceCode": body["sourceCode"], "SimilarMatch": ""}
            return {"said": "Pass - Verified"}

        return ok(self._start(address, verify))

    # what all of them do

    def _start(self, address: str, verify: Callable[[], dict[str, Any]]) -> str:
        job = str(uuid.uuid4())
        self._jobs[job] = (address.lower(), self._pool.submit(verify), [self.pending])
        return job

    @staticmethod
    def _is_pending(future: Future[dict[str, Any]], pending: list[int]) -> bool:
        if pending[0]:
            pending[0] -= 1
            return True
        return not future.done()

    def _compare(
        self, document: dict[str, Any], version: str, identifier: str, address: str, arguments: bytes | None
    ) -> tuple[bool, bool, str]:
        """Return whether code on chain and code that created it are what comes out; any arguments do where None."""
        if version != COMPILER:
            return False, False, f"compiler {version} is not to be had"
        try:
            made = self._compiler.contract(document, identifier)
        except KeyError:
            return False, False, f"there is no {identifier}"
        onchain = bytearray(rpc.code_at(self.web3, address))
        for places in made["deployedBytecode"]["immutableReferences"].values():
            for place in places:
                onchain[place["start"] : place["start"] + place["length"]] = bytes(place["length"])
        runtime = bytes(onchain) == bytes.fromhex(made["deployedBytecode"]["object"])
        init, compiled = self._creation(address), bytes.fromhex(made["bytecode"]["object"])
        creation = init == compiled + arguments if arguments is not None else init.startswith(compiled)
        return runtime, creation, "" if runtime else "bytecode does not match"

    def _creation(self, address: str) -> bytes:
        """Return the code that created a contract, from traces: contracts create contracts here."""
        if address.lower() not in self._created:
            for number in range(int(rpc.request(self.web3, "eth_blockNumber"), 16) + 1):
                for trace in rpc.request(self.web3, "trace_block", hex(number)) or ():
                    if trace["type"] == "create" and trace.get("result"):
                        self._created[trace["result"]["address"].lower()] = bytes.fromhex(trace["action"]["init"][2:])
        return self._created.get(address.lower(), b"")

    def _created_in(self, transaction: str | None, address: str) -> bool:
        if transaction is None:
            return False
        traces = rpc.request(self.web3, "trace_transaction", transaction)
        return any(
            trace["type"] == "create" and trace["result"]["address"].lower() == address.lower() for trace in traces
        )


def ok(result: Any) -> dict[str, Any]:
    return {"status": "1", "message": "OK", "result": result}


def not_ok(result: str) -> dict[str, Any]:
    return {"status": "0", "message": "NOTOK", "result": result}


def failed(code: str, message: str) -> dict[str, Any]:
    return {"customCode": code, "message": message, "errorId": str(uuid.uuid4())}


@contextmanager
def exploring(web3: Web3, folder: Path) -> Iterator[ExplorerServer]:
    """Run the explorers; what they compiled is kept in `folder`."""
    explorer = ExplorerServer(web3, Compiler(folder))
    thread = threading.Thread(target=explorer.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield explorer
    finally:
        explorer.server.shutdown()
        thread.join()
        explorer.server.server_close()
        explorer.close()
