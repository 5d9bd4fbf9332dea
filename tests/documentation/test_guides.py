"""The guides are followed word by word, each from a clean clone with nothing in it, by somebody who has just come."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from .conftest import Newcomer
from .follower import Followed, follow
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


@pytest.fixture(scope="module")
def walks(
    newcomer: Newcomer, devnet_at: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Followed]]]:
    """Follow all guides, two at a time, once the first one's words have set the clone up."""
    logs = tmp_path_factory.mktemp("guides")
    pages = {guide: blocks(newcomer.clone / "docs" / "guides" / f"{guide}.md") for guide in GUIDES}

    def walk(name: str, steps: list[Block]) -> Followed:
        return follow(steps, newcomer.clone, newcomer.environment, logs / f"{name}.log", timeout_s=900)

    walk("set-up", pages[GUIDES[0]][:1])
    for guide in GUIDES:
        devnet_at(newcomer.clone / "devnet" / guide)
    with ThreadPoolExecutor(max_workers=2) as threads:
        yield {guide: threads.submit(walk, guide, steps) for guide, steps in pages.items()}


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_guides__followed_word_by_word__do_what_they_say(
    walks: Mapping[str, Future[Followed]], newcomer: Newcomer, guide: str
) -> None:
    steps = blocks(newcomer.clone / "docs" / "guides" / f"{guide}.md")
    assert steps[0].text.startswith("make setup\n")
    assert shown(steps) >= 2, "a reader sees whether it went well"
    done = walks[guide].result()
    assert "Traceback" not in str(done)
    assert not (newcomer.clone / "devnet" / guide).exists(), "a guide clears up what it made"


@pytest.mark.slow
def test_guides__when_all_were_followed__have_left_nothing_in_the_clone(
    walks: Mapping[str, Future[Followed]], newcomer: Newcomer
) -> None:
    wait(walks.values())
    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=newcomer.clone,
        capture_output=True,
        text=True,
        check=True,
    )
    assert status.stdout == newcomer.before


def shown(steps: list[Block]) -> int:
    return sum(block.seen is not None for block in steps)
