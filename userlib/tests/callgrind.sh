#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Instructions, and locked ones among them, of an allocation and its release in
# steady state, without those of the caller: callgrind.sh PAIRS-PROGRAM [MOST]
# Fails if there are more than MOST (default: 80).
set -euo pipefail

program=$1
most=${2:-80}
count=100000
out=$(mktemp)
trap 'rm -f "$out" "$out".*' EXIT

# The addresses of instructions with a lock prefix, and of exchanges with memory.
objdump -d --no-show-raw-insn "$program" |
	awk '/\tlock |\txchg .*\(/ { sub(":", "", $1); print "0x" $1 }' >"$out.locked"

failed=0
printf '%8s %13s %8s\n' bytes instructions locked
for bytes in 4096 65536 262144; do
	valgrind --tool=callgrind --callgrind-out-file="$out" --dump-instr=yes \
		--toggle-collect=regalloc_alloc --toggle-collect=regalloc_release \
		--compress-pos=no \
		"$program" "$bytes" "$count" 2>"$out.log" || {
		cat "$out.log"
		exit 1
	}
	# A line of cost is "ADDRESS LINE COST"; the one after "calls=" is not ours.
	awk -v count="$count" -v bytes="$bytes" -v most="$most" '
		NR == FNR { locked[$1] = 1; next }
		/^calls=/ { getline; next }
		/^0x/ { all += $3; if ($1 in locked) some += $3 }
		END {
			printf "%8d %13.1f %8.2f\n", bytes, all / count, some / count
			exit all / count > most
		}' "$out.locked" "$out" || failed=1
done
exit $failed
