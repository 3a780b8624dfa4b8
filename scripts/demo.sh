#!/usr/bin/env bash
# A backup from the key to a file that plays, on a pretend cloud on this machine, told as a short story.
#
# `make demo` builds the two programs and runs this. It works in demo/, which it makes anew each time, starts nothing
# that outlives it and needs no network.
set -euo pipefail
top=$(realpath "$(dirname "$0")/..")
dir=$top/demo
PATH=${CARGO_TARGET_DIR:-$top/target}/debug:$PATH
private=private_key.pem public=certificate.pem
bold= cyan= plain=
[ ! -t 1 ] || bold=$'\033[1m' cyan=$'\033[36m' plain=$'\033[0m'

main() {
  begin
  chapter 'A key that only you have' \
    'The cloud keeps recordings encrypted for a certificate of yours. The private key stays with you;' \
    'rcbs never needs it.'
  shows "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=Demo -keyout $private -out $public 2>openssl.log"

  chapter 'A cloud to practise on' \
    'rcbs-sim pretends to be the recording cloud: its web API and its S3 store, on 127.0.0.1, with 40 calls of the' \
    'last three days, encrypted for the certificate. It also writes the settings that the real service would send you.'
  start_cloud
  shows 'grep -v "^#" config.properties'

  chapter 'The backup' \
    'The four secrets come from the environment, everything else from the file, as with the program this replaces.'
  backup
  local first
  first=$(count objects)

  chapter 'What lies on your disk' \
    'A folder for each hour, in it one for each call: the metadata as the cloud gave it, and the recording, still' \
    'encrypted.'
  shows 'find target -name .rcbs -prune -o -type f -print | sort | head -n 6'
  printf '  … %s files in %s calls\n\n' "$(archive | wc -l)" "$(archive -name '*.json' | wc -l)"
  local bin json
  bin=$(archive -name '*.mp3.bin' | sort | sed -n 1p)
  json=$(dirname "$bin")/$(basename "$(dirname "$bin")").json
  shows "jq '{id, callerPhoneNumber, dialedPhoneNumber, startTime, files: [.mediaFiles[] | {type, mediaId}]}' $json"

  chapter 'Listening to one' \
    'Only OpenSSL and your private key are needed, today or in ten years.'
  shows "openssl cms -decrypt -inform DER -in $bin -binary -inkey $private -out call.mp3"
  is_mp3 call.mp3

  chapter 'Once more' \
    'What is on disk already is not fetched again.'
  fingerprints >.before
  backup
  fingerprints >.after
  local again=$(($(count objects) - first))
  printf 'The store was asked for %s objects by the first run and for %s by the second.\n\n' "$first" "$again"
  [ "$first" -gt 0 ] || fail 'the first run asked the store for nothing'
  [ "$again" = 0 ] || fail 'the second run fetched something again'
  cmp -s .before .after || fail 'the second run changed the archive'

  chapter 'Where to go from here' \
    "demo/ keeps everything you saw: the archive in demo/target, the clear call in demo/call.mp3. There, with rcbs in" \
    'target/debug, these need neither the cloud nor a password:' '' \
    '  rcbs status                       what is stored, and whether anything is missing' \
    '  rcbs verify                       is the archive still what it was?' \
    "  rcbs decrypt --key $private --cert $public --out clear target    every call in the clear" '' \
    'README.md says how to run rcbs against a real account, docs/semantics.md what it promises.'
}

# An empty folder and an end that stops the cloud, however the end comes.
begin() {
  rm -rf "$dir"
  mkdir -p "$dir"
  cd "$dir"
  mkfifo .cloud
  trap 'exec 9>&-; wait' EXIT
  trap 'exit 1' INT TERM HUP
}

# The cloud lives as long as its standard input is open, and that is descriptor 9 of this script: even if the script
# is killed, nothing stays behind.
start_cloud() {
  local command="rcbs-sim serve --recordings 40 --days 3 --cert $public --write-config ."
  type_out "$command &"
  printf '\n'
  exec 9<>.cloud
  $command --ready-file .ready --stats-file .stats --until-stdin-closes <.cloud >cloud.log 2>&1 9>&- &
  local cloud=$!
  for _ in $(seq 300); do
    [ ! -e .ready ] || return 0
    kill -0 "$cloud" 2>/dev/null || break
    sleep 0.1
  done
  cat cloud.log >&2
  fail 'the pretend cloud did not start'
}

backup() {
  type_out '. ./env.sh'
  type_out 'rcbs -config config.properties'
  local code=0
  (. ./env.sh && exec 9>&- && exec rcbs -config config.properties) 2>&1 | indent || code=$?
  [ "$code" = 0 ] || fail "rcbs ended with code $code"
  printf '\nExit code 0: everything that the cloud announced is here, whole and checked.\n\n'
}

# A number that the pretend cloud counts; its file is never older than a fifth of a second.
count() {
  sleep 0.5
  jq -e ".$1" .stats
}

# The files of the archive; the checkpoint and the ledger beside them are allowed to change.
archive() {
  find target -name .rcbs -prune -o -type f ! -name last_recording_endtime.txt "$@" -print
}

fingerprints() {
  archive | sort | tr '\n' '\0' | xargs -0 sha256sum
}

is_mp3() {
  local first
  first=$(od -An -tx1 -N3 "$1" | tr -d ' \n')
  case $first in
    494433) printf '%s begins with an ID3 tag: it is an MP3, %s bytes. Play it.\n\n' "$1" "$(wc -c <"$1")" ;;
    ff[ef]*) printf '%s begins with an MPEG audio frame: it is an MP3, %s bytes. Play it.\n\n' "$1" "$(wc -c <"$1")" ;;
    *) fail "$1 is no MP3: it begins with $first" ;;
  esac
}

chapters=0
chapter() { # title, sentences
  chapters=$((chapters + 1))
  printf '%s%s. %s%s\n\n' "$bold" "$chapters" "$1" "$plain"
  shift
  printf '%s\n' "$@" ''
}

# Shows a command as it is typed, and runs it.
shows() {
  type_out "$1"
  bash -c "$1" 9>&- | indent || fail "this failed: $1"
  printf '\n'
}

type_out() { printf '  %s$ %s%s\n' "$cyan" "$1" "$plain"; }
indent() { sed 's/^/  /'; }
fail() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }

main
