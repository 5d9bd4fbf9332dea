"""Puts the reference into the pages that mkdocs builds: contracts, commands and Python, made anew each time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tooling.reference import commands, modules, solidity

ROOT = Path(__file__).resolve().parent.parent.parent
REFERENCE = "reference"
_SHIM = ROOT / "node_modules" / "iframe-worker" / "shim" / "index.js"
_ASKED = re.compile(r"^<!-- README: (?P<heading>## .+) -->$", re.MULTILINE)
_GROUPS = {
    "": "Contracts",
    "interfaces": "Interfaces",
    "base": "Bases",
    "libraries": "Libraries",
    "lens": "Lenses",
    "mocks": "Of test chains",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the pages, and name them where the navigation says `reference/…/`."""
    made = {
        f"{REFERENCE}/contracts": solidity.pages(ROOT),
        f"{REFERENCE}/commands": commands.pages(),
        f"{REFERENCE}/python": modules.pages(ROOT / "pyutils"),
    }
    config.extra["reference"] = {
        f"{folder}/{name}": text for folder, named in made.items() for name, text in named.items()
    }
    config.nav = _filled(config.nav, made)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that were made, and the script that stands in for workers, which browsers refuse from disk."""
    for uri, text in config.extra.pop("reference").items():
        files.append(File.generated(config, uri, content=text))
    for uri in config.extra["polyfills"]:
        files.append(File.generated(config, uri, content=_SHIM.read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put a section of the README where a page asks for it by `<!-- README: ## HEADING -->`."""
    del page, config, files
    return _ASKED.sub(lambda asked: _section(asked["heading"]), markdown)


def _section(heading: str) -> str:
    readme = (ROOT / "README.md").read_text()
    _, found, rest = readme.partition(f"\n{heading}\n")
    if not found:
        raise PluginError(f"README.md has no heading {heading!r}")
    body = re.split(r"^#{1,2} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return f"{heading}\n{body.replace('](docs/', '](')}"


def _filled(item: Any, made: dict[str, dict[str, str]]) -> Any:
    """Return the navigation with the names of pages in the place of their folder's."""
    if isinstance(item, list):
        return [_filled(one, made) for one in item]
    if isinstance(item, dict):
        return {title: _filled(one, made) for title, one in item.items()}
    folder = str(item).rstrip("/")
    if folder not in made:
        return item
    groups: dict[str, list[str]] = {}
    for name in sorted(made[folder]):
        groups.setdefault(str(Path(name).parent).removeprefix("."), []).append(f"{folder}/{name}")
    if list(groups) == [""]:
        return groups[""]
    return [{_GROUPS[group]: groups[group]} for group in _GROUPS if group in groups]
