"""Odd configuration files, made from fixed seeds: each is taken, or refused in lines that name it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from daemon.config.load import load
from daemon.config.schema import KEYS, toml_value
from daemon.errors import ConfigError

FILES = 60

ODD = (
    "true", '""', '"x"', '"\\u0000"', '"\\u001b[31m"', "nan", "-inf", "1e400", "[]", "[[1], {a = 2}]", "=",
    "1979-05-27", "07:32:00", '["a", 5]', "''' '''", "0b1", "\x7f", "Ünicode",
)  # fmt: skip

MOST_LINES = 51
LONGEST_LINE = 700


def odd_value(dice: random.Random) -> str:
    """A value in TOML, or what only looks like one."""
    depth = dice.choice([1, 20, 40, 3000])
    hexadecimal, digits = "f" * dice.choice([3, 17, 9000]), "9" * dice.choice([5, 25, 5000])
    deep = [f"{'[' * depth}{']' * depth}", "{a = " * depth + "1" + "}" * depth]
    long = f'"{"y" * dice.choice([300, 40_000])}"'
    return dice.choice([*ODD, *deep, long, digits, f"-0x{hexadecimal}"])


def odd_config(dice: random.Random) -> bytes:
    """Some tables and keys, most of them known, with odd values; then a few damaged bytes."""
    lines = []
    for key in dice.sample(KEYS, 5):
        lines.append(f"[{dice.choice([key.table, 'x', 'a' * 500, '.'.join('a' * 200)])}]")
        value = toml_value(key.default) if dice.random() < 0.3 else odd_value(dice)
        lines.append(f"{dice.choice([key.name, key.name, key.name, 'api-key', 'b' * 1000])} = {value}")
    data = bytearray("\n".join(lines).encode())
    for _ in range(dice.choice([0, 0, 0, 1, 3])):
        data[dice.randrange(len(data))] = dice.randrange(256)
    return dice.choice([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe"]) + bytes(data)


@pytest.mark.parametrize("seed", range(6))
def test_an_odd_configuration_is_taken_or_refused_in_words(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    path = tmp_path / "config.toml"
    for _ in range(FILES):
        path.write_bytes(odd_config(dice))
        try:
            load(path, {"HOME": str(tmp_path)}, board="generic")
        except ConfigError as error:
            assert 1 <= len(error.problems) <= MOST_LINES
            assert str(path) in error.problems[0]
            assert max(map(len, error.problems)) <= LONGEST_LINE + len(str(path))
            assert all(line.isprintable() for line in error.problems)
