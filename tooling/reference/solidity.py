"""Pages of the contracts' reference, from what the compiler says of the sources: NatSpec, ABI and syntax tree.

One page for each source below `contracts/`, under its path. Nothing is written by hand: a contract's page has all that
its ABI offers, with what is inherited; a library's has its internal functions; structs and constants stand where they
are defined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pyutils import toolchain
from pyutils.artifacts import RUNS
from pyutils.cli.reach import REACH, REASONS
from pyutils.compile import CompileError, standard_input

FOLDER: Final = "contracts/"
_TAG: Final = re.compile(r"(?:^|\n)\s*@(\w+)\s?")
_CUSTOM: Final = re.compile(r"\b(?:struct|enum|contract) ")


@dataclass(frozen=True)
class Words:
    """What NatSpec says of one thing."""

    title: str = ""
    notice: str = ""
    details: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    returns: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return notice and details, a paragraph each."""
        return "\n\n".join(part for part in (self.notice, self.details) if part)

    @property
    def line(self) -> str:
        """Return notice and details in one line."""
        return " ".join(part for part in (self.notice, self.details) if part)


def pages(root: Path) -> dict[str, str]:
    """Return Markdown by path, such as `LeaseBook.md` and `interfaces/ILeaseBook.md`.

    Raises:
        CompileError: the compiler refuses the sources.

    """
    document = standard_input(root)
    names = [name for name in document["sources"] if name.startswith(FOLDER)]
    document["settings"]["outputSelection"] = {name: {"": ["ast"], "*": ["abi", "devdoc", "userdoc"]} for name in names}
    output = _compiled(document)
    said = {contract: row for rows in output["contracts"].values() for contract, row in rows.items()}
    found = {}
    for name in names:
        tree, source = output["sources"][name]["ast"], document["sources"][name]["content"]
        found[f"{name.removeprefix(FOLDER).removesuffix('.sol')}.md"] = _page(name, tree, said, source)
    return found


def _compiled(document: dict[str, Any]) -> dict[str, Any]:
    import solcx
    from solcx.exceptions import SolcError

    try:
        output: dict[str, Any] = solcx.compile_standard(document, solc_binary=toolchain.solc())
    except SolcError as error:
        raise CompileError(f"solc refused the sources: {error.message}") from error
    return output


def _page(name: str, tree: dict[str, Any], said: Mapping[str, Any], source: str) -> str:
    """Return the page of a source: one contract, or several under headings of their own, and then the types."""
    defined = [node for node in tree["nodes"] if node["nodeType"] == "ContractDefinition"]
    parts = [
        _library(node, source) if node["contractKind"] == "library" else _contract(node["name"], node, said)
        for node in defined
    ]
    if len(defined) > 1:
        parts = [
            f"## {node['name']}\n\n" + re.sub(r"^(#+ )", r"#\1", part, flags=re.MULTILINE)
            for node, part in zip(defined, parts, strict=True)
        ]
    types = [text for node in tree["nodes"] if (text := _definition(node, source))]
    title = defined[0]["name"] if len(defined) == 1 else Path(name).stem
    return "\n".join([f"# {title}\n\n`{name}`\n", *parts, *(["## Types\n", *types] if types else [])])


def _contract(name: str, node: dict[str, Any], said: Mapping[str, Any]) -> str:
    """Return what a contract is and offers. What it says nothing of itself, its interface says."""
    output = said[name]
    dev, user = output["devdoc"], output["userdoc"]
    described = said[f"I{name}"] if "notice" not in user and f"I{name}" in said else output
    title = described["devdoc"].get("title", "").partition(": ")[2]
    lines = [f"*{title[:1].upper()}{title[1:]}*\n"] if title else []
    texts = (described["userdoc"].get("notice"), described["devdoc"].get("details"))
    lines += [f"{text}\n" for text in dict.fromkeys((*texts, dev.get("details"))) if text]
    bases = [base["baseName"]["name"] for base in node["baseContracts"]]
    if bases:
        lines.append(f"Inherits {', '.join(f'`{base}`' for base in bases)}.\n")
    for part in RUNS.get(name, ()):
        lines.append(
            f"At its address are the functions of [{part}]({part}.md) too, which it runs on its own storage.\n"
        )
    for kind, heading in (("function", "Functions"), ("event", "Events"), ("error", "Errors")):
        entries = sorted((entry for entry in output["abi"] if entry["type"] == kind), key=lambda entry: entry["name"])
        if entries:
            lines.append(f"## {heading}\n")
            lines += [_entry(name, kind, entry, dev, user) for entry in entries]
    return "\n".join(lines)


def _entry(contract: str, kind: str, entry: dict[str, Any], dev: dict[str, Any], user: dict[str, Any]) -> str:
    words = _words_of(kind, entry, dev, user)
    lines = [f"### {entry['name']}\n", f"```solidity\n{_declaration(kind, entry)}\n```\n"]
    if words.text:
        lines.append(f"{words.text}\n")
    for label, values in (("parameter", words.params), ("returns", words.returns)):
        if values:
            lines += [f"| {label} | |", "| --- | --- |"]
            lines += [f"| `{one}` | {_cell(text)} |" for one, text in values.items()]
            lines.append("")
    reached = REACH.get(contract, {}).get(entry["name"]) if kind == "function" else None
    if reached is not None:
        lines.append(f"No command: {reached}.\n" if reached in REASONS else f"Command: `gpurwa {reached}`.\n")
    return "\n".join(lines)


