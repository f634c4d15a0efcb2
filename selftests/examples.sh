#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The example programs, which check themselves, under a budget that is too small
# for what they want: alone, and several at once. They lie beside this script;
# /dev/vda has a file system with a file "data".

here=$(cd "$(dirname "$0")" && pwd)
parameters=/sys/module/regalloc/parameters
sysfs=/sys/class/misc/regalloc
disk=$(mktemp -d)
nr=0
failed=0

# The last lines of what a program said.
show() {
	tr '\r' '\n' <"$disk.out" | tail -n "$1" | sed 's/^/# /'
}

# check NAME COMMAND...: a result, and some of what the command said
check() {
	name=$1
	nr=$((nr + 1))
	shift
	if "$@" >"$disk.out" 2>&1; then
		show 8
		echo "ok $nr $name"
	else
		show 30
		echo "not ok $nr $name"
		failed=$((failed + 1))
	fi
}

# All memory goes back when nobody has the device open.
nothing_left() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(cat $sysfs/charged_bytes)" -ne 0 ] || return 0
		sleep 0.5
	done
	return 1
}

# alone BUDGET PROGRAM ARGUMENTS...
alone() {
	echo "$1" >$parameters/budget || return
	program=$2
	shift 2
	"$here/$program" "$@" && nothing_left
}

# Three at once, each with a working set of the whole budget: nobody fails, and
# each is asked for memory.
three() {
	echo 24M >$parameters/budget || return
	pids=
	three_failed=
	for i in 1 2 3; do
		"$here/pagecache" --threads 2 --seconds 8 "$disk/data" \
			>"$disk.$i" 2>&1 &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || three_failed=1
	done
	cat "$disk".1 "$disk".2 "$disk".3
	[ -z "$three_failed" ] || return
	! grep -q "asked for memory 0 times" "$disk".1 "$disk".2 "$disk".3 &&
		nothing_left
}

# Three SQLite programs, each with a database almost as large as the budget.
three_databases() {
	alone 16M sqlite_load --processes 3 --rows 30000 --rounds 1 \
		--db "$disk.db" >"$disk.1" || return
	cat "$disk.1"
	! grep -q "asked 0 times" "$disk.1"
}

# Who has done his work keeps only what nobody wants: the other one, who comes
# when the first has most of the budget, gets it.
idle_database() {
	echo 16M >$parameters/budget || return
	"$here/sqlite_load" --rows 30000 --rounds 1 --idle-ms 30000 \
		--db "$disk.idle" >"$disk.1" &
	idler=$!
	for _ in $(seq 120); do
		! grep -q "^idle with" "$disk.1" || break
		sleep 0.5
	done
	grep -qE "^idle with (12|16) MiB" "$disk.1" || return
	"$here/sqlite_load" --rows 30000 --rounds 1 --db "$disk.busy" \
		>"$disk.2" || return
	wait $idler || return
	cat "$disk.1" "$disk.2"
	grep -q "had [0-4] MiB left after being idle" "$disk.1" && nothing_left
}

# Not a test of speed, but it shows what both take with the same memory.
same_memory() {
	for cache in builtin regalloc; do
		echo "cache $cache"
		alone 16M sqlite_load --cache $cache --cache-bytes 8388608 \
			--rows 30000 --rounds 1 --db "$disk.db" || return
	done
}

modprobe ext4 2>/dev/null
if ! mount -t ext4 -o ro /dev/vda "$disk"; then
	echo "1..0 # SKIP no disk with data"
	exit 4
fi
echo "TAP version 13"
check "example" "$here/example"
check "wave" alone 64M wave --count 512 --waves 2 --hold 10
check "pagecache alone" alone 16M pagecache --passes 2 "$disk/data"
check "three page caches" three
check "SQLite with its own cache and with slices" same_memory
check "three SQLite programs" three_databases
check "an idle SQLite program" idle_database
umount "$disk"
rm -f "$disk".*
rmdir "$disk"
echo 3G >$parameters/budget
echo "1..$nr"
[ "$failed" -eq 0 ]
