"""Results become tables that show ratios the right way round and name what is missed."""

from __future__ import annotations

import pytest
from bench import report
from bench.figures import FIGURES
from bench.results import CaseResults, Measurement, load_results

FORWARD = "1,000 a request, grpc"


def forward_results(ours: float, theirs: float) -> CaseResults:
    results = CaseResults("forward", "2026-01-02", "abc1234")
    for system, cpu in (("ananta", ours), ("collector", theirs)):
        results.measurements.append(Measurement(FORWARD, system, "cpu", cpu))
        results.measurements.append(Measurement(FORWARD, system, "rate", 1e6 / cpu))
    return results


def figure(what: str):
    return next(figure for figure in FIGURES if figure.what == what)


def test_both_lower_cost_and_higher_throughput_count_as_better():
    cpu, rate = report.case_table(forward_results(ours=2, theirs=8)).splitlines()[2:]
    assert cpu.split(" | ")[2:] == ["2.00", "8.00", "4.0 x |"]
    assert rate.split(" | ")[2:] == ["500,000", "125,000", "4.0 x |"]


def test_a_system_that_was_not_measured_leaves_its_cell_empty():
    results = forward_results(ours=2, theirs=8)
    results.measurements.append(Measurement("10 a request, grpc", "ananta", "cpu", 3))
    line = report.case_table(results).splitlines()[-1]
    assert line == "| 10 a request, grpc | CPU a span, µs | 3.00 |  |  |"


@pytest.mark.parametrize(
    ("ours", "verdict"), [(1, "aim reached"), (2, "reached"), (2.5, "**missed**")]
)
def test_a_figure_is_judged_against_its_bars(ours: float, verdict: str):
    forward = figure("forward, 1,000 a request, gRPC")
    value = forward.measured({"forward": forward_results(ours=ours, theirs=8)})
    assert value == pytest.approx(ours / 8)
    assert forward.verdict(value) == verdict


@pytest.mark.parametrize("present", [(), ("ananta",), ("collector",)])
def test_a_figure_without_both_sides_is_not_measured(present: tuple[str, ...]):
    results = forward_results(ours=1, theirs=8)
    results.measurements = [m for m in results.measurements if m.system in present]
    forward = figure("forward, 1,000 a request, gRPC")
    assert forward.verdict(forward.measured({"forward": results})) == "not measured"


def test_a_worst_case_needs_all_its_parts():
    search = CaseResults("search", "", "")
    live = figure("the worst of these three while 5,000 spans/s arriving, p50")
    for question, more in (("trace by id", 4), ("rare attribute", 9)):
        for row, value in (("quiet", 10), ("5,000 spans/s arriving", 10 + more)):
            search.measurements.append(Measurement(f"{question}, {row}", "ananta", "p50", value))
    assert live.measured({"search": search}) is None
    for row, value in (("quiet", 1), ("5,000 spans/s arriving", 3)):
        name = f"service, operation, duration, {row}"
        search.measurements.append(Measurement(name, "ananta", "p50", value))
    assert live.measured({"search": search}) == 9


def test_results_survive_being_kept(tmp_path):
    kept = forward_results(ours=2, theirs=8)
    kept.notes.append("rotel: not there")
    kept.save(tmp_path)
    assert load_results(tmp_path) == {"forward": kept}


def test_writing_replaces_only_what_was_measured(tmp_path, monkeypatch):
    document = tmp_path / "benchmarks.md"
    document.write_text(f"# Words\n\n{report.BEGIN}\nthe last table\n{report.END}\n\nMore words\n")
    monkeypatch.setattr(report, "DOCUMENT", document)
    for _ in range(2):
        results = {"forward": forward_results(ours=2, theirs=8)}
        report.write_document(results, {"ananta": "Ananta 1"}, {"forward": "Forward"})
    text = document.read_text()
    assert text.startswith(f"# Words\n\n{report.BEGIN}\n")
    assert text.endswith(f"{report.END}\n\nMore words\n")
    assert text.count("## Forward") == 1
    assert "the last table" not in text
