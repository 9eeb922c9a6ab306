"""The whole example: infrastructure, platform and services, started in order and ended in reverse.

ananta up                                where the spans of the services go
PostgreSQL, Redis, Temporal, outside     what they need
the five services                        see `services`
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stack.infrastructure import PostgreSQL, start_redis, start_temporal
from stack.needs import EXAMPLES
from stack.process import ExampleError, Program, port_answers, url_answers
from stack.services import Service, services

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType

    from stack.ports import Ports


class Example:
    """A running example; a context manager that ends everything it started.

    `temporal` is the path of Temporal's command, None to do without workflows. `environment` is
    laid over what every service is given: sampler, propagators, deployment environment.
    """

    def __init__(
        self,
        ports: Ports,
        temporal: Path | None,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.ports = ports
        self.has_workflows = temporal is not None
        self.directory = Path(tempfile.mkdtemp(prefix="ananta-example-"))
        self.environment = dict(environment or {})
        self._temporal = temporal
        self._say = say
        self._programs: list[Program] = []
        self._services: list[Program] = []
        self._postgresql: PostgreSQL | None = None

    def __enter__(self) -> Example:
        # The unprivileged user of PostgreSQL must be able to pass through to its own folder.
        self.directory.chmod(0o711)
        try:
            self._start_below_services()
            self._start_services(self._every_service())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def platform_url(self) -> str:
        """Where the UI and the query API of the platform are."""
        return f"http://localhost:{self.ports.query}"

    def log(self, name: str) -> Path:
        """The file with the output of a program."""
        return self.directory / f"{name}.log"

    def check(self) -> None:
        """ExampleError when a program has ended by itself."""
        for program in (*self._programs, *self._services):
            code = program.process.poll()
            if code is not None:
                raise ExampleError(f"{program.name} ended (exit code {code})\n{program.tail()}")

    def tracing_warnings(self) -> list[str]:
        """What the tracing packages have said in the logs of the services."""
        logs = [self.log(service.name) for service in self._services]
        said = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        return [line for line in said if "[ananta-tracing]" in line or " ananta_tracing" in line]

    def run_services(
        self, environment: Mapping[str, str], only: Collection[str] | None = None
    ) -> None:
        """Have the services run with these variables: restart them when they have others.

        `only` names those that are needed, where not all of them are.
        """
        wanted = [each for each in self._every_service() if only is None or each.name in only]
        names = [each.name for each in wanted]
        running = [program.name for program in self._services]
        if running == names and dict(environment) == self.environment:
            return
        self.stop_services()
        self.environment = dict(environment)
        self._start_services(wanted)

    def crash(self, name: str) -> None:
        """Kill a service, without a chance to save anything, and start it anew."""
        [index] = [i for i, program in enumerate(self._services) if program.name == name]
        self._services[index].process.kill()
        self._services[index].stop()
        [service] = [each for each in self._every_service() if each.name == name]
        self._services[index] = self._start_service(service)
        self._services[index].wait_until(service.is_ready(self.log(name)))

    def stop_services(self) -> dict[str, int]:
        """Stop the services by SIGTERM, those first that ask others; the exit code of each."""
        codes = {service.name: service.stop() for service in reversed(self._services)}
        self._services.clear()
        return codes

    def _start_below_services(self) -> None:
        ports, directory = self.ports, self.directory
        self._say("starting the platform, PostgreSQL, Redis" + " and Temporal" * self.has_workflows)
        platform = self._start("ananta", self._platform_command())
        self._postgresql = PostgreSQL(directory, self.log("postgresql"), ports.postgresql)
        self._programs.append(self._postgresql.program)
        self._programs.append(start_redis(directory, self.log("redis"), ports.redis))
        outside = [sys.executable, str(EXAMPLES / "outside.py"), str(ports.outside)]
        self._start("outside", outside)
        listening = [ports.postgresql, ports.redis, ports.outside]
        if self._temporal is not None:
            log = self.log("temporal")
            temporal = start_temporal(self._temporal, log, ports.temporal, ports.temporal_ui)
            self._programs.append(temporal)
            listening.append(ports.temporal)
        for program, port in zip(self._programs[1:], listening, strict=True):
            program.wait_until(port_answers(port))
        self._postgresql.create_databases()
        platform.wait_until(url_answers(f"http://127.0.0.1:{ports.health}/"))

    def _start(self, name: str, command: list[str]) -> Program:
        program = Program(name, command, self.log(name))
        self._programs.append(program)
        return program

    def _platform_command(self) -> list[str]:
        command = [str(ananta_command()), "up", "--data-dir", str(self.directory / "ananta")]
        command += ["--config", str(EXAMPLES / "collector.yaml")]
        for setting in self._platform_settings():
            command += ["--set", setting]
        return command

    def _platform_settings(self) -> list[str]:
        ports = self.ports
        reader = f"{{prometheus: {{host: localhost, port: {ports.metrics}}}}}"
        return [
            f"receivers.otlp.protocols.grpc.endpoint=localhost:{ports.otlp_grpc}",
            f"receivers.otlp.protocols.http.endpoint=localhost:{ports.otlp_http}",
            f"extensions.query.endpoint=localhost:{ports.query}",
            f"extensions.health_check.endpoint=localhost:{ports.health}",
            f"extensions.zpages.endpoint=localhost:{ports.zpages}",
            f"service.telemetry.metrics.readers=[{{pull: {{exporter: {reader}}}}}]",
        ]

    def _start_services(self, wanted: list[Service]) -> None:
        self._say("starting the services")
        for service in wanted:
            self._services.append(self._start_service(service))
        for service, program in zip(wanted, self._services, strict=True):
            program.wait_until(service.is_ready(self.log(service.name)))

    def _every_service(self) -> list[Service]:
        assert self._postgresql is not None
        return services(self.ports, self._postgresql.url, has_workflows=self.has_workflows)

    def _start_service(self, service: Service) -> Program:
        tracing = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://localhost:{self.ports.otlp_grpc}",
            # Said because the port need not be 4317, which says it by itself.
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
        log = self.log(service.name)
        log.write_bytes(b"")  # a worker that is started again says anew that it is ready
        return service.start(log, {**tracing, **self.environment})

    def _stop(self) -> None:
        self.stop_services()
        for program in reversed(self._programs):
            program.stop()
        self._programs.clear()
        shutil.rmtree(self.directory, ignore_errors=True)


def ananta_command() -> Path:
    """The platform's command, beside this Python."""
    command = Path(sys.executable).with_name("ananta")
    if not command.exists():
        raise ExampleError(f"no {command}; start the example with: make example")
    return command
