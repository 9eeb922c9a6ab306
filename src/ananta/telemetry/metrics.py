"""The process's own metrics, under the OpenTelemetry Collector's names.

Components ask `Metrics` for an instrument once and record into it per batch; the server on 8888
shows everything as Prometheus text. The names appear exactly as given, without `_total` or unit
suffixes, because that is what a Collector with its default reader shows and what dashboards ask
for; `prometheus_client` cannot expose a counter without `_total`, so only its number format and
content type are used here.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import TYPE_CHECKING, Literal, TypeVar

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.utils import floatToGoString as _untyped_float_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["CONTENT_TYPE_LATEST", "Counter", "Gauge", "Histogram", "Level", "Metrics"]

Level = Literal["none", "basic", "normal", "detailed"]
_LEVELS: tuple[Level, ...] = ("none", "basic", "normal", "detailed")

# Which level an instrument needs, by the longest matching prefix; all others need `basic`.
_LEVEL_NEEDED: dict[str, Level] = {
    "otelcol_processor_batch_": "normal",
    "otelcol_processor_batch_batch_send_size_bytes": "detailed",
    "otelcol_processor_internal_duration": "detailed",
    "otelcol_exporter_queue_batch_send_size": "detailed",
    "otelcol_exporter_enqueue_size": "detailed",
}

SIZE_BOUNDS = (
    *(10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000),
    *(10000, 20000, 30000, 50000, 100000),
)
BYTES_BOUNDS = (
    *(10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000),
    *(10_000, 20_000, 30_000, 50_000, 100_000, 200_000, 300_000, 400_000, 500_000, 600_000),
    *(700_000, 800_000, 900_000, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000),
    *(6_000_000, 7_000_000, 8_000_000, 9_000_000),
)

_lock = threading.Lock()  # one for all series: an update holds it for a few additions


class _Instrument:
    """One metric name with one set of label names; its series appear as they are recorded."""

    kind: str

    def __init__(self, name: str, help_text: str, label_names: Sequence[str]) -> None:
        self.name = name
        self.help_text = help_text
        self.label_names = tuple(label_names)

    def _key(self, labels: dict[str, str]) -> tuple[str, ...]:
        if len(labels) != len(self.label_names):
            msg = f"{self.name} has the labels {self.label_names}, got {tuple(labels)}"
            raise ValueError(msg)
        return tuple([labels[name] for name in self.label_names])

    def _lines(self) -> Iterator[str]:
        """Each series as lines of a scrape."""
        raise NotImplementedError


class _Scalar(_Instrument):
    """An instrument whose series are single numbers."""

    def __init__(self, name: str, help_text: str, label_names: Sequence[str]) -> None:
        super().__init__(name, help_text, label_names)
        self._values: dict[tuple[str, ...], float] = {}
        self._watched: dict[tuple[str, ...], Callable[[], float]] = {}

    def watch(self, read: Callable[[], float], **labels: str) -> None:
        """Show what `read()` returns at each scrape as the series with these labels."""
        self._watched[self._key(labels)] = read

    def add(self, amount: float = 1, **labels: str) -> None:
        """Add to the series with these labels; a counter only ever grows."""
        key = self._key(labels)
        with _lock:
            self._values[key] = self._values.get(key, 0) + amount

    def value(self, **labels: str) -> float:
        """The present value of the series with these labels; 0 for one never recorded."""
        key = self._key(labels)
        read = self._watched.get(key)
        return self._values.get(key, 0) if read is None else read()

    def series(self) -> Iterator[tuple[dict[str, str], float]]:
        """The labels and the present value of each series."""
        for key, value in list(self._values.items()):
            yield dict(zip(self.label_names, key, strict=True)), value
        for key, read in list(self._watched.items()):
            yield dict(zip(self.label_names, key, strict=True)), read()

    def _lines(self) -> Iterator[str]:
        for labels, value in self.series():
            yield _line(self.name, labels.items(), value)


class Counter(_Scalar):
    """A number that only grows."""

    kind = "counter"


class Gauge(_Scalar):
    """A number that goes up and down."""

    kind = "gauge"

    def set(self, value: float, **labels: str) -> None:
        """Make this the value of the series with these labels."""
        self._values[self._key(labels)] = value


class Histogram(_Instrument):
    """Counts of values in fixed buckets."""

    kind = "histogram"

    def __init__(
        self, name: str, help_text: str, label_names: Sequence[str], bounds: Sequence[float]
    ) -> None:
        super().__init__(name, help_text, label_names)
        self.bounds = tuple(bounds)
        self._series: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}

    def observe(self, value: float, **labels: str) -> None:
        """Count one value in the series with these labels."""
        key = self._key(labels)
        with _lock:
            series = self._series.get(key)
            if series is None:
                series = self._series[key] = ([0] * (len(self.bounds) + 1), [0.0])
            buckets, total = series
            buckets[bisect_left(self.bounds, value)] += 1
            total[0] += value

    def _lines(self) -> Iterator[str]:
        for key, (buckets, total) in list(self._series.items()):
            labels = list(zip(self.label_names, key, strict=True))
            running = 0
            for bound, count in zip((*self.bounds, float("inf")), list(buckets), strict=True):
                running += count
                le = ("le", _number(bound))
                yield _line(f"{self.name}_bucket", [*labels, le], running)
            yield _line(f"{self.name}_sum", labels, total[0])
            yield _line(f"{self.name}_count", labels, running)


_I = TypeVar("_I", bound=_Instrument)


class Metrics:
    """Every instrument of the process; asking twice for a name and labels gives the same one.

    Args:
        level: how much to show, as `service::telemetry::metrics::level`. Instruments above the
            level record but are not shown.
    """

    def __init__(self, level: Level = "normal") -> None:
        self.level = level
        self._instruments: dict[tuple[str, tuple[str, ...]], _Instrument] = {}

    def counter(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Counter:
        """The counter with this name and these label names; record with `.add(n, **labels)`."""
        return self._get(Counter, Counter(name, help_text, labels))

    def gauge(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Gauge:
        """The gauge with this name and label names; `.set`, `.add` or `.watch(read, **labels)`."""
        return self._get(Gauge, Gauge(name, help_text, labels))

    def histogram(
        self,
        name: str,
        help_text: str,
        labels: Sequence[str] = (),
        bounds: Sequence[float] = SIZE_BOUNDS,
    ) -> Histogram:
        """The histogram with this name, label names and upper bucket bounds."""
        return self._get(Histogram, Histogram(name, help_text, labels, bounds))

    def _get(self, kind: type[_I], new: _I) -> _I:
        known = self._instruments.setdefault((new.name, new.label_names), new)
        if not isinstance(known, kind):
            msg = f"{new.name} is a {known.kind}, not a {kind.kind}"
            raise TypeError(msg)
        return known

    def series(self, name: str, **labels: str) -> Iterator[tuple[dict[str, str], float]]:
        """The series of a counter or gauge that have these labels, whatever others they have.

        Yields:
            all labels of a series and its present value, also above the level that is shown.
        """
        for instrument in list(self._instruments.values()):
            if instrument.name == name and isinstance(instrument, _Scalar):
                for found, value in instrument.series():
                    if labels.items() <= found.items():
                        yield found, value

    def exposition(self) -> bytes:
        """Everything the level lets through, in Prometheus text format 0.0.4."""
        families: dict[str, list[_Instrument]] = {}
        for instrument in list(self._instruments.values()):
            if _LEVELS.index(_level_needed(instrument.name)) <= _LEVELS.index(self.level):
                families.setdefault(instrument.name, []).append(instrument)
        lines: list[str] = []
        for name, instruments in sorted(families.items()):
            samples = [line for instrument in instruments for line in instrument._lines()]
            if samples:
                help_text = instruments[0].help_text.replace("\\", r"\\").replace("\n", r"\n")
                lines.append(f"# HELP {name} {help_text}")
                lines.append(f"# TYPE {name} {instruments[0].kind}")
                lines += samples
        return "".join(f"{line}\n" for line in lines).encode()


def _level_needed(name: str) -> Level:
    matching = [prefix for prefix in _LEVEL_NEEDED if name.startswith(prefix)]
    return _LEVEL_NEEDED[max(matching, key=len)] if matching else "basic"


def _line(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    text = ",".join(f'{key.replace(".", "_")}="{_escape(value)}"' for key, value in labels)
    return f"{name}{{{text}}} {_number(value)}" if text else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(_untyped_float_text(value))  # type: ignore[no-untyped-call]


def _escape(label_value: str) -> str:
    return label_value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
