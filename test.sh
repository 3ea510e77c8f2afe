#!/usr/bin/env bash
# Runs all tests on real databases. Installs a missing server on Debian and its kin; elsewhere it
# says what to install. `cargo test` alone passes, too, and says what it skipped.
set -euo pipefail
cd "$(dirname "$0")"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

have_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1; }

if [ -z "${DB_MIGRATIONS_TEST_POSTGRES_URL:-}" ] && ! have_postgres; then
    if command -v apt-get >/dev/null 2>&1; then
        echo "installing PostgreSQL (Debian package postgresql)" >&2
        as_root apt-get update -qq
        # no cluster is made: the tests start their own throwaway server
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
    else
        echo "install PostgreSQL 13 or newer (initdb and postgres on PATH)," >&2
        echo "or set DB_MIGRATIONS_TEST_POSTGRES_URL to a server where databases may be made" >&2
        exit 2
    fi
fi

CI=true exec cargo test --workspace "$@"
