#!/bin/sh
# Searches for bytes that break what fuzz/src says of the parsers: each program in turn, or only the named ones.
#
#   FUZZ_SECONDS=600 fuzz/run.sh cms_walk
#
# Stable Rust is enough: the flags let libFuzzer see which branches were taken, which is what `cargo fuzz` sets when no
# sanitizer is wanted. There is no unsafe code here that one could watch. What a search found interesting is kept in
# target/fuzz-corpus, so the next begins there; bytes that break something go to target/fuzz-broken, and from there,
# once mended, to fuzz/seeds.
set -eu
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
seconds=${FUZZ_SECONDS:-60}

RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares" \
  ${CARGO:-cargo} build --locked -p rcbs-fuzz --features search --bins --profile fuzz --target "$host"

[ $# -gt 0 ] || set -- $(basename -s .rs fuzz/fuzz_targets/*.rs)
code=0
for name; do
  corpus=target/fuzz-corpus/$name broken=target/fuzz-broken/$name
  mkdir -p "$corpus" "$broken"
  seeds=
  case $name in
    cms_*) seeds=testdata/cms ;;
    properties) seeds=testdata/config ;;
  esac
  [ ! -d "fuzz/seeds/$name" ] || seeds="$seeds fuzz/seeds/$name"
  echo "fuzz: $name for $seconds s"
  log=target/fuzz-broken/$name.log
  if ! "${CARGO_TARGET_DIR:-target}/$host/fuzz/$name" "$corpus" $seeds -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=1024 -max_len=16384 -use_value_profile=1 -print_final_stats=1 -artifact_prefix="$broken/" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "fuzz: $name is broken; the bytes are in $broken" >&2
    code=1
  fi
  sed -n 's/^stat::number_of_executed_units: */fuzz: inputs tried: /p' "$log"
done
exit $code
