#!/usr/bin/env python3
"""A large schema: db-migrations beside the databases' own dump programs, and migra where it is given.

    cargo build --release
    python3 benches/schema.py target/release/db-migrations [--rounds 5] [--tables 1000] [--migra FILE]

A thousand tables of ten columns, each with a primary key, a unique constraint, two indexes and (but
for the first) two foreign keys, on SQLite, and on PostgreSQL and MariaDB servers that are started for
this and removed at the end, as in `whole.py`. One migration makes all of it; the declared schema has
one table of them with a wider column and a new one. Whole processes take turns; medians of all rounds
are printed. Peak memory and what reaches the server (messages of PostgreSQL, statements of MariaDB)
come from a round that is not timed. What makes the whole schema on a scratch database takes long: it
runs once, beside the bare client that loads the same file once.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from whole import Engine, MariaDb, Postgres, Process, Sqlite


def table(n: int, changed: bool) -> str:
    """`CREATE TABLE` and its indexes, spelled so that all three databases take it."""
    width = 80 if changed else 40
    columns = [
        "id integer NOT NULL PRIMARY KEY",
        "code varchar(40) NOT NULL",
        f"name varchar({width}) NOT NULL DEFAULT ''",
        "parent_id integer",
        "owner_id integer",
        "amount numeric(12, 2) NOT NULL DEFAULT 0",
        "born date",
        "seen timestamp NULL",
        "weight double precision",
        "place smallint NOT NULL DEFAULT 1",
        *(["note text"] if changed else []),
        f"CONSTRAINT t{n}_code UNIQUE (code)",
    ]
    if n > 0:
        columns.append(f"CONSTRAINT t{n}_parent FOREIGN KEY (parent_id) REFERENCES t{n - 1} (id) ON DELETE CASCADE")
        columns.append(f"CONSTRAINT t{n}_owner FOREIGN KEY (owner_id) REFERENCES t{n // 2} (id)")
    body = ",\n".join(f"    {column}" for column in columns)
    indexes = [f"CREATE INDEX t{n}_{name} ON t{n} ({of});" for name, of in (("name", "name, born"), ("parent", "parent_id"))]
    return f"CREATE TABLE t{n} (\n{body}\n);\n" + "\n".join(indexes) + "\n"


def write_project(folder: Path, count: int) -> None:
    migrations = folder / "migrations"
    migrations.mkdir(parents=True)
    (folder / "db-migrations.yml").write_text("cargo: off\n")
    (migrations / "20260101000000_all.sql").write_text("".join(table(n, False) for n in range(count)))
    (folder / "schema.sql").write_text("".join(table(n, n == count // 2) for n in range(count)))


@dataclass
class Contestant:
    name: str
    process: Process
    exit: int = 0
    slow: bool = False
    times: list[float] = field(default_factory=list)
    peak: int = 0
    reached: str = ""

    def run(self, watch: bool = False) -> tuple[float, int]:
        return self.process.run(watch, self.exit)


def dump(engine: Engine, folder: Path) -> Process:
    """What comes with the database."""
    if isinstance(engine, Postgres):
        return Process(["pg_dump", "-s", "-h", str(engine.folder), "-U", "postgres", "ours"], folder)
    if isinstance(engine, MariaDb):
        return Process(
            ["mariadb-dump", "--no-defaults", "-uroot", f"--socket={engine.folder}/s", "--no-data", "ours"], folder
        )
    assert isinstance(engine, Sqlite)
    return Process(["sqlite3", str(engine.path("ours")), ".schema"], folder)


DUMPS = {"PostgreSQL": "pg_dump -s", "MariaDB": "mariadb-dump --no-data", "SQLite": "sqlite3 .schema"}


def contestants(engine: Engine, folder: Path, binary: str, migra: str | None) -> list[Contestant]:
    url = engine.url("ours")

    def ours(*words: str) -> Process:
        return Process([binary, *words, "--url", url], folder)

    found = [
        Contestant(DUMPS[engine.title], dump(engine, folder)),
        Contestant("schema dump", ours("schema", "dump")),
        Contestant("schema check", ours("schema", "check")),
        Contestant("schema diff URL1 URL2", Process([binary, "schema", "diff", url, engine.url("other")], folder), 1),
        Contestant("diff --dry-run --no-verify", ours("diff", "--dry-run", "--no-verify", "--allow-drop"), slow=True),
        Contestant("diff --dry-run, proved", ours("diff", "--dry-run", "--allow-drop"), slow=True),
    ]
    if migra and isinstance(engine, Postgres):
        urls = [f"postgresql://postgres@/{name}?host={engine.folder}" for name in ("ours", "other")]
        found.append(Contestant("migra URL1 URL2", Process([migra, "--unsafe", *urls], folder), 2, slow=True))
    return found


class Counter:
    """What reaches a server while one process runs."""

    def __init__(self, engine: Engine):
        self.engine = engine
        if isinstance(engine, Postgres):
            for name in ("ours", "other"):
                sql = f"ALTER DATABASE {name} SET log_statement = 'all'"
                subprocess.run(engine.psql("-d", "postgres", "-c", sql), check=True)

    def close(self) -> None:
        if isinstance(self.engine, Postgres):
            for name in ("ours", "other"):
                sql = f"ALTER DATABASE {name} RESET log_statement"
                subprocess.run(self.engine.psql("-d", "postgres", "-c", sql), check=True)

    def count(self) -> int:
        if isinstance(self.engine, Postgres):
            text = (self.engine.folder / "log").read_text(errors="replace")
            return text.count("LOG:  statement: ") + text.count("LOG:  execute ")
        if isinstance(self.engine, MariaDb):
            sql = "SHOW GLOBAL STATUS LIKE 'Questions'"
            run = subprocess.run(self.engine.client_command("-N", "-e", sql), check=True, capture_output=True, text=True)
            return int(run.stdout.split()[1])
        return 0

    def watch(self, one: Contestant) -> None:
        before = self.count()
        took, one.peak = one.run(True)
        # the question itself is one of MariaDB's statements
        reached = self.count() - before - (1 if isinstance(self.engine, MariaDb) else 0)
        # what reaches scratch databases is not seen
        if not (isinstance(self.engine, Sqlite) or one.name.startswith("diff ")):
            one.reached = str(reached)
        if one.slow:
            one.times.append(took)


def bare(engine: Engine, folder: Path) -> Contestant:
    """The database's own client loads the declared schema into another database."""
    file = folder / "schema.sql"
    if isinstance(engine, Postgres):
        process = Process(engine.psql("-d", "other", "-1", "-f", str(file)), folder)
    elif isinstance(engine, MariaDb):
        process = Process(engine.client_command("other"), folder, file)
    else:
        assert isinstance(engine, Sqlite)
        (folder / "load.sql").write_text(f"BEGIN;\n{file.read_text()}COMMIT;\n")
        process = Process(["sqlite3", "-bail", str(engine.path("other"))], folder, folder / "load.sql")
    return Contestant("the bare client loads it", process, slow=True)


