#!/usr/bin/env bash
# A Trino server for the catalogs in DIR, as `weir trino FILE --out DIR` writes them.
#
#   tools/trino.sh up DIR [--port N] [--memory 1200M]   starts it and waits until it answers; prints its address
#   tools/trino.sh status DIR                           ready (exit 0), starting (1), down (3)
#   tools/trino.sh down DIR                             ends it
#   tools/trino.sh run DIR [--port N] [--memory 1200M]  the same in the foreground, until it is told to stop
#
# DIR/catalog/*.properties   catalogs; ${ENV:NAME} in them is taken from the environment of `up`
# DIR/rules.json             who may do what; optional
# DIR/server.properties      more settings of the server, such as its certificate and who it lets in; optional
# DIR/run/                   made by this: pid, url, server.log, settings and data
#
# The server listens on 127.0.0.1 only, asks nobody for a password unless it is told to, and is meant for trying Weir and for
# its tests.
# It comes from ${XDG_CACHE_HOME:-~/.cache}/weir/trino, where `tools/bootstrap.sh trino` puts it; WEIR_JAVA_HOME names
# another Java (24 or newer) to run it with.
set -euo pipefail

readonly home="${XDG_CACHE_HOME:-$HOME/.cache}/weir/trino"
readonly java="${WEIR_JAVA_HOME:-$home/java}/bin/java"
readonly start_seconds="${WEIR_TRINO_START_SECONDS:-600}"

die() {
  printf 'trino: %s\n' "$@" >&2
  exit 1
}
usage() {
  sed -n '2,/^$/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    # Nobody answers there.
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# megabytes 1200M | 2G
megabytes() {
  case "$1" in
    *[!0-9]*[MG] | '' | [MG]) return 1 ;;
    *M) echo "${1%M}" ;;
    *G) echo $((${1%G} * 1024)) ;;
    *) return 1 ;;
  esac
}

# write_settings DIR PORT MEGABYTES
write_settings() {
  local etc="$1/run/etc"
  mkdir -p "$etc" "$1/run/data"
  cat >"$etc/config.properties" <<CONFIG
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port=$2
discovery.uri=http://127.0.0.1:$2
query.max-memory=$(($3 * 45 / 100))MB
query.max-memory-per-node=$(($3 * 45 / 100))MB
experimental.concurrent-startup=true
sql.forced-session-time-zone=UTC
CONFIG
  [ ! -f "$1/server.properties" ] || cat "$1/server.properties" >>"$etc/config.properties"
  [ -f "$1/rules.json" ] || return 0
  printf 'access-control.name=file\nsecurity.config-file=%s\n' "$1/rules.json" >"$etc/access-control.properties"
  echo "access-control.config-files=$etc/access-control.properties" >>"$etc/config.properties"
}

# exec_server DIR MEGABYTES [JAVA OPTION ..]: becomes the server.
exec_server() {
  local dir="$1" memory="$2"
  shift 2
  cd "$home/server" # the archive of classes fits this class path only
  exec "$java" "-Xmx${memory}M" -XX:TieredStopAtLevel=1 "$@" -XX:+ExitOnOutOfMemoryError -Duser.timezone=UTC \
    -Djdk.attach.allowAttachSelf=true -XX:+EnableDynamicAgentLoading --enable-native-access=ALL-UNNAMED \
    --sun-misc-unsafe-memory-access=allow -Dnode.environment=weir -Dnode.id=weir -Dnode.data-dir="$dir/run/data" \
    -Dnode.internal-address=127.0.0.1 -Dnode.bind-ip=127.0.0.1 -Dconfig="$dir/run/etc/config.properties" \
    -Dcatalog.config-dir="$dir/catalog" -Dplugin.dir="$home/server/plugin" -cp 'lib/*' io.trino.server.TrinoServer
}

# The process of DIR, if it is alive and still the one that we started.
server_pid() {
  local pid
  pid=$(cat "$1/run/pid" 2>/dev/null) || return 1
  [ -r "/proc/$pid/cmdline" ] || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" | grep -q -x -F -e "-Dnode.data-dir=$1/run/data" || return 1
  echo "$pid"
}

# What a log says about the end of the server, without stack traces.
log_errors() { grep -e $'\tERROR\t' -e '^Caused by:' -e '^[0-9]*) ' -e '^Error' -e 'Exception: ' "$1" | tail -n 8 || tail -n 8 "$1"; }

is_ready() { curl --silent --max-time 5 "$1/v1/info" 2>/dev/null | grep -q '"starting":false'; }

