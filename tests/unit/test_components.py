"""The table of components: what is built in, and how another package joins."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ananta.component import Kind
from ananta.components import BUILT_IN, ENTRY_POINT_GROUP, load_table
from ananta.config.load import load_config
from ananta.config.table import ComponentTable
from ananta.errors import ConfigError, StartupError

THIRD_PARTY = Path(__file__).parents[1] / "third_party_component"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package as its pyproject.toml says: its source, and its entry points."""

    def install(pyproject: str, source: Path) -> None:
        project = tomllib.loads(pyproject)["project"]
        info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        lines = []
        for group, points in project["entry-points"].items():
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.syspath_prepend(source)

    return install


@pytest.fixture
def third_party(install):
    install((THIRD_PARTY / "pyproject.toml").read_text(), THIRD_PARTY / "src")


def test_types_of_one_kind_are_listed_without_their_older_names():
    table = load_table()
    assert {"batch", "memory_limiter", "span"} <= set(table.types(Kind.PROCESSOR))
    assert {"otlp_grpc", "otlp_http", "debug"} <= set(table.types(Kind.EXPORTER))
    assert "otlphttp" not in table.types(Kind.EXPORTER)


@pytest.mark.parametrize(
    ("alias", "component_type"),
    [("otlp", "otlp_grpc"), ("otlphttp", "otlp_http"), ("logging", "debug")],
)
def test_an_older_name_finds_the_component(alias, component_type):
    factory = load_table().find(Kind.EXPORTER, alias)
    assert factory is not None
    assert factory.type == component_type


def test_the_table_is_had_without_importing_a_component():
    program = (
        "import sys; from ananta.components import load_table; load_table();"
        "rooms = 'receivers processors exporters connectors extensions api store'.split();"
        "print([name for name in sys.modules if name.split('.')[:1] == ['ananta']"
        " and name.split('.')[1:2] and name.split('.')[1] in rooms])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


USING_IT = """yaml:
receivers: {otlp: {protocols: {grpc: }}}
processors: {span_limit: {max_spans: 5}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], processors: [span_limit], exporters: [nop]}}}
"""


def test_another_package_adds_a_processor(third_party):
    table = load_table()
    factory = table.find(Kind.PROCESSOR, "span_limit")
    assert factory is not None
    settings: Any = load_config([USING_IT], table=table).processors["span_limit"]
    assert settings.max_spans == 5
    assert factory.component_class().__name__ == "SpanLimitProcessor"


def test_its_settings_are_checked_like_any_others(third_party):
    with pytest.raises(ConfigError, match="processors::span_limit::max_spans: must be greater"):
        load_config([USING_IT], table=load_table(), overrides=["processors.span_limit.max_spans=0"])


def test_without_the_package_its_type_is_unknown():
    with pytest.raises(ConfigError, match='unknown type: "span_limit"'):
        load_config([USING_IT], table=load_table())


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no_such_package:X", "component 'x' of broken can't be loaded: No module named"),
        ("ananta.components:NO_SUCH", "component 'x' of broken can't be loaded"),
        ("ananta.components:ENTRY_POINT_GROUP", "is no ComponentFactory"),
        ("ananta.components:SAME_AGAIN", "type 'batch' is defined twice"),
    ],
)
def test_a_package_that_brings_nothing_usable_is_named(
    install, tmp_path, monkeypatch, value, problem
):
    batch = load_table().find(Kind.PROCESSOR, "batch")
    assert batch is not None
    again = dataclasses.replace(batch, summary="")
    monkeypatch.setattr("ananta.components.SAME_AGAIN", again, raising=False)
    install(
        f'[project]\nname = "broken"\nversion = "1"\n'
        f'[project.entry-points."{ENTRY_POINT_GROUP}"]\nx = "{value}"\n',
        tmp_path,
    )
    with pytest.raises(StartupError, match=problem):
        load_table()


def test_a_type_stands_for_one_component():
    with pytest.raises(ValueError, match="defined twice"):
        ComponentTable([*BUILT_IN, dataclasses.replace(BUILT_IN[0], summary="")])
