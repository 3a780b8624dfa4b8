#!/bin/sh
# Kills, cuts and damages far more often than `make test` does, and writes down what was tried: docs/torture.md.
#
#   scripts/torture.sh            all of it, for about an hour on two cores
#   scripts/torture.sh power      one of the test programs alone; then nothing is written down
#
# RCBS_TEST_SEED=1000000 tries other moments than the last time.
set -eu
cd "$(dirname "$0")/.."
PROGRAMS='power crash damage load'

RCBS_TORTURE=$(mktemp)
export RCBS_TORTURE
trap 'rm -f "$RCBS_TORTURE"' EXIT
begun=$(date +%s)

tests=
for program in ${*:-$PROGRAMS}; do tests="$tests --test $program"; done
# shellcheck disable=SC2086 # one word for each program
cargo test --locked --profile torture -p rcbs $tests

took_min=$(( ($(date +%s) - begun + 59) / 60 ))
table() {
  echo '| what | how often | first seed | met on the way | seconds |'
  echo '| --- | ---: | ---: | --- | ---: |'
  jq -r '"| \(.what) | \(.count) | \(.first_seed) | \(.found) | \(.duration_s) |"' "$RCBS_TORTURE" | sort
}
if [ $# -gt 0 ]; then table; exit; fi

cat >docs/torture.md <<PAGE
# What was tried

Written by \`make torture\`, which does the same as \`make test\` with many more seeds: any failure ends it, and this page stays as it
was. Each row is a test of \`crates/rcbs/tests\`; the seeds are \`first seed\`, the next, and so on, and a failure names its own. What each fault is,
and what must hold after it, stands in [faults.md](faults.md).

- $(date -u +%Y-%m-%d), commit $(git rev-parse --short=12 HEAD)$(git diff --quiet HEAD -- crates || echo ' with changes'), $took_min minutes with the build
- $(nproc) cores, Linux $(uname -r | cut -d. -f1,2), $(df --output=fstype "${TMPDIR:-/tmp}" | tail -1), $(rustc --version | cut -d' ' -f1,2)

$(table)

Nothing that was verified was lost, nothing half-written had a final name, and the next run always ended in a whole archive. Of an event
that was never met in n tries it can be said, with 95 % certainty, that it is met in less than 3/n of them.
PAGE
echo 'wrote docs/torture.md'
