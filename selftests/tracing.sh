#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The commands of Documentation/tracing.rst: each event appears with its fields,
# and the histograms count what happened. The wave program lies beside this
# script.

here=$(cd "$(dirname "$0")" && pwd)
parameters=/sys/module/regalloc/parameters
tracing=/sys/kernel/tracing
events=$tracing/events/regalloc
synthetic=$tracing/events/synthetic/regalloc_answer
out=$(mktemp)
nr=0
failed=0

# shown COMMAND: keeps what it prints, for has(), and prints it.
shown() {
	"$@" >"$out"
	sed 's/^/# /' "$out"
}

# result NAME COMMAND...
result() {
	name=$1
	nr=$((nr + 1))
	shift
	if "$@"; then
		echo "ok $nr $name"
	else
		echo "not ok $nr $name"
		failed=$((failed + 1))
	fi
}

# has NAME PATTERN: whether a line of what was shown is like this.
has() {
	result "$1" grep -qE "$2" "$out"
}

# one NAME: whether it is one line.
one() {
	result "$1" [ "$(wc -l <"$out")" -eq 1 ]
}

# One client wants more than the budget; 64 slices of 64 KiB are a region.
too_much() {
	"$here/wave" --count 320 --waves 1 --hold 0 --rest 0 >/dev/null 2>&1
}

# holds PID BYTES: whether so much is charged to the program
holds() {
	grep -qs "^regalloc-charged:.$2\$" "/proc/$1"/fdinfo/*
}

# hold COUNT MIB: starts a wave that holds so many slices until it is killed; returns
# when it has the regions for them, of so many MiB. Sets holder.
hold() {
	"$here/wave" --count "$1" --waves 1 --hold 600000 --rest 0 >/dev/null &
	holder=$!
	while kill -0 "$holder" && ! holds "$holder" $(($2 << 20)); do
		sleep 0.1
	done
}

let_go() {
	kill "$holder"
	wait
}

# One holds most of the budget, while another one wants it, and gives it back.
two_waves() {
	hold 192 12
	too_much
	let_go
}

# ---- single events
log() {
	echo "regalloc:*" >$tracing/set_event
	echo >$tracing/trace
	two_waves
	grep -v '^#' $tracing/trace
	echo >$tracing/set_event
}

# ---- some of them
some() {
	echo 'slice_bytes == 65536' >$events/regalloc_alloc_failure/filter
	echo 1 >$events/regalloc_alloc_failure/enable
	echo >$tracing/trace
	two_waves
	grep -v '^#' $tracing/trace
	echo 0 >$events/regalloc_alloc_failure/enable
	echo 0 >$events/regalloc_alloc_failure/filter
}

# ---- who opens regions, and of which size
opens() {
	echo 'hist:keys=client,slice_bytes:vals=nr_chunks' \
		>$events/regalloc_region_open/trigger
	two_waves
	grep '^{' $events/regalloc_region_open/hist
	echo '!hist:keys=client,slice_bytes:vals=nr_chunks' \
		>$events/regalloc_region_open/trigger
}

# ---- who fails, and who is asked for how much
failures() {
	echo 'hist:keys=client,slice_bytes' \
		>$events/regalloc_alloc_failure/trigger
	echo 'hist:keys=client:vals=bytes' >$events/regalloc_pressure/trigger
	two_waves
	grep -h '^{' $events/regalloc_alloc_failure/hist \
		$events/regalloc_pressure/hist
	echo '!hist:keys=client:vals=bytes' >$events/regalloc_pressure/trigger
	echo '!hist:keys=client,slice_bytes' \
		>$events/regalloc_alloc_failure/trigger
}

# ---- from being asked to the first region that goes back
answers() {
	asked='hist:keys=client:asked=common_timestamp.usecs'
	# shellcheck disable=SC2016 # a variable of the histogram
	closed='hist:keys=client:took=common_timestamp.usecs-$asked'
	closed=$closed:onmatch\(regalloc.regalloc_pressure\)
	closed=$closed.regalloc_answer\(client,\$took\)
	told='hist:keys=client,usecs.log2'
	echo 'regalloc_answer u64 client; u64 usecs' \
		>>$tracing/synthetic_events
	echo "$asked" >$events/regalloc_pressure/trigger
	echo "$closed" >$events/regalloc_region_close/trigger
	echo "$told" >$synthetic/trigger
	two_waves
	grep '^{' $synthetic/hist
	echo "!$told" >$synthetic/trigger
	echo "!$closed" >$events/regalloc_region_close/trigger
	echo "!$asked" >$events/regalloc_pressure/trigger
	echo '!regalloc_answer' >>$tracing/synthetic_events
}

# ---- whose number it is
who() {
	hold 128 8
	client=$(sed -n 's/^regalloc-client:\t//p' "/proc/$holder"/fdinfo/*)
	grep -ls "^regalloc-client:.$client\$" /proc/[0-9]*/fdinfo/* |
		while read -r file; do
			cat "${file%/fdinfo/*}/comm" "$file"
		done
	let_go
}

echo "TAP version 13"
if [ ! -d $events ]; then
	echo "1..0 # SKIP no tracepoints"
	exit 4
fi
old_budget=$(cat $parameters/budget)
old_decay=$(cat $parameters/decay_ms)
echo 16M >$parameters/budget
echo 100 >$parameters/decay_ms

shown log
named='client=[0-9]+ slice_bytes=65536'
has "region_open" "regalloc_region_open: $named slot=0 chunks=[0-9]+$"
has "region_close" "regalloc_region_close: $named slot=0$"
has "alloc_failure" "regalloc_alloc_failure: $named error=-12$"
has "pressure" "regalloc_pressure: client=[0-9]+ bytes=65536$"
shown some
has "failure of a class" "regalloc_alloc_failure: $named error=-12$"
one "no other event"
shown who
has "process of a client" "^wave$"
has "fdinfo" "^regalloc-charged:.8388608$"

if [ -e $events/regalloc_region_open/hist ]; then
	shown opens
	has "opens by client" "slice_bytes: +65536 } hitcount: +3 "
	shown failures
	has "failures by class" "slice_bytes: +65536 } hitcount: +1 *$"
	has "pressure by client" "} hitcount: +1 +bytes: +65536"
	shown answers
	has "time to answer" "usecs: ~ 2\^[0-9]+ *} hitcount: +1"
else
	for name in "opens by client" "failures by class" \
		"pressure by client" "time to answer"; do
		nr=$((nr + 1))
		echo "ok $nr $name # SKIP no histograms in this kernel"
	done
fi

echo "$old_budget" >$parameters/budget
echo "$old_decay" >$parameters/decay_ms
rm -f "$out"
echo "1..$nr"
[ "$failed" -eq 0 ]
