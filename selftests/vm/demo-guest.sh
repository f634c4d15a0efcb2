#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of demo.sh that runs in the guest, with busybox. Writes records to
# /dev/ttyS1: lines that begin with "wave,", "share," or "event,".
#
# It waits for events. The limits on the waiting are for a guest that hangs; a slow
# machine does not reach them.

sysfs=/sys/class/misc/regalloc
budget=/sys/module/regalloc/parameters/budget
count=8192
size=65536
waves=3
limit=600 # seconds

fail() {
	echo "demo: FAILED: $*"
	exit 1
}

heading() {
	printf '\n==== %s\n' "$1"
	cat
	echo
}

# through_pipe COMMAND...: a console is a terminal, on which programs draw progress
# bars; a pipe gets lines.
through_pipe() {
	{
		status=0
		"$@" 2>&1 || status=$?
		echo $status >/tmp/status
	} | cat
	read -r status </tmp/status
	return "$status"
}

# Each value of the module, one a line. Quick, for it has to catch a moment.
tree() {
	for file in "$sysfs"/*_* "$sysfs"/*/nr_*; do
		[ -f "$file" ] || continue
		read -r value <"$file" && echo "${file#"$sysfs/"} $value"
	done
}

value() {
	read -r value <"$sysfs/$1" && echo "$value"
}

wave_is_full() {
	[ "$(value live_bytes)" -eq $((count * size)) ]
}

# Reads all values while a wave holds all its slices, from start to end.
catch_wave() {
	until [ -e /tmp/waves-over ]; do
		if wave_is_full && tree >/tmp/during && wave_is_full; then
			return 0
		fi
		sleep 0.1
	done
	return 1
}

wait_for_zero() {
	for _ in $(seq $((limit * 10))); do
		[ "$(value charged_bytes)" -ne 0 ] || return 0
		sleep 0.1
	done
	fail "$(value charged_bytes) bytes are still charged"
}

# The values that were not the same all the time.
table() {
	awk '
		FNR == 1 { n++ }
		{ name[FNR] = $1; value[n, FNR] = $2 }
		END {
			row = "%-31s %15s %15s %15s\n"
			printf row, "", "before", "during", "after"
			for (i = 1; i <= FNR; i++)
				if (value[1, i] != value[2, i] ||
				    value[2, i] != value[3, i])
					printf row, name[i], value[1, i],
						value[2, i], value[3, i]
		}' /tmp/before /tmp/during /tmp/after
}

