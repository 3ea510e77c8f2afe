#!/usr/bin/env bash
# Runs all tests on real databases. Installs missing servers on Debian and its kin; elsewhere it says
# what to install. `cargo test` alone passes, too, and says what it skipped.
set -euo pipefail
cd "$(dirname "$0")"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

have_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1; }
have_mariadb() {
    for folder in /usr/sbin /usr/bin /usr/libexec /usr/local/sbin /usr/local/bin; do
        [ -x "$folder/mariadbd" ] && command -v mariadb-install-db mariadb-dump >/dev/null 2>&1 && return
    done
    return 1
}

packages=()
if [ -z "${DB_MIGRATIONS_TEST_POSTGRES_URL:-}" ] && ! have_postgres; then packages+=(postgresql); fi
if [ -z "${DB_MIGRATIONS_TEST_MARIADB_URL:-}" ] && ! have_mariadb; then
    packages+=(mariadb-server mariadb-client)
fi

have_pgbouncer() {
    for folder in /usr/sbin /usr/bin /usr/local/bin; do [ -x "$folder/pgbouncer" ] && return; done
    return 1
}
if [ -z "${DB_MIGRATIONS_TEST_POSTGRES_URL:-}" ] && ! have_pgbouncer; then packages+=(pgbouncer); fi

have_redis() { command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1; }
if [ -z "${DB_MIGRATIONS_TEST_REDIS_URL:-}" ] && ! have_redis; then packages+=(redis-server); fi

if [ "${#packages[@]}" -gt 0 ]; then
    if command -v apt-get >/dev/null 2>&1; then
        echo "installing the Debian packages ${packages[*]}" >&2
        as_root apt-get update -qq
        # no server is started by the packages: the tests start their own throwaway ones
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        echo "install PostgreSQL 13 or newer (initdb and postgres on PATH)" >&2
        echo "MariaDB 10.6 or newer (mariadbd, mariadb-install-db, mariadb, mariadb-dump), PgBouncer," >&2
        echo "Redis or Valkey (redis-server)," >&2
        echo "or set DB_MIGRATIONS_TEST_POSTGRES_URL and DB_MIGRATIONS_TEST_MARIADB_URL" >&2
        echo "to servers where databases may be made, DB_MIGRATIONS_TEST_REDIS_URL to one to write into" >&2
        exit 2
    fi
fi

# dbmate's own program, for the tests of `import`; without it they are skipped, and say so
dbmate=target/npm/node_modules/.bin/dbmate
if [ -z "${DBMATE:-}" ] && [ ! -x "$dbmate" ]; then
    if command -v npm >/dev/null 2>&1; then
        npm install --prefix target/npm --silent --no-audit --no-fund dbmate@2.36.0 >&2 ||
            echo "npm could not install dbmate: its tests will be skipped" >&2
    else
        echo "there is no npm to install dbmate: its tests will be skipped" >&2
    fi
fi

CI=true exec cargo test --workspace --features faults,tower "$@"
