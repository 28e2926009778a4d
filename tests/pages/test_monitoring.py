"""The files for Prometheus and Grafana ask for metrics that there are, and the page names them all.

`scripts/check-monitoring` has Prometheus' own tool look at the files.
"""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
from places import ROOT
from told_status import STATUS

from daemon.lights.ladder import LADDER
from daemon.web.api.metrics import GatewayCollector, GatewayReports
from daemon.web.talk.traffic import Traffic

FOLDER = ROOT / "docs/use/monitoring"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))
PAGE = (ROOT / "docs/use/monitoring.md").read_text("utf-8")
FILES = sorted(path for path in FOLDER.iterdir())


def told() -> set[str]:
    """The names of all samples, and those by which a histogram is asked."""
    talks = {"traffic": Traffic().report() | {"dropped_bytes": {}}}
    collector = GatewayCollector(GatewayReports(talks=lambda: talks), has_speaker=True)
    collector.status = STATUS
    families = list(collector.collect())
    samples = {sample.name for family in families for sample in family.samples}
    counters = {f"{family.name}_total" for family in families if family.type == "counter"}
    return samples | counters | {family.name for family in families if family.type == "gauge"}


def named(text: str) -> set[str]:
    """The metrics that a text names."""
    return set(re.findall(r"\bconure_[a-z_]+\b", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_metric_that_a_file_asks_for_is_told(path: Any) -> None:
    assert named(path.read_text("utf-8")) - told() == set()


def test_the_page_names_every_metric_and_no_other() -> None:
    histograms = {name.removesuffix("_bucket") for name in told() if name.endswith("_bucket")}
    parts = {f"{name}_{part}" for name in histograms for part in ("bucket", "count", "sum")}
    assert named(PAGE) - parts == (told() - parts) | histograms


def test_the_alerts_on_the_page_are_those_of_the_file() -> None:
    rules = (FOLDER / "conure-alerts.yml").read_text("utf-8")
    alerts = re.findall(r"^ *- alert: (\w+)$", rules, re.MULTILINE)
    assert re.findall(r"^\| `(Conure\w+)` \|", PAGE, re.MULTILINE) == alerts
    assert len(alerts) == 5


def test_the_lights_that_a_file_asks_for_are_real_ones() -> None:
    lights = {rung.scene.name for rung in LADDER}
    asked = {one for path in FILES for one in re.findall(r'light="([^"]+)"', path.read_text("utf-8"))}
    assert asked and asked <= lights


def test_the_panels_of_the_dashboard_stand_beside_one_another() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    spots = [panel["gridPos"] for panel in panels]
    assert all(spot["x"] >= 0 and spot["x"] + spot["w"] <= 24 for spot in spots)
    for one, other in combinations(spots, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_every_panel_says_what_it_shows_and_asks_the_chosen_speaker() -> None:
    for panel in DASHBOARD["panels"]:
        assert panel["title"] and panel["description"].endswith("."), panel["title"]
        assert panel["targets"]
        for target in panel["targets"]:
            assert "$speaker" in target["expr"], panel["title"]
            assert target["datasource"] == panel["datasource"]
