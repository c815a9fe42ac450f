#!/usr/bin/env bash
# Sets up what is missing, then runs greencam.  ./run.sh --help tells more.
set -euo pipefail
trap 'exit 130' INT
cd "$(dirname "$(readlink -f "$0")")"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

usage() {
  cat <<'TEXT'
usage: ./run.sh [start] [--duration S]   set up if needed, then stream until Ctrl-C (or S seconds)
       ./run.sh setup                    make .venv and install what greencam needs, nothing else
       ./run.sh test [PYTEST ARGUMENTS]  set up, then check and test everything
       ./run.sh status [--json]          what runs, how fresh each camera's frames are (exit 0, 1 or 3)
       ./run.sh metrics                  the suite's figures for Prometheus, once; works while nothing runs too
       ./run.sh stop [--timeout S]       stop everything that runs, and wait for it
       ./run.sh install-service          make it a service that starts with the machine (sudo; --dry-run only tells)
       ./run.sh uninstall-service        take the service away; code, settings and data stay
       ./run.sh redis-users DIR          make users with passwords for a Redis of your own
       ./run.sh --help                   this text
Settings: config.py (this machine) and config/config.yaml (cameras).  More: README.md
TEXT
}

say() { printf '%s\n' "$*" >&2; }

has_picamera2() { "$1" -c 'import libcamera, picamera2' 2>/dev/null; }

recent_enough() { "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; }

# The system's own Python when it has the Pi camera's library, else the first one that is recent enough.
find_python() {
  local candidate
  if [ -x /usr/bin/python3 ] && recent_enough /usr/bin/python3 && has_picamera2 /usr/bin/python3; then
    echo /usr/bin/python3
    return
  fi
  for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if command -v "$candidate" >/dev/null && recent_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  say "greencam needs Python 3.11 or newer: sudo apt-get install python3 python3-venv"
  exit 69
}

make_venv() {
  local python options=()
  python=$(find_python)
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    install_venv_package
  fi
  if has_picamera2 "$python"; then
    options=(--system-site-packages)
    say "setup: .venv with $("$python" --version), which sees the system's picamera2"
  else
    say "setup: .venv with $("$python" --version)"
  fi
  rm -rf .venv
  "$python" -m venv "${options[@]}" .venv
}

install_venv_package() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
  say "setup: Python's venv is missing, installing Debian's python3-venv"
  if ! { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -y -qq python3-venv >/dev/null; }; then
    say "that did not work; do it yourself, then start again: sudo apt-get install python3-venv"
    exit 69
  fi
}

# Installs a requirements file unless the very same one is installed already.
ensure_installed() {
  local file=$1 stamp want
  stamp=.venv/.installed-${file%.txt}
  want=$(sha256sum <"$file")
  if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then return; fi
  say "setup: installing $(grep -c '^[a-zA-Z].*==' "$file") packages of $file, each checked against its hash"
  .venv/bin/python -m pip install --progress-bar off --require-hashes -r "$file" 2>&1 |
    tee .venv/install.log | show_progress "$(grep -c '^[a-zA-Z].*==' "$file")" || {
    grep -E '^(ERROR|error|WARNING: Retrying)' .venv/install.log | tail -n 5 >&2
    say "setup: installing $file failed; is there a network? Start again to go on (all of it: .venv/install.log)"
    exit 69
  }
  echo "$want" >"$stamp"
}

# Turns pip's output into one line per package.
show_progress() {
  local total=$1 done=0 line
  while IFS= read -r line; do
    case "$line" in
      Collecting*) done=$((done + 1)); line=${line#Collecting }; say "  $done of at most $total: ${line%% *}" ;;
      Installing*) say "  unpacking" ;;
    esac
  done
}

# Made anew only when it is not whole; one failed start of its Python may be a Ctrl-C or a full memory.
setup() {
  if [ ! -e .venv/pyvenv.cfg ] || [ ! -x .venv/bin/python ]; then
    make_venv
  elif ! .venv/bin/python -c '' 2>/dev/null && sleep 1 && ! .venv/bin/python -c ''; then
    make_venv
  fi
  ensure_installed requirements.txt
}

# For commands that only look or stop: they never set anything up.
in_venv() {
  if [ ! -x .venv/bin/python ]; then
    say "greencam is not set up here; ./run.sh setup does that"
    exit 69
  fi
  PYTHONPATH=src exec .venv/bin/python -P "$@"
}

case "${1:-start}" in
  -h | --help | help) usage ;;
  setup) setup; say "setup: ready; ./run.sh streams" ;;
  test) shift; setup; ensure_installed requirements-dev.txt; exec scripts/test "$@" ;;
  status) shift; in_venv -m greencam.apps.status "$@" ;;
  metrics) shift; in_venv -m greencam.apps.metrics "$@" ;;
  stop) shift; in_venv -m greencam.apps.stop "$@" ;;
  install-service) shift; in_venv -m greencam.apps.install_service "$@" ;;
  uninstall-service) shift; in_venv -m greencam.apps.install_service --uninstall "$@" ;;
  redis-users) shift; in_venv -m greencam.apps.redis_users "$@" ;;
  start | --*) if [ "${1:-}" = start ]; then shift; fi; setup; exec .venv/bin/python -P start.py "$@" ;;
  *) say "run.sh: no command '$1'"; usage >&2; exit 2 ;;
esac
