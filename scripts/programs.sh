#!/bin/sh
# Gets the programs that some tests use, Chromium, Graphviz and strace, where that can be done; what stays missing makes those tests skip.
set -u
missing=""
command -v dot >/dev/null || missing="$missing graphviz"
command -v strace >/dev/null || [ "$(uname)" != Linux ] || missing="$missing strace"
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then browser=$name; break; fi
done
[ -n "${browser:-}" ] || missing="$missing chromium"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q || true
    # One by one: where one cannot be had, the other still comes.
    for package in $missing; do
        apt-get install -q -y --no-install-recommends "$package" || echo "Could not install $package; the tests that need it are skipped."
    done
else
    echo "Not installed:$missing. Tests that need them are skipped, or use the Python package graphviz-pure for Graphviz. As root, make installs them."
fi
exit 0
