#!/usr/bin/env bash
# Times a backup of many small recordings beside s5cmd and rclone copying the same objects from the same server.
#
#   bench/run.sh                 a table of medians to stdout, one JSON line for each run to target/bench/results.jsonl
#   Settings: ROUNDS (5), COUNT (2000 objects), CLIENTS ("rcbs s5cmd@8 rclone@32": name@connections),
#             RCBS (the program under test), WORK (a new folder, on /dev/shm if that is a tmpfs with room)
#
# All clients take turns within a round, so that whatever the machine does meets each of them; only ratios within one
# run of this script mean anything, and less than a quarter is a tie. rcbs does its whole job: pages of the API, a folder
# and a metadata file for each call, envelopes joined, SHA-256, ledger. The others list the bucket and copy. The server
# checks no signatures, shares the processor with the client, and everything lies in memory.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
top=$(dirname "$here")
venv=$top/target/venv results=$top/target/bench/results.jsonl
rounds=${ROUNDS:-5} count=${COUNT:-2000} clients=${CLIENTS:-rcbs s5cmd@8 rclone@32}
rcbs=${RCBS:-${CARGO_TARGET_DIR:-$top/target}/release/rcbs}
PATH=$PATH:/usr/sbin:/sbin

export GWS_USERNAME=bench GWS_PASSWORD=bench AWS_ACCESS_KEY_ID=bench AWS_SECRET_ACCESS_KEY=benchbench
export AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true

main() {
  work=$(new_folder)
  trap stop EXIT
  trap 'exit 1' INT TERM HUP
  say "making $count objects in $work"
  openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=bench -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
  python3 "$here/data.py" "$work" "$count" "$work/cert.pem"
  start_nginx
  mkdir -p "$(dirname "$results")"
  : >"$results"
  for round in $(seq "$rounds"); do
    for client in $clients; do
      rm -rf "$work/out"
      mkdir "$work/out"
      measure "$round" "$client" backup
      measure "$round" "$client" again
    done
    say "round $round of $rounds done"
  done
  python3 "$here/table.py" "$results"
}

# What is served and what is written, 400 KB for each object, with room for as much again.
new_folder() {
  local need=$((count * 800)) base=${TMPDIR:-/tmp}
  if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] &&
    [ "$(df -k --output=avail /dev/shm | tail -n 1)" -gt "$need" ]; then
    base=/dev/shm
  fi
  [ -z "${WORK:-}" ] || { mkdir -p "$WORK"; base=$WORK; }
  mktemp -d "$base/rcbs-bench.XXXXXX"
}

stop() {
  if [ -s "$work/nginx.pid" ]; then
    kill "$(cat "$work/nginx.pid")" 2>/dev/null || true
    # It takes its process file away when it has ended.
    for _ in $(seq 100); do [ -e "$work/nginx.pid" ] || break; sleep 0.05; done
  fi
  rm -rf "$work"
}

start_nginx() {
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  url=http://127.0.0.1:$port
  cat >"$work/nginx.conf" <<CONF
worker_processes 2; daemon on; pid $work/nginx.pid; error_log $work/nginx.log;
$([ "$(id -u)" != 0 ] || echo 'user root;')
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000;
  default_type application/octet-stream; open_file_cache max=20000 inactive=1h; open_file_cache_valid 1h;
  client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
  uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  map \$args \$page { default ""; "~continuation-token=(?<token>[0-9]+)" \$token; "~list-type=2" 0; }
  map \$args \$at { default 0; "~offset=(?<offset>[0-9]+)" \$offset; }
  server {
    listen 127.0.0.1:$port reuseport backlog=4096;
    root $work/www;
    location = /api/v2/recordings {
      default_type application/json;
      try_files /api/v2/recordings/\$at.json /api/v2/recordings/$(((count + 99) / 100 * 100)).json;
    }
    location /api/v2/ { default_type application/json; return 404 '{"statusCode":6,"statusMessage":"not found"}'; }
    location ~ ^/voice/?\$ {
      if (\$page = "") { return 200; }
      default_type application/xml;
      rewrite ^ /_list/\$page.xml break;
    }
  }
}
CONF
  nginx -e "$work/nginx.log" -c "$work/nginx.conf"
  for _ in $(seq 100); do
    ! curl -qs -o /dev/null "$url/voice/?list-type=2" || return 0
    sleep 0.05
  done
  cat "$work/nginx.log" >&2
  exit 1
}

