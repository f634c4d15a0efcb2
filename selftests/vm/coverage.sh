#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests, or those in TESTS, with a module that counts what is executed,
# and prints how much of each file was. The lines that were not are marked with
# ##### in build/coverage/*.gcov.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
kernel=6.12-kasan
build=$top/build/$kernel
out=$top/build/coverage

# Counts of the last run do not fit the files of this one.
rm -rf "$build" "$out"
mkdir -p "$out"
COVERAGE=1 KERNELS=$kernel "$here/test.sh" || echo "some tests have failed" >&2

cd "$out"
sed -n 's/^# gcov //p' "$top/build/test-$kernel.tap" | base64 -d | gunzip |
	cpio -idm --quiet
find . -name '*.gcda' -path "*/module/*" -exec cp {} "$build/module/" \;
for data in "$build"/module/*.gcda; do
	(cd "$build" && gcov -b -o module "$data")
done | awk '
	# Of what a file includes, only the parts of our own are of interest.
	/^File / { file = $2; gsub(/\047/, "", file); own = file ~ /module\/[a-z_]*\.c$/ }
	own && /^Lines executed:/ { split($2, a, /[:%]/); lines[file] = a[2]; of[file] = $4 }
	own && /^Taken at least once:/ { split($0, b, /[:%]/); taken[file] = b[2]; n = split($0, c, " "); branches[file] = c[n] }
	END {
		printf "%-28s %16s %20s\n", "file", "lines executed", "branches taken"
		for (f in lines) {
			name = f
			sub(/.*module\//, "", name)
			printf "%-28s %6.1f %% of %4d %9.1f %% of %4d\n", name, lines[f], of[f], taken[f], branches[f] | "sort"
			l += lines[f] * of[f]; ls += of[f]
			b2 += taken[f] * branches[f]; bs += branches[f]
		}
		close("sort")
		printf "%-28s %6.1f %% of %4d %9.1f %% of %4d\n", "all", l / ls, ls, b2 / bs, bs
	}'
mv "$build"/*.gcov "$out/"
