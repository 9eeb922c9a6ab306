"""What a scrape of the process's own metrics shows."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ananta.telemetry.metrics import Metrics


def scrape(metrics: Metrics) -> str:
    return metrics.exposition().decode()


def test_a_counter_appears_under_its_own_name_with_help_type_and_labels() -> None:
    metrics = Metrics()
    accepted = metrics.counter(
        "otelcol_receiver_accepted_spans", "Spans accepted.", ("receiver", "transport")
    )
    accepted.add(3, receiver="otlp", transport="grpc")
    accepted.add(4, transport="grpc", receiver="otlp")
    assert scrape(metrics) == (
        "# HELP otelcol_receiver_accepted_spans Spans accepted.\n"
        "# TYPE otelcol_receiver_accepted_spans counter\n"
        'otelcol_receiver_accepted_spans{receiver="otlp",transport="grpc"} 7.0\n'
    )


def test_series_are_found_by_some_of_their_labels_at_every_level() -> None:
    metrics = Metrics("none")
    spans = metrics.counter("spans", "Spans.", ("receiver", "transport"))
    spans.add(3, receiver="otlp", transport="grpc")
    spans.watch(lambda: 4, receiver="otlp", transport="http")
    spans.add(5, receiver="other", transport="http")
    metrics.counter("spans", "Spans.", ("receiver",)).add(6, receiver="otlp")
    metrics.histogram("sizes", "Sizes.", ("receiver",)).observe(1, receiver="otlp")
    assert list(metrics.series("spans", receiver="otlp")) == [
        ({"receiver": "otlp", "transport": "grpc"}, 3),
        ({"receiver": "otlp", "transport": "http"}, 4),
        ({"receiver": "otlp"}, 6),
    ]
    assert {value for _, value in metrics.series("spans", transport="http")} == {4, 5}
    assert list(metrics.series("sizes")) == []
    assert list(metrics.series("unknown")) == []


def test_one_name_may_have_series_with_different_label_names() -> None:
    metrics = Metrics()
    metrics.counter("sent", "Sent.", ("exporter",)).add(1, exporter="debug")
    metrics.counter("sent", "Sent.", ("exporter", "server.address")).add(
        2, **{"exporter": "otlp", "server.address": "peer"}
    )
    text = scrape(metrics)
    assert text.count("# TYPE sent counter") == 1
    assert 'sent{exporter="debug"} 1.0' in text
    assert 'sent{exporter="otlp",server_address="peer"} 2.0' in text


def test_asking_twice_gives_the_same_instrument() -> None:
    metrics = Metrics()
    metrics.counter("a", "A.").add(1)
    metrics.counter("a", "A.").add(1)
    assert metrics.counter("a", "A.").value() == 2


def test_a_name_cannot_be_two_kinds() -> None:
    metrics = Metrics()
    metrics.counter("a", "A.")
    with pytest.raises(TypeError, match="a is a counter, not a gauge"):
        metrics.gauge("a", "A.")


def test_unknown_or_missing_labels_are_an_error() -> None:
    counter = Metrics().counter("a", "A.", ("exporter",))
    with pytest.raises(ValueError, match="has the labels"):
        counter.add(1)
    with pytest.raises(KeyError):
        counter.add(1, receiver="otlp")


def test_a_watched_gauge_is_read_at_the_scrape() -> None:
    metrics = Metrics()
    pending: list[int] = []
    metrics.gauge("queue", "Q.", ("exporter",)).watch(lambda: len(pending), exporter="x")
    pending += [1, 2]
    assert 'queue{exporter="x"} 2.0' in scrape(metrics)


def test_a_histogram_counts_cumulatively() -> None:
    metrics = Metrics()
    histogram = metrics.histogram("size", "S.", ("p",), bounds=(1, 10))
    for value in (1, 5, 50):
        histogram.observe(value, p="batch")
    lines = scrape(metrics).splitlines()[2:]
    assert lines == [
        'size_bucket{p="batch",le="1.0"} 1.0',
        'size_bucket{p="batch",le="10.0"} 2.0',
        'size_bucket{p="batch",le="+Inf"} 3.0',
        'size_sum{p="batch"} 56.0',
        'size_count{p="batch"} 3.0',
    ]


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("basic", {"otelcol_exporter_sent_spans"}),
        ("normal", {"otelcol_exporter_sent_spans", "otelcol_processor_batch_timeout_trigger_send"}),
        (
            "detailed",
            {
                "otelcol_exporter_sent_spans",
                "otelcol_processor_batch_timeout_trigger_send",
                "otelcol_processor_batch_batch_send_size_bytes",
            },
        ),
    ],
)
def test_the_level_decides_what_is_shown(level, shown) -> None:
    metrics = Metrics(level)
    metrics.counter("otelcol_exporter_sent_spans", "S.").add(1)
    metrics.counter("otelcol_processor_batch_timeout_trigger_send", "T.").add(1)
    metrics.histogram("otelcol_processor_batch_batch_send_size_bytes", "B.").observe(1)
    types = [line.split()[2] for line in scrape(metrics).splitlines() if line.startswith("# TYPE")]
    assert set(types) == shown


def test_label_values_and_help_are_escaped_so_that_a_scraper_reads_them_back() -> None:
    metrics = Metrics()
    value = 'back\\slash "quoted"\nline'
    metrics.gauge("g", "two\nlines \\ here", ("v",)).set(1, v=value)
    (family,) = text_string_to_metric_families(scrape(metrics))
    assert family.documentation == "two\nlines \\ here"
    assert family.samples[0].labels == {"v": value}
