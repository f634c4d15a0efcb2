#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Takes out one guard of the module after the other, and sees that a test
# notices:
#
#	mutate.sh [NAME...]	those of selftests/mutants, or all
#
# A mutant that nobody notices is a test that is missing. Takes a minute each.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/.." && pwd)
build=$top/build/mutate
tree=$build/tree
results=$build/results

copy_tree() {
	mkdir -p "$tree"
	rsync -a --delete --exclude=/build --exclude=/.git "$top/" "$tree/"
}

# One line for people, which begins with the verdict.
judge() {
	local name=$1 kernel=$2 log=$build/$1.log
	shift 2
	if KERNELS=$kernel TESTS="$*" "$tree/selftests/vm/test.sh" \
		> "$log" 2>&1 </dev/null; then
		echo "not ok - $name: nobody noticed ($*)"
	elif grep -q '^failed: ' "$log"; then
		echo "ok - $name: $(sed -n 's/^failed: [^:]*: //p' "$log" |
			paste -sd ';' | cut -c 1-150)"
	else
		echo "not ok - $name: $(tail -n 1 "$log")"
	fi
}

try() {
	local name=$1 kernel=$2 programs=$3 file=$4 expression=$5
	copy_tree
	perl -0pi -e "$expression" "$tree/$file"
	if cmp -s "$top/$file" "$tree/$file"; then
		echo "not ok - $name: there is nothing to take out"
	else
		# shellcheck disable=SC2086 # a list of words
		judge "$name" "$kernel" $programs
	fi
}

"$here/vm/deps.sh" test
mkdir -p "$build"
: > "$results"
wanted=" $* "
while IFS='|' read -r name kernel programs file expression; do
	case $name in '' | \#*) continue ;; esac
	case $wanted in
	"  " | *" $name "*)
		try "$name" "$kernel" "$programs" "$file" "$expression" |
			tee -a "$results"
		;;
	esac
done < "$here/mutants"

missed=$(grep -c '^not ok' "$results")
echo "$(grep -c '^ok' "$results") passed, $missed failed, 0 skipped"
[ "$missed" -eq 0 ] && [ -s "$results" ]
