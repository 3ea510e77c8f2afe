#!/usr/bin/env python3
"""Whole processes: db-migrations beside the bare clients and sqlx-cli, on the same SQL.

    cargo build --release
    python3 benches/whole.py target/release/db-migrations [--rounds 7] [--migrations 1000]

Small migrations (30 % CREATE TABLE, 30 % ADD COLUMN, 20 % CREATE INDEX, 20 % INSERT of 5 rows) are
run on SQLite, and on PostgreSQL and MariaDB servers that are started for this and removed at the end
(Unix sockets in a temporary folder; PostgreSQL without fsync, MariaDB with its usual settings, since
its journal is commits). Contestants take turns, each round on an empty database;
medians of all rounds are printed. Peak memory comes from one more round, which is not timed. The
sqlx rows appear when `sqlx` (sqlx-cli) is on the PATH or given.
"""

import argparse
import os
import pwd
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

PATTERN = "TACTAITACI"  # of ten: 3 tables, 3 columns, 2 indexes ("C"), 2 inserts ("I")


def statements(count: int, text: str) -> list[tuple[str, str]]:
    """(name, SQL) of each migration, always the same ones; `text` is a type that can be indexed."""
    rng = random.Random(20260101)
    columns: list[int] = []  # added columns of each table
    found = []
    for n in range(count):
        kind = PATTERN[n % len(PATTERN)]
        table = rng.randrange(len(columns)) if columns else 0
        if kind == "T":
            columns.append(0)
            table = len(columns) - 1
            sql = f"CREATE TABLE t{table} (\n    id integer PRIMARY KEY,\n    name {text} NOT NULL,\n    created {text} NOT NULL DEFAULT ''\n);"
            name = f"create_t{table}"
        elif kind == "A":
            columns[table] += 1
            sql = f"ALTER TABLE t{table} ADD COLUMN extra{columns[table]} text;"
            name = f"add_extra{columns[table]}_to_t{table}"
        elif kind == "C":
            sql = f"CREATE INDEX t{table}_n{n} ON t{table} (name, created);"
            name = f"index_t{table}"
        else:
            rows = ",\n".join(f"    ({n * 10 + i}, 'name {n} {i}', '2026-01-0{i + 1}')" for i in range(5))
            sql = f"INSERT INTO t{table} (id, name, created) VALUES\n{rows};"
            name = f"fill_t{table}"
        found.append((name, sql))
    return found


def write_project(folder: Path, count: int, text: str) -> None:
    """An application without Cargo, and all its SQL in one file for the bare clients."""
    migrations = folder / "migrations"
    migrations.mkdir(parents=True)
    (folder / "db-migrations.yml").write_text("cargo: off\n")
    start = datetime(2026, 1, 1)
    with open(folder / "all.sql", "w") as everything:
        for n, (name, sql) in enumerate(statements(count, text)):
            stamp = (start + timedelta(minutes=n)).strftime("%Y%m%d%H%M%S")
            (migrations / f"{stamp}_{name}.sql").write_text(sql + "\n")
            everything.write(sql + "\n")
    text = (folder / "all.sql").read_text()
    (folder / "transaction.sql").write_text(f"BEGIN;\n{text}COMMIT;\n")


@dataclass
class Process:
    command: list[str]
    folder: Path
    stdin: Path | None = None

    def run(self, watch: bool = False, exit: int = 0) -> tuple[float, int]:
        """Milliseconds, and the peak memory in KiB when it is watched; it must end with this code."""
        with open(self.stdin or os.devnull) as stdin, tempfile.TemporaryFile() as stderr:
            start = time.perf_counter()
            process = subprocess.Popen(
                self.command, cwd=self.folder, stdin=stdin, stdout=subprocess.DEVNULL, stderr=stderr
            )
            peak = [0]
            if watch:
                watcher = threading.Thread(target=follow, args=(process, peak))
                watcher.start()
            code = process.wait()
            milliseconds = (time.perf_counter() - start) * 1000
            if watch:
                watcher.join()
            if code != exit:
                stderr.seek(0)
                sys.exit(f"{' '.join(self.command)} ended with {code}:\n{stderr.read().decode()[:4000]}")
        return milliseconds, peak[0]


def follow(process: subprocess.Popen, peak: list[int]) -> None:
    """The high-water mark of a process, read until it ends (that of getrusage counts our own pages)."""
    status = Path(f"/proc/{process.pid}/status")
    while process.returncode is None:
        try:
            mark = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
            peak[0] = max(peak[0], int(mark.split()[1]))
        except (OSError, StopIteration):
            return
        time.sleep(0.0005)


