"""Every other page: blocks are run where the demo ended, or say why not, and the commands that they name are there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pyutils.toolchain import PROJECT_ROOT

from .commands import check_options, commands
from .conftest import installed_environment
from .follower import follow
from .snippets import blocks

DOCS = PROJECT_ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
GUIDES = [name for name in PAGES if name.startswith("guides/")]
FOLLOWED = ("audit.md", "event-index.md", "portfolio.md", "positions.md", "roles.md")
"""Pages whose blocks are run, one after the other, on one chain that holds the demo's end state; the last leaves it."""


@pytest.mark.parametrize("page", [name for name in PAGES if name not in (*GUIDES, *FOLLOWED)])
def test_pages__blocks_that_no_test_follows__say_why(page: str) -> None:
    found = blocks(DOCS / page)
    assert [block.where for block in found if block.runs] == []
    named = [name for block in found for name in re.findall(r"tests/[\w/]+\.py", block.reason or "")]
    assert [name for name in named if not (PROJECT_ROOT / name).is_file()] == []
    tests = {PROJECT_ROOT / block.test for block in found if block.test is not None}
    assert [test for test in tests if page not in test.read_text()] == []


def test_pages__navigation__leads_to_all() -> None:
    navigation = (PROJECT_ROOT / "mkdocs.yml").read_text().split("\nnav:\n")[1]
    assert [page for page in PAGES if f" {page}\n" not in navigation] == []


@pytest.mark.parametrize("page", FOLLOWED)
def test_pages__that_are_followed__have_blocks_and_none_is_left_out(page: str) -> None:
    found = blocks(DOCS / page)
    assert found
    assert [block.where for block in found if not block.runs] == []


@pytest.mark.parametrize("page", [*PAGES, "../README.md"])
def test_pages__commands_that_they_name__are_there_with_their_options(page: str) -> None:
    for words in commands((DOCS / page).read_text()):
        check_options(words)


def test_pages__commands__are_many() -> None:
    assert sum(len(commands((DOCS / page).read_text())) for page in PAGES) >= 200


@pytest.mark.slow
def test_pages__followed_where_the_demo_ended__do_what_they_say(
    project_root: Path, tmp_path: Path, devnet_at: Callable[[Path], Path]
) -> None:
    devnet_at(tmp_path)
    environment = installed_environment(project_root, tmp_path) | {"GPURWA_NETWORK": "devnet"}
    found = [block for page in FOLLOWED for block in blocks(DOCS / page)]
    done = follow(found, tmp_path, environment, tmp_path / "log", first="gpurwa devnet --quiet", timeout_s=300)
    assert "Traceback" not in str(done)
    assert (tmp_path / "portfolio.html").is_file()
    assert list((tmp_path / "out" / "index").glob("*.parquet"))
