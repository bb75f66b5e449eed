"""What is counted, in the form that Prometheus reads. Route templates only: a label must not name anybody."""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Of one process: a scraper adds the processes up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "daybook_request_seconds", "Time from a request's arrival to the end of its answer.",
            ["method", "route", "status"], registry=self.registry, buckets=BUCKETS,
        )  # fmt: skip
        self._commands = Counter(
            "daybook_commands", "Commands carried out, by what became of them.", ["command", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self._behind = Gauge(
            "daybook_view_behind_events", "Events that a view has not seen, counted up to a bound.", ["view"],
            registry=self.registry,
        )  # fmt: skip
        self._age = Gauge(
            "daybook_view_behind_seconds", "Age of the oldest event that a view has not seen.", ["view"],
            registry=self.registry,
        )  # fmt: skip
        self._parked = Gauge(
            "daybook_view_parked_streams", "Streams with an event that a view could not take in.", ["view"],
            registry=self.registry,
        )  # fmt: skip
        self._limited = Counter(
            "daybook_requests_refused", "Requests over a limit, by kind and whose it was: a principal's, an address's, "
            "or that of its strangers.", ["kind", "by"], registry=self.registry,
        )  # fmt: skip
        self._alone = Counter(
            "daybook_requests_counted_alone", "Requests that this process counted for itself, without Valkey.",
            registry=self.registry,
        )  # fmt: skip
        # Children are looked up by their labels under a lock each time: remembered here, a dictionary suffices.
        self._observers: dict[tuple[str, str, int], Callable[[float], Any]] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        observe = self._observers.get((method, route, status))
        if observe is None:
            observe = self._seconds.labels(method, route, str(status)).observe
            self._observers[method, route, status] = observe
        observe(seconds)

    def command(self, name: str, outcome: str) -> None:
        self._commands.labels(name, outcome).inc()

    def limited(self, kind: str, by: str) -> None:
        self._limited.labels(kind, by).inc()

    def counted_alone(self) -> None:
        self._alone.inc()

    def view(self, name: str, behind: int, seconds: float, parked: int) -> None:
        self._behind.labels(name).set(behind)
        self._age.labels(name).set(seconds)
        self._parked.labels(name).set(parked)

    def text(self) -> bytes:
        return generate_latest(self.registry)
