#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Instructions, and locked ones among them, of an allocation and its release in
# steady state, with the loop that calls them: callgrind.sh PAIRS-PROGRAM [MOST]
# Fails if there are more than MOST (default: 80), or others than two locked ones.
set -euo pipefail

most=${2:-80}
count=100000
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Valgrind wants the names only, and cannot read what clang writes besides.
objcopy --strip-debug "$1" "$tmp/pairs"

# The addresses of instructions with a lock prefix, and of exchanges with memory.
objdump -d --no-show-raw-insn "$tmp/pairs" |
	awk '/\tlock |\txchg .*\(/ { sub(":", "", $1); print "0x" $1 }' >"$tmp/locked"

failed=0
printf '%8s %13s %8s\n' bytes instructions locked
for bytes in 4096 65536 262144; do
	valgrind --tool=callgrind --callgrind-out-file="$tmp/out" \
		--dump-instr=yes --toggle-collect=steady_pairs --compress-pos=no \
		"$tmp/pairs" "$bytes" "$count" 2>"$tmp/log" || {
		cat "$tmp/log"
		exit 1
	}
	# A line of cost is "ADDRESS LINE COST"; the one after "calls=" is not ours.
	# What steady_pairs() does once does not count.
	awk -v count="$count" -v bytes="$bytes" -v most="$most" '
		NR == FNR { locked[$1] = 1; next }
		/^calls=/ { getline; next }
		/^0x/ { all += $3; if ($1 in locked) some += $3 }
		END {
			printf "%8d %13.1f %8.2f\n", bytes, all / count, some / count
			exit int(all / count) > most || some != 2 * count
		}' "$tmp/locked" "$tmp/out" || failed=1
done
exit $failed
