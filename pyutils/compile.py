"""Compiles `contracts/` through py-solc-x's standard JSON into the artifacts that the package ships.

Only developers need it: it asks for a checkout, py-solc-x (extra `dev`) and a compiler. Compiler settings are read from
`foundry.toml`, so that forge and this module make the same bytes. Run it with `python -m pyutils.compile`.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyutils import toolchain
from pyutils.artifacts import METADATA_NAME, STANDARD_INPUT_NAME
from pyutils.errors import GpuRwaError, ToolchainError

ARTIFACTS_FOLDER = Path(__file__).resolve().parent / "artifacts"

LIBRARY_CONTRACTS = ("@openzeppelin/contracts/access/manager/AccessManager.sol",)
"""Sources outside `contracts/` whose contracts are deployed as they are."""

_IMPORT = re.compile(r"""^\s*import\b[^;]*?["']([^"']+)["'][^;]*;""", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_AST_ID = re.compile(r"(t_(?:struct|enum|contract|userDefinedValueType)\([^()]*\))\d+")


class CompileError(ToolchainError):
    """The sources cannot be compiled; the message carries the compiler's first error."""

    remedy = "Mend the source, `forge build` shows every error in its place"


def foundry_profile(root: Path) -> dict[str, Any]:
    """Return the default profile of `foundry.toml`. Raises `CompileError` outside a checkout."""
    file = root / "foundry.toml"
    if not file.is_file() or not (root / "contracts").is_dir():
        raise CompileError(f"{root} is no checkout: it has no foundry.toml or no contracts", remedy="Clone the project")
    profile: dict[str, Any] = tomllib.loads(file.read_text())["profile"]["default"]
    return profile


