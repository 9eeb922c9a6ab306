"""Whether the parts of a configuration fit together."""

from __future__ import annotations

import pytest

BASE = """
receivers: {otlp: {protocols: {grpc: }}}
processors: {batch: }
exporters: {debug: }
service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [debug]}}}
"""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("receivers: null", "no receiver configuration specified in config"),
        ("exporters: null", "no exporter configuration specified in config"),
        ("service: {pipelines: {}}\nservice::pipelines: null", "must have at least one pipeline"),
        (
            "service: {pipelines: {traces: {receivers: []}}}",
            "service::pipelines::traces: must have at least one receiver",
        ),
        (
            "service: {pipelines: {traces: {exporters: []}}}",
            "service::pipelines::traces: must have at least one exporter",
        ),
        (
            "service: {pipelines: {traces: {processors: [batch, batch]}}}",
            'service::pipelines::traces: references processor "batch" multiple times',
        ),
        (
            "service: {pipelines: {traces: {receivers: [otlpp]}}}",
            'service::pipelines::traces: references receiver "otlpp" which is not configured;'
            ' did you mean "otlp"?',
        ),
        (
            "service: {pipelines: {traces: {processors: [x]}}}",
            'service::pipelines::traces: references processor "x" which is not configured;'
            " add x: under processors:",
        ),
        (
            "service: {pipelines: {traces: {exporters: [x]}}}",
            'service::pipelines::traces: references exporter "x" which is not configured',
        ),
        (
            "service: {extensions: [x]}",
            'service::extensions: references extension "x" which is not configured',
        ),
        (
            "connectors: {forward: }\nexporters: {forward: }",
            'connectors::forward: ambiguous ID: Found both "forward" exporter and "forward"'
            " connector. Change one",
        ),
        (
            "connectors: {forward: }\nservice: {pipelines: {traces: {exporters: [forward]}}}",
            'connectors::forward: connector "forward" used as exporter in [traces] pipeline'
            " but not used in any supported receiver pipeline",
        ),
        (
            "connectors: {forward: }\nservice: {pipelines: {traces: {receivers: [forward]}}}",
            'connectors::forward: connector "forward" used as receiver in [traces] pipeline'
            " but not used in any supported exporter pipeline",
        ),
        (
            "connectors: {forward: }\n"
            "service: {pipelines: {traces: {receivers: [otlp, forward], exporters: [forward]}}}",
            'cycle detected: connector "forward" (traces to traces) -> pipeline "traces" ->'
            ' connector "forward" (traces to traces)',
        ),
        (
            "service: {pipelines: {logs: {receivers: [otlp], exporters: [debug]}}}",
            'service::pipelines::logs: signal "logs" is not supported',
        ),
        (
            "exporters: {kafka/x: }",
            'exporters::kafka/x: unknown type: "kafka" for id: "kafka/x"'
            " (valid values: [debug otlp_grpc store])",
        ),
        ("exporters: {otlp_grcp: }", 'did you mean "otlp_grpc"?'),
        ("exporters: {jaeger: }", "use otlp_grpc with its port 4317"),
        ("processors: {spanmetrics: }", "it became a connector; move it to connectors"),
        ("processors: {zpages: }", "it is one of the extensions, move it there"),
        ("extensions: {memory_ballast: }", "use the memory_limiter processor"),
    ],
)
def test_parts_that_do_not_fit_are_refused(load_problems, text, problem):
    assert problem in "\n".join(load_problems(BASE, *(f"{line}" for line in text.split("\n"))))


def test_a_connector_joins_two_pipelines(load):
    config = load(
        BASE,
        """
        connectors: {forward: }
        service:
          pipelines:
            traces: {exporters: [forward]}
            traces/out: {receivers: [forward], exporters: [debug]}
        """,
    )
    assert set(config.service.pipelines) == {"traces", "traces/out"}


def test_unused_connectors_are_no_problem(load):
    load(BASE, "connectors: {forward: }")


QUEUE = """
exporters: {otlp_grpc: {endpoint: "c:1", sending_queue: {storage: file_storage/q}}}
service: {pipelines: {traces: {exporters: [otlp_grpc]}}}
"""


def test_a_queue_names_a_storage_extension_that_runs(load):
    load(
        BASE,
        QUEUE,
        "extensions: {file_storage/q: {directory: /tmp}}",
        "service: {extensions: [file_storage/q]}",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("extensions: {}", 'references extension "file_storage/q" which is not configured'),
        (
            "extensions: {file_storage/q: {directory: /tmp}}",
            'extension "file_storage/q" is not started; add file_storage/q to service::extensions',
        ),
        (
            "exporters: {otlp_grpc: {sending_queue: {storage: zpages}}}\n"
            "extensions: {zpages: }\nservice: {extensions: [zpages]}",
            'extension "zpages" is not a storage extension',
        ),
    ],
)
def test_a_queue_refuses_a_storage_that_is_none(load_problems, text, problem):
    [line] = load_problems(BASE, QUEUE, *text.split("\n"))
    assert line.startswith("exporters::otlp_grpc::sending_queue::storage: ")
    assert problem in line


def test_references_of_unused_components_are_not_followed(load):
    load(BASE, 'exporters: {otlp_grpc: {endpoint: "c:1", sending_queue: {storage: gone}}}')


@pytest.mark.parametrize(
    ("settings", "noun"),
    [
        ("auth: {authenticator: zpages}", "an authenticator"),
        ("middlewares: [{id: zpages}]", "a middleware"),
    ],
)
def test_what_cannot_authenticate_is_refused_as_an_authenticator(load_problems, settings, noun):
    [line] = load_problems(
        BASE,
        f"receivers: {{otlp: {{protocols: {{grpc: {{{settings}}}}}}}}}",
        "extensions: {zpages: }",
        "service: {extensions: [zpages]}",
    )
    assert f'extension "zpages" is not {noun}' in line


QUERY = """
exporters: {store: , store/cold: }
extensions: {query: }
service: {extensions: [query], pipelines: {traces: {exporters: [store]}}}
"""


def test_a_query_extension_names_an_exporter_that_stores_traces(load):
    load(BASE, QUERY)


@pytest.mark.parametrize(
    ("exporter", "problem"),
    [
        ("stor", 'references exporter "stor" which is not configured; did you mean "store"?'),
        ("debug", 'exporter "debug" is not a trace store; name one that is'),
        (
            "store/cold",
            'exporter "store/cold" is not started; add store/cold to a pipeline\'s exporters',
        ),
    ],
)
def test_a_query_extension_refuses_an_exporter_that_stores_none(load_problems, exporter, problem):
    [line] = load_problems(BASE, QUERY, overrides=[f"extensions.query.exporter={exporter}"])
    assert line.startswith("extensions::query::exporter: ")
    assert problem in line
