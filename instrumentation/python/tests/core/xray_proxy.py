"""A fake of the X-Ray daemon's proxy: answers GetSamplingRules and SamplingTargets."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .serving import QuietHandler, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


class XRayProxy:
    """What it answers, and what it was told."""

    def __init__(self) -> None:
        self.port = 0
        self.rules: list[dict[str, Any]] = []
        self.targets: list[dict[str, Any]] = []
        self.last_rule_modification = 0.0
        self.told: list[dict[str, Any]] = []
        self.status = 200
        self.rule_calls = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == "/GetSamplingRules":
            self.rule_calls += 1
            if len(self.rules) > 1 and not body.get("NextToken"):
                return {"SamplingRuleRecords": [{"SamplingRule": self.rules[0]}], "NextToken": "2"}
            rest = self.rules[1:] if body.get("NextToken") else self.rules
            return {"SamplingRuleRecords": [{"SamplingRule": rule} for rule in rest]}
        assert path == "/SamplingTargets", path
        self.told += body["SamplingStatisticsDocuments"]
        return {
            "SamplingTargetDocuments": self.targets,
            "LastRuleModification": self.last_rule_modification,
            "UnprocessedStatistics": [],
        }


def rule(name: str = "Default", **fields: Any) -> dict[str, Any]:
    """A sampling rule as the API gives it."""
    return {
        "RuleName": name,
        "RuleARN": f"arn:aws:xray:eu-west-1:1:sampling-rule/{name}",
        "Priority": 10_000,
        "FixedRate": 0.0,
        "ReservoirSize": 0,
        "ServiceName": "*",
        "ServiceType": "*",
        "Host": "*",
        "HTTPMethod": "*",
        "URLPath": "*",
        "ResourceARN": "*",
        "Version": 1,
        "Attributes": {},
        **fields,
    }


@contextmanager
def xray_proxy() -> Iterator[XRayProxy]:
    proxy = XRayProxy()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = proxy.status
            data = json.dumps(proxy.answer(self.path, body) if status == 200 else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with serving(Handler) as proxy.port:
        yield proxy
