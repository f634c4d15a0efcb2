#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Takes out one guard of the module after the other, and sees that a test
# notices:
#
#	mutate.sh [NAME...]	those of selftests/mutants, or all
#
# FILES="module/space.c ..." selects those that change these files. A mutant that no
# test notices is a test that is missing. Takes a minute each, JOBS of them (default: 1)
# side by side. A run that was stopped goes on where it was, as long as the tree is the
# same.
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
	awk -F'|' -v names=" $* " -v files=" ${FILES:-} " '$1 && !/^#/ &&
		(names == "  " || index(names, " " $1 " ")) &&
		(files == "  " || index(files, " " $4 " "))' "$here/mutants"
}

# What all verdicts depend on.
state_of_tree() {
	(cd "$top" && find Kbuild module selftests uapi userlib -type f -print0 |
		sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1)
}

# remaining [NAME...]: the lines of those that have no verdict yet.
remaining() {
	wanted "$@" | awk -F'|' 'NR == FNR { sub(/^(not )?ok - /, ""); sub(/:.*/, "");
		done[$0]; next } !($1 in done)' "$results" -
}

# verdicts [NAME...]: of those that are wanted.
verdicts() {
	awk -F'|' 'NR == FNR { wanted[$1]; next } { name = $0
		sub(/^(not )?ok - /, "", name); sub(/:.*/, "", name) }
		name in wanted' <(wanted "$@") "$results"
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
state="# tree $(state_of_tree)"
[ "$(head -n 1 "$results" 2>/dev/null)" = "$state" ] || echo "$state" > "$results"
verdicts "$@"
# shellcheck disable=SC2016 # the other bash expands it
remaining "$@" | xargs -r -d '\n' -n 1 -P "$jobs" --process-slot-var=slot \
	bash -c 'try "$1"' - | tee -a "$results"

missed=$(verdicts "$@" | grep -c '^not ok')
echo "$(verdicts "$@" | grep -c '^ok') passed, $missed failed, 0 skipped"
[ "$missed" -eq 0 ] && [ -z "$(remaining "$@")" ]
