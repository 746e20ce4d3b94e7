"""`weir demo` shows, and checks, that every published event is accounted for."""

import re

from world import World


def test_the_demo_ends_well_and_says_that_the_equation_holds(world: World) -> None:
    data = world.folder / "demo"
    done = world.weir("demo", "--flights", "20000", "--port", "0", "--data-dir", data)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    equations = re.findall(r"published .* = rows .* \+ filtered .* \+ dead letters .*", done.stdout)
    assert len(equations) == 2, done.stdout
    assert all(line.endswith("holds") for line in equations), equations
    assert "NOT HOLD" not in done.stdout and "DIFFERENT" not in done.stdout
    assert "What to try next" in done.stdout