def _words_of(kind: str, entry: dict[str, Any], dev: dict[str, Any], user: dict[str, Any]) -> Words:
    """Return what is said of an ABI entry. Of errors of one signature the compiler has a list."""
    place = {"function": "methods", "event": "events", "error": "errors"}[kind]
    signature = f"{entry['name']}({','.join(_plain(item) for item in entry['inputs'])})"
    said, told = dev.get(place, {}).get(signature, {}), user.get(place, {}).get(signature, {})
    if isinstance(said, list) or isinstance(told, list):
        said, told = (said or [{}])[0], (told or [{}])[0]
    if not said and kind == "function":  # public variables have their words elsewhere
        said = dev.get("stateVariables", {}).get(entry["name"], {})
    returns = {("" if key == "_0" else key) or "value": text for key, text in said.get("returns", {}).items()}
    return Words("", told.get("notice", ""), said.get("details", ""), said.get("params", {}), returns)


def _declaration(kind: str, entry: dict[str, Any]) -> str:
    text = f"{kind} {entry['name']}({', '.join(_typed(item) for item in entry['inputs'])})"
    if kind == "function":
        mutability = "" if entry["stateMutability"] == "nonpayable" else f" {entry['stateMutability']}"
        outputs = ", ".join(_typed(item) for item in entry["outputs"])
        text += f" external{mutability}" + (f" returns ({outputs})" if outputs else "")
    return text


def _typed(item: dict[str, Any]) -> str:
    kind = _CUSTOM.sub("", item.get("internalType", item["type"]))
    return " ".join(part for part in (kind, "indexed" if item.get("indexed") else "", item["name"]) if part)


def _plain(item: dict[str, Any]) -> str:
    """Return a type as signatures have it, structs as their members."""
    if not item["type"].startswith("tuple"):
        return str(item["type"])
    return f"({','.join(_plain(member) for member in item['components'])}){item['type'].removeprefix('tuple')}"


def _library(node: dict[str, Any], source: str) -> str:
    words = _natspec(node)
    lines = [f"{words.text}\n"] if words.text else []
    functions = [item for item in node["nodes"] if item["nodeType"] == "FunctionDefinition"]
    shown = [item for item in functions if item["visibility"] != "private"]
    if shown:
        lines.append("## Functions\n")
    for item in shown:
        said = _natspec(item)
        head = _source_of(item, source).partition("{")[0]
        lines += [
            f"### {item['name']}\n",
            f"```solidity\n{_folded(head)}\n```\n",
            f"{said.text}\n" if said.text else "",
        ]
        for label, values in (("parameter", said.params), ("returns", said.returns)):
            if values:
                lines += [f"| {label} | |", "| --- | --- |"]
                lines += [f"| `{one}` | {_cell(text)} |" for one, text in values.items()]
                lines.append("")
    inner = [text for item in node["nodes"] if (text := _definition(item, source))]
    if inner:
        lines += ["## Constants and types\n", *inner]
    return "\n".join(lines)


def _definition(node: dict[str, Any], source: str) -> str:
    """Return a struct, an enum, a named type, a constant, an event or an error outside a contract; empty for others."""
    kind = node["nodeType"]
    words = _natspec(node)
    text = f"{words.text}\n" if words.text else ""
    if kind == "StructDefinition":
        rows = [
            f"| `{member['name']}` | `{_folded(_source_of(member['typeName'], source))}` | {_cell(said)} |"
            for member, said in _members(node, source)
        ]
        return "\n".join([f"### {node['name']}\n", text, "| member | type | |", "| --- | --- | --- |", *rows, ""])
    if kind == "EnumDefinition":
        names = ", ".join(f"`{member['name']}`" for member in node["members"])
        return "\n".join([f"### {node['name']}\n", text, f"One of {names}.\n"])
    if kind in {"UserDefinedValueTypeDefinition", "ErrorDefinition", "EventDefinition"} or node.get("constant"):
        if node.get("visibility") == "private":
            return ""
        return "\n".join([f"### {node['name']}\n", f"```solidity\n{_folded(_source_of(node, source))}\n```\n", text])
    return ""


def _members(node: dict[str, Any], source: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield a struct's members with the `///` lines above each, which the compiler leaves out of its tree."""
    whole = source.encode()
    for member in node["members"]:
        above = whole[: int(member["src"].split(":")[0])].decode().splitlines()[:-1]
        said: list[str] = []
        while above and above[-1].strip().startswith("///"):
            said.insert(0, above.pop().strip().removeprefix("///"))
        yield member, parse("\n".join(said)).line


def _source_of(node: dict[str, Any], source: str) -> str:
    start, length = map(int, node["src"].split(":")[:2])
    return source.encode()[start : start + length].decode()


def _natspec(node: dict[str, Any]) -> Words:
    said = node.get("documentation")
    return parse(said["text"] if isinstance(said, dict) else said or "")


def parse(text: str) -> Words:
    """Return NatSpec as words: a text without a tag is a notice."""
    parts = _TAG.split(text)
    pairs = [("notice", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
    plain: dict[str, list[str]] = {"title": [], "notice": [], "dev": []}
    params: dict[str, str] = {}
    returns: dict[str, str] = {}
    for tag, body in pairs:
        said = " ".join(body.split())
        if tag in plain and said:
            plain[tag].append(said)
        elif tag in {"param", "return"}:
            name, _, rest = said.partition(" ")
            (params if tag == "param" else returns)[name] = rest
    return Words(" ".join(plain["title"]), " ".join(plain["notice"]), " ".join(plain["dev"]), params, returns)


def _folded(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    """Return text for a cell of a table, where a bar would end it."""
    return text.replace("|", "\\|")
