"""The page's files: all that is there is served, is small, has no inline code, and asks for what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from places import ROOT
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.testclient import TestClient

from daemon.config.settings import Settings
from daemon.web.entry import Entry
from daemon.web.page import files
from daemon.web.parts import build_parts, entries_of

SCRIPTS = [name for name in files.FILES if name.endswith(".js")]

COLD_REQUESTS = 16
"""What a browser may ask for until the first view is live, the API's answers among them."""
FIRST_ASKED = ("/api/me", "/api/lights", "/api/events")


def text_of(name: str) -> str:
    return (files.FOLDER / name).read_text()


def test_the_table_is_the_folder() -> None:
    there = {str(path.relative_to(files.FOLDER)) for path in files.FOLDER.rglob("*") if path.is_file()}
    assert set(files.FILES) == there
    assert len(files.FILES) == len(set(files.FILES))


def test_all_files_together_stay_within_their_budget_as_they_travel() -> None:
    assert sum(len(files.read_file(name).packed) for name in files.FILES) <= files.BUDGET_BYTES


def imported(name: str) -> set[str]:
    """The modules that a module needs before it runs."""
    found = re.findall(r'^import (?:[^"]* from )?"(\.[^"]+)";', text_of(name), flags=re.MULTILINE)
    folder = (files.FOLDER / name).parent
    return {str((folder / path).resolve().relative_to(files.FOLDER.resolve())) for path in found}


def needed(names: set[str]) -> set[str]:
    more = {other for name in names if name.endswith(".js") for other in imported(name)} | names
    return names if more == names else needed(more)


def test_the_first_view_needs_few_requests() -> None:
    linked = set(re.findall(r'(?:href|src)="/page/([^"]+)"', text_of(files.INDEX)))
    cold = {files.INDEX, *needed(linked)}
    assert cold <= set(files.FILES)
    assert len(cold) + len(FIRST_ASKED) <= COLD_REQUESTS


def test_every_import_is_a_file_of_the_table() -> None:
    for name in SCRIPTS:
        assert imported(name) <= set(files.FILES), name


def test_no_code_and_no_style_stands_in_the_page_itself() -> None:
    page = text_of(files.INDEX)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert all(re.fullmatch(r"\s*", body) for body in re.findall(r"<script[^>]*>(.*?)</script>", page, re.S))
    assert not re.search(r"<script|\son\w+=", text_of("icon.svg"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_module_makes_markup_or_code_out_of_text(name: str) -> None:
    makers = (
        r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|DOMParser|document\.write|createContextualFragment"
        r"|\beval\(|new Function|setAttribute\(\"style|srcdoc"
    )
    assert not re.search(makers, text_of(name))


def test_nothing_is_loaded_from_elsewhere() -> None:
    for name in files.FILES:
        text = re.sub(r'h\("a", \{ href: "https://[^"]+" \}', "", text_of(name))  # a link, for who follows it
        addresses = set(re.findall(r"https?://[\w.-]+", text))
        assert addresses <= {"http://www.w3.org"}, name  # the name of SVG, which nobody fetches


def test_a_link_leads_where_the_readme_leads_too() -> None:
    links = {link for name in SCRIPTS for link in re.findall(r'href: "(https://[^"]+)"', text_of(name))}
    assert links
    assert [link for link in links if f"]({link})" not in (ROOT / "README.md").read_text("utf-8")] == []


def asked(name: str) -> set[tuple[str, str]]:
    """Every address of the API that a module names, with its method; `${id}` stands for a part of it."""
    text = re.sub(r"\$\{[^}]*\}", "{}", text_of(name))
    methods = {"get": "GET", "post": "POST", "remove": "DELETE", "EventSource": "GET", "#do": "POST"}
    calls = re.findall(r"(#do|\b(?:get|post|remove|EventSource|#send))\([\"`](/api/[^\"`]*)[\"`]", text)
    named = {
        ("POST", path) for path in re.findall(r"\"(/api/(?:talk|stop|end|settings|settings/check))\"", text)
    }
    return {(methods[call], path) for call, path in calls} | (
        named if "now" in name or "settings" in name else set()
    )


def served(tmp_path: Path) -> set[tuple[str, str]]:
    entries = entries_of(build_parts(Settings(), tmp_path, config=None, no_speaker=True), 8443, None, dict)
    return {(method, re.sub(r"\{[^}]*\}", "{}", entry.path)) for entry in entries for method in entry.methods}


def test_the_page_asks_only_for_what_the_gateway_has(tmp_path: Path) -> None:
    wanted = {call for name in SCRIPTS for call in asked(name)}
    assert len(wanted) > 15, "the calls are not found any more"
    assert wanted <= served(tmp_path)


def test_all_files_are_served(tmp_path: Path) -> None:
    paths = {path for _, path in served(tmp_path)}
    assert {"/", *(f"/page/{name}" for name in files.FILES if name != files.INDEX)} <= paths


# --- how they are served


def client(accepts: str = "gzip, deflate, br, zstd") -> TestClient:
    def route(entry: Entry) -> Route:
        return Route(entry.path, entry.endpoint, methods=list(entry.methods))

    app = Starlette(routes=[route(entry) for entry in files.entries()])
    return TestClient(app, headers={"Accept-Encoding": accepts})


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page/main.js", "text/javascript; charset=utf-8"),
        ("/page/views/now.js", "text/javascript; charset=utf-8"),
        ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
        ("/page/manifest.webmanifest", "application/manifest+json"),
    ],
)
def test_a_file_comes_whole_with_its_type_and_is_asked_for_again(path: str, kind: str) -> None:
    answer = client().get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["cache-control"] == "no-cache"
    assert (
        answer.content
        == (files.FOLDER / (path.removeprefix("/page/").strip("/") or files.INDEX)).read_bytes()
    )


def test_a_browser_gets_files_compressed_and_a_program_that_does_not_ask_as_they_are() -> None:
    packed, plain = (client(accepts).get("/page/page.css") for accepts in ("gzip", "identity"))
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.headers["etag"] != plain.headers["etag"]


def test_a_tag_of_one_coding_is_none_of_the_other() -> None:
    packed = client("gzip").get("/page/main.js").headers["etag"]
    assert client("").get("/page/main.js", headers={"If-None-Match": packed}).status_code == 200


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip; q=0.01", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("br", False),
        ("*", False),
        ("", False),
    ],
)
def test_gzip_is_for_who_takes_it(header: str, *, takes: bool) -> None:
    assert files.takes_gzip(header) is takes


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}'])
def test_who_has_a_file_already_is_told_so(form: str) -> None:
    tag = client().get("/page/main.js").headers["etag"]
    answer = client().get("/page/main.js", headers={"If-None-Match": form.format(tag)})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)


def test_who_has_another_version_gets_the_file() -> None:
    assert client().get("/page/main.js", headers={"If-None-Match": '"old"'}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/page/../files.py", "/page/%2e%2e/files.py", "/page/", "/page/views", "/page//main.js"]
)
def test_no_path_leads_out_of_the_table(path: str) -> None:
    assert client().get(path).status_code == 404


def test_the_page_can_be_given_at_an_address_that_others_answer_too() -> None:
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""})
    assert bytes(files.index_response(request).body).startswith(b"<!doctype html>")
