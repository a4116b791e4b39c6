#!/usr/bin/env bash
# Fetches the ONNX Runtime shared library into build/onnxruntime, out of a
# package of PyPI (with Python's pip) or of npm: whichever client is here.
# Every archive is pinned by its SHA-256.
#
#   tools/runtime.sh [cpu|cuda]
#
# cuda takes the build with the CUDA provider; it also needs CUDA 12/13 and
# cuDNN 9 on the machine (docs/gpu.md).
set -euo pipefail
cd "$(dirname "$0")/.."
flavour=${1:-cpu}
dest=build/onnxruntime
mkdir -p "$dest"

fail() { echo "runtime: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || fail "only Linux is supported; set scorer.runtime to a libonnxruntime >= 1.24 of your own"
case "$(uname -m)" in
x86_64) arch=x86_64 npm_arch=x64 ;;
aarch64 | arm64) arch=aarch64 npm_arch=arm64 ;;
*) fail "no prebuilt ONNX Runtime for $(uname -m); set scorer.runtime to a libonnxruntime >= 1.24 of your own" ;;
esac

wheel_version=1.32.0
npm_version=1.30.0
gpu_version=1.31.1
case "$flavour/$arch" in
cpu/x86_64) package=onnxruntime==$wheel_version want=99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8 ;;
cpu/aarch64) package=onnxruntime==$wheel_version want=e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054 ;;
cuda/x86_64) package=onnxruntime-gpu==$gpu_version want=05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7 ;;
*) fail "usage: tools/runtime.sh [cpu|cuda] (cuda on x86_64 only)" ;;
esac

[ "$(cat "$dest/package" 2>/dev/null)" = "$package" ] && [ -s "$dest/libonnxruntime.so" ] && exit 0

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
check() { echo "$1  $2" | sha256sum --check --status || fail "$2 is not the pinned archive"; }

if python3 -m pip --version >/dev/null 2>&1; then
	echo "runtime: fetching $package with pip"
	# The wheel of one Python version serves all: only its library is taken.
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
		--python-version 3.12 --implementation cp --platform "manylinux_2_28_$arch" --dest "$tmp" "$package"
	archive=$(echo "$tmp"/*.whl)
	check "$want" "$archive"
	python3 -m zipfile -e "$archive" "$tmp/x"
	cp "$tmp"/x/onnxruntime/capi/libonnxruntime*.so* "$dest/"
elif [ "$flavour" = cpu ] && command -v npm >/dev/null; then
	package=onnxruntime-node@$npm_version
	echo "runtime: fetching $package with npm"
	(cd "$tmp" && npm pack --silent "$package" >/dev/null)
	archive=$(echo "$tmp"/*.tgz)
	check 6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75 "$archive"
	tar -xzf "$archive" -C "$tmp"
	cp "$tmp/package/bin/napi-v6/linux/$npm_arch"/libonnxruntime*.so* "$dest/"
else
	fail "neither Python's pip nor npm is here to fetch ONNX Runtime with (Debian: apt-get install python3-pip)"
fi

# One name for all versions.
library=$(find "$dest" -name 'libonnxruntime.so.*' -newer "$tmp" -o -name 'libonnxruntime.so.*' | sort | tail -n 1)
mv "$library" "$dest/libonnxruntime.so"
echo "$package" >"$dest/package"
echo "runtime: $dest/libonnxruntime.so ($package)"
