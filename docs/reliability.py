#!/usr/bin/env python3
"""Puts what the tests measured into the table of docs/reliability.md.

    docs/reliability.py         fills the table from what the last test run left in target/
    docs/reliability.py --run   runs the tests of the table first, at their full size

A row is `| promise | test | result |`; the tests write their results under the name of the test
(tests/support/measured.rs). Rows of which no result is there keep theirs.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FULL = {
    "CI": "true",
    "DB_MIGRATIONS_ROUNDS": "20",
    "DB_MIGRATIONS_KILLS": "1000",
    "DB_MIGRATIONS_SERVER_KILLS": "200",
    "DB_MIGRATIONS_REBUILDS": "1000",
}
TESTS = ["faults", "cli", "mariadb", "transactions", "hostile"]


def main():
    if "--run" in sys.argv:
        tests = [argument for test in TESTS for argument in ("--test", test)]
        command = ["cargo", "test", "--quiet", "--features", "faults", "--no-fail-fast", *tests]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **FULL}, check=True)
    measured = {path.name.replace(".", "::"): path.read_text() for path in (ROOT / "target/tmp/measured").glob("*")}
    page = ROOT / "docs/reliability.md"
    lines, filled = [], 0
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        tests = re.findall(r"`([a-z_]+::[a-z_]+)`", cells[1]) if len(cells) == 3 else []
        results = [measured[test] for test in tests if test in measured]
        if results and len(results) == len(tests):
            line = f"| {cells[0]} | {cells[1]} | {'; '.join(results)} |"
            filled += 1
        lines.append(line)
    page.write_text("\n".join(lines) + "\n")
    print(f"{filled} rows filled from {len(measured)} results")


main()
