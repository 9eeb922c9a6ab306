"""What is done with the running example, as a browser or a script of its users would do it.

Each step is one request, answered with the id of its trace.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stack.process import ExampleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stack.ports import Ports

REQUEST_TIMEOUT_SECONDS = 30.0
# A part of each kind: found, slow, unknown to the distributor, and one the distributor fails at.
LINES = [
    {"mpn": "RC0603FR-0710KL", "manufacturer": "Yageo", "quantity": 24},
    {"mpn": "GRM188R71H104KA93D", "manufacturer": "Murata", "quantity": 60},
    {"mpn": "STM32F407VGT6", "manufacturer": "STMicroelectronics", "quantity": 1},
    {"mpn": "SLOW-TPS62130RGTR", "manufacturer": "Texas Instruments", "quantity": 2},
    {"mpn": "UNKNOWN-4711", "manufacturer": "Nobody", "quantity": 1},
    {"mpn": "FLAKY-LM358DR", "manufacturer": "Texas Instruments", "quantity": 4},
]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, and the trace it was given in."""

    status: int
    body: Any
    trace_id: str


@dataclass(frozen=True)
class Step:
    """One thing that was done: what, how it ended, and its trace."""

    title: str
    outcome: str
    trace_id: str


def ask(
    method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request with JSON both ways; an error status is an answer too."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method)
    for name, value in {"content-type": "application/json", **(headers or {})}.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_SECONDS) as response:
            status, content, given = response.status, response.read(), response.headers
    except urllib.error.HTTPError as error:
        with error:
            status, content, given = error.code, error.read(), error.headers
    except OSError as error:
        raise ExampleError(f"{method} {url}: {error}") from error
    is_json = given.get_content_type() == "application/json"
    answer = json.loads(content) if is_json else content.decode(errors="replace")
    return Answer(status, answer, given.get("x-trace-id", ""))


class Story:
    """The steps, against the services on these ports."""

    def __init__(self, ports: Ports) -> None:
        self.tenant_management = f"http://127.0.0.1:{ports.tenant_management}"
        self.orchestrator = f"http://127.0.0.1:{ports.orchestrator}"
        self.cns = f"http://127.0.0.1:{ports.cns}"

    def with_workflows(self) -> Iterator[Step]:
        """Provisioning that succeeds, provisioning that is undone, and a bill of materials."""
        answer = self.create_tenant("Acme Robotics", "premium", f"{_unique('acme')}.example.com")
        yield Step("provision a tenant", self._outcome(answer), answer.trace_id)
        tenant_id = answer.body["tenant"]["id"]
        refused = self.create_tenant("Nowhere", "standard", f"{_unique('nowhere')}.invalid")
        outcome = self._outcome(refused)
        yield Step("provision a tenant whose domain is refused", outcome, refused.trace_id)
        yield from self._enrich(tenant_id)

    def without_workflows(self) -> Iterator[Step]:
        """A tenant that is only recorded, and a bill of materials."""
        answer = self.create_tenant("Acme Robotics", "premium", f"{_unique('acme')}.example.com")
        yield Step("record a tenant", f"HTTP {answer.status}", answer.trace_id)
        yield from self._enrich(answer.body["tenant"]["id"])

    def create_tenant(
        self, name: str, tier: str, domain: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask tenant-management-service for a new tenant."""
        email = f"admin@{domain}"
        body = {"name": name, "tier": tier, "domain": domain, "admin_email": email}
        return ask("POST", f"{self.tenant_management}/tenants", body, headers)

    def outcome(self, workflow_id: str) -> Answer:
        """Wait for a workflow to end."""
        return ask("GET", f"{self.orchestrator}/workflows/{workflow_id}/outcome")

    def create_bom(self, tenant_id: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send cns-service a bill of materials."""
        body = {"tenant_id": tenant_id, "name": "Motor controller rev C", "lines": LINES}
        return ask("POST", f"{self.cns}/boms", body, headers)

    def enrich_bom(self, bom_id: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Have cns-service look up every component."""
        return ask("POST", f"{self.cns}/boms/{bom_id}/enrichment", headers=headers)

    def _enrich(self, tenant_id: str) -> Iterator[Step]:
        created = self.create_bom(tenant_id)
        outcome = f"HTTP {created.status}, {created.body['lines']} lines"
        yield Step("load a bill of materials", outcome, created.trace_id)
        for title in ("enrich it", "enrich it again, components known now"):
            answer = self.enrich_bom(created.body["bom_id"])
            counts = ("matched", "unmatched", "failed")
            outcome = ", ".join(f"{answer.body[f'{name}_count']} {name}" for name in counts)
            yield Step(title, outcome, answer.trace_id)

    def _outcome(self, answer: Answer) -> str:
        outcome = self.outcome(answer.body["workflow_id"]).body
        return ": ".join(outcome[key] for key in ("status", "reason") if key in outcome)


def _unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"
