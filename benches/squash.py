#!/usr/bin/env python3
"""A database from many migrations, before and after they were put together by `squash`.

    cargo build --release
    python3 benches/squash.py target/release/db-migrations [--rounds 5] [--migrations 1000]

The migrations of `whole.py`, on SQLite, and on PostgreSQL and MariaDB servers that are started for this and
removed at the end. `migrate --locked` builds an empty database; medians of all rounds are printed. `squash`
itself, which replays both chains, runs once.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from whole import Engine, MariaDb, Postgres, Process, Sqlite, write_project


def build(engine: Engine, folder: Path, binary: str, rounds: int) -> float:
    """The median of milliseconds that an empty database takes."""
    times = []
    for _ in range(rounds):
        engine.empty("built")
        command = [binary, "migrate", "--locked", "--quiet", "--url", engine.url("built")]
        times.append(Process(command, folder).run()[0])
    return statistics.median(times)


def measure(engine: Engine, folder: Path, binary: str, rounds: int, count: int) -> str:
    """A row of the table."""
    write_project(folder, count, engine.text)
    engine.empty("built")
    for words in (["lock"], ["schema", "snapshot"]):
        Process([binary, *words, "--quiet", "--url", engine.url("built")], folder).run()
    before = build(engine, folder, binary, rounds)
    squash, peak = Process([binary, "squash", "--quiet", "--url", engine.url("built")], folder).run(watch=True)
    after = build(engine, folder, binary, rounds)
    cells = [f"{before:,.0f}", f"{after:,.0f}", f"{before / after:.1f}", f"{squash:,.0f}", f"{peak / 1024:,.0f}"]
    return f"| {engine.title} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="db-migrations, a release build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--migrations", type=int, default=1000)
    parser.add_argument("--postgres", default="/usr/lib/postgresql/15/bin", help="where initdb and pg_ctl are")
    parser.add_argument("--only", choices=["sqlite", "postgres", "mariadb"])
    options = parser.parse_args()
    binary = str(Path(options.binary).resolve())
    engines: list[tuple[str, Callable[[Path], Engine]]] = [
        ("sqlite", Sqlite),
        ("postgres", lambda folder: Postgres(folder, Path(options.postgres))),
        ("mariadb", MariaDb),
    ]
    print(f"{options.migrations} migrations, {options.rounds} rounds, ms")
    print("| | before | after | times faster | squash itself | peak MB |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="dbm-bench-") as temporary:
        os.chmod(temporary, 0o755)
        for key, make in engines:
            if options.only not in (None, key):
                continue
            folder = Path(temporary) / key
            (folder / "db").mkdir(parents=True)
            engine = make(folder / "db")
            try:
                row = measure(engine, folder / "app", binary, options.rounds, options.migrations)
                print(row, flush=True)
            finally:
                if isinstance(engine, (Postgres, MariaDb)):
                    engine.stop()


if __name__ == "__main__":
    main()
