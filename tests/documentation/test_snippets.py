"""Pages as blocks: what is run, what is shown, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from .follower import follow
from .snippets import Block, SnippetError, blocks, difference, section

PAGE = Path("page.md")


def test_blocks__kinds__are_told_apart() -> None:
    page = "```sh\na\n```\n\nsee:\n\n```text\nb\n```\n\n<!-- not run: it costs money -->\n```python\nc\n```\n"
    shell, python = blocks(PAGE, page)
    assert (shell.line, shell.text, shell.seen, shell.runs) == (1, "a\n", "b\n", True)
    assert (python.reason, python.runs) == ("it costs money", False)


def test_blocks__run_by_another_test__names_it() -> None:
    (block,) = blocks(PAGE, "<!-- run by tests/cli/test_verify.py -->\n```sh\na\n```\n")
    assert (block.test, block.reason, block.runs) == ("tests/cli/test_verify.py", None, False)


def test_blocks__comment_further_up__explains_nothing() -> None:
    (block,) = blocks(PAGE, "<!-- not run: it costs money -->\nbut\n\n```sh\na\n```\n")
    assert block.runs


def test_blocks__within_a_list__are_read_without_the_indent() -> None:
    (block,) = blocks(PAGE, "- one\n\n  ```sh\n  if a\n    b\n  ```\n")
    assert block.text == "if a\n  b\n"


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("```\na\n```\n", "a block of no language is not run"),
        ("```toml\na\n```\n", "a block of toml is not run"),
        ("```text\na\n```\n", "output of no block that is run"),
        ("```sh\na\n```\n```text\na\n```\n```text\na\n```\n", "output of no block that is run"),
        ("<!-- not run: no -->\n```sh\na\n```\n```text\na\n```\n", "output of no block that is run"),
        ("```sh\na\n", "the block does not end"),
    ],
)
def test_blocks__nothing_known_of_one__is_refused(page: str, why: str) -> None:
    with pytest.raises(SnippetError, match=rf"page.md:\d+: {why}"):
        blocks(PAGE, page)


@pytest.mark.parametrize(
    ("seen", "printed"),
    [
        ("a\n", "a\n"),
        ("a\n", "\x1b[1ma\x1b[0m   \n\n"),
        ("block …, 5 coins\n", "block 12, 5 coins\n"),
        ("a\n…\nd\n", "a\nb\nc\nd\n"),
        ("a\n…\nd\n", "a\nd\n"),
        ("a (1) …\n", "a (1) and more\n"),
    ],
)
def test_difference__what_varies_is_left_out__is_none(seen: str, printed: str) -> None:
    assert difference(seen, printed) is None


@pytest.mark.parametrize(
    ("seen", "printed"),
    [
        ("a\n", "b\n"),
        ("a\n", "a\nb\n"),
        ("a\nb\n", "a\n"),
        ("5 coins of …\n", "6 coins of 12\n"),
        ("a\n…\nd\n", "a\nb\n"),
        ("…, 5 coins\n", "block\n12, 5 coins\n"),
    ],
)
def test_difference__other_lines__are_told(seen: str, printed: str) -> None:
    found = difference(seen, printed)
    assert found is not None
    assert found.startswith("--- page\n+++ printed")


def test_section__heading__ends_at_the_next_of_its_rank() -> None:
    page = "# A\n## B\nb\n```sh\n# no heading\n```\n### C\nc\n## D\nd\n"
    assert section(page, "## B") == "b\n```sh\n# no heading\n```\n### C\nc\n"
    assert section(page, "## D") == "d\n"
    with pytest.raises(SnippetError, match="0 headings '## E'"):
        section(page, "## E")


def walked(tmp_path: Path, page: str) -> str:
    steps: list[Block] = blocks(PAGE, page)
    return str(follow(steps, tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "log", timeout_s=20))


def test_follow__two_blocks__share_a_shell(tmp_path: Path) -> None:
    page = "```sh\ncd /tmp; A=1\n```\n```sh\necho $A $PWD\necho err >&2\n```\n```text\n1 /tmp\nerr\n```\n"
    assert "1 /tmp" in walked(tmp_path, page)


def test_follow__command_that_fails__is_named_and_the_last(tmp_path: Path) -> None:
    page = "```sh\necho one\n```\n```sh\necho two; false; touch late\n```\n```sh\ntouch later\n```\n"
    with pytest.raises(AssertionError, match=r"page.md:4 ended with status 1\ntwo"):
        walked(tmp_path, page)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_follow__other_output__is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"page.md:1 shows what is not so"):
        walked(tmp_path, "```sh\necho 2\n```\n```text\n1\n```\n")


def test_follow__python_block__is_run_too(tmp_path: Path) -> None:
    (block,) = blocks(PAGE, "```python\nprint(1 + 1)\n```\n")
    assert block.script.startswith("python - <<")
    python = 'python() { python3 "$@"; }'
    done = follow([block], tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "log", first=python, timeout_s=20)
    assert done.printed == ("2\n",)


def test_follow__job_left_behind__is_ended(tmp_path: Path) -> None:
    walked(tmp_path, "```sh\n(sleep 1; touch alive) > /dev/null 2>&1 &\n```\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]
