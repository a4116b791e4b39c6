#!/usr/bin/env bash
# Installs what the build and the tests need from the system, where it is
# missing: a C compiler (gopus and the ONNX Runtime binding are cgo), ffmpeg,
# and for the tests Chromium. Debian's packages, by name.
#
#   tools/setup.sh build|test
set -euo pipefail
missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }

need gcc build-essential
need ffmpeg ffmpeg
if [ "${1:-build}" = test ]; then
	need chromium chromium
	need opusenc opus-tools
	python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
	echo "setup: please install: ${missing[*]} (names of Debian's packages)" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "setup: please run as root: apt-get install ${missing[*]}" >&2
		exit 1
	}
	sudo=sudo
fi
echo "setup: installing ${missing[*]}"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
