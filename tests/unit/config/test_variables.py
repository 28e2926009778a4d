"""What the environment names for a library is looked at before the library does."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config.load import load
from daemon.config.variables import environment_faults
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
