"""What the environment names for a library is looked at before the library does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import websockets

from daemon.config.load import load
from daemon.config.variables import VARIABLES, environment_faults
from daemon.errors import ConfigError
from daemon.standin.certs import Authority


def test_what_is_not_named_or_can_be_obeyed_is_no_fault(tmp_path: Path) -> None:
    good = tmp_path / "ca.pem"
    good.write_text(Authority().pem)
    assert environment_faults({}) == []
    assert environment_faults({"SSL_CERT_FILE": "", "SSLKEYLOGFILE": ""}) == []
    named = {"SSL_CERT_FILE": str(good), "SSLKEYLOGFILE": str(tmp_path / "keys.log")}
    assert environment_faults(named) == []
    assert list(tmp_path.iterdir()) == [good], "nothing is made"


@pytest.mark.parametrize(
    ("variable", "name", "words"),
    [
        ("SSL_CERT_FILE", "missing.pem", "cannot be read: No such file or directory"),
        ("SSL_CERT_FILE", "words.pem", "holds no certificate in PEM"),
        ("SSL_CERT_FILE", ".", "cannot be read"),
        ("SSLKEYLOGFILE", "missing/keys.log", "cannot be written: there is no directory"),
        ("SSLKEYLOGFILE", ".", "cannot be written"),
    ],
)
def test_what_a_library_would_choke_on_is_named_with_its_remedy(
    tmp_path: Path, variable: str, name: str, words: str
) -> None:
    (tmp_path / "words.pem").write_text("no certificate\n")
    with pytest.raises(ConfigError) as caught:
        load(None, {variable: str(tmp_path / name)})
    (line,) = caught.value.problems
    assert line.startswith(f"environment: {variable} = {tmp_path / name}: ") or name == "."
    assert words in line and line.endswith(f"or `unset {variable}`")


GOOD = {
    "HTTPS_PROXY": ("http://proxy:3128", "http://proxy", "https://user:word@10.0.0.1:80/", "http://[::1]:80"),
    "TZ": ("Europe/Berlin", ":Europe/Berlin", "UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30", "EST5EDT"),
    "WEBSOCKETS_MAX_LOG_SIZE": ("75", "1_000"),
    "WEBSOCKETS_BACKOFF_FACTOR": ("1.6", "2"),
    "XDG_STATE_HOME": ("/var/lib/x",),
    "GOOGLE_GENAI_HTTP_CLIENT": ("auto", "httpx2", "something else"),
    "CONURE_SOCKET": ("/run/x.sock", "x.sock"),
}
BAD = {
    "HTTPS_PROXY": (
        "garbage", "proxy:3128", "http://", "http://proxy:99999", "http://proxy:x", "ftp://proxy:1", "http://[::1",
        "http://user@proxy:1", "http://pro xy:1", " http://proxy:1", "http://proxy:1/path", "http://proxy:1?a=b",
        "socks5://proxy:1", "socks4://proxy:1",
    ),
    "TZ": ("Mars/Phobos", "Europe/Berln", "CET-", "+1", "Europe", "x" * 5000),
    "WEBSOCKETS_MAX_LOG_SIZE": ("x", "1.5", "0x10"),
    "WEBSOCKETS_BACKOFF_FACTOR": ("x", "1,6"),
    "NUMPY_MADVISE_HUGEPAGE": ("yes",),
    "XDG_STATE_HOME": ("state", "~/state"),
    "HOME": ("home",),
    "SSL_CERT_DIR": ("/nonexistent", "/dev/null"),
    "CONURE_SOCKET": ("/" + "x" * 110,),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]])
def test_a_value_that_can_be_obeyed_is_no_fault(name: str, value: str) -> None:
    assert environment_faults({name: value}) == []


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_a_value_that_cannot_be_obeyed_is_told_with_the_variable(name: str, value: str) -> None:
    (line,) = environment_faults({name: value})
    assert line.startswith(f"environment: {name}")
    assert line.endswith(f", or `unset {name}`")


@pytest.mark.parametrize("name", [name for name in VARIABLES if name.lower().endswith("_proxy")])
@pytest.mark.parametrize(
    "value", ["http://ada:hidden@proxy:x", "ada:hidden@proxy", "socks5://ada:hidden@proxy:1"]
)
def test_the_password_of_a_proxy_is_not_shown(name: str, value: str) -> None:
    assert "hidden" not in " ".join(environment_faults({name: value}))


def test_a_library_that_is_not_there_is_no_http_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.config.variables.find_spec", lambda name: None)
    (line,) = environment_faults({"GOOGLE_GENAI_HTTP_CLIENT": "httpx"})
    assert "names a library that is not installed" in line


def test_every_number_that_the_websocket_library_reads_is_known() -> None:
    """If this fails, a new version of the library reads more."""
    sources = Path(websockets.__file__).parent.rglob("*.py")
    read = re.compile(r"(?:int|float)\(\s*os\.environ\.get\(\s*\"(WEBSOCKETS_\w+)\"")
    named = {name for source in sources for name in read.findall(source.read_text("utf-8"))}
    assert len(named) > 5
    assert named <= VARIABLES.keys()


def test_a_configuration_that_the_environment_names_is_told_with_the_variable() -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {"CONURE_CONFIG": "/nonexistent/conure.toml"})
    (line,) = caught.value.problems
    assert line.startswith(
        "environment: CONURE_CONFIG = /nonexistent/conure.toml: cannot be read: No such file"
    )
    assert line.endswith("; name another file, or `unset CONURE_CONFIG`")
