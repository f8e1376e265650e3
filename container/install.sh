#!/bin/sh
# Install wssgate from its sources into a folder of its own, as the container image has it: a virtual environment from the
# lock, the package as a wheel, everything compiled, and no tool that was only needed for that.
#
#   sh container/install.sh SOURCES FOLDER
#
# Needs Python 3.11 or newer (PYTHON names another than python3) and its package index; no compiler.
set -eu

sources=$1
folder=$2
python=${PYTHON:-python3}
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT

"$python" -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps \
  --only-binary :all: --requirement "$sources/requirements.lock"
"$folder/bin/pip" wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
  --wheel-dir "$wheels" "$sources"
"$folder/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps "$wheels"/wssgate-*.whl

# What builds and installs has nothing to do in a gateway that runs.
"$folder/bin/pip" uninstall --quiet --yes --disable-pip-version-check \
  hatchling editables trove-classifiers pluggy pathspec setuptools
"$folder/bin/pip" uninstall --quiet --yes --disable-pip-version-check pip
# A tree that nobody can write to holds its compiled modules from the beginning; those that check themselves by their
# content are good whenever the files are dated.
compile="$folder/bin/python -m compileall -q --invalidation-mode checked-hash"
$compile "$folder/lib" >/dev/null 2>&1 || true # some dependency has modules for newer versions of Python only
$compile "$folder"/lib/python3.*/site-packages/gateway "$folder"/lib/python3.*/site-packages/keystore
