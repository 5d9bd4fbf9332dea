"""The reference is made from the sources: nothing is missing from it, and nothing is in it that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from pyutils import artifacts
from pyutils.cli import root
from tooling.reference import commands, modules, solidity

from .commands import leaves


def test_commands__every_command_and_option__has_its_section() -> None:
    found = commands.pages()
    context = click.Context(root.cli)
    assert {name.removesuffix(".md") for name in found} == set(root.cli.list_commands(context))
    for top in root.cli.list_commands(context):
        page = found[f"{top}.md"]
        for name, command in leaves(root.cli, top):
            assert re.search(rf"^#+ gpurwa {re.escape(name)}$", page, re.MULTILINE), name
            section = re.split(rf"^#+ gpurwa {re.escape(name)}$", page, flags=re.MULTILINE)[1]
            section = re.split(r"^#+ ", section, flags=re.MULTILINE)[0]
            for param in command.params:
                if isinstance(param, click.Option) and not param.hidden:
                    assert f"`{param.opts[-1]}" in section or f", {param.opts[-1]}" in section, f"{name} {param.opts}"


def test_commands__text__cannot_be_read_as_tags_or_columns() -> None:
    for name, page in commands.pages().items():
        outside = re.sub(r"```.*?```|`[^`\n]*`", "", page, flags=re.DOTALL)
        assert "<" not in outside, name
        for row in re.findall(r"^\|.*\|$", page, re.MULTILINE):
            assert len(re.findall(r"(?<!\\)\|", row)) == 3, row


def test_modules__every_module__is_named_once(project_root: Path) -> None:
    found = modules.pages(project_root / "pyutils")
    directly = {path.stem for path in (project_root / "pyutils").iterdir() if not path.stem.startswith("_")}
    packages = {name for name in directly if (project_root / "pyutils" / name).is_dir()} | {
        path.stem for path in (project_root / "pyutils").glob("*.py")
    }
    assert {name.removesuffix(".md") for name in found} == packages - modules.LEFT_OUT - {"__init__"}
    named = [line for page in found.values() for line in page.splitlines() if line.startswith("::: ")]
    assert len(named) == len(set(named))
    for line in named:
        path = project_root / line.removeprefix("::: ").replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("All is well.", solidity.Words(notice="All is well.")),
        ("@notice One\n two.\n@dev Three.", solidity.Words(notice="One two.", details="Three.")),
        (
            "@title T\n @param a First.\n @param b Second\n one.\n @return c Third.",
            solidity.Words("T", "", "", {"a": "First.", "b": "Second one."}, {"c": "Third."}),
        ),
        ("a@example.com is no tag", solidity.Words(notice="a@example.com is no tag")),
    ],
)
def test_natspec__tags__are_told_apart(text: str, words: solidity.Words) -> None:
    assert solidity.parse(text) == words


@pytest.mark.slow
def test_solidity__every_source__has_all_that_its_abi_offers(project_root: Path) -> None:
    found = solidity.pages(project_root)
    sources = (project_root / "contracts").rglob("*.sol")
    assert set(found) == {
        path.relative_to(project_root / "contracts").with_suffix(".md").as_posix() for path in sources
    }
    own = {name: f"{name}.md" for name in artifacts.names() if f"{name}.md" in found}
    assert len(own) >= 20
    for name, page in own.items():
        together = found[page] + "".join(found[own[part]] for part in artifacts.RUNS.get(name, ()))
        for entry in artifacts.load(name).abi:
            if entry["type"] in {"function", "event", "error"}:
                assert f"\n### {entry['name']}\n" in together, f"{name}.{entry['name']}"
    lease_book = found["LeaseBook.md"]
    assert "Pays rent for delivery that the fleet's head proves." in lease_book, "words come from the interface"
    assert "Each lease is an ERC-721 whose whole rent is prepaid." in lease_book
    assert "functions of [LoanOffice](LoanOffice.md)" in found["FleetCredit.md"]
    assert "\n## ILoanServicer\n" in found["interfaces/IFleetCredit.md"]
    assert "| `rent` | Token units credited to the fleet. |" in lease_book
    assert "Command: `gpurwa lease open`." in lease_book
    assert "No command: only another contract of the system may call it." in found["OperatorBond.md"]
    assert "| `duration` | `uint24` | Agreed seconds. |" in found["interfaces/ILeaseBook.md"]
    assert "ounds down" in found["libraries/RentLib.md"]
    for name, page_text in found.items():
        for row in re.findall(r"^\|.*\|$", page_text, re.MULTILINE):
            assert len(re.findall(r"(?<!\\)\|", row)) in {3, 4}, f"{name}: {row}"
