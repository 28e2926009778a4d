"""What code and pages cite is in the tree: each page, each heading of it, and who reported what.

Three forms: a page by its path or, where that is enough, its name (`docs/inside/words.md`,
`live-api.md#limits`); in the `source` of a failure's row a heading of `live-api.md` alone (`#errors`); a
report as `NAME #N`, whose repository `live-api.md` knows. Modules are cited too, by file or by dotted name.
`test_pages.py` follows the links between pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import ROOT

from daemon.session.signals import ROWS

PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")})
LIVE_API = ROOT / "docs/inside/live-api.md"
DECISIONS = sorted((ROOT / "docs/decisions").glob("[!R]*.md"))

CODE = sorted(
    path
    for folder in ("daemon", "hw", "tests", "scripts", "systemd", ".ci", ".github", ".devcontainer")
    for path in (ROOT / folder).rglob("*")
    if path.is_file()
    and path.suffix in (".py", ".sh", ".toml", ".yml", ".yaml", ".json", "")
    and path != Path(__file__)
    and (path.parent.name, path.suffix) != ("boards", ".toml")  # they cite the pages of the boards' makers
)

NOT_PAGES = {"a.md", "b.md"}
"""Made up by a test of the installer."""

CITATION = re.compile(r"(?<![\w/.*-])((?:\.?\w[\w.-]*/)*\w[\w-]*\.md)\b(?:#([\w-]+))?")
MODULE = re.compile(r"`([\w/]+\.py|(?:daemon|hw)(?:\.\w+)+)`")
SDK = {"_api_client.py", "_live_converters.py", "live.py", "types.py"}
EXAMPLES = {"/etc/conure/tools/bins.py", "hw/lights/ws2801.py", "time.py"}

REPORT = re.compile(r"\b([A-Za-z][\w-]+)(?: PR)? #\d+\b")
NO_REPORTER = {"issue", "issues", "PR"}


def headings(page: Path) -> set[str]:
    """The anchors of a page as GitHub makes them: small letters, no punctuation, dashes for spaces."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def pages_named(name: str) -> list[Path]:
    """The pages that a citation may mean: one if it is right."""
    if "/" in name or (ROOT / name).is_file():
        return [page for page in PAGES if page == ROOT / name]
    return [page for page in PAGES if page.name == name]


def wrong(citations: Iterator[tuple[str, str]]) -> list[str]:
    """The citations `(page, heading)` that lead nowhere, or to more than one place."""
    return [
        f"{name}#{heading}"
        for name, heading in citations
        if Path(name).name not in NOT_PAGES
        and (len(found := pages_named(name)) != 1 or (heading and heading not in headings(found[0])))
    ]


def cited(text: str) -> Iterator[tuple[str, str]]:
    """Each page that a text names, with the heading or an empty word. Addresses on the web are none."""
    local = re.sub(r"\w+://\S+", "", text)
    yield from CITATION.findall(local)


def read(path: Path) -> str:
    """A file's text; what is no text in it is replaced."""
    return path.read_text("utf-8", errors="replace")


def module_files() -> set[str]:
    """Each module's path, and each end of it by which it may be cited."""
    paths = [
        path.relative_to(ROOT).parts
        for top in ("daemon", "hw", "tests", "scripts")
        for path in (ROOT / top).rglob("*.py")
    ]
    return {"/".join(path[start:]) for path in paths for start in range(len(path))}


def is_module(name: str, files: set[str]) -> bool:
    """Whether the name is that of a module, or of something in one: `hw.sound.cards.choose`."""
    if name.endswith(".py"):
        return name in files | SDK | EXAMPLES
    path = name.replace(".", "/")
    within = path.rpartition("/")[0]
    return not files.isdisjoint(
        {f"{path}.py", f"{path}/__init__.py", f"{within}.py", f"{within}/__init__.py"}
    )


def test_every_module_that_code_and_pages_name_is_there() -> None:
    files = module_files()
    named = [
        (str(path.relative_to(ROOT)), name) for path in [*CODE, *PAGES] for name in MODULE.findall(read(path))
    ]
    assert [(path, name) for path, name in named if not is_module(name, files)] == []


def test_every_page_that_code_cites_is_there() -> None:
    found = [(str(path.relative_to(ROOT)), line) for path in CODE for line in wrong(cited(read(path)))]
    assert found == []


def test_pages_are_cited_by_name_and_not_by_number() -> None:
    """A number of a section means nothing to who does not know the document; an RFC's are for ever."""
    found = [
        f"{path.relative_to(ROOT)}: {mark}"
        for path in CODE
        for mark in re.findall(r"(?<!RFC \d{4} )(?<!RFC \d{3} )§[\d.]*", read(path))
    ]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_that_a_page_names_is_there(page: Path) -> None:
    text = re.sub(r"\]\([^)]*\)", "", read(page))  # links are relative to the page
    assert wrong(cited(text)) == []


def test_the_source_of_each_failure_is_a_heading_or_a_document() -> None:
    named = [heading for row in ROWS for heading in re.findall(r"#([a-z][a-z-]*)", row.source)]
    assert len(named) > 20
    assert set(named) <= headings(LIVE_API)


def test_every_report_that_the_program_cites_can_be_found() -> None:
    cells = re.findall(r"^\| ([\w, -]+) \|", read(LIVE_API).partition("## Whose reports")[2], re.MULTILINE)
    known = {name for cell in cells for name in cell.split(", ")} | NO_REPORTER
    citing = [*ROOT.glob("daemon/**/*.py"), *ROOT.glob("hw/**/*.py"), *PAGES]
    found = {(path.name, name) for path in citing for name in REPORT.findall(read(path))}
    assert [(page, name) for page, name in sorted(found) if name not in known] == []


def test_every_decision_stands_in_the_list_of_decisions() -> None:
    index = read(ROOT / "docs/decisions/README.md")
    assert [page.name for page in DECISIONS if f"({page.name})" not in index] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_why_and_what_would_change_it(page: Path) -> None:
    parts = re.findall(r"^\*\*([\w ]+)\.\*\* ", read(page), re.MULTILINE)
    wanted = ["Context", "Decision", "What was measured or read", "What would change it"]
    assert [part for part in parts if part in wanted] == wanted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see docs/inside/words.md", []),
        ("(live-api.md#closes)", []),
        ("(live-api.md#close-codes)", ["live-api.md#close-codes"]),
        ("docs/no-such-page.md says", ["docs/no-such-page.md#"]),
        ("docs/words.md", ["docs/words.md#"]),
        ("https://example.org/docs/elsewhere.md#there", []),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(text: str, found: list[str]) -> None:
    assert wrong(cited(text)) == found