def measure(engine: Engine, folder: Path, binary: str, migra: str | None, rounds: int, quick: bool) -> list[Contestant]:
    for name in ("ours", "other"):
        engine.empty(name)
    Process([binary, "lock", "--url", engine.url("ours")], folder).run()
    Process([binary, "migrate", "--url", engine.url("ours"), "--rehearsal", "off"], folder).run()
    load = bare(engine, folder)
    load.times.append(load.run()[0])
    if isinstance(engine, Postgres):
        for name in ("ours", "other"):
            subprocess.run(engine.psql("-d", name, "-c", "ANALYZE"), check=True)
    found = [one for one in contestants(engine, folder, binary, migra) if not (quick and one.slow)]
    counter = Counter(engine)
    for one in found:
        print(f"{engine.title}: {one.name}", file=sys.stderr, flush=True)
        counter.watch(one)
    counter.close()
    for number in range(rounds):
        for one in found:
            if not one.slow:
                one.times.append(one.run()[0])
        print(f"\r{engine.title}: round {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return [*found, load]


def show(engine: Engine, found: list[Contestant]) -> None:
    base = statistics.median(found[0].times)
    reached = {"PostgreSQL": "messages", "MariaDB": "statements", "SQLite": ""}[engine.title]
    print(f"\n{engine.title:<28} {'median ms':>9} {'min':>8} {'max':>8} {'ratio':>7} {'peak MB':>8} {reached:>10}")
    for one in found:
        median = statistics.median(one.times)
        print(
            f"{one.name:<28} {median:>9.1f} {min(one.times):>8.1f} {max(one.times):>8.1f} "
            f"{median / base:>7.2f} {one.peak / 1024:>8.1f} {one.reached:>10}"
        )


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="db-migrations, a release build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="without what makes the schema on a scratch database")
    parser.add_argument("--migra", help="the program of that name (PostgreSQL)")
    parser.add_argument("--postgres", default="/usr/lib/postgresql/15/bin", help="where initdb and pg_ctl are")
    parser.add_argument("--only", choices=["sqlite", "postgres", "mariadb"])
    options = parser.parse_args()
    binary = str(Path(options.binary).resolve())
    engines: list[tuple[str, Callable[[Path], Engine]]] = [
        ("sqlite", Sqlite),
        ("postgres", lambda folder: Postgres(folder, Path(options.postgres))),
        ("mariadb", MariaDb),
    ]
    print(f"{options.tables} tables of 10 columns, {options.rounds} rounds, ratio: to the database's own dump")
    with tempfile.TemporaryDirectory(prefix="dbm-bench-") as temporary:
        os.chmod(temporary, 0o755)
        for key, make in engines:
            if options.only not in (None, key):
                continue
            folder = Path(temporary) / key
            (folder / "db").mkdir(parents=True)
            engine = make(folder / "db")
            write_project(folder / "app", options.tables)
            try:
                show(engine, measure(engine, folder / "app", binary, options.migra, options.rounds, options.quick))
            finally:
                if isinstance(engine, (Postgres, MariaDb)):
                    engine.stop()


if __name__ == "__main__":
    main()