# await_ready DIR PID URL
await_ready() {
  local deadline=$((SECONDS + start_seconds))
  until is_ready "$3"; do
    kill -0 "$2" 2>/dev/null || die "the server ended; the end of $1/run/server.log:" "$(log_errors "$1/run/server.log")"
    if [ "$SECONDS" -ge "$deadline" ]; then
      kill "$2"
      die "not ready within $start_seconds s (WEIR_TRINO_START_SECONDS), ended again; see $1/run/server.log"
    fi
    sleep 0.2
  done
}

# Trino itself would only say that "a" variable is missing.
check_environment() {
  local name missing=''
  for name in $(grep -h -o '\${ENV:[A-Za-z_0-9]*}' "$1"/catalog/*.properties | sed 's/.*:\(.*\)}/\1/' | sort -u); do
    [ -n "${!name+set}" ] || missing+=" $name"
  done
  [ -z "$missing" ] || die "the catalogs in $1/catalog need environment variables that are not set:$missing"
}

run() {
  write_settings "$1" "$2" "$3"
  echo "http://127.0.0.1:$2" >"$1/run/url"
  echo "$BASHPID" >"$1/run/pid"
  exec_server "$1" "$3" -XX:SharedArchiveFile="$home/classes.jsa" -Xshare:auto -Xlog:cds=off -Xlog:aot=off
}

up() {
  local pid
  pid=$(server_pid "$1") && die "a server runs already for $1: $(cat "$1/run/url"), pid $pid"
  mkdir -p "$1/run"
  # In a session of its own: what ends this shell and its group is not meant for the server.
  setsid "$0" run "$1" --port "$2" --memory "${3}M" >"$1/run/server.log" 2>&1 </dev/null &
  pid=$!
  await_ready "$1" "$pid" "http://127.0.0.1:$2"
  cat "$1/run/url"
}

down() {
  local pid
  pid=$(server_pid "$1") || {
    echo "no server runs for $1"
    return 0
  }
  kill "$pid"
  local deadline=$((SECONDS + 60))
  while [ -e "/proc/$pid" ]; do
    [ "$SECONDS" -lt "$deadline" ] || kill -9 "$pid"
    sleep 0.1
  done
  rm -f "$1/run/pid" "$1/run/url"
  echo "ended"
}

status() {
  local pid url
  pid=$(server_pid "$1") || {
    echo "down"
    return 3
  }
  url=$(cat "$1/run/url")
  if is_ready "$url"; then
    echo "ready $url pid $pid"
  else
    echo "starting $url pid $pid"
    return 1
  fi
}

# Starts a server with both connectors, and has it write down its classes when it ends.
archive_classes() {
  local dir pid port
  dir=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder of now is meant
  trap "rm -rf '$dir'" EXIT
  mkdir -p "$dir/catalog" "$dir/lake"
  printf '%s\n' connector.name=delta_lake hive.metastore=file hive.metastore.catalog.dir=local:///metastore \
    fs.native-local.enabled=true "local.location=$dir/lake" >"$dir/catalog/lake.properties"
  printf '%s\n' connector.name=clickhouse connection-url=jdbc:clickhouse://127.0.0.1:1/ connection-user=none \
    >"$dir/catalog/clickhouse.properties"
  port=$(free_port)
  write_settings "$dir" "$port" 1200
  (exec_server "$dir" 1200 -XX:ArchiveClassesAtExit="$dir/classes.jsa") >"$dir/run/server.log" 2>&1 </dev/null &
  pid=$!
  await_ready "$dir" "$pid" "http://127.0.0.1:$port"
  kill "$pid"
  wait "$pid" || true
  mv "$dir/classes.jsa" "$home/classes.jsa"
}

main() {
  local command="${1:-}" dir port='' memory=1200M
  [ -x "$java" ] && [ -d "$home/server" ] || die "there is no Trino in $home; run: tools/bootstrap.sh trino"
  if [ "$command" = archive-classes ]; then
    archive_classes
    return
  fi
  [ $# -ge 2 ] || usage
  [ -d "$2" ] || die "there is no folder $2"
  dir=$(cd "$2" && pwd)
  shift 2
  while [ $# -gt 0 ]; do
    case "$1" in
      --port) port="${2:-}" ;;
      --memory) memory="${2:-}" ;;
      *) usage ;;
    esac
    shift 2 || usage
  done
  memory=$(megabytes "$memory") || die "--memory takes a size like 1200M or 2G"
  case "$command" in
    up | run)
      compgen -G "$dir/catalog/*.properties" >/dev/null || die "there are no catalogs in $dir/catalog; weir trino FILE --out $dir writes them"
      check_environment "$dir"
      "$command" "$dir" "${port:-$(free_port)}" "$memory"
      ;;
    down | status) "$command" "$dir" ;;
    *) usage ;;
  esac
}

main "$@"
