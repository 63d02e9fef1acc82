"""What mutual TLS costs: hey, run in the app's own pod, through the gateway, with and without it in turn."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from markupsafe import Markup

from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.names import Names
from meshproof.runbook.shown import Shown, panel

REQUESTS = 100  # of each kind, in each round
ROUNDS = 2
WORKERS = 2


@dataclass(frozen=True)
class Latency:
    """How long requests for a host took, in milliseconds."""

    label: str
    host: str
    times_ms: tuple[float, ...]

    def quantile_ms(self, percent: int) -> float:
        """The time that this share of the requests did not exceed."""
        return statistics.quantiles(self.times_ms, n=100, method="inclusive")[percent - 1]


def measure(cluster: Cluster, names: Names) -> tuple[Latency, Latency]:
    """Time a few hundred requests of each kind, in turn so that both meet the same conditions.

    Raises:
        NotReady: Not every request was answered with 200.
        CommandFailed: hey cannot be run.
    """
    labels = {names.host: "with mTLS", names.service_host: "without mTLS"}
    for host in labels:
        _hey(cluster, names, host)  # the first round opens connections
    times: dict[str, list[float]] = {host: [] for host in labels}
    for _ in range(ROUNDS):
        for host, seen in times.items():
            seen += _hey(cluster, names, host)
    with_mtls, without = (Latency(label, host, tuple(times[host])) for host, label in labels.items())
    return with_mtls, without


def read_csv(text: str, host: str) -> list[float]:
    """Response times in milliseconds from hey's CSV.

    Raises:
        NotReady: Fewer answers than requests, or one that is not 200.
    """
    rows = list(csv.DictReader(io.StringIO(text)))
    codes = sorted({row["status-code"] for row in rows})
    if len(rows) != REQUESTS or codes != ["200"]:
        raise NotReady(f"hey to {host}: expected {REQUESTS} answers of 200, found {len(rows)} of {codes or 'nothing'}")
    return [1000 * float(row["response-time"]) for row in rows]


def plot(measured: Sequence[Latency]) -> Shown:
    """The share of requests answered within a time, one line for each kind, and the numbers below."""
    from matplotlib.figure import Figure  # slow to load, and only needed here

    # matplotlib's types are incomplete: they stay within this function.
    figure = cast(Any, Figure(figsize=(8, 3.4), layout="constrained"))
    axes = figure.subplots()
    for latency, colour in zip(measured, ("#16794f", "#b45309"), strict=True):
        axes.ecdf(latency.times_ms, color=colour, linewidth=2, label=latency.label)
        axes.axvline(latency.quantile_ms(50), color=colour, linewidth=1, linestyle=":")
    axes.set_xlim(0, 1.1 * max(latency.quantile_ms(99) for latency in measured))
    axes.set_xlabel("response time in ms, as far as the 99th percentile")
    axes.set_ylabel("share of requests")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, loc="lower right")
    picture = io.StringIO()
    figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": None})
    svg = picture.getvalue()
    drawn = Markup(svg[svg.index("<svg") :])  # noqa: S704 - matplotlib's, of numbers and our own labels
    return panel("latency", "Latency inside the cluster", picture=drawn, measured=measured)


def _hey(cluster: Cluster, names: Names, host: str) -> list[float]:
    app, gateway = names.app, names.gateway
    argv = ["exec", "--namespace", app.namespace, f"deploy/{app.name}", "--container", "hey", "--", "hey", "-o", "csv"]
    url = f"http://{gateway.name}.{gateway.namespace}:{cluster.gateway(gateway).listener_port}/headers"
    done = cluster.kubectl(*argv, "-n", str(REQUESTS), "-c", str(WORKERS), "-host", host, url)
    return read_csv(done.stdout, host)