# The command of a client, in the array `run`, with the fastest of its ways to do the work.
command_of() { # name, connections, workload
  local name=$1 jobs=$2 out=$work/out
  case $name in
    s5cmd)
      local verb=(cp)
      [ "$3" = backup ] || verb=(sync --size-only)
      run=("$venv"/lib/python3*/site-packages/s5cmd/bin/s5cmd --endpoint-url "$url" --log error
        --numworkers "$jobs" "${verb[@]}" 's3://voice/*' "$out/") ;;
    rclone) run=("$venv/bin/rclone" copy b:voice "$out" --transfers "$jobs" --checkers 16 --fast-list --size-only
      --use-server-modtime --s3-no-head-object --s3-no-check-bucket --buffer-size 0 --ignore-checksum --stats 0 -q) ;;
    rcbs)
      printf '%s\n' "gwsUriPrefix=$url/api/v2" "awsEndpoint=$url" awsRegion=us-east-1 "targetDir=$out" \
        maxDate=2024-02-12 minDate=2024-02-13 "maxConnections=$jobs" >"$work/config.properties"
      run=("$rcbs" -config "$work/config.properties") ;;
    *) say "no client $name"; exit 2 ;;
  esac
}

measure() { # round, client, workload
  local name=${2%@*} jobs=${2#*@} code=0 begin end user system rss files bytes wanted wanted_bytes
  [ "$jobs" != "$name" ] || jobs=32
  command_of "$name" "$jobs" "$3"
  local -x RCLONE_CONFIG=/dev/null RCLONE_CONFIG_B_TYPE=s3 RCLONE_CONFIG_B_PROVIDER=Other RCLONE_CONFIG_B_ENDPOINT=$url \
    RCLONE_CONFIG_B_ENV_AUTH=true RCLONE_CONFIG_B_REGION=us-east-1 RCLONE_CONFIG_B_FORCE_PATH_STYLE=true RCLONE_CONFIG_B_LIST_VERSION=2
  begin=$EPOCHREALTIME
  /usr/bin/time -q -o "$work/time" -f '%U %S %M' timeout 120 "${run[@]}" >"$work/said" 2>&1 || code=$?
  end=$EPOCHREALTIME
  [ "$code" = 0 ] || tail -n 8 "$work/said" >&2
  read -r user system rss < <(tail -n 1 "$work/time")
  read -r files bytes < <(find "$work/out" -name .rcbs -prune -o -name '*.bin' -type f -printf '%s\n' | awk '{ n++; s += $1 } END { print n + 0, s + 0 }')
  read -r wanted wanted_bytes <"$work/total"
  # rcbs puts an envelope around each object, the others copy it as it is.
  jq -nc --arg client "$2" --arg workload "$3" --argjson round "$1" --argjson wall "$(awk "BEGIN { print $end - $begin }")" \
    --argjson cpu "$(awk "BEGIN { print $user + $system }")" --argjson rss "$(awk "BEGIN { print $rss * 1024 / 1e6 }")" \
    --argjson ok "$([ "$code" = 0 ] && [ "$files" = "$wanted" ] && [ "$bytes" -ge "$wanted_bytes" ] && echo true || echo false)" \
    --argjson objects "$wanted" --argjson bytes "$wanted_bytes" --argjson load "$(cut -d' ' -f1 /proc/loadavg)" \
    '{client: $client, workload: $workload, round: $round, wall_s: $wall, cpu_s: $cpu, rss_mb: $rss, objects: $objects, bytes: $bytes, load: $load, ok: $ok}' >>"$results"
}

say() { printf 'bench: %s\n' "$*" >&2; }

main
