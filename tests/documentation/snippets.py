"""Blocks of a Markdown page: what a reader runs, what it then sees, and what is not run, with the reason.

A block of `sh` or `python` is run. A block of `text` right behind it is what the reader sees: all of it, line by line,
where `…` stands for what varies within a line, and a line of nothing but `…` for any number of lines. Right before a
block the comment `<!-- not run: REASON -->` says why it is not run, and `<!-- run by FILE -->` which test runs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path

RUN = frozenset({"sh", "python"})
SEEN = "text"
DRAWN = frozenset({"mermaid"})
VARIES = "…"

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)(?P<more>.*)$")
_MARK = re.compile(r"^<!-- (?:not run: (?P<reason>.+)|run by (?P<test>tests/[\w/]+\.py)) -->$")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class SnippetError(Exception):
    """A page cannot be read as blocks; the message says where."""


@dataclass(frozen=True)
class Block:
    """A fenced block: `reason` says why it is not run, `test` what else runs it, `seen` what follows when it is run."""

    page: Path
    line: int
    language: str
    text: str
    reason: str | None = None
    test: str | None = None
    seen: str | None = None

    @property
    def where(self) -> str:
        """Return page and line, for messages."""
        return f"{self.page.name}:{self.line}"

    @property
    def runs(self) -> bool:
        """Say whether whoever follows the page runs it."""
        return self.language in RUN and self.reason is None and self.test is None

    @property
    def script(self) -> str:
        """Return what a shell has to run."""
        return self.text if self.language == "sh" else f"python - <<'END_OF_BLOCK'\n{self.text}END_OF_BLOCK\n"


def blocks(page: Path, text: str | None = None) -> list[Block]:
    """Return the blocks of a page in order. Raises `SnippetError` for one that nothing is known of."""
    found: list[Block] = []
    for block in _fenced(page, page.read_text() if text is None else text):
        if block.language == SEEN:
            if not found or not found[-1].runs or found[-1].seen is not None:
                raise SnippetError(f"{block.where}: output of no block that is run")
            found[-1] = replace(found[-1], seen=block.text)
        elif block.language in RUN or block.language in DRAWN:
            found.append(block)
        else:
            raise SnippetError(f"{block.where}: a block of {block.language or 'no language'} is not run")
    return found


def _fenced(page: Path, text: str) -> list[Block]:
    found: list[Block] = []
    lines = text.splitlines()
    mark: dict[str, str | None] = {}
    opened, indent = None, ""
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if opened is not None:
            if fence is not None and not fence["language"] and fence["indent"] == indent:
                inner = [one.removeprefix(indent) for one in lines[opened.line : number - 1]]
                found.append(replace(opened, text="".join(f"{one}\n" for one in inner)))
                opened, mark = None, {}
        elif fence is not None:
            indent = fence["indent"]
            opened = Block(page, number, fence["language"], "", **mark)
        elif line.strip():
            said = _MARK.match(line.strip())
            mark = said.groupdict() if said is not None else {}
    if opened is not None:
        raise SnippetError(f"{opened.where}: the block does not end")
    return found


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of its rank or above. Raises `SnippetError`."""
    rank = len(heading) - len(heading.lstrip("#"))
    lines = text.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line.rstrip() == heading]
    if len(starts) != 1:
        raise SnippetError(f"{len(starts)} headings {heading!r}")
    inside = False
    for number in range(starts[0] + 1, len(lines)):
        if lines[number].startswith("```"):
            inside = not inside
        if not inside and re.match(rf"#{{1,{rank}}} ", lines[number]):
            return "".join(lines[starts[0] + 1 : number])
    return "".join(lines[starts[0] + 1 :])


def difference(seen: str, printed: str) -> str | None:
    """Return how what a page shows differs from what was printed, or None where it does not."""
    shown = [line.rstrip() for line in seen.strip("\n").splitlines()]
    real = [line.rstrip() for line in _ESCAPE.sub("", printed).strip("\n").splitlines()]
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == VARIES else re.escape(line).replace(re.escape(VARIES), ".*?") + r"\n"
        for line in shown
    )
    if re.fullmatch(pattern, "".join(f"{line}\n" for line in real)):
        return None
    return "\n".join(unified_diff(shown, real, "page", "printed", lineterm="", n=1))
