"""A test of real time that fails is asked again on a busy machine, and nowhere else."""

from __future__ import annotations

import pytest
from busy_machine import TRIES, Burden

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
from busy_machine import run_until_it_counts

def pytest_runtest_protocol(item, nextitem):
    run_until_it_counts(item, nextitem)
    return True
"""


@pytest.mark.parametrize(
    ("after", "busy"),
    [
        (Burden(110.0, 51.0, 7.0), False),
        (Burden(110.0, 53.0, 7.0), True),
        (Burden(110.0, 50.0, 7.1), False),
        (Burden(110.0, 50.0, 7.3), True),
    ],
    ids=["hardly anybody waited", "somebody waited", "the host took little", "the host took more"],
)
def test_a_machine_is_busy_where_processors_were_waited_for_or_taken(after: Burden, busy: bool) -> None:
    assert after.busy_since(Burden(100.0, 50.0, 7.0)) is busy


def test_the_burden_of_this_machine_only_grows() -> None:
    before, after = Burden.now(), Burden.now()
    assert after.at_s >= before.at_s
    assert after.waited_s >= before.waited_s
    assert after.stolen_s >= before.stolen_s


@pytest.mark.parametrize(
    ("busy", "passes_at", "outcome", "runs"),
    [
        (True, 1, {"passed": 1}, 1),
        (True, 2, {"passed": 1}, 2),
        (True, TRIES + 1, {"failed": 1}, TRIES),
        (False, 2, {"failed": 1}, 1),
    ],
)
def test_a_failure_counts_unless_the_machine_was_busy(
    busy: bool,
    passes_at: int,
    outcome: dict[str, int],
    runs: int,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Burden, "busy_since", lambda *_: busy)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        f"""
        import pytest

        runs = []

        @pytest.fixture
        def run():
            runs.append(len(runs) + 1)
            return runs[-1]

        def test_it(run):
            with open("runs", "w") as file:
                file.write(str(run))
            assert run >= {passes_at}
        """
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio").assert_outcomes(**outcome)
    assert (pytester.path / "runs").read_text("utf-8") == str(runs)