@dataclass
class Contestant:
    name: str
    process: Process
    base: str | None  # whose time it is compared with
    fresh: bool  # on an empty database, else on the one that its `after` left
    after: str | None = None
    times: list[float] = field(default_factory=list)
    peak: int = 0


class Engine:
    """A database system: how an empty database is made, and who runs on it."""

    title: str
    text = "text"
    aim = 1.2
    """How many times the bare client's time a run may take."""
    client = "bare client, one transaction"
    aimed = "migrate --locked"

    def url(self, name: str) -> str:
        raise NotImplementedError

    def empty(self, name: str) -> None:
        raise NotImplementedError

    def bare(self, folder: Path, name: str) -> Process:
        raise NotImplementedError


class Sqlite(Engine):
    title = "SQLite"

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.db"

    def url(self, name: str) -> str:
        return f"sqlite://{self.path(name)}"

    def empty(self, name: str) -> None:
        for file in self.folder.glob(f"{name}.db*"):
            file.unlink()
        self.path(name).touch()

    def bare(self, folder: Path, name: str) -> Process:
        return Process(["sqlite3", "-bail", str(self.path(name))], folder, folder / "transaction.sql")


class Postgres(Engine):
    title = "PostgreSQL"

    def __init__(self, folder: Path, binaries: Path):
        self.folder, self.binaries = folder, binaries
        self.owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.owner:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        self.tool("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_locks_per_transaction=1024"
        log = str(folder / "log")
        self.tool("pg_ctl", "-D", str(folder / "data"), "-l", log, "-o", options, "-w", "start")

    def tool(self, name: str, *arguments: str) -> None:
        command = [*self.owner, str(self.binaries / name), *arguments]
        # not captured: the server would keep the pipe open
        code = subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        if code != 0:
            sys.exit(f"{' '.join(command)} ended with {code}")

    def stop(self) -> None:
        self.tool("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def psql(self, *arguments: str) -> list[str]:
        return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "postgres", *arguments]

    def url(self, name: str) -> str:
        return f"postgres://postgres@localhost/{name}?host={self.folder}"

    def empty(self, name: str) -> None:
        for sql in [f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}", "CHECKPOINT"]:
            subprocess.run(self.psql("-d", "postgres", "-c", sql), check=True, capture_output=True)

    def bare(self, folder: Path, name: str) -> Process:
        return Process(self.psql("-d", name, "-1", "-f", "all.sql"), folder)


class MariaDb(Engine):
    title = "MariaDB"
    text = "varchar(100)"
    aim = 1.3
    client = "bare client"
    aimed = "  the same, --rehearsal off"

    def __init__(self, folder: Path):
        self.folder = folder
        if os.geteuid() == 0:
            account = pwd.getpwnam("mysql")
            os.chown(folder, account.pw_uid, account.pw_gid)
        owner = ["--user=mysql"] if os.geteuid() == 0 else []
        data = ["--no-defaults", f"--datadir={folder}/data", *owner]
        install = ["mariadb-install-db", *data, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True)
        server = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        self.process = subprocess.Popen(
            [server, *data, f"--socket={folder}/s", "--skip-networking"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(600):
            if subprocess.run([*self.client_command(), "-e", "SELECT 1"], capture_output=True).returncode == 0:
                return
            time.sleep(0.05)
        sys.exit("MariaDB does not answer")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def client_command(self, *arguments: str) -> list[str]:
        return ["mariadb", "--no-defaults", "-uroot", f"--socket={self.folder}/s", *arguments]

    def url(self, name: str) -> str:
        return f"mariadb://root@localhost/{name}?socket={self.folder}/s"

    def empty(self, name: str) -> None:
        sql = f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4"
        subprocess.run(self.client_command("-e", sql), check=True, capture_output=True)

    def bare(self, folder: Path, name: str) -> Process:
        return Process(self.client_command(name), folder, folder / "all.sql")


def contestants(engine: Engine, folder: Path, binary: str, sqlx: str | None) -> list[Contestant]:
    def ours(name: str, *more: str) -> Process:
        return Process([binary, "migrate", "--locked", "--url", engine.url(name), *more], folder)

    def theirs(name: str) -> Process:
        return Process([sqlx or "", "migrate", "run", "--no-dotenv", "--database-url", engine.url(name)], folder)

    unchecked = ["--schema-check", "off", "--reason", "benchmark"]
    base = engine.client
    found = [
        Contestant(base, engine.bare(folder, "bare"), None, True),
        Contestant("migrate --locked", ours("ours"), base, True),
        Contestant("  the same, --schema-check off", ours("unchecked", *unchecked), base, True),
    ]
    if engine.aimed == "  the same, --rehearsal off":
        found.append(Contestant(engine.aimed, ours("unrehearsed", "--rehearsal", "off"), base, True))
    no_op = Contestant("migrate --locked, nothing to do", ours("ours"), None, False, "migrate --locked")
    if sqlx:
        found.append(Contestant("sqlx migrate run", theirs("sqlx"), base, True))
        found.append(no_op)
        found.append(Contestant("sqlx migrate run, nothing to do", theirs("sqlx"), None, False, "sqlx migrate run"))
        no_op.base = "sqlx migrate run, nothing to do"
    else:
        found.append(no_op)
    return found


def measure(engine: Engine, folder: Path, binary: str, sqlx: str | None, rounds: int) -> list[Contestant]:
    url = engine.url("scratch")
    engine.empty("scratch")
    for command in (["lock"], ["schema", "snapshot"]):
        Process([binary, *command, "--url", url], folder).run()
    found = contestants(engine, folder, binary, sqlx)
    databases = {engine.client: "bare", "migrate --locked": "ours", "  the same, --schema-check off": "unchecked",
                 "  the same, --rehearsal off": "unrehearsed", "sqlx migrate run": "sqlx"}
    for number in range(rounds + 1):
        watched = number == 0  # the first round also warms everything up
        for one in found:
            if one.fresh:
                engine.empty(databases[one.name])
            # what takes milliseconds is measured more often
            for _ in range(1 if one.fresh or watched else 5):
                milliseconds, peak = one.process.run(watched)
                if watched:
                    one.peak = peak
                else:
                    one.times.append(milliseconds)
        print(f"\r{engine.title}: round {number} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def table(engine: Engine, found: list[Contestant]) -> None:
    medians = {one.name: statistics.median(one.times) for one in found}
    print(f"\n{engine.title:<34} {'median ms':>9} {'min':>8} {'max':>8} {'ratio':>7} {'peak MB':>8}")
    for one in found:
        ratio = f"{medians[one.name] / medians[one.base]:.2f}" if one.base else ""
        print(
            f"{one.name:<34} {medians[one.name]:>9.1f} {min(one.times):>8.1f} {max(one.times):>8.1f} "
            f"{ratio:>7} {one.peak / 1024:>8.1f}"
        )
    ours = medians[engine.aimed] / medians[engine.client]
    print(f"aim ({engine.aimed.strip()}): {ours:.2f} of at most {engine.aim} times the bare client", end="")
    if "sqlx migrate run, nothing to do" in medians:
        idle = medians["migrate --locked, nothing to do"] / medians["sqlx migrate run, nothing to do"]
        print(f"; nothing to do: {idle:.2f} of at most 1 times sqlx", end="")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="db-migrations, a release build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--migrations", type=int, default=1000)
    parser.add_argument("--sqlx", default=shutil.which("sqlx"), help="sqlx-cli [default: the one on the PATH]")
    parser.add_argument("--postgres", default="/usr/lib/postgresql/15/bin", help="where initdb and pg_ctl are")
    parser.add_argument("--only", choices=["sqlite", "postgres", "mariadb"])
    options = parser.parse_args()
    binary = str(Path(options.binary).resolve())
    engines: list[tuple[str, Callable[[Path], Engine]]] = [
        ("sqlite", Sqlite),
        ("postgres", lambda folder: Postgres(folder, Path(options.postgres))),
        ("mariadb", MariaDb),
    ]
    print(f"{options.migrations} migrations, {options.rounds} rounds, ratio: to the bare client; nothing to do: to sqlx")
    with tempfile.TemporaryDirectory(prefix="dbm-bench-") as temporary:
        os.chmod(temporary, 0o755)
        for key, make in engines:
            if options.only not in (None, key):
                continue
            folder = Path(temporary) / key
            (folder / "db").mkdir(parents=True)
            engine = make(folder / "db")
            write_project(folder / "app", options.migrations, engine.text)
            try:
                table(engine, measure(engine, folder / "app", binary, options.sqlx, options.rounds))
            finally:
                if isinstance(engine, (Postgres, MariaDb)):
                    engine.stop()


if __name__ == "__main__":
    main()
