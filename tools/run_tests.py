#!/usr/bin/env python3
"""Runs every test of a build folder and says how many there were.   usage: run_tests.py BUILD_FOLDER [CTEST_OPTION ...]

Beyond ctest it sees to three things: no test at all is an error, a skipped or disabled test case is an error, and no
process that a test started may outlive the run. The processes are found by a variable that all of them inherit.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from pathlib import Path

MARKER = "WEIR_TEST_RUN"
JOBS = 2
# Servers that were told to stop at the very end may still be at it.
LEFTOVER_GRACE_SECONDS = 10


def leftover_processes(marker: str) -> dict[int, str]:
    """Process id -> command line of every process, zombies apart, that carries our marker."""
    wanted = f"{MARKER}={marker}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            if pid != os.getpid() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found[pid] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # ended meanwhile, or not ours
    return found


def wait_for_leftovers(marker: str) -> dict[int, str]:
    deadline = time.monotonic() + LEFTOVER_GRACE_SECONDS
    while (found := leftover_processes(marker)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def count_cases(folder: Path) -> tuple[int, list[str]]:
    """Test cases that ran, and the names of those that did not, by the reports that GoogleTest wrote."""
    ran, not_run = 0, []
    for report in folder.glob("*.xml"):
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            if case.get("result") == "completed":
                ran += 1
            else:
                not_run.append(f"{case.get('classname')}.{case.get('name')}")
    return ran, not_run


def skipped_entries(report: Path) -> list[str]:
    """Entries of ctest that said that this machine does not let them do anything."""
    if not report.exists():
        return []
    cases = xml.etree.ElementTree.parse(report).iter("testcase")
    return [case.get("name", "") for case in cases if case.find("skipped") is not None]


def count_entries(build: Path, options: list[str]) -> int:
    listing = subprocess.run(
        ["ctest", "--test-dir", build, "--show-only", *options], capture_output=True, text=True, check=True
    )
    return int(listing.stdout.rsplit("Total Tests:", 1)[1].split()[0])


def run(build: Path, options: list[str]) -> int:
    # Short, because Unix sockets below it have at most 107 characters for their path.
    scratch = Path(tempfile.mkdtemp(prefix="weir-test."))
    marker = scratch.name
    reports = scratch / "reports"
    environment = os.environ | {
        MARKER: marker,
        "TMPDIR": str(scratch),
        "TEST_TMPDIR": f"{scratch}/",
        "GTEST_OUTPUT": f"xml:{reports}/",
    }
    entries = count_entries(build, options)
    entries_report = scratch / "entries.xml"
    command = ["ctest", "--test-dir", build, "--no-tests=error", "--output-on-failure", "-j", str(JOBS)]
    command += ["--output-junit", entries_report, *options]
    failed = subprocess.run(command, env=environment).returncode != 0

    leftovers = wait_for_leftovers(marker)
    for pid, command_line in leftovers.items():
        print(f"LEFT BEHIND: process {pid}: {command_line}")
        os.kill(pid, signal.SIGKILL)
    cases, not_run = count_cases(reports)
    for name in not_run:
        print(f"NOT RUN: {name}")
    skipped = skipped_entries(entries_report)
    for name in skipped:
        print(f"NOT PERMITTED ON THIS MACHINE, AND SO NOT TESTED: {name} (run it alone to see why)")
    failed = failed or bool(leftovers) or bool(not_run)

    print(f"\n{entries} tests with {cases} C++ test cases, {len(not_run) + len(skipped)} skipped, {len(leftovers)} processes left behind:")
    print("FAILED (files of the run: %s)" % scratch if failed else "all passed")
    if not failed:
        shutil.rmtree(scratch, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