def standard_input(root: Path) -> dict[str, Any]:
    """Return the standard JSON input of all contracts below `root`, with every source that they import."""
    profile = foundry_profile(root)
    remappings = dict(line.split("=", 1) for line in profile["remappings"])
    entries = [path.relative_to(root).as_posix() for path in sorted((root / "contracts").rglob("*.sol"))]
    entries = [name for name in entries if not name.startswith("contracts/.cache/")]
    entries.extend(LIBRARY_CONTRACTS)
    sources: dict[str, str] = {}
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = _read(root, remappings, name)
            waiting.extend(_imports(name, sources[name]))
    outputs = ["abi", "metadata", "storageLayout", "evm.bytecode.object", "evm.bytecode.linkReferences"]
    outputs += ["evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]
    return {
        "language": "Solidity",
        "sources": {name: {"content": sources[name]} for name in sorted(sources)},
        "settings": {
            "evmVersion": profile["evm_version"],
            "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
            "viaIR": profile.get("via_ir", False),
            "metadata": {"bytecodeHash": profile["bytecode_hash"]},
            "outputSelection": {"*": {"": ["ast"]}, **{name: {"*": outputs} for name in sorted(entries)}},
        },
    }


def compile_artifacts(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Compile a standard JSON input and return the rows of all concrete contracts by name.

    Raises:
        CompileError: py-solc-x is not installed, or the compiler refuses the sources.
        MissingToolError: there is no compiler.

    """
    try:
        import solcx
        from solcx.exceptions import SolcError
    except ImportError as error:
        remedy = "Install the extra: pip install 'gpu-rwa[dev]', or run `make setup`"
        raise CompileError("py-solc-x is not installed", remedy=remedy) from error
    compiler = toolchain.solc()
    try:
        output = solcx.compile_standard(document, solc_binary=compiler)
    except SolcError as error:
        raise CompileError(f"solc refused the sources: {error.message}") from error
    trees = [unit["ast"] for unit in output["sources"].values()]
    variables = dict(_immutables(trees))
    version = _version(compiler)
    rows: dict[str, dict[str, Any]] = {}
    for source, name in sorted(_concrete_contracts(trees)):
        contract = output["contracts"].get(source, {}).get(name, {})
        if "evm" not in contract:
            continue  # imported only
        if contract["evm"]["bytecode"]["linkReferences"]:
            raise CompileError(f"{name} needs a linked library", remedy="Make the library's functions internal")
        if name in rows:
            raise CompileError(f"two contracts are named {name}", remedy="Rename one: artifacts go by name")
        deployed = contract["evm"]["deployedBytecode"]
        places: dict[str, list[list[int]]] = {}
        for identifier, ranges in deployed["immutableReferences"].items():
            found = places.setdefault(variables[int(identifier)], [])
            found.extend([place["start"], place["length"]] for place in ranges)
        rows[name] = {
            "source": source,
            "compiler": version,
            "abi": contract["abi"],
            "bytecode": contract["evm"]["bytecode"]["object"],
            "deployed_bytecode": deployed["object"],
            "immutable_references": {variable: sorted(ranges) for variable, ranges in sorted(places.items())},
            "storage_layout": _without_ast_ids(contract["storageLayout"]),
            "metadata": contract["metadata"],
        }
    return rows


def artifact_files(root: Path) -> dict[str, bytes]:
    """Compile what stands below `root` and return the contents of all artifact files by name."""
    document = standard_input(root)
    rows = compile_artifacts(document)
    # Apart from the rows, which every command reads: only verification asks for it.
    metadata = {name: row.pop("metadata") for name, row in rows.items()}
    files = {f"{name}.json": _compact(row) for name, row in rows.items()}
    for name, content in ((STANDARD_INPUT_NAME, document), (METADATA_NAME, metadata)):
        files[name] = gzip.compress(_compact(content), compresslevel=9, mtime=0)
    return files


def is_current(root: Path, folder: Path = ARTIFACTS_FOLDER) -> bool:
    """Say whether `folder` was written from the sources and settings below `root`, without compiling them."""
    packed = folder / STANDARD_INPUT_NAME
    if not packed.is_file() or not (folder / METADATA_NAME).is_file():
        return False
    return gzip.decompress(packed.read_bytes()) == _compact(standard_input(root))


def write_artifacts(root: Path, folder: Path = ARTIFACTS_FOLDER) -> list[str]:
    """Compile what stands below `root` into `folder` and return the names of the files that changed."""
    files = artifact_files(root)
    changed = []
    for stale in [*folder.glob("*.json"), *folder.glob("*.json.gz")]:
        if stale.name not in files:
            stale.unlink()
            changed.append(stale.name)
    for name, content in files.items():
        file = folder / name
        if not file.exists() or file.read_bytes() != content:
            file.write_bytes(content)
            changed.append(name)
    return sorted(changed)


def _read(root: Path, remappings: dict[str, str], name: str) -> str:
    """Return the text of a source unit, whose name may begin with a remapped prefix."""
    for prefix, target in remappings.items():
        if name.startswith(prefix):
            file = root / target / name.removeprefix(prefix)
            break
    else:
        file = root / name
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CompileError(f"no such source: {name}", remedy="Run `make setup`, or mend the import") from error


def _imports(name: str, text: str) -> Iterator[str]:
    """Yield the names of the source units that `text`, the unit `name`, imports."""
    for path in _IMPORT.findall(_COMMENT.sub(" ", text)):
        yield _joined(name, path) if path.startswith(".") else path


def _joined(name: str, path: str) -> str:
    """Resolve a relative import as the compiler does."""
    parts = name.split("/")[:-1]
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a syntax tree."""
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from _nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from _nodes(child)


def _immutables(trees: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Yield identifier and name of every immutable variable."""
    for node in _nodes(trees):
        if node.get("nodeType") == "VariableDeclaration" and node.get("mutability") == "immutable":
            yield node["id"], node["name"]


def _concrete_contracts(trees: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield source and name of every contract that can be deployed: no interface, no library, not abstract."""
    for tree in trees:
        for node in tree["nodes"]:
            if node.get("contractKind") == "contract" and not node["abstract"]:
                yield tree["absolutePath"], node["name"]


def _without_ast_ids(layout: dict[str, Any]) -> dict[str, Any]:
    """Drop the compiler's running numbers from a storage layout: they change with any change of any source."""
    text = _AST_ID.sub(r"\1", json.dumps(layout))
    bare: dict[str, Any] = json.loads(text, object_hook=lambda row: {k: v for k, v in row.items() if k != "astId"})
    if len(bare["types"] or {}) != len(layout["types"] or {}):
        raise CompileError("two types of one name in one storage layout", remedy="Rename one of the structs")
    return bare


def _version(compiler: Path) -> str:
    """Return version and commit of the compiler, the same for the native one and npm's."""
    printed = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Version: (\S+?\+commit\.[0-9a-f]+)", printed)
    if found is None:
        raise CompileError(f"{compiler} does not answer as solc", remedy="Run `make setup`")
    return found.group(1)


def _compact(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def main() -> int:
    """Bring the package's artifacts up to date and say what changed."""
    root = toolchain.PROJECT_ROOT
    try:
        if is_current(root) and "--force" not in sys.argv[1:]:
            print("artifacts: up to date")
            return 0
        changed = write_artifacts(root)
    except GpuRwaError as error:
        print(error.line(), file=sys.stderr)
        return error.exit_status
    print(f"artifacts: {len(changed)} files changed" + (f": {', '.join(changed)}" if changed else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
