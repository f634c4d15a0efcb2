#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Results of a script that checks one thing after the other, and their totals; a part
# of other scripts.

passed=0 failed=0 skipped=0

# result VERDICT NAME
result() {
	case "$1 $2" in
	ok*'# SKIP'*) skipped=$((skipped + 1)) ;;
	ok*) passed=$((passed + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
	echo "$1 $((passed + failed + skipped)) $2"
}

# check NAME COMMAND...: shows the output of a command that fails.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		result ok "$name"
	else
		printf '%s\n' "$output" | sed 's/^/# /'
		result "not ok" "$name"
	fi
}

# totals: the last line, and whether all is well.
totals() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
