"""What is masked."""

from __future__ import annotations

import pytest

from daemon.config.secret import MIN_BEGINNING, Secret
from daemon.masking import MASK, mask_keys

KEY = "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"
OWN = "an-odd-key-of-ones-own"


@pytest.mark.parametrize("value", [KEY, OWN])
def test_the_key_and_each_longer_beginning_of_it_is_masked(value: str) -> None:
    secret = Secret(value)
    for length in range(MIN_BEGINNING, len(value) + 1):
        assert secret.scrub(f"say {value[:length]}") == f"say {MASK}"
        assert secret.scrub(f"{value[:length]}! {value}, and") == f"{MASK}! {MASK}, and"


def test_a_text_without_the_key_is_as_it_was() -> None:
    assert Secret(OWN).scrub("an-odd key") == "an-odd key"
    assert Secret("").scrub("anything") == "anything"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"model {KEY} is not known", f"model {MASK} is not known"),
        (KEY[:20], MASK),
        ("auth_tokens/abc-1", MASK),
        ("https://user:pass@proxy:3128/", f"https://{MASK}@proxy:3128/"),
        ("models/gemini-3.8-live", "models/gemini-3.8-live"),
        ("https://localhost:8443/", "https://localhost:8443/"),
    ],
)
def test_whatever_looks_like_a_key_is_masked(text: str, masked: str) -> None:
    assert mask_keys(text) == masked


def test_its_text_forms_are_masked() -> None:
    assert f"{Secret(OWN)} {Secret(OWN)!r}" == f"{MASK} {MASK}"
