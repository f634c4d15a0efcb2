#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The small example programs and the page cache, under a budget that is too small for
# what they want: alone, and several at once.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/examples_lib.sh
. "$here/examples_lib.sh"
tracing=/sys/kernel/tracing

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

begin
check "example" "$here/example"
check "wave" alone 64M wave --count 512 --waves 2 --hold 10
check "pagecache alone" alone 16M pagecache --passes 2 "$disk/data"
check "three page caches" three
end