# Sets now: tenths of seconds since the start.
start=0
get_now() {
	read -r up _ </proc/uptime
	now=${up%.*}${up#*.}
	now=$((${now%?} - start))
}

# ---- the three caches ------------------------------------------------------

# get_charged PID...: sets charged, the bytes that these processes hold together, and
# clients: those that have the device open. No process is started here and in record(),
# for that takes long.
get_charged() {
	charged=0 clients=0
	for pid; do
		for info in /proc/"$pid"/fdinfo/*; do
			[ -e "$info" ] || continue
			while read -r key value; do
				[ "$key" = regalloc-charged: ] || continue
				charged=$((charged + value))
				clients=$((clients + 1))
			done <"$info" 2>/dev/null
		done
	done
}

mib() {
	get_charged "$1"
	echo $((charged >> 20))
}

# Who holds what, and what all hold together. They are read one after the other;
# if memory has moved meanwhile, they do not add up, and say nothing.
record() {
	while :; do
		[ -n "$c" ] || [ ! -f /tmp/newcomer ] || read -r c </tmp/newcomer
		get_charged "$a"; of_a=$charged
		get_charged "$b"; of_b=$charged
		get_charged "${c:-0}"; of_c=$charged
		read -r all <$sysfs/charged_bytes
		[ $((of_a + of_b + of_c)) -eq "$all" ] || continue
		read -r most <$sysfs/budget_bytes
		get_now
		echo "$now,$of_a,$of_b,$of_c,$all,$most"
		sleep 0.2
	done >/tmp/share.csv
}

# shares [TEXT]: a line of the table of who holds what.
shares() {
	get_now
	shown=$now
	printf '%5d s %6d %6d %6d%s\n' $((now / 10)) \
		"$(mib "$a")" "$(mib "$b")" "$(mib "${c:-0}")" "${1:+   $1}"
}

event() {
	get_now
	echo "$now,$1" >>/tmp/events.csv
	shares "$@"
}

# until_holds BYTES PID...: these hold as much together, or more.
until_holds() {
	get_now
	wanted=$1 deadline=$((now + limit * 10))
	shift
	while get_charged "$@" && [ "$charged" -lt "$wanted" ]; do
		get_now
		[ "$now" -lt $deadline ] ||
			fail "$charged bytes are held, $wanted expected"
		[ $((now - shown)) -lt 50 ] || shares
		sleep 0.2
	done
}

start_cache() {
	/payload/pagecache --name "$1: " --threads 2 --seconds 86400 part \
		>"/tmp/cache-$1.out" 2>&1 &
	pid=$!
}

# until_begun NAMES PID...: these have done their ordinary reads.
until_begun() {
	printf '        (%s: ordinary read' "$1"
	shift
	turns=0
	while get_charged "$@" && [ "$clients" -lt $# ]; do
		for pid; do
			[ -d "/proc/$pid" ] || fail "a cache has ended"
		done
		turns=$((turns + 1))
		[ $((turns % 5)) -ne 0 ] || printf .
		sleep 0.2
	done
	echo ')'
}

end_cache() {
	kill -TERM "$2" && wait "$2" && return
	cat "/tmp/cache-$1.out"
	fail "cache $1"
}

# It sleeps where the chart is to show something for some seconds.
three_caches() {
	c=
	printf '%7s %6s %6s %6s   (MiB)\n' '' A B C
	start_cache A && a=$pid
	start_cache B && b=$pid
	until_begun "A and B" "$a" "$b"
	get_now
	start=$now
	event "A and B begin"
	record &
	recorder=$!
	until_holds $((60 << 20)) "$a" "$b"
	sleep 3
	start_cache C && c=$pid
	echo "$c" >/tmp/newcomer
	until_begun C "$c"
	event "C comes"
	until_holds $((16 << 20)) "$c"
	sleep 3
	event "A is killed"
	kill -9 "$a"
	until_holds $((60 << 20)) "$b" "$c"
	sleep 3
	event "B ends"
	end_cache B "$b"
	until_holds $((48 << 20)) "$c"
	sleep 3
	shares "C has what it can use"
	end_cache C "$c"
	kill $recorder
}

# ---- the parts of the demo -------------------------------------------------

one_slice() {
	heading "1. One slice" <<-END
	The program in the README: it allocates a slice, writes to it and releases it.
	END
	insmod /regalloc.ko budget=1G || fail "insmod"
	/payload/example || fail "example"
	wait_for_zero
}

waves() {
	heading "2. Transactions that come in waves" <<-END
	Each wave allocates $count slices of 64 KiB, 512 MiB together, and writes to
	every page. It holds them, checks what it wrote and releases all. About two
	seconds later the module returns the memory to the machine.
	END
	tree >/tmp/before
	catch_wave &
	catcher=$!
	through_pipe /payload/wave --count $count --size $size --waves $waves \
		--hold 1000 --return $((limit * 1000)) --rest 1000 \
		--csv /tmp/wave.csv || fail "wave"
	touch /tmp/waves-over
	wait $catcher || fail "no wave was seen while it held its slices"
	wait_for_zero
	tree >/tmp/after
	sed 's/^/wave,/' /tmp/wave.csv >/dev/ttyS1

	heading "3. The module's counters, in $sysfs" <<-END
	Those that change: before the waves, while the first one holds its slices, and
	after the last.
	END
	table
}

page_cache() {
	heading "4. A page cache for files larger than the budget" <<-END
	The budget is lowered to 64 MiB while the module is in use. A page cache in
	slices reads three files with O_DIRECT, in 4 threads: each file twice from start
	to end, and 2000 blocks at random after each. When an allocation fails, it
	evicts a block. Every SHA-256 must be that of an ordinary read.
	END
	echo 64M >$budget || fail "cannot change the budget"
	modprobe ext4
	mkdir /tmp/disk
	mount -t ext4 -o ro /dev/vda /tmp/disk || fail "mount"
	cd /tmp/disk || exit 1
	files="$(echo vmlinuz-*) lib-and-usr.tar part"
	# shellcheck disable=SC2086 # a list
	du -m $files | awk '{ printf "%4d MiB  %s\n", $1, $2 }'
	# shellcheck disable=SC2086
	through_pipe /payload/pagecache --passes 2 $files || fail "pagecache"
	wait_for_zero
}

sharing() {
	heading "5. Three page caches, one budget" <<-END
	The budget is 64 MiB, and each of three page caches reads 48 MiB over and over,
	after an ordinary read. A and B use up the budget. Then C comes: the module asks
	A and B for memory, they evict, and C gets its part. A is killed; B ends later.
	END
	three_caches
	echo
	grep -hE 'complete|evictions|asked|over the budget' /tmp/cache-[BC].out
	sed 's/^/share,/' /tmp/share.csv >/dev/ttyS1
	sed 's/^/event,/' /tmp/events.csv >/dev/ttyS1
	wait_for_zero
	rmmod regalloc || fail "rmmod"
	echo "All memory is back; the module is unloaded."
}

# The programs of the payload need their libraries; for the loader, that is not
# enough. The machine gets its memory from its host at the first touch, slowly,
# which is not to be seen in the waves.
prepare() {
	printf 'The guest touches its memory once (MiB):'
	mkdir -p /lib64
	cp /payload/lib/ld-linux-x86-64.so.2 /lib64/ || fail "no loader"
	export LD_LIBRARY_PATH=/payload/lib
	for part in $(seq 8); do
		dd if=/dev/zero of="/tmp/warm$part" bs=1M count=100 2>/dev/null
		printf ' %d00' "$part"
	done
	rm /tmp/warm*
	echo
}

prepare
one_slice
waves
page_cache
sharing
