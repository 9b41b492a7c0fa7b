# Shared by scripts/run and scripts/test: what a machine needs, and how it gets it.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A cache outside the checkout: a fresh clone reuses the compiled dependencies.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tusk/target}"

BUILD_PACKAGES=(
  pkg-config cmake clang gcc g++ libxkbcommon-x11-dev libxkbcommon-dev libxcb1-dev libx11-xcb-dev
  libwayland-dev libfontconfig1-dev libfreetype6-dev
)
RUN_PACKAGES=(libvulkan1 mesa-vulkan-drivers libegl1 libgl1-mesa-dri postgresql postgresql-contrib)
TEST_PACKAGES=(openssh-server xvfb openbox xdotool imagemagick dbus gnome-keyring libsecret-tools valgrind)

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

need_rust() {
  command -v cargo >/dev/null 2>&1 || {
    [ -x "$HOME/.cargo/bin/cargo" ] && PATH="$HOME/.cargo/bin:$PATH"
  }
  command -v cargo >/dev/null 2>&1 ||
    die "Tusk is built with Rust, and there is no cargo here. Install a toolchain from https://rustup.rs and run this again."
}

# Installs what is missing, and only that.
need_packages() {
  if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    say_packages
    return
  fi
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || die "These packages are missing, and there is no sudo: install them as root: ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing: ${missing[*]}"
  # Each with its own check: a caller that tests this function's status takes `set -e` away from it.
  "${as_root[@]}" apt-get update -qq || return 1
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || return 1
}

say_packages() {
  case "$(uname -s)" in
    Darwin)
      command -v cmake >/dev/null 2>&1 && { command -v initdb >/dev/null 2>&1 || [ -d /Applications/Postgres.app ] || ls -d /opt/homebrew/opt/postgresql* >/dev/null 2>&1; } && return
      say "This needs Xcode's command line tools (xcode-select --install), CMake and PostgreSQL: brew install cmake postgresql"
      ;;
    *)
      say "This system has no apt-get. Before the build, install what your system calls these:"
      say "  a C and C++ compiler, clang, cmake, pkg-config, PostgreSQL's server and client,"
      say "  the development files of xkbcommon, xkbcommon-x11, xcb, x11-xcb, wayland, fontconfig, freetype,"
      say "  a Vulkan loader and driver, EGL; for the tests also Xvfb, openbox, xdotool, ImageMagick, dbus, gnome-keyring."
      say "  Fedora: dnf install gcc gcc-c++ clang cmake pkgconf libxkbcommon-devel libxkbcommon-x11-devel libxcb-devel \\"
      say "          libX11-devel wayland-devel fontconfig-devel freetype-devel vulkan-loader mesa-vulkan-drivers \\"
      say "          mesa-libEGL postgresql-server postgresql-contrib"
      say "  Arch:   pacman -S base-devel clang cmake libxkbcommon-x11 wayland fontconfig freetype2 vulkan-icd-loader \\"
      say "          vulkan-swrast postgresql"
      ;;
  esac
}

# Steps of a check, each timed; the first that fails ends it.
steps=()
step() {
  local name="$1" began=$SECONDS
  shift
  say ""
  say "== $name"
  if "$@"; then
    steps+=("ok      $(printf '%4ds' $((SECONDS - began)))  $name")
  else
    steps+=("FAILED  $(printf '%4ds' $((SECONDS - began)))  $name")
    summary
    say "Failed: $name. The command was: $*"
    exit 1
  fi
}

summary() {
  say ""
  say "== Summary"
  printf '%s\n' "${steps[@]}" >&2
}
