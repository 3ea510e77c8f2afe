#!/usr/bin/env bash
# run.sh [SECONDS]: runs every fuzz target in turn, SECONDS each (60 unless given), round after round
# until stopped. ROUNDS=n: only n rounds. TARGETS="config split": only those, so that two may run at once.
# Needs `cargo install cargo-fuzz` and a nightly toolchain. No sanitizer: the crate forbids unsafe code,
# and runs more than twice as many inputs without one.
# The grown corpus is in work/, crashes in artifacts/, one line for each turn in work/log.tsv: time,
# target, executions, seconds, files of the grown corpus, crashes so far. A crash ends a turn only.
# The programs are built once, at the start (BUILD=no: not even then): sources may change meanwhile.
set -uo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
read -ra targets <<<"${TARGETS:-lock_read lock_edit directives split file_names config}"
dictionary() { case $1 in directives | split | file_names) echo sql.dict ;; *) echo lock.dict ;; esac; }

[ "${BUILD:-yes}" = no ] || cargo +nightly fuzz build --sanitizer none || exit 1
built=target/$(rustc -vV | sed -n 's/^host: //p')/release
programs=work/bin.$$
mkdir -p "$programs"
trap 'rm -rf "$programs"' EXIT
for target in "${targets[@]}"; do cp "$built/$target" "$programs/"; done

for ((round = 1; round <= ${ROUNDS:-1000000}; round++)); do
    for target in "${targets[@]}"; do
        mkdir -p "work/$target" "artifacts/$target"
        started=$SECONDS
        "$programs/$target" "work/$target" "corpus/$target" -artifact_prefix="artifacts/$target/" \
            -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -len_control=20 \
            -dict="$(dictionary "$target")" -print_final_stats=1 >"work/$target.log" 2>&1
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "work/$target.log" | tail -1)
        crashes=$(find "artifacts/$target" -type f | wc -l)
        printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$(date +%FT%T)" "$target" "${executions:-0}" \
            "$((SECONDS - started))" "$(find "work/$target" -type f | wc -l)" "$crashes" >>work/log.tsv
    done
done
