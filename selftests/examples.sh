#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The example programs, which check themselves, under a budget that is too small
# for what they want: alone, and several at once. They lie beside this script;
# /dev/vda has a file system with a file "data".

here=$(cd "$(dirname "$0")" && pwd)
parameters=/sys/module/regalloc/parameters
sysfs=/sys/class/misc/regalloc
tracing=/sys/kernel/tracing
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

# within SECONDS COMMAND...: whether it succeeds by then; for what is sure to come
within() {
	tries=$(($1 * 2))
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return
		sleep 0.5
	done
}

nothing_charged() {
	[ "$(cat $sysfs/charged_bytes)" -eq 0 ]
}

# All memory goes back when no process has the device open.
nothing_left() {
	within 60 nothing_charged && return
	echo "$(cat $sysfs/charged_bytes) bytes are left"
	return 1
}

# alone BUDGET PROGRAM ARGUMENTS...
alone() {
	echo "$1" >$parameters/budget || return
	program=$2
	shift 2
	"$here/$program" "$@" && nothing_left
}

# busy PID: whether the page cache has read the file twice, once for its sum; and has
# given way when it was asked for memory: else it would not be asked once more.
busy() {
	bytes=$(sed -n 's/^rchar: //p' "/proc/$1/io")
	client=$(sed -n 's/^regalloc-client:\t//p' "/proc/$1"/fdinfo/* | head -n 1)
	[ "${bytes:-0}" -gt $((2 * 24 << 20)) ] &&
		[ "$(grep -c "regalloc_pressure: client=$client " \
			"$tracing/trace")" -ge 2 ]
}

# all_busy PID...; also true if one has ended, which fails below.
all_busy() {
	for pid; do
		kill -0 "$pid" || return 0
	done 2>/dev/null
	for pid; do
		busy "$pid" || return
	done 2>/dev/null
}

# asked_page_cache NR STATUS: whether that is well; what it said last
asked_page_cache() {
	echo "page cache $1 ended with $2:"
	tr '\r' '\n' <"$disk.$1" | tail -n 7
	[ "$2" -eq 0 ] || return
	grep -q "asked for memory [1-9]" "$disk.$1" && return
	echo "it was not asked for memory"
	return 1
}

# Three at once, each with a working set of the whole budget: none fails, and each is
# asked for memory. They read until that has happened.
three() {
	echo 24M >$parameters/budget || return
	three_failed=
	echo 1 >$tracing/events/regalloc/regalloc_pressure/enable || return
	echo >$tracing/trace
	pids=
	for i in 1 2 3; do
		"$here/pagecache" --threads 2 --seconds 600 "$disk/data" \
			>"$disk.$i" 2>&1 &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086 # a list of words
	within 300 all_busy $pids || echo "too long until all were asked"
	i=0
	for pid in $pids; do
		i=$((i + 1))
		kill -TERM "$pid" 2>/dev/null
		wait "$pid"
		asked_page_cache $i $? || three_failed=1
	done
	echo 0 >$tracing/events/regalloc/regalloc_pressure/enable
	nothing_left && [ -z "$three_failed" ]
}

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
	within 600 is_idle && grep -qE "^idle with (12|16) MiB" "$disk.1" &&
		"$here/sqlite_load" --rows 30000 --rounds 1 --db "$disk.busy" \
			>"$disk.2"
	status=$?
	# It has to find again what the other one has displaced.
	kill -USR1 "$(sed -n 's/^idle with .*, process //p' "$disk.1")"
	wait "$idler" || status=1
	cat "$disk.1" "$disk.2"
	[ $status -eq 0 ] &&
		grep -q "had [0-4] MiB left after being idle" "$disk.1" &&
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
