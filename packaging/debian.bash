# Sourced by packaging/start and tests/run: which packages of Debian 12 are needed for what, and how they come.
#
# Only what is missing is installed, without recommended packages, so that a machine that has it all needs neither
# root nor a network. No daemon is among them, and nothing of the system's configuration is touched.

# shellcheck disable=SC2034  # used by who sources this
build_packages=(g++ cmake ninja-build pkgconf libfmt-dev libldns-dev libuv1-dev libsqlite3-dev libgnutls28-dev
  libmicrohttpd-dev libcurl4-gnutls-dev libssl-dev libxxhash-dev libidn2-dev libpsl-dev libtomlplusplus-dev nlohmann-json3-dev libcli11-dev libjemalloc-dev)
# shellcheck disable=SC2034
try_packages=(bind9-dnsutils curl ca-certificates)

# One line on standard error, and the end.
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
note() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# missing_packages PACKAGE...: those that are not installed, one a line.
missing_packages() {
  local installed package
  installed=$(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed //p') || true
  for package in "$@"; do
    grep --quiet --line-regexp --fixed-strings -- "$package" <<<"$installed" || echo "$package"
  done
}

warn_unless_debian_12() {
  local id='' version=''
  if [[ -r /etc/os-release ]]; then
    id=$(. /etc/os-release && echo "${ID:-}")
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  fi
  [[ $id == debian && $version == 12 ]] ||
    note "this is ${id:-no Debian} ${version}: Placard is built and tested on Debian 12; going on"
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    fail "no apt-get here: install by hand what CMakeLists.txt asks for, then: cmake -G Ninja -B build && ninja -C build"
}

# as_root COMMAND...: needs root or sudo.
as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo -- "$@"; fi
}

# install_packages LOG PACKAGE...: what of it is missing. Says what it does.
install_packages() {
  local log=$1 list missing
  shift
  list=$(missing_packages "$@")
  [[ $list ]] || return 0
  mapfile -t missing <<<"$list"
  [[ $EUID -eq 0 ]] || command -v sudo >/dev/null ||
    fail "these packages are missing, and to install them takes root or sudo: ${missing[*]}"
  echo "   installing: ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes -o Acquire::Retries=2 -o Acquire::http::Timeout=30
    -o DPkg::Lock::Timeout=120)
  mkdir -p "$(dirname "$log")"
  # The lists of a fresh machine are empty or old; an update that fails matters only if the install does.
  as_root "${apt[@]}" update >"$log" 2>&1 </dev/null || true
  as_root "${apt[@]}" install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null || {
    tail -n 5 "$log" | sed 's/^/   | /' >&2
    fail "apt-get could not install ${missing[*]} (is the network there?); all it said is in $log"
  }
}

# build_with_progress FOLDER LOG TARGET...: ninja, one line that counts on a terminal, every tenth step otherwise.
build_with_progress() {
  local folder=$1 log=$2 line step total last=0
  shift 2
  local tty=''
  [[ -t 1 ]] && tty=yes
  NINJA_STATUS='[%f/%t] ' ninja -C "$folder" "$@" 2>&1 </dev/null | tee "$log" | while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    step=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if [[ $tty ]]; then
      printf '\r   step %d of %d ' "$step" "$total"
    elif ((step == total || step * 10 / total > last)); then
      last=$((step * 10 / total))
      printf '   step %d of %d\n' "$step" "$total"
    fi
    [[ $tty && $step -eq $total ]] && echo
    true
  done || {
    echo
    grep -m 1 -A 12 -E '^FAILED|error:' "$log" | cut -c 1-300 | sed 's/^/   | /' >&2 || tail -n 12 "$log" | sed 's/^/   | /' >&2
    fail "the build failed; all of it is in $log"
  }
}

# configure FOLDER LOG KIND [OPTION...]: cmake, only when the folder is new or says otherwise.
configure() {
  local folder=$1 log=$2 kind=$3
  shift 3
  mkdir -p "$folder"
  if [[ ! -f $folder/build.ninja || $# -gt 0 ]]; then
    cmake -G Ninja -S . -B "$folder" -DPLACARD_KIND="$kind" "$@" >"$log" 2>&1 </dev/null || {
      tail -n 12 "$log" | sed 's/^/   | /' >&2
      fail "cmake failed; all it said is in $log"
    }
  fi
}
