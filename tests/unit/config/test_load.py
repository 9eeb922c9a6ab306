"""From sources to a configuration: merging, overrides, expansion into typed settings, ids."""

from __future__ import annotations

import pytest

from ananta.component import Kind
from ananta.config.load import load_config
from ananta.errors import ConfigError

MINIMAL = """
receivers: {otlp: {protocols: {grpc: }}}
processors: {batch: }
exporters: {debug: }
service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [debug]}}}
"""


def test_a_minimal_configuration_loads_with_defaults(load):
    config = load(MINIMAL)
    assert config.receivers["otlp"].protocols.grpc.transport == "tcp"
    assert config.processors["batch"].timeout == 0.2
    assert config.components(Kind.EXPORTER)["debug"].verbosity == "basic"
    assert config.service.pipelines["traces"].receivers == ["otlp"]
    assert config.service.telemetry.metrics.prometheus[0].port == 8888
    assert config.service.telemetry.logs.level == "info"
    assert config.warnings == ()


def test_unused_components_are_read_and_checked(load, load_problems):
    config = load(MINIMAL, "processors: {batch/unused: {send_batch_size: 5}}")
    assert config.processors["batch/unused"].send_batch_size == 5
    assert (
        "processors::batch/unused::timeout"
        in load_problems(MINIMAL, "processors: {batch/unused: {timeout: soon}}")[0]
    )


def test_later_sources_are_laid_over_earlier_ones(load):
    config = load(
        MINIMAL,
        "processors: {batch: {timeout: 1s, send_batch_size: 1}, attributes: {actions: [{a: 1}]}}",
        "processors: {batch: {timeout: 2s}, attributes: {actions: [{b: 1}]}}",
    )
    assert config.processors["batch"].timeout == 2.0
    assert config.processors["batch"].send_batch_size == 1
    assert config.processors["attributes"].actions == [{"b": 1}]


def test_null_over_a_map_wipes_it(load):
    config = load(MINIMAL, "processors: {batch: {timeout: 1s}}", "processors: {batch: null}")
    assert config.processors["batch"].timeout == 0.2


def test_top_level_keys_may_be_joined(load):
    config = load(MINIMAL, "processors::batch::timeout: 3s")
    assert config.processors["batch"].timeout == 3.0


def test_overrides_come_last_and_are_yaml(load):
    config = load(
        MINIMAL,
        overrides=[
            "processors.batch.timeout=5s",
            "processors.attributes.actions=[{key: a}]",
            "processors::batch::send_batch_size=7",
        ],
    )
    assert (config.processors["batch"].timeout, config.processors["batch"].send_batch_size) == (
        5,
        7,
    )
    assert config.processors["attributes"].actions == [{"key": "a"}]


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("processors.batch.timeout", "missing equal sign"),
        ("=5", "no key before the equal sign"),
        ("a.b=[1", "not valid YAML"),
        ("processors.batch.timeout=soon", 'got "soon" (--set processors.batch.timeout)'),
    ],
)
def test_a_wrong_override_is_refused(load_problems, override, problem):
    assert problem in "\n".join(load_problems(MINIMAL, overrides=[override]))


def test_environment_values_are_typed_by_the_setting(load):
    config = load(
        MINIMAL,
        """
        processors: {batch: {timeout: "${env:TIMEOUT}", send_batch_size: "${env:SIZE}"}}
        exporters:
          otlp_grpc:
            endpoint: ${env:HOST}:${env:PORT:-4317}
            user_agent: ${env:AGENT}
            headers: {authorization: "Bearer $$${env:TOKEN}"}
            sending_queue: {enabled: "${env:QUEUED}"}
        """,
        environ={
            "TIMEOUT": "5s",
            "SIZE": "010",
            "HOST": "collector",
            "AGENT": "0123",
            "TOKEN": "1e3",
            "QUEUED": "false",
        },
    )
    assert (config.processors["batch"].timeout, config.processors["batch"].send_batch_size) == (
        5,
        8,
    )
    exporter = config.exporters["otlp_grpc"]
    assert (exporter.endpoint, exporter.user_agent) == ("collector:4317", "0123")
    assert exporter.headers["authorization"].get_secret_value() == "Bearer $1e3"
    assert exporter.sending_queue is None


def test_whole_sections_may_come_from_a_reference(load, tmp_path):
    file = tmp_path / "processors.yaml"
    file.write_text("batch: {timeout: '${env:TIMEOUT}'}\n")
    config = load(MINIMAL, f"processors: ${{file:{file}}}", environ={"TIMEOUT": "7s"})
    assert config.processors["batch"].timeout == 7.0


def test_an_unset_variable_keeps_the_default_and_is_warned_of(load):
    config = load(MINIMAL, "processors: {batch: {timeout: '${env:UNSET}'}}")
    assert config.processors["batch"].timeout == 0.2
    assert "processors::batch::timeout: environment variable UNSET is not set" in config.warnings[0]


