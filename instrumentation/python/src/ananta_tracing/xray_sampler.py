"""The sampler `xray`: rules and quotas come from AWS X-Ray, through the daemon or the collector.

One thread asks for rules every five minutes and for targets every ten seconds. It starts with the
first decision, and anew in a forked child, where the parent's thread does not exist. Until rules
arrive, and when they have not been renewed for an hour, one trace a second and 5 % are kept.
"""

from __future__ import annotations

import json
import logging
import os
import random
import threading
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ananta_tracing.activation import silence
from ananta_tracing.xray_rules import Request, Rule, create_fallback, read_rules, read_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import Attributes

    from ananta_tracing.settings import Settings

logger = logging.getLogger(__name__)

DEFAULT_DAEMON = "127.0.0.1:2000"
_DAEMON_VARIABLE = "AWS_XRAY_DAEMON_ADDRESS"
_RULES_INTERVAL_SECONDS = 300.0
_TARGETS_INTERVAL_SECONDS = 10.0
_RULES_HOLD_SECONDS = 3600.0
_CALL_TIMEOUT_SECONDS = 5.0
_LONGEST_ANSWER_BYTES = 10_000_000
_MOST_PAGES = 100
_SERVICE_TYPES = {
    "aws_ecs": "AWS::ECS::Container",
    "aws_ec2": "AWS::EC2::Instance",
    "aws_eks": "AWS::EKS::Container",
    "aws_lambda": "AWS::Lambda::Function",
    "aws_elastic_beanstalk": "AWS::ElasticBeanstalk::Environment",
}


class XRayArguments(NamedTuple):
    """What OTEL_TRACES_SAMPLER_ARG holds: `endpoint=http://localhost:2000,polling_interval=300`."""

    endpoint: str
    polling_interval_seconds: float = _RULES_INTERVAL_SECONDS


def read_arguments(text: str, environ: Mapping[str, str] | None = None) -> XRayArguments:
    """Parse the sampler's argument; what it does not say comes from AWS_XRAY_DAEMON_ADDRESS.

    Raises:
        ValueError: a key is unknown or a value cannot be used.
    """
    environ = os.environ if environ is None else environ
    endpoint = _daemon_address(environ.get(_DAEMON_VARIABLE, "")) or DEFAULT_DAEMON
    interval = _RULES_INTERVAL_SECONDS
    for item in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = item.partition("=")
        if key.strip() == "endpoint":
            endpoint = _daemon_address(value.strip())
        elif key.strip() == "polling_interval":
            interval = float(value)
        else:
            message = f"{item!r} is unknown; write endpoint=http://host:2000,polling_interval=300"
            raise ValueError(message)
    if "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.hostname or url.port == 0 or interval <= 0:
        message = f"{text!r} cannot be used; write endpoint=http://host:2000,polling_interval=300"
        raise ValueError(message)
    return XRayArguments(endpoint.rstrip("/"), interval)


def _daemon_address(text: str) -> str:
    """The TCP part of the daemon's address: `host:port`, or `tcp:host:port udp:host:port`."""
    for part in text.split():
        kind, _, address = part.partition(":")
        if kind.lower() == "tcp":
            return address
    parts = text.split()
    return parts[0] if parts and not parts[0].lower().startswith("udp:") else ""


