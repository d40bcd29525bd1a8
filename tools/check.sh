#!/bin/sh
# SPDX-License-Identifier: MIT
# What needs no QEMU: both compilers without a warning, the format, the layers, static analysis.
#
#	tools/check.sh <build folder>
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
sources=$(git ls-files '*.c' '*.h')

for cc in gcc clang; do
	if command -v $cc >/dev/null; then
		echo "check: $cc without warnings"
		make --no-print-directory -s -j"$(nproc)" CC=$cc WERROR=1 O="$build/check-$cc" \
			"$build/check-$cc/bounce.elf"
	else
		echo "check: $cc is not here, left out"
	fi
done

echo "check: format"
# shellcheck disable=SC2086
clang-format --dry-run -Werror $sources

echo "check: layers"
/usr/bin/python3 tools/layers.py "$build/check-gcc"

echo "check: cppcheck"
# shellcheck disable=SC2086
cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr -I. \
	-DPORT_INLINE='"kernel/port_inline.h"' \
	--error-exitcode=1 --suppress=missingIncludeSystem boot kernel mm dma drivers

echo "check: all well"
