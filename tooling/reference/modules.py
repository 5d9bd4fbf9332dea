"""Pages of the Python reference: which modules there are. mkdocstrings reads what they say from their docstrings."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

LEFT_OUT: Final = frozenset({"cli", "artifacts", "deployments"})
"""Commands have pages of their own; artifacts and records are data."""


def pages(package: Path) -> dict[str, str]:
    """Return Markdown by path: one page for each module or package directly below `package`."""
    found = {}
    for path in sorted(package.iterdir()):
        name = path.stem
        if name.startswith("_") or name in LEFT_OUT:
            continue
        if path.suffix == ".py":
            found[f"{name}.md"] = _page(f"{package.name}.{name}", [f"{package.name}.{name}"])
        elif (path / "__init__.py").is_file():
            whole = f"{package.name}.{name}"
            # What is named as the module that it comes from is hidden by that one.
            hidden = [f"{whole}.{one}" for one in exports(path) if (path / f"{one}.py").is_file()]
            found[f"{name}.md"] = _page(whole, [whole, *hidden] if exports(path) else _modules(path, whole))
    return found


def _page(title: str, modules: list[str]) -> str:
    return f"# {title}\n\n" + "\n".join(f"::: {module}\n" for module in modules)


def exports(folder: Path) -> list[str]:
    """Return the names that a package says it offers; none where it says nothing."""
    for node in ast.parse((folder / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["__all__"]:
            named: list[str] = ast.literal_eval(node.value)
            return named
    return []


def _modules(folder: Path, name: str) -> list[str]:
    """Return the modules of a package that names nothing, those of its packages with it."""
    found = [name]
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and not path.stem.startswith("_"):
            found.append(f"{name}.{path.stem}")
        elif (path / "__init__.py").is_file():
            inner = f"{name}.{path.name}"
            found += [inner] if exports(path) else _modules(path, inner)
    return found
