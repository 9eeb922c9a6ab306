"""Loads become latencies from the scheduled time, rounds become differences, figures bars."""

from __future__ import annotations

import pytest
from bench.instrumentation import ALWAYS, TENTH
from bench.instrumentation.figures import FIGURES, figure_lines, overhead_lines
from bench.instrumentation.load import Answers, percentile
from bench.instrumentation.services import CLOSED, LOADS, SAME_RATE, Run, Variant, summarize
from bench.report import INSTRUMENTATION, case_table, write_document
from bench.results import MEASURES, CaseResults, Measurement


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([7], 0.99, 7), ([3, 1, 2], 0.5, 2), (range(1, 101), 0.99, 99), (range(1, 102), 0.99, 100)],
)
def test_a_percentile_is_a_value_that_was_measured(values, share, found):
    assert percentile(list(values), share) == found


def test_latency_counts_the_wait_behind_a_busy_service():
    """Due every 1 ms; the first answer took 10 ms and held up the others, which took none."""
    stalled = Answers([0, 1_000, 2_000], [10_000, 10_000, 10_000], [], seconds=0.01)
    assert stalled.latency_milliseconds(0.5) == 9
    assert stalled.latency_milliseconds(1) == 10


def test_a_request_without_an_answer_counts_with_the_time_until_the_end():
    cut_off = Answers([0, 1_000], [500, 1_500], [100_000, 2_000_000], seconds=1)
    assert cut_off.requests_per_second == 2
    assert cut_off.latency_milliseconds(0.5) == 0.5
    assert cut_off.latency_milliseconds(1) == 900


def run_of(cpu_micros: float, latency_micros: int) -> Run:
    answers = Answers([0], [latency_micros], [], seconds=cpu_micros / 1e6)
    rows = [CLOSED, *(load.row for load in LOADS)]
    return Run(
        cpu_micros=dict.fromkeys(rows, cpu_micros),
        answers=dict.fromkeys(rows, answers),
        resident_mb=40 + cpu_micros / 10,
        spans=9,
    )


def rounds() -> list[dict[Variant, Run]]:
    """A machine whose speed doubles from round to round, while tracing adds a quarter."""
    return [
        {
            Variant("bare"): run_of(100 * slow, 1_000 * slow),
            Variant("ananta"): run_of(125 * slow, 1_250 * slow),
            Variant("stock"): run_of(300 * slow, 4_000 * slow),
            Variant("stock", TENTH): run_of(200 * slow, 2_000 * slow),
        }
        for slow in (4, 2, 1)
    ]


def fastapi_results() -> CaseResults:
    return CaseResults("fastapi", "", "", list(summarize("FastAPI", rounds())))


def test_what_is_added_is_paired_with_the_bare_service_of_the_same_round():
    results, row = fastapi_results(), f"FastAPI, {ALWAYS}, {SAME_RATE.row}"
    assert results.value(row, "ananta", "cpu_added") == 50
    assert results.value(row, "stock", "cpu_added") == 400
    assert results.value(row, "bare", "cpu_added") is None
    assert results.value(row, "bare", "cpu_request") == 200
    assert results.value(row, "ananta", "latency_added") == pytest.approx(0.5)
    assert results.value(f"FastAPI, {ALWAYS}, whole run", "stock", "memory_added") == 40


def test_losses_are_told_only_where_every_request_has_a_span():
    results = fastapi_results()
    assert results.value(f"FastAPI, {ALWAYS}, whole run", "stock", "lost") == 0
    assert results.value(f"FastAPI, {TENTH}, whole run", "stock", "lost") is None
    assert results.value(f"FastAPI, {TENTH}, whole run", "stock", "spans") == 9


def test_the_table_compares_with_stock_and_not_with_bare():
    header, _, first, *_ = case_table(fastapi_results()).splitlines()
    assert header.endswith("| Ananta | stock | bare | better than stock |")
    assert first.endswith("| 4,000 | 1,667 | 5,000 | 2.4 x |")


def line_of(what: str, results: dict[str, CaseResults]) -> list[str]:
    return next(line for line in figure_lines(results) if line[0] == what)


@pytest.mark.parametrize(
    ("ours", "stock", "verdict"),
    [(60, 200, "aim reached"), (90, 200, "reached"), (90, 170, "**missed**")],
)
def test_a_bar_may_be_a_share_of_what_stock_took(ours, stock, verdict):
    row = f"FastAPI, {ALWAYS}, {SAME_RATE.row}"
    values = [
        Measurement(row, side, "cpu_added", value)
        for side, value in (("ananta", ours), ("stock", stock))
    ]
    results = {"fastapi": CaseResults("fastapi", "", "", values)}
    what = f"FastAPI trivial route, CPU added a request, {ALWAYS}, {SAME_RATE.row}"
    line = line_of(what, results)
    assert line[2] == f"half of stock: {stock / 2:.0f}" or stock == 170
    assert line[-1] == verdict


def test_a_bar_that_moves_with_stock_is_not_judged_without_it():
    row = f"FastAPI, {ALWAYS}, {SAME_RATE.row}"
    results = {
        "fastapi": CaseResults("fastapi", "", "", [Measurement(row, "ananta", "cpu_added", 1)])
    }
    what = f"FastAPI trivial route, CPU added a request, {ALWAYS}, {SAME_RATE.row}"
    line = line_of(what, results)
    assert line[2:] == ["half of stock", "70", "1.00", "", "not measured"]


def test_one_lost_span_of_any_ending_misses_the_bar():
    rows = [row for figure in FIGURES if figure.measure == "lost" for row in figure.rows]
    values = [Measurement(row, "ananta", "lost", 0.0) for row in rows]
    results = {"lifecycle": CaseResults("lifecycle", "", "", values)}
    lines = [line for line in figure_lines(results) if "spans lost" in line[0]]
    assert [line[-1] for line in lines] == ["aim reached", "aim reached"]
    values[0] = Measurement(rows[0], "ananta", "lost", 0.1)
    assert line_of(lines[0][0], results)[-1] == "**missed**"
    values.pop()
    assert line_of(lines[1][0], results)[-1] == "not measured"


def test_every_figure_names_a_measure_and_a_case_that_exist():
    assert {figure.measure for figure in FIGURES} <= MEASURES.keys()
    assert {figure.case for figure in FIGURES} <= set(INSTRUMENTATION)


def test_the_guides_table_stands_beside_what_was_measured():
    lines = overhead_lines({"fastapi": fastapi_results()})
    assert len({len(line) for line in lines}) == 1
    found = {(line[0], line[1]): line[2:5] for line in lines}
    component = "SDK, every request kept"
    assert found[component, "CPU of a trivial request"] == ["2-5 %", "25 %", "200 %"]
    assert found[component, "CPU of a request of 10 ms"] == ["2-5 %", "0.5 %", "4.0 %"]
    assert found[component, "memory"] == ["20-50 MB", "5 MB", "40 MB"]


def test_the_document_has_the_bars_only_once_they_were_measured(tmp_path, monkeypatch):
    document = tmp_path / "benchmarks.md"
    monkeypatch.setattr("bench.report.DOCUMENT", document)
    for results, has_them in (({}, False), ({"fastapi": fastapi_results()}, True)):
        document.write_text("<!-- measured: begin -->\n<!-- measured: end -->\n")
        write_document(results, {}, {"fastapi": "Tracing a FastAPI service"})
        assert ("## Instrumentation: the figures" in document.read_text()) is has_them
