#!/usr/bin/env bash
# Builds @tensorflow/tfjs-node against TensorFlow's own CPU library, which comes from a wheel of TensorFlow, since the
# archive that its install script downloads is years old and not to be had everywhere. For Linux on x86-64; needs npm,
# pip, a C++ compiler, make and about 1.5 GB.
#
#   scripts/build-tfjs-node.sh [FOLDER]        FOLDER: .tfjs-node unless given
#   export NODE_PATH=FOLDER/node_modules       then `backend: tfjs` finds it
#
# What is there already is used again, so that a second run only checks that it loads.
set -euo pipefail
tfjs_version=4.22.0
tensorflow_version=2.21.0

mkdir -p "${1:-.tfjs-node}"
folder=$(cd "${1:-.tfjs-node}" && pwd)
package=$folder/node_modules/@tensorflow/tfjs-node
library=$folder/tensorflow

fail() {
  echo "tfjs-node: $*" >&2
  exit 1
}

# Loads it and multiplies two matrices.
works() {
  (cd "$folder" && TF_CPP_MIN_LOG_LEVEL=2 node -e '
    const util = require("node:util"); util.isNullOrUndefined ??= (x) => x == null; util.isArray ??= Array.isArray;
    const tf = require("@tensorflow/tfjs-node");
    if (tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync()[0] !== 3) process.exit(1);
  ' >"$folder/check.log" 2>&1)
}

done_message() {
  echo "tfjs-node $tfjs_version over TensorFlow $tensorflow_version: export NODE_PATH=$folder/node_modules"
}

if works; then
  done_message
  exit
fi
[ "$(uname -sm)" = "Linux x86_64" ] || fail "TensorFlow's CPU wheel is for Linux on x86-64, this is $(uname -sm)"
for tool in npm python3 make c++; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done

# 1. The package; its install script stays out.
[ -f "$folder/package.json" ] || echo '{ "private": true }' >"$folder/package.json"
[ -f "$package/binding.gyp" ] ||
  npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel error \
    "@tensorflow/tfjs-node@$tfjs_version" || fail "npm cannot install @tensorflow/tfjs-node@$tfjs_version"

# 2. TensorFlow's library and the headers of its C interface.
if [ ! -f "$library/libtensorflow_framework.so.2" ]; then
  ls "$folder"/tensorflow_cpu-"$tensorflow_version"-*.whl >/dev/null 2>&1 ||
    python3 -m pip download --quiet --disable-pip-version-check --retries 1 --no-deps --only-binary=:all: --dest "$folder" \
      --python-version 3.11 --platform manylinux_2_27_x86_64 "tensorflow-cpu==$tensorflow_version" ||
    fail "pip cannot fetch the wheel of tensorflow-cpu $tensorflow_version"
  python3 - "$folder"/tensorflow_cpu-"$tensorflow_version"-*.whl "$folder" <<'PYTHON' || fail "the wheel cannot be unpacked"
import sys, zipfile
wanted = ("tensorflow/libtensorflow", "tensorflow/include/tensorflow/c/", "tensorflow/include/tensorflow/core/platform/",
          "tensorflow/include/xla/tsl/", "tensorflow/include/xla/c/", "tensorflow/include/tsl/")
wheel = zipfile.ZipFile(sys.argv[1])
# The framework library comes last, as the sign that all is there.
names = sorted((n for n in wheel.namelist() if n.startswith(wanted)), key=lambda n: "framework" in n)
for name in names:
    wheel.extract(name, sys.argv[2])
PYTHON
  rm "$folder"/tensorflow_cpu-"$tensorflow_version"-*.whl
fi

# 3. The addon, linked against that library under the names that tfjs-node knows it by.
mkdir -p "$package/deps/lib"
ln -sfn "$library/include" "$package/deps/include"
for name in libtensorflow.so libtensorflow.so.2 libtensorflow.so.2.9.1 libtensorflow_cc.so.2; do
  ln -sf "$library/libtensorflow_cc.so.2" "$package/deps/lib/$name"
done
for name in libtensorflow_framework.so libtensorflow_framework.so.2; do
  ln -sf "$library/libtensorflow_framework.so.2" "$package/deps/lib/$name"
done
# Node's headers, where they came with it; else node-gyp downloads them.
prefix=$(node -p 'path.dirname(path.dirname(process.execPath))')
if [ -f "$prefix/include/node/node_api.h" ]; then export npm_config_nodedir=$prefix; fi
(cd "$package" && "$folder/node_modules/.bin/node-pre-gyp" install --build-from-source >"$folder/build.log" 2>&1) ||
  fail "the addon cannot be built: $(grep -m 1 -iE 'error' "$folder/build.log" || tail -n 1 "$folder/build.log")"

works || fail "it was built and does not load: $(grep -m 1 -i error "$folder/check.log" || tail -n 1 "$folder/check.log")"
done_message
