#!/bin/sh
# Makes the environment of the tests in the folder $1. Run by make, and only when something it depends on has changed.
set -eu
venv=$1

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for name in ${PYTHON:-} python3.11 python3 python3.12 python3.13 python; do
        if fits "$name"; then echo "$name"; return; fi
    done
    echo "No Python 3.11 or newer found; install one, or name it: make test PYTHON=..." >&2
    exit 1
}

make_venv() {
    "$1" -m venv "$venv" 2>/dev/null && return
    # Debian keeps the venv module in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q || true
        apt-get install -q -y "$(basename "$1")-venv" || apt-get install -q -y python3-venv
        "$1" -m venv --clear "$venv" && return
    fi
    if command -v virtualenv >/dev/null; then virtualenv --clear -p "$1" "$venv" && return; fi
    echo "Cannot make a virtual environment with $1; install the package python3-venv (or virtualenv), then run make again." >&2
    exit 1
}

if ! fits "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    make_venv "$(find_python)"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
