"""The `gpurwa` commands that a page names, held against the commands that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click

from pyutils.cli import root

_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"(?:^|[\s(;&|])(?:gpurwa|as_service) (?=\S)")
_INLINE = re.compile(r"`(gpurwa [a-z][^`]*)`")


def commands(text: str) -> list[list[str]]:
    """Return the words of every `gpurwa` command in a page: from its blocks, and from the text between."""
    lines = [line for block in _BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    found = [_words(line[call.end() :]) for line in lines for call in _CALL.finditer(line)]
    return found + [_words(inline.removeprefix("gpurwa ")) for inline in _INLINE.findall(text)]


def _words(line: str) -> list[str]:
    """Return the words of a command up to where the shell begins another one."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    while (word := lexer.get_token()) is not None and not set(word) <= set("();<>|&"):
        words.append(word)
    return words


def known(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and the words after it."""
    command: click.Command = root.cli
    for place, word in enumerate(words):
        if not isinstance(command, click.Group):
            return command, words[place:]
        inner = command.get_command(click.Context(command), word)
        assert inner is not None or word.startswith("-"), f"there is no command {' '.join(words[: place + 1])}"
        if inner is None:
            return command, words[place:]
        command = inner
    return command, []


def check_options(words: list[str]) -> None:
    """Fail where a command is not there, or has not the options that are given to it."""
    command, rest = known(words)
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        name = word.partition("=")[0]
        assert not word.startswith("--") or name in {*options, "--help", "--version"}, f"{' '.join(words)}: {word}"


def leaves(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield the commands below one of a group's, by their whole names."""
    command = group.get_command(click.Context(group), name)
    assert command is not None
    if not isinstance(command, click.Group):
        yield name, command
        return
    for inner in command.list_commands(click.Context(command)):
        yield from ((f"{name} {leaf}", found) for leaf, found in leaves(command, inner))
