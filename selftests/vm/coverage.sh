#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests, or those in TESTS, with a module that counts what is executed.
# Prints how much of each file was, and each line that was not. Fails if that is
# more than a tenth of all. What KUnit reaches in its own copies of the files does
# not count. The files with the counts are left in build/coverage/*.gcov.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
kernel=6.12-kasan
build=$top/build/$kernel
out=$top/build/coverage
least=90
status=0

# From the counts of each object to lines of source, for the files of the module.
count_lines() {
	local data
	for data in module/*.gcda; do
		gcov -b -o module "$data"
	done | awk -v least=$least '
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
		if (!ls)
			exit 1
		printf "%-28s %6.1f %% of %4d %9.1f %% of %4d\n", "all", l / ls, ls, b2 / bs, bs
		exit l / ls < least
	}'
}

not_reached() {
	local source
	for source in module/*.c; do
		awk -F: -v name="$source" '$1 ~ /#####|=====/ {
			at = name ":" $2 + 0
			sub(/^[^:]*:[^:]*:/, "")
			print at ":" $0
		}' "$out/${source##*/}.gcov"
	done
}

# Counts of the last run do not fit the files of this one.
rm -rf "$build" "$out"
mkdir -p "$out"
COVERAGE=1 KERNELS=$kernel "$here/test.sh" || status=1
[ $status -eq 0 ] || echo "coverage.sh: some tests have failed" >&2

(cd "$out" && sed -n 's/^# gcov //p' "$top/build/test-$kernel.tap" | base64 -d |
	gunzip | cpio -idm --quiet)
find "$out" -path '*/module/*.gcda' ! -path '*/kunit/*' \
	-exec cp {} "$build/module/" \;
cd "$build"
count_lines || {
	echo "coverage.sh: less than $least % of all lines" >&2
	status=1
}
mv ./*.gcov "$out/"
echo
echo "not reached:"
not_reached
exit $status
