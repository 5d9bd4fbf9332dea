"""The guides are followed word by word, each from a clean clone with nothing in it, by somebody who has just come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Newcomer
from .follower import follow
from .snippets import Block, blocks, section

GUIDES = ("developer", "operator", "lessee", "investor")
MOST_LINES = 260
SHORTEST = 8


@pytest.fixture(scope="module")
def guides(project_root: Path) -> Path:
    return project_root / "docs" / "guides"


def test_guides__every_kind_of_user__has_one(guides: Path) -> None:
    assert {page.stem for page in guides.glob("*.md")} == set(GUIDES)


@pytest.mark.parametrize("guide", GUIDES)
def test_guides__blocks__are_all_run(guides: Path, guide: str) -> None:
    found = blocks(guides / f"{guide}.md")
    assert len(found) >= SHORTEST
    assert [block.where for block in found if not block.runs] == []
    assert len((guides / f"{guide}.md").read_text().splitlines()) <= MOST_LINES


def test_guides__set_up__is_in_the_same_words(guides: Path) -> None:
    assert len({section((guides / f"{guide}.md").read_text(), "## Set up") for guide in GUIDES}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_guides__followed_word_by_word__do_what_they_say(
    newcomer: Newcomer, devnet_at: Callable[[Path], Path], tmp_path: Path, guide: str
) -> None:
    page = newcomer.clone / "docs" / "guides" / f"{guide}.md"
    steps = blocks(page)
    assert steps[0].text.startswith("make setup\n")
    playground = devnet_at(newcomer.clone / "devnet" / guide)
    untouched = files_of(newcomer.clone)

    done = follow(steps, newcomer.clone, newcomer.environment, tmp_path / f"{guide}.log", timeout_s=600)

    assert shown(steps) >= 2, "a reader sees whether it went well"
    assert not playground.exists(), "a guide clears up what it made"
    assert files_of(newcomer.clone) == untouched, "and leaves nothing in the clone"
    assert "Traceback" not in str(done)


def shown(steps: list[Block]) -> int:
    return sum(block.seen is not None for block in steps)


def files_of(clone: Path) -> set[str]:
    """Return what lies in the clone beside what set-up installs and tools keep."""
    hidden = {path.name for path in clone.iterdir() if path.name.startswith(".")} | {"node_modules", "devnet"}
    return {path.name for path in clone.iterdir()} - hidden
