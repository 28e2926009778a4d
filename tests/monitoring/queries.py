"""The queries of a Grafana dashboard as rules of Prometheus, which promtool can check: queries.py FILE.

Grafana puts values in the place of its variables; here any that can stand there do.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

VALUES = {"$__rate_interval": "5m", "$__interval": "5m", "$__range": "1h", "$speaker": ".*"}


def main(path: str) -> None:
    """Print them. JSON is YAML, too."""
    panels = json.loads(Path(path).read_text("utf-8"))["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    rules = [{"record": f"query_{number}", "expr": filled(query)} for number, query in enumerate(queries)]
    print(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))


def filled(query: str) -> str:
    """With values for Grafana's variables."""
    for variable, value in VALUES.items():
        query = query.replace(variable, value)
    return query


main(sys.argv[1])
