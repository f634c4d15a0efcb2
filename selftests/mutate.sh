#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Takes out one guard of the module after the other, and sees that a test
# notices:
#
#	mutate.sh [NAME...]	those of selftests/mutants, or all
#
# A mutant that nobody notices is a test that is missing. Takes a minute each, JOBS of
# them (default: 1) side by side.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/.." && pwd)
build=$top/build/mutate
results=$build/results
jobs=${JOBS:-1}

copy_tree() {
	mkdir -p "$tree"
	rsync -a --delete --exclude=/build --exclude=/.git "$top/" "$tree/"
}

# The first failure of a test, as soon as it is there; or "selftests: kernel: REASON".
failure() {
	sed -n 's/^# *not ok [0-9]* *//p; s/^not ok [0-9]* *//p' \
		"$tree/build/test-$1.tap" 2>/dev/null | head -n 1
}

# Runs the tests up to the first failure: after that, they may wait for what
# never comes. Prints a line that begins with the verdict.
judge() {
	local name=$1 kernel=$2 log=$build/$1.log pid failure
	shift 2
	rm -f "$tree"/build/test-*.tap
	KERNELS=$kernel TESTS="$*" setsid "$tree/selftests/vm/test.sh" \
		> "$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 $pid 2>/dev/null && [ -z "$(failure "$kernel")" ]; do
		sleep 1
	done
	kill -- -$pid 2>/dev/null
	if wait $pid; then
		echo "not ok - $name: nobody noticed ($*)"
		return
	fi
	failure=$(failure "$kernel")
	case $failure in
	*": kernel: the kernel complained") echo "ok - $name: $failure" ;;
	*": kernel: "*) echo "not ok - $name: $failure" ;;
	?*) echo "ok - $name: $failure" ;;
	*) echo "not ok - $name: $(tail -n 1 "$log")" ;;
	esac
}

# try LINE: in a tree of its own among those that are tried at the same time.
try() {
	local name kernel programs file expression tree=$build/tree-${slot:?}
	IFS='|' read -r name kernel programs file expression <<< "$1"
	copy_tree
	perl -0pi -e "$expression" "$tree/$file"
	if cmp -s "$top/$file" "$tree/$file"; then
		echo "not ok - $name: there is nothing to take out"
	elif ! "$tree/selftests/vm/vm.sh" build "${kernel%+*}" \
			> "$build/$name.log" 2>&1; then
		echo "not ok - $name: does not build"
	else
		# shellcheck disable=SC2086 # a list of words
		judge "$name" "$kernel" $programs
	fi
}

# wanted [NAME...]: their lines.
wanted() {
	awk -F'|' -v names=" $* " '$1 && !/^#/ &&
		(names == "  " || index(names, " " $1 " "))' "$here/mutants"
}

for name; do
	grep -q "^$name|" "$here/mutants" ||
		{ echo "$name is not in selftests/mutants" >&2; exit 1; }
done
"$here/vm/deps.sh" test
mkdir -p "$build"
export -f copy_tree failure judge try
export top build
# What used a variable may be what was taken out.
export ALLOW_WARNINGS=1
# shellcheck disable=SC2016 # the other bash expands it
wanted "$@" | xargs -d '\n' -n 1 -P "$jobs" --process-slot-var=slot \
	bash -c 'try "$1"' - | tee "$results"

missed=$(grep -c '^not ok' "$results")
echo "$(grep -c '^ok' "$results") passed, $missed failed, 0 skipped"
[ "$missed" -eq 0 ] && [ "$(wc -l < "$results")" -eq "$(wanted "$@" | wc -l)" ]
