"""The built pages: complete, asking nobody, and legible in both themes on a desk and a telephone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tooling.reference.modules import exports

OPENED = (
    "index.html",
    "guides/operator.html",
    "credit.html",
    "trust.html",
    "reference/contracts/LeaseBook.html",
    "reference/commands/lease.html",
    "reference/python/chain.html",
)
LOADS = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*?\b(?:src|href|data)=\"([^\"]*)\""
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the pages as `make docs` does; any warning fails."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", folder],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_site__pages__are_those_of_the_folder_and_of_the_sources(site: Path, project_root: Path) -> None:
    written = {path.relative_to(project_root / "docs") for path in (project_root / "docs").rglob("*.md")}
    assert [path for path in written if not (site / path.with_suffix(".html")).is_file()] == []
    contracts = {path.relative_to(project_root / "contracts") for path in (project_root / "contracts").rglob("*.sol")}
    made = site / "reference" / "contracts"
    assert {path.relative_to(made).with_suffix(".sol") for path in made.rglob("*.html")} == contracts


def test_site__pages__load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    loads = [(page, place) for page in pages for place in LOADS.findall(page.read_text())]
    assert len(loads) > len(pages)
    assert [(page, place) for page, place in loads if re.match(r"(?:https?:)?//", place)] == []
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)]*", styles) == []


def test_site__python__has_every_name_that_packages_offer(site: Path, project_root: Path) -> None:
    found = 0
    for page in (site / "reference" / "python").glob("*.html"):
        text = page.read_text()
        folder = project_root / "pyutils" / page.stem
        for name in exports(folder) if folder.is_dir() else ():
            found += 1
            place = f"pyutils.{page.stem}.{name}"
            hidden = (folder / f"{name}.py").is_file()
            assert f'id="{place}.{name}"' in text if hidden else f'id="{place}"' in text, place
    assert found >= 250


def test_site__trust_page__has_the_readmes_roles_and_issues(site: Path, project_root: Path) -> None:
    page = (site / "trust.html").read_text()
    roles = re.findall(r"^\| (\w[\w ]+) \| ", (project_root / "README.md").read_text(), re.MULTILINE)
    assert len(roles) >= 10
    assert [role for role in roles if f"<td>{role}</td>" not in page and f"<th>{role}</th>" not in page] == []
    assert 'id="known-issues"' in page
    assert "<!-- README" not in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1_280, 390])
def test_site__any_theme_and_width__is_legible_and_says_nothing_to_the_console(
    site: Path, browser: Browser, scheme: Any, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    for name in OPENED:
        tab.goto((site / name).as_uri())
        tab.wait_for_function("document.querySelector('article h1') !== null")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
        ink, paper = tab.evaluate(
            "['article p', 'body'].map(place => getComputedStyle(document.querySelector(place)))"
            ".map((style, place) => place ? style.backgroundColor : style.color)"
        )
        assert contrast(ink, paper) > 7, name
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


def test_site__search__finds_what_stands_on_a_page_from_disk(site: Path, browser: Browser) -> None:
    tab = browser.new_page()
    tab.goto((site / "index.html").as_uri())
    tab.locator("input[data-md-component=search-query]").click()
    tab.keyboard.type("settleMany", delay=20)
    tab.wait_for_selector(".md-search-result__item a")
    found = tab.locator(".md-search-result__item a").evaluate_all("links => links.map(link => link.href)")
    assert any("LeaseBook.html" in link for link in found)
    tab.close()


def contrast(first: str, second: str) -> float:
    """Return the contrast of two CSS colours as WCAG defines it."""
    low, high = sorted((luminance(first, second), luminance(second, second)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str, behind: str) -> float:
    """Return a colour's luminance, mixed with what is behind it as far as it is transparent."""
    red, green, blue, opacity = rgba(color)
    mixed = [
        opacity * one + (1 - opacity) * other for one, other in zip((red, green, blue), rgba(behind), strict=False)
    ]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in mixed]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def rgba(color: str) -> tuple[float, float, float, float]:
    parts = [float(part) for part in re.findall(r"[\d.]+", color)]
    return parts[0] / 255, parts[1] / 255, parts[2] / 255, parts[3] if len(parts) > 3 else 1.0
