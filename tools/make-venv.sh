#!/bin/sh
# make-venv.sh PYTHON FOLDER: a virtual environment with pip, also where Debian's python3 lacks the
# venv package (it splits pip's wheel off into python3-pip-whl; unpacking that needs no root).
set -eu
python=$1 folder=$2
if ! command -v "$python" >/dev/null; then
  echo "Error: $python: not found; install it (Debian: apt-get install python3)" >&2
  exit 2
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "Error: $python is $("$python" -V 2>&1); evoae needs 3.11 or newer: make PYTHON=python3.11" >&2
  exit 2
fi
rm -rf "$folder"
if "$python" -m venv "$folder" >/dev/null 2>&1; then exit 0; fi

rm -rf "$folder"
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
fetch() { (cd "$wheels" && apt-get download -q python3-pip-whl >/dev/null 2>&1); }
if ! fetch && ! { [ "$(id -u)" = 0 ] && apt-get update -q >/dev/null 2>&1 && fetch; }; then
  echo "Error: $python has no venv module; install it (Debian: apt-get install python3-venv)" >&2
  exit 2
fi
dpkg -x "$wheels"/python3-pip-whl*.deb "$wheels/unpacked"
"$python" -m venv --without-pip "$folder"
pip=$(ls "$wheels"/unpacked/usr/share/python-wheels/pip-*.whl)
"$folder/bin/python" "$pip/pip" install -q --no-index --find-links "$(dirname "$pip")" pip
