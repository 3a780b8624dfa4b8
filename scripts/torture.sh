#!/bin/sh
# Kills, cuts and damages far more often than `make test` does, and writes down what was tried: docs/torture.md.
#
#   scripts/torture.sh            all of it, for about an hour and a half on two cores
#   scripts/torture.sh power      one of the test programs alone; the rows of the others stay as they were
#   scripts/torture.sh page       the page alone, of what was tried before
#
# RCBS_TEST_SEED=1000000 tries other moments than the last time.
set -eu
cd "$(dirname "$0")/.."
PROGRAMS='power crash damage load'
KEPT=target/torture-records

mkdir -p $KEPT
RCBS_TORTURE=$(mktemp)
export RCBS_TORTURE
trap 'rm -f "$RCBS_TORTURE"' EXIT
changed=$(git diff --quiet HEAD -- crates Cargo.lock || echo ', changed')
commit=$(git rev-parse --short=10 HEAD)$changed

for program in ${*:-$PROGRAMS}; do
  [ "$program" != page ] || continue
  : >"$RCBS_TORTURE"
  cargo test --locked --profile torture -p rcbs --test "$program"
  # Only now: what failed is not written down, and what was known of it before no longer counts.
  jq -c --arg commit "$commit" '. + {commit: $commit}' "$RCBS_TORTURE" >"$KEPT/$program"
done

tried='' missing=''
for program in $PROGRAMS; do
  if [ -e "$KEPT/$program" ]; then tried="$tried $program"; else missing="$missing $program"; fi
done
[ -z "$missing" ] || missing="

Not tried yet:$missing."

cat >docs/torture.md <<PAGE
# What was tried

Written by \`make torture\`, which does the same as \`make test\` with many more seeds: any failure ends it, and this page stays as it
was. Each row is a test of \`crates/rcbs/tests\`; its seeds are \`first seed\`, the next, and so on, and a failure names its own. What each fault is,
and what must hold after it, stands in [faults.md](faults.md).

$(date -u +%Y-%m-%d), $(nproc) cores, Linux $(uname -r | cut -d. -f1,2), $(df --output=fstype "${TMPDIR:-/tmp}" | tail -1), $(rustc --version | cut -d' ' -f1,2).

| what | how often | first seed | met on the way | seconds | commit |
| --- | ---: | ---: | --- | ---: | --- |
$(cd $KEPT && jq -r '"| \(.what) | \(.count) | \(.first_seed) | \(.found) | \(.duration_s) | \(.commit) |"' $tried | sort)$missing

Nothing that was verified was lost, nothing half-written had a final name, and the next run always ended in a whole archive. Of an event
that was never met in n tries it can be said, with 95 % certainty, that it is met in less than 3/n of them.
PAGE
echo 'wrote docs/torture.md'
