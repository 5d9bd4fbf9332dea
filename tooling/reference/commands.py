"""Pages of the commands' reference, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from pyutils.cli import root

_NAME = "gpurwa"


def pages() -> dict[str, str]:
    """Return Markdown by path, `lease.md` and so on: one page for each command below `gpurwa`."""
    context = click.Context(root.cli, info_name=_NAME)
    found = {}
    for name in root.cli.list_commands(context):
        command = root.cli.get_command(context, name)
        if command is not None and not command.hidden:
            found[f"{name}.md"] = "\n".join(_sections(command, click.Context(command, context, name), 1))
    return found


def _sections(command: click.Command, context: click.Context, rank: int) -> Iterator[str]:
    """Yield a command's section and those of the commands below it."""
    yield f"{'#' * rank} {context.command_path}\n"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    yield f"{_escaped(command.help or '')}\n"
    rows = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    if rows:
        yield "| option | |\n| --- | --- |"
        yield from (f"| `{_cell(option)}` | {_cell(_escaped(said))} |" for option, said in rows)
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _sections(inner, click.Context(inner, context, name), min(rank + 1, 6))


def _escaped(text: str) -> str:
    """Return help as Markdown: what click would print as it is must not be read as a tag, and paragraphs stay."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\b", "").strip())
    folded = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return "".join(
        part if place % 2 else part.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
        for place, part in enumerate(re.split(r"(`[^`]*`)", folded))
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