class XRayRoot:
    """Decides on traces that begin here by the rules of X-Ray.

    Args:
        arguments: where to ask, and how often.
        service_name: compared with `ServiceName` of a rule.
        service_type: compared with `ServiceType`, such as `AWS::ECS::Container`.
        targets_interval_seconds: how often targets are asked for.
    """

    def __init__(
        self,
        arguments: XRayArguments,
        service_name: str,
        service_type: str = "",
        *,
        targets_interval_seconds: float = _TARGETS_INTERVAL_SECONDS,
    ) -> None:
        self.arguments = arguments
        self._service_name = service_name
        self._service_type = service_type
        self._targets_interval_seconds = targets_interval_seconds
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    @classmethod
    def from_settings(cls, argument: str, settings: Settings) -> XRayRoot:
        """The sampler for this service.

        Raises:
            ValueError: the argument cannot be used.
        """
        platform = str(settings.resource_attributes.get("cloud.platform", ""))
        if not platform and "ECS_CONTAINER_METADATA_URI_V4" in os.environ:
            platform = "aws_ecs"
        return cls(
            read_arguments(argument), settings.service_name, _SERVICE_TYPES.get(platform, "")
        )

    def _reset(self) -> None:
        self._client_id = f"{random.getrandbits(96) | 1 << 95:024x}"
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._rules: list[Rule] = []
        self._fallback = create_fallback()
        self._rules_read_at = 0.0
        self._is_told = False

    def keeps(self, trace_id: int, attributes: Attributes) -> bool:
        """Ask the first rule that is about this request."""
        if self._thread is None:
            self._start()
        return self._decide(trace_id, attributes or {})

    def _decide(self, trace_id: int, attributes: Mapping[str, Any]) -> bool:
        now = time.time()
        rules = self._rules
        if rules and now - self._rules_read_at < _RULES_HOLD_SECONDS:
            request = self._read_request(attributes)
            for rule in rules:
                if rule.matches(request):
                    return rule.samples(trace_id, now)
        return self._fallback.samples(trace_id, now)

    def _read_request(self, attributes: Mapping[str, Any]) -> Request:
        def first(*keys: str) -> str:
            for key in keys:
                value = attributes.get(key)
                if value is not None:
                    return str(value)
            return ""

        path = first("url.path", "http.target")
        if not path:
            path = urlsplit(first("url.full", "http.url")).path
        return Request(
            first("http.request.method", "http.method"),
            path.partition("?")[0],
            first("server.address", "http.host", "net.host.name"),
            self._service_name,
            self._service_type,
            first("aws.lambda.invoked_arn", "cloud.resource_id"),
            attributes,
        )

    def describe(self) -> str:
        """`XRay{http://127.0.0.1:2000}`."""
        return f"XRay{{{self.arguments.endpoint}}}"

    # Asking X-Ray

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(
                target=self._poll, name="ananta-tracing-xray", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError as error:  # the interpreter is ending
                logger.debug("No thread for X-Ray sampling rules: %s", error)

    def _poll(self) -> None:
        silence()
        rules_due_at = targets_due_at = 0.0
        while True:
            now = time.monotonic()
            if now >= rules_due_at:
                self._try(self._refresh_rules)
                # Spread, so that a fleet that started together does not ask together.
                rules_due_at = now + self.arguments.polling_interval_seconds * _jitter()
                targets_due_at = targets_due_at or now + self._targets_interval_seconds * _jitter()
            if now >= targets_due_at:
                if self._try(self._refresh_targets):
                    rules_due_at = now
                targets_due_at = now + self._targets_interval_seconds * _jitter()
            time.sleep(max(min(rules_due_at, targets_due_at) - time.monotonic(), 0.0))

    def _try(self, refresh: Any) -> bool:
        """Refresh; a failure is told once, and what is known goes on holding."""
        try:
            changed = bool(refresh())
        except Exception as error:  # noqa: BLE001 - whatever the other side answers, sampling goes on
            tell = logger.debug if self._is_told else logger.warning
            tell(
                "X-Ray sampling rules cannot be had from %s (%s): one trace a second and 5 %% are"
                " kept; start the X-Ray daemon or the proxy of the collector, or set %s",
                self.arguments.endpoint,
                error,
                _DAEMON_VARIABLE,
            )
            self._is_told = True
            return False
        self._is_told = False
        return changed

    def fetch_rules(self) -> list[str]:
        """Ask for the rules now; their names in the order they are asked.

        Raises:
            OSError, ValueError, TypeError: there is no answer, or it cannot be read.
        """
        self._refresh_rules()
        return [rule.name for rule in self._rules]

    def _refresh_rules(self) -> None:
        records: list[Any] = []
        token: str | None = None
        for _ in range(_MOST_PAGES):
            answer = self._call("GetSamplingRules", {"NextToken": token} if token else {})
            records += answer.get("SamplingRuleRecords") or []
            token = answer.get("NextToken")
            if not token:
                break
        self._rules = read_rules(records, {rule.name: rule for rule in self._rules})
        self._rules_read_at = time.time()

    def _refresh_targets(self) -> bool:
        """Tell what was sampled and take targets; True when the rules have changed meanwhile."""
        rules = {rule.name: rule for rule in self._rules}
        told = {name: rule.take_statistics() for name, rule in rules.items()}
        told = {name: counts for name, counts in told.items() if counts.request_count}
        if not told:
            return False
        documents = [
            {
                "ClientID": self._client_id,
                "RuleName": name,
                "RequestCount": counts.request_count,
                "SampledCount": counts.sampled_count,
                "BorrowCount": counts.borrow_count,
                "Timestamp": int(time.time()),
            }
            for name, counts in told.items()
        ]
        try:
            answer = self._call("SamplingTargets", {"SamplingStatisticsDocuments": documents})
        except Exception:
            for name, counts in told.items():
                rules[name].give_back(counts)
            raise
        for document in answer.get("SamplingTargetDocuments") or []:
            rule = rules.get(document.get("RuleName"))
            if rule is not None:
                rule.aim(read_target(document))
        modified_at = float(answer.get("LastRuleModification") or 0)
        return modified_at > self._rules_read_at

    def _call(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """One operation of the API, unsigned: the daemon signs it."""
        url = urlsplit(self.arguments.endpoint)
        connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = connect(url.netloc, timeout=_CALL_TIMEOUT_SECONDS)
        try:
            connection.request(
                "POST",
                f"{url.path}/{operation}",
                json.dumps(body),
                {"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            data = response.read(_LONGEST_ANSWER_BYTES)
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            message = f"{operation} was answered with {response.status} {response.reason}"
            raise OSError(message)
        answer = json.loads(data)
        if not isinstance(answer, dict):
            message = f"{operation} was answered with something that is no JSON object"
            raise TypeError(message)
        return answer


def _jitter() -> float:
    return random.uniform(0.9, 1.1)
