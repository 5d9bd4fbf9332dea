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
            found[f"{name}.md"] = _page(whole, [whole] if _exports(path) else _modules(path, whole))
    return found


def _page(title: str, modules: list[str]) -> str:
    return f"# {title}\n\n" + "\n".join(f"::: {module}\n" for module in modules)


def _exports(folder: Path) -> bool:
    """Say whether a package names what it offers."""
    tree = ast.parse((folder / "__init__.py").read_text())
    return any(
        isinstance(node, ast.Assign)
        and [target.id for target in node.targets if isinstance(target, ast.Name)] == ["__all__"]
        for node in tree.body
    )


def _modules(folder: Path, name: str) -> list[str]:
    """Return the modules of a package that names nothing, those of its packages with it."""
    found = [name]
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and not path.stem.startswith("_"):
            found.append(f"{name}.{path.stem}")
        elif (path / "__init__.py").is_file():
            inner = f"{name}.{path.name}"
            found += [inner] if _exports(path) else _modules(path, inner)
    return found
