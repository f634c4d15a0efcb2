#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# SQLite with its page cache in slices, under a budget that is too small for what it
# wants: alone, and several at once.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/examples_lib.sh
. "$here/examples_lib.sh"

# Three SQLite programs, each with a database almost as large as the budget.
three_databases() {
	alone 16M sqlite_load --processes 3 --rows 30000 --rounds 1 \
		--db "$disk.db" >"$disk.1" || return
	cat "$disk.1"
	! grep -q "asked 0 times" "$disk.1"
}

# Idle, or gone.
is_idle() {
	grep -q "^idle with" "$disk.1" || ! kill -0 "$idler" 2>/dev/null
}

# A program that has done its work keeps only what no other wants: the other one, which
# comes when the first has most of the budget, gets it.
idle_database() {
	echo 16M >$parameters/budget || return
	"$here/sqlite_load" --rows 30000 --rounds 1 --idle-ms 900000 \
		--db "$disk.idle" >"$disk.1" &
	idler=$!
	: >"$disk.2"
	within 600 is_idle && grep -qE "^idle with 1[2-6] MiB" "$disk.1" &&
		"$here/sqlite_load" --rows 30000 --rounds 1 --db "$disk.busy" \
			>"$disk.2"
	status=$?
	# It has to find again what the other one has displaced.
	kill -USR1 "$(sed -n 's/^idle with .*, process //p' "$disk.1")"
	wait "$idler" || status=1
	cat "$disk.1" "$disk.2"
	[ $status -eq 0 ] &&
		grep -q "had [0-8] MiB left after being idle" "$disk.1" &&
		nothing_left
}

# Not a test of speed, but it shows what both take with the same memory.
same_memory() {
	for cache in builtin regalloc; do
		echo "cache $cache"
		alone 16M sqlite_load --cache $cache --cache-bytes 8388608 \
			--rows 30000 --rounds 1 --db "$disk.db" || return
	done
}

begin
check "SQLite with its own cache and with slices" same_memory
check "three SQLite programs" three_databases
check "an idle SQLite program" idle_database
end
