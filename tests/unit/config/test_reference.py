"""docs/configuration.md says what the configuration classes say."""

from __future__ import annotations

from pathlib import Path

from ananta.components import load_table
from ananta.config.reference import render_reference

FILE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_committed_reference_is_current():
    assert FILE.read_text(encoding="utf-8") == render_reference(load_table()), (
        "docs/configuration.md is out of date; run `make docs`,"
        " or .venv/bin/python -m ananta.config.reference > docs/configuration.md"
    )


def test_every_component_and_the_service_are_in_it():
    text = render_reference(load_table())
    for factory in load_table():
        assert f"### {factory.type}\n\n{factory.summary}" in text
    assert "`telemetry.metrics.level`" in text


def test_shared_sections_are_described_once():
    text = render_reference(load_table())
    assert text.count("\n### TlsServer\n") == 1
    assert "[TlsServer](#tlsserver)" in text


def test_the_example_is_a_valid_configuration():
    from ananta.config.load import load_config

    example = render_reference(load_table()).split("```yaml\n")[1].split("```")[0]
    assert load_config([f"yaml:{example}"], table=load_table()).service.pipelines
