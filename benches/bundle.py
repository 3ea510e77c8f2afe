#!/usr/bin/env python3
"""A bundle beside the folder that it was made of: whole processes, nothing to do, on SQLite.

    cargo build --release
    python3 benches/bundle.py target/release/db-migrations [--rounds 15] [--migrations 10000]

The migrations are those of `whole.py`. They run once; then `plan`, `status` and `migrate` are timed on the
migrated database, from the folder and from the bundle in turns. Medians are printed, and their ratio.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from whole import write_project

COMMANDS = (("plan", "--locked"), ("status",), ("migrate", "--locked"))


def run(program: str, folder: Path, url: str, *args: str) -> float:
    start = time.perf_counter()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DATABASE_URL": url}
    done = subprocess.run([program, *args], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{args}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return (time.perf_counter() - start) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--migrations", type=int, default=10_000)
    args = parser.parse_args()
    program = str(Path(args.program).resolve())
    with tempfile.TemporaryDirectory() as place:
        sources, empty = Path(place) / "sources", Path(place) / "empty"
        empty.mkdir()
        url = f"sqlite://{place}/app.db"
        write_project(sources, args.migrations, "text")
        print(f"first run: {run(program, sources, url, 'migrate') / 1000:.1f} s")
        bundle = empty / "app.bundle"
        print(f"bundling: {run(program, sources, url, 'bundle', '-o', str(bundle)):.0f} ms, ", end="")
        print(f"{bundle.stat().st_size / 1e6:.1f} MB")
        for command in COMMANDS:
            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(args.rounds):
                times[0].append(run(program, sources, url, *command))
                times[1].append(run(program, empty, url, *command, "--bundle", str(bundle)))
            folder, bundled = map(statistics.median, times)
            print(f"{' '.join(command):18} folder {folder:6.0f} ms   bundle {bundled:6.0f} ms   ratio {bundled / folder:.2f}")


if __name__ == "__main__":
    main()
