#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of bench.sh that runs where the module is, with any shell:
#
#	bench-guest.sh DIRECTORY RESULTS [hostpair]
#
# DIRECTORY has the programs and all the libraries that they need, RESULTS gets
# the rows, and comments that say how they came about. Rounds are the outer loop,
# so that a disturbance of some seconds does not hit all the runs of one allocator.
# ROUNDS=N in the environment changes their number.
#
# The module is loaded. hostpair is what needs no module: the library runs on the
# model of the device, so that the host can measure pairs without emulation.

dir=$1
results=$2
task=${3:-all}
params=/sys/module/regalloc/parameters
rounds=${ROUNDS:-3}
classes="4096 65536 262144"
mib=1048576
failed=0

as_they_come="glibc jemalloc mimalloc tcmalloc"
returning="glibc+trim glibc+mmap jemalloc+decay0 jemalloc+purge mimalloc+delay0
	mimalloc+collect tcmalloc+decommit tcmalloc+release"
kernel="mmap madvise memfd"
[ ! -e /dev/dma_heap/system ] || kernel="$kernel dmabuf"

decay() {
	echo "$1" >$params/decay_ms || failed=$((failed + 1))
}

# What makes an allocator's name come true: sets backend, preload, vars, options.
choose() {
	backend=malloc preload='' vars='' options=''
	case $1 in
	glibc*) ;;
	jemalloc* | mimalloc* | tcmalloc*) preload=$dir/lib/${1%%+*}.so ;;
	*) backend=${1%%+*} ;;
	esac
	case $1 in
	glibc+mmap)
		vars=GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4096
		vars=$vars:glibc.malloc.trim_threshold=0 ;;
	jemalloc+decay0)
		vars=MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0 ;;
	mimalloc+*)
		vars="MIMALLOC_DECOMMIT_DELAY=0
			MIMALLOC_SEGMENT_DECOMMIT_DELAY=0
			MIMALLOC_DECOMMIT_EXTEND_DELAY=0" ;;
	tcmalloc+decommit)
		vars=TCMALLOC_AGGRESSIVE_DECOMMIT=1 ;;
	esac
	case $task-$1 in
	hostpair-regalloc) preload=$dir/libregalloc-model.so ;;
	*+trim | *+purge | *+collect | *+release) options=--give-back ;;
	esac
}

# run WORKLOAD ALLOCATOR [OPTION...]
run() {
	workload=$1 label=$2
	shift 2
	choose "$label"
	[ "$label" != regalloc+decay0 ] || decay 0
	# shellcheck disable=SC2086 # lists of words
	env LD_LIBRARY_PATH="$dir/lib" ${preload:+"LD_PRELOAD=$preload"} $vars \
		"$dir/bench" "$workload" "$backend" --label "$label" \
		$options "$@" >>"$results" || failed=$((failed + 1))
	[ "$label" != regalloc+decay0 ] || decay 1000
}

pairs() {
	for class in $classes; do
		for label in none regalloc $as_they_come $kernel; do
			run pair "$label" --class "$class" --repeat 8
		done
		for label in none regalloc $as_they_come mmap; do
			for threads in 2 8; do
				run pair "$label" --class "$class" \
					--threads $threads --repeat 4
			done
		done
	done
}

# The loop and the table of functions are those of pairs(), and so are the mallocs.
host_pairs() {
	for class in $classes; do
		for label in none locked regalloc $as_they_come mmap; do
			run hostpair "$label" --class "$class" --repeat 30
		done
		for label in none locked regalloc $as_they_come; do
			run hostpair "$label" --class "$class" --threads 2 \
				--repeat 4
		done
	done
}

waves() {
	for class in $classes; do
		for label in regalloc regalloc+decay0 $as_they_come $returning \
			$kernel; do
			run wave "$label" --class "$class" --repeat 2
		done
	done
}

# Those that keep their memory, and nothing that would flush the TLB.
kept() {
	for class in $classes; do
		for label in regalloc $as_they_come; do
			run kept "$label" --class "$class" --repeat 4
		done
	done
}

opens() {
	run zero none --class 262144
	run open regalloc+decay0 --class 262144
}

# Caches that hold all of a smaller budget, and evict in an order of their own.
given() {
	old_budget=$(cat $params/budget)
	echo 256M >$params/budget || failed=$((failed + 1))
	for class in $classes; do
		for order in random oldest; do
			for caches in 1 8; do
				LD_LIBRARY_PATH=$dir/lib "$dir/bench" given regalloc \
					--label $order --class "$class" \
					--threads $caches >>"$results" ||
					failed=$((failed + 1))
			done
		done
	done
	echo "$old_budget" >$params/budget
}

versions() {
	for label in fifo first-fit regalloc+decay0 regalloc jemalloc mimalloc \
		jemalloc+decay0 jemalloc+purge mimalloc+delay0 mimalloc+collect; do
		run versions "$label" --total $((128 * mib))
		run burst "$label" --total $((256 * mib))
	done
}

regions() {
	for class in $classes; do
		run regions regalloc --class "$class" --repeat 8
	done
}

# The library may call the kernel once in decay_ms.
syscalls() {
	decay 60000
	for class in $classes; do
		row=syscalls,$class,regalloc,1
		n=$(LD_LIBRARY_PATH=$dir/lib "$dir/nosyscall" count "$class") &&
			echo "$row,calls,$n" >>"$results" ||
			failed=$((failed + 1))
		LD_LIBRARY_PATH=$dir/lib "$dir/nosyscall" strict "$class"
		case $? in
		0) echo "$row,survived,1" >>"$results" ;;
		1) echo "$row,survived,0" >>"$results" ;;
		*) failed=$((failed + 1)) ;;
		esac
	done
	decay 1000
}

# What kind of machine executes this.
machine() {
	if grep -q '^model name.*TCG' /proc/cpuinfo; then
		echo emulated
	elif grep -q '^flags.* hypervisor' /proc/cpuinfo; then
		echo virtual
	else
		echo real
	fi
}

# note NAME VALUE: how the rows came about; on the terminal, too.
note() {
	echo "$1: $2"
	echo "# $1: $2" >>"$results"
}

# The same for both tasks, with names of their own.
about() {
	note "$1kernel" "$(uname -r)"
	note "$1machine" "$(machine)"
	note "$1processor" \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	note "$1processors" "$(grep -c '^processor' /proc/cpuinfo)"
	note "$1clock" "$(cat \
		/sys/devices/system/clocksource/clocksource0/current_clocksource)"
}

start=$(date +%s)
said() {
	echo "$(($(date +%s) - start)) s: $*"
}

measure_pairs() {
	about "host "
	for round in $(seq "$rounds"); do
		said "round $round of $rounds: pairs on the host"
		host_pairs
	done
}

measure_all() {
	about ""
	note rounds "$rounds"
	note "huge pages" "$(cat /sys/kernel/mm/transparent_hugepage/enabled)"
	note budget "$(cat $params/budget)"
	old_decay=$(cat $params/decay_ms)
	decay 1000
	for round in $(seq "$rounds"); do
		said "round $round of $rounds: pairs"
		pairs
		said "round $round of $rounds: waves"
		waves
		kept
		opens
	done
	said "bytes evicted for bytes given"
	given
	said versions
	versions
	said "many regions"
	regions
	said "system calls"
	syscalls
	decay "$old_decay"
}

case $task in
hostpair) measure_pairs ;;
*) measure_all ;;
esac
said "done, $failed runs failed"
[ "$failed" -eq 0 ]