def test_a_value_that_cannot_be_expanded_is_reported_once(load_problems):
    [problem] = load_problems(MINIMAL, "exporters: {otlp_grpc: {endpoint: '${nowhere:x}'}}")
    assert problem.startswith('exporters::otlp_grpc::endpoint: scheme "nowhere" is not supported')


def test_old_exporter_types_work_and_say_what_replaces_them(load):
    config = load(
        MINIMAL,
        """
        exporters: {otlp: {endpoint: "c:4317"}, logging: {loglevel: debug, sampling_initial: 5}}
        service: {pipelines: {traces: {exporters: [otlp, logging]}}}
        """,
    )
    assert config.exporters["logging"].verbosity == "detailed"
    assert config.exporters["logging"].sampling_initial == 5
    assert config.warnings == (
        'exporters::otlp: "otlp" alias is deprecated; use "otlp_grpc" instead',
        "exporters::logging: the logging exporter has been deprecated,"
        " use the debug exporter instead",
        "exporters::logging: loglevel: debug is deprecated; write verbosity: detailed instead",
    )


def test_secrets_are_masked_where_the_configuration_is_shown(load):
    config = load(
        MINIMAL,
        """
        exporters:
          otlp_grpc:
            endpoint: c:4317
            api_key: ${env:KEY}
            headers: {x-token: hunter2}
            tls: {key_pem: hunter2, cert_pem: hunter2}
        """,
        environ={"KEY": "hunter2"},
    )
    assert config.as_given["exporters"]["otlp_grpc"] == {
        "endpoint": "c:4317",
        "api_key": "[REDACTED]",
        "headers": {"x-token": "[REDACTED]"},
        "tls": {"key_pem": "[REDACTED]", "cert_pem": "[REDACTED]"},
    }
    assert "hunter2" not in repr(config)


def test_secrets_are_masked_in_problems(load_problems):
    for settings in (
        "{api_key: [hunter2]}",
        "{headers: {a: {b: hunter2}}}",
        "{tls: {key_pem: {}}}",
    ):
        assert "hunter2" not in "\n".join(
            load_problems(MINIMAL, f"exporters: {{otlp_grpc: {settings}}}")
        )


def test_ids_are_trimmed_and_must_differ(load, load_problems):
    assert "batch/a" in load(MINIMAL, 'processors: {" batch / a ": }').processors
    assert 'duplicate name "batch/a" after unmarshaling [batch/a batch / a]' in "\n".join(
        load_problems(MINIMAL, "processors: {batch/a: , batch / a: }")
    )


@pytest.mark.parametrize(
    ("component_id", "problem"),
    [
        ("batch/", 'in "batch/" id: the part after / should not be empty'),
        ("/a", 'in "/a" id: the part before / should not be empty'),
        ('""', "id must not be empty"),
        ("1batch", 'invalid character(s) in type "1batch"'),
        ("batch/a b", 'invalid character(s) in name "a b"'),
        ("batch/a+b", 'invalid character(s) in name "a+b"'),
        ("batch/" + "a" * 1025, "the name is longer than 1024"),
    ],
)
def test_an_id_that_is_none_says_why(load_problems, component_id, problem):
    assert problem in load_problems(MINIMAL, f"processors: {{? {component_id} : {{}}}}")[0]


def test_files_are_named_with_their_line(table, tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(MINIMAL)
    second.write_text("processors:\n  batch:\n    timeout: 1\n    send_batch_size: many\n")
    with pytest.raises(ConfigError, match=rf"\({second}:4\)$"):
        load_config([str(first), f"file:{second}"], table=table, environ={})


def test_sources_that_cannot_be_read_are_all_named(table, tmp_path):
    empty = tmp_path / "empty.yaml"
    empty.write_text("# nothing yet\n")
    with pytest.raises(ConfigError) as caught:
        load_config(
            ["/nowhere.yaml", str(empty), "yaml:[1]", "gopher:x", "env:UNSET"],
            table=table,
            overrides=["oops"],
            environ={},
        )
    lines = [str(problem) for problem in caught.value.problems]
    assert lines[0].startswith("unable to read the file /nowhere.yaml: No such file or directory")
    assert lines[1].startswith("empty configuration file")
    assert lines[2].startswith("a configuration is a map of sections, got a list")
    assert lines[3].startswith('scheme "gopher" is not supported for uri "gopher:x"')
    assert lines[4].startswith("empty configuration file")
    assert lines[5].startswith('missing equal sign in "oops"')


def test_at_least_one_source_is_needed(table):
    with pytest.raises(ConfigError, match="at least one config flag must be provided"):
        load_config([], table=table)
