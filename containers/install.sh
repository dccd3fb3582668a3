#!/bin/sh
# Install boldstream in a virtual environment of its own, with the versions and hashes of the lock.
# Usage: containers/install.sh FOLDER [EXTRAS], as in: containers/install.sh /opt/boldstream cluster
# Used by Dockerfile and boldstream.def; the python3 that runs is the one that is installed for.
set -eu
folder=$1
extras=${2:-cluster,minc}
source=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
lock=$source/requirements.lock
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

# uv checks the hashes of the lock where it is a list of constraints, too; pip does not take it so.
sed -n '/^uv==/,/# via/p' "$lock" >"$tools/uv.lock"
python3 -m venv "$tools/uv"
"$tools/uv/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
    --no-deps --require-hashes --requirement "$tools/uv.lock"

python3 -m venv --without-pip "$folder"
"$tools/uv/bin/uv" pip install --quiet --python "$folder/bin/python" --no-cache \
    --constraints "$lock" --build-constraints "$lock" --compile-bytecode \
    "boldstream[$extras] @ file://$source"
"$folder/bin/boldstream" --version
