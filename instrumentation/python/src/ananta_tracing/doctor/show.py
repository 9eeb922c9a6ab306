"""The doctor's report as text for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, TextIO

from ananta_tracing.doctor.findings import Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ananta_tracing.doctor.findings import Finding
    from ananta_tracing.settings import Settings

_MARKS = {Level.GOOD: "ok   ", Level.NOTE: "note ", Level.FAULT: "FAULT"}


def list_settings(settings: Settings) -> list[tuple[str, str, str]]:
    """(setting, value, origin) of everything in force; values of headers are not shown."""
    rows: list[tuple[str, str, str]] = []
    for field in dataclasses.fields(settings):
        value: Any = getattr(settings, field.name)
        if field.name in ("origins", "problems"):
            continue
        if dataclasses.is_dataclass(value):
            for name, each in vars(value).items():
                key = name if field.name == "batch" else f"{field.name}.{name}"
                rows.append((key, _shown(each), settings.origins.get(key, "")))
            continue
        if field.name == "headers":
            value = tuple(value)
        rows.append((field.name, _shown(value), settings.origins.get(field.name, "")))
    return rows


def _shown(value: Any) -> str:
    if value in ("", (), None) or value == {}:
        return "-"
    if type(value) is tuple:
        return ", ".join(map(str, value))
    return str(dict(value)) if hasattr(value, "items") else str(value)


def write_text(out: TextIO, settings: Settings, findings: Iterable[Finding]) -> int:
    """Write settings, then findings as they come; the return code of the command."""
    out.write("Settings (where each value comes from)\n")
    rows = [
        row for row in list_settings(settings) if row[0] in _ALWAYS or row[2] not in ("", "default")
    ]
    width = max(len(row[0]) for row in rows)
    for name, value, origin in rows:
        out.write(
            f"  {name:<{width}}  {value}  ({origin})\n"
            if origin
            else f"  {name:<{width}}  {value}\n"
        )
    out.write("\nFindings\n")
    faults = 0
    for finding in findings:
        faults += finding.level is Level.FAULT
        out.write(f"  {_MARKS[finding.level]}  {finding.subject}: {finding.message}\n")
        out.flush()
    out.write(f"\n{faults} at fault\n" if faults else "\nNothing is at fault\n")
    return 1 if faults else 0


_ALWAYS = frozenset(
    {"service_name", "environment", "endpoint", "protocol", "sampler", "propagators"}
)


def write_json(out: TextIO, settings: Settings, findings: Iterable[Finding]) -> int:
    """Write one document; the return code of the command."""
    found = list(findings)
    document = {
        "settings": {
            name: {"value": value, "origin": origin}
            for name, value, origin in list_settings(settings)
        },
        "findings": [
            {"level": each.level.value, "subject": each.subject, "message": each.message}
            for each in found
        ],
    }
    json.dump(document, out, indent=2)
    out.write("\n")
    return 1 if any(each.level is Level.FAULT for each in found) else 0
