"""What users' own files import keeps its form: RELEASING.md#what-a-number-promises."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import pytest
from places import ROOT

from daemon.tools import Range, ToolError, tool

REQUIRED = Parameter.empty


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        (tool, {"name": None, "blocking": True, "timeout_s": 10.0, "silent": False, "interrupts": False}),
        (Range, {"low": REQUIRED, "high": REQUIRED}),
        (ToolError, {"message": REQUIRED, "retryable": False}),
    ],
)
def test_the_parameters_stay_and_new_ones_have_defaults(
    name: Callable[..., Any], promised: dict[str, Any]
) -> None:
    parameters = signature(name).parameters
    assert {key: parameters[key].default for key in promised} == promised
    assert all(one.default is not REQUIRED for key, one in parameters.items() if key not in promised)


def test_type_checkers_see_the_types_of_an_installed_conure() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "py.typed" in pyproject["tool"]["setuptools"]["package-data"]["daemon"]
    assert (ROOT / "daemon/py.typed").is_file()
