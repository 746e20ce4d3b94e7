"""P12: the same stream made into the same lake by executors of a cluster and by one process."""

from pathlib import Path

from cluster_servers import Cluster
from end_to_end import Bench
from measure import Row, Spread, cpu_seconds, pairs, run

STREAM = "CLUSTERED"
GATHER_MS = 100
FEW = 1_000  # Events of a job that is nothing but its fixed cost.


def _fill(bench: Bench, name: str, stream: str, events: int, cluster: Cluster | None) -> tuple[float, float, float]:
    """Seconds, CPU-seconds of everything that is Weir's, and the most memory of the driver."""
    engine = "" if cluster is None else f'kind = "ballista"\n{cluster.section()}\nbatch_interval = "{GATHER_MS}ms"\n'
    file = bench.pipeline(name, stream, more=f"[engine]\n{engine}" if engine else "", clickhouse=False)
    roles = [] if cluster is None else [cluster.scheduler.pid, *(executor.pid for executor in cluster.executors)]
    before = sum(cpu_seconds(pid) for pid in roles)
    done = run([bench.build / "weir", "run", file, "--until-caught-up"], log=file.parent / "log")
    cpu = done.cpu_s + sum(cpu_seconds(pid) for pid in roles) - before
    bench.audit_lake(name, events)
    bench.forget(name)
    return done.seconds, cpu, done.rss_max_mb


def clustered(bench: Bench, folder: Path, events: int, rounds: int, command: str) -> list[Row]:
    bench.publish(STREAM, events)
    bench.publish("FEW", FEW)
    rows = []
    for executors, goal in ((1, 1.15), (2, 1.2)):
        cluster = Cluster(folder / f"cluster{executors}")
        cluster.start(executors)
        try:
            rows.append(_against_one_process(bench, cluster, executors, goal, events, rounds, command))
            if executors == 1:
                rows.append(_fixed_cost(bench, cluster, rounds, command))
        finally:
            cluster.kill()
    return rows


def _against_one_process(
    bench: Bench, cluster: Cluster, executors: int, goal: float, events: int, rounds: int, command: str
) -> Row:
    seconds: dict[str, list[float]] = {"cluster": [], "process": []}
    rss: list[float] = []

    def measured(where: str, number: int) -> float:
        name = f"p12_{where}{executors}_{number}"
        took, cpu, most = _fill(bench, name, STREAM, events, cluster if where == "cluster" else None)
        seconds[where].append(took)
        if where == "cluster":
            rss.append(most)
        return cpu * 1e6 / events

    ratio, ours, theirs = pairs(rounds, lambda n: measured("cluster", n), lambda n: measured("process", n))
    took = {where: Spread.of(values) for where, values in seconds.items()}
    return Row(
        id=f"P12 x{executors}",
        what=f"{events:,} events into the lake by a scheduler and {executors} executors of two tasks; CPU, less is better",
        figure=f"{ours.scaled(1, 2)} CPU-s per million, {took['cluster'].scaled(1, 2)} s, driver RSS max {max(rss):.0f} MB",
        against=f"in one process: {theirs.scaled(1, 2)} CPU-s per million, {took['process'].scaled(1, 2)} s",
        goal=f"<= {goal}",
        command=command,
        ratio=ratio,
        details={"cpu_s_per_million": ours, "process_cpu_s_per_million": theirs, "seconds": took, "driver_rss_max_mb": Spread.of(rss)},
    )


def _fixed_cost(bench: Bench, cluster: Cluster, rounds: int, command: str) -> Row:
    more: list[float] = []
    for number in range(rounds):
        on_cluster, _, _ = _fill(bench, f"p12_few_cluster{number}", "FEW", FEW, cluster)
        in_process, _, _ = _fill(bench, f"p12_few_process{number}", "FEW", FEW, None)
        more.append((on_cluster - in_process) * 1e3 - GATHER_MS)
    cost = Spread.of(more)
    return Row(
        id="P12 job",
        what=f"fixed cost of a job: {FEW:,} events, what a run on the cluster takes longer, without the {GATHER_MS} ms that it waits",
        figure=f"{cost.scaled(1, 0)} ms",
        against="in one process",
        goal="<= 400 ms",
        command=command,
        details={"ms": cost},
    )
