#!/bin/sh
# Makes the virtual environment FOLDER with the interpreter PYTHON, or says in one sentence why it cannot.
# Usage: tools/venv.sh PYTHON FOLDER
set -eu
python=$1
folder=$2
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  found=$("$python" --version 2>&1) || found="not there"
  echo "ATP needs Python 3.11 or newer, but $python is ${found}; name another one: make setup PYTHON=python3.12" >&2
  exit 1
fi
if ! "$python" -m venv "$folder"; then
  rm -rf "$folder"
  echo "$python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2
  exit 1
fi
