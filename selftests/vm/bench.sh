#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares regalloc with its peers, all in one virtual machine and one run:
#
#	bench.sh [VERSION]	default 6.12, which has the dma-buf system heap
#
# What needs no module, pairs of allocate and release, is measured on this machine,
# too: there it is a processor that executes them, and no emulator.
#
# Prints tables, and leaves in build/bench the rows (results.csv), the tables
# (results.txt) and plots (*.svg). ROUNDS=N repeats more or less often than 3
# times.
#
# NATIVE=1 measures this machine instead, where the module must have been loaded
# on purpose, as root; results are in build/bench-native. It changes decay_ms
# for a while, and its budget decides how many regions can be opened.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
vm=$here/vm.sh
version=${1:-6.12}
native=${NATIVE:-0}
[ "$native" = 0 ] && out=$top/build/bench || out=$top/build/bench-native
mallocs=(jemalloc mimalloc tcmalloc_minimal)

# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/vm/progress.sh
. "$here/progress.sh"

# The path of lib$1 of whatever version, as the loader knows it.
library() {
	ldconfig -p |
		awk -v name="lib$1.so." 'index($1, name) == 1 && !path &&
				substr($1, length(name) + 1) ~ /^[0-9]+$/ { path = $NF }
			END { print path; exit !path }'
}

# version FILE: what Debian calls that of its package, without Debian's part.
version() {
	local package
	package=$(dpkg-query -S "*/${1##*/}" | sed 's/:.*//;q')
	dpkg-query -W -f '${source:Upstream-Version}\n' "$package" | head -n 1
}

# The guest has no library at all, so the programs bring theirs.
build_payload() {
	local lib=$out/payload/lib bin=$out/userlib/bench malloc name path
	step "$out/make.log" "building the programs" \
		make -C "$top/userlib" BUILD="$out/userlib" bench ||
		die "the programs do not build"
	rm -rf "$out/payload"
	mkdir -p "$lib"
	echo "# glibc: $(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2)" >>"$out/rows"
	for malloc in "${mallocs[@]}"; do
		path=$(library "$malloc") || die "no lib$malloc"
		name=${malloc%_minimal}
		cp -L "$path" "$lib/$name.so"
		echo "# $name: $(version "$path")" >>"$out/rows"
	done
	needed_by "$bin/bench" "$bin/nosyscall" "$lib"/* |
		xargs cp -L -t "$lib"
	cp "$bin/bench" "$bin/nosyscall" "$bin/libregalloc-model.so" \
		"$here/bench-guest.sh" "$out/payload/"
}

# LD_LIBRARY_PATH does not help to find the loader. The machine is to have had all
# its memory from its host before anything is measured.
guest_command() {
	cat <<-END
	mkdir -p /lib64
	cp /payload/lib/ld-linux-x86-64.so.2 /lib64/
	free=\$(awk '/^MemFree/ { print \$2 - 204800 }' /proc/meminfo)
	LD_LIBRARY_PATH=/payload/lib /payload/bench warm none \
		--total "\${free}000" || exit 1
	insmod /regalloc.ko budget=3G || exit 1
	ROUNDS=${ROUNDS:-3} sh /payload/bench-guest.sh /payload /dev/ttyS1
	END
}

# Rows are rows, even if some runs did not succeed.
measure_guest() {
	local ko status=0
	ko=$("$vm" build "$version") || return
	"$vm" boot --kernel "$version" --module "$ko" --mem 4096 \
		--payload "$out/payload" --out "$out/guest-rows" \
		--log "$out/log" --timeout 1800 -- "$(guest_command)" || status=$?
	tr -d '\r' <"$out/guest-rows" >>"$out/rows"
	rm "$out/guest-rows"
	return $status
}

measure_native() {
	sh "$here/bench-guest.sh" "$out/payload" "$out/rows"
}

measure_host_pairs() {
	sh "$here/bench-guest.sh" "$out/payload" "$out/rows" hostpair
}

# What has not been measured is not in the rows, and so not in the plots.
plots() {
	local name
	for name in hostpair pair wave-returned wave-warm held; do
		[ ! -s "$out/$name.dat" ] || bars "$name"
	done
	[ ! -s "$out/regions.dat" ] || regions
}

title() {
	case $1 in
	hostpair) echo "allocate + release, on the host: time / regalloc's" ;;
	pair) echo "allocate + release, in the guest: time / regalloc's" ;;
	wave-returned) echo "64 MiB taken, touched, released and returned: time / regalloc's" ;;
	wave-warm) echo "64 MiB taken, touched, released, memory kept: time / regalloc's" ;;
	held) echo "after 20 waves: memory held / live" ;;
	esac
}

# bars NAME: a cluster for each line, a bar for each column after the first.
bars() {
	local columns
	columns=$(awk '{ print NF; exit }' "$out/$1.dat")
	gnuplot <<-END
		set terminal svg size 900,450 background 'white'
		set output "$out/$1.svg"
		set title "$(title "$1")"
		set datafile missing "-"
		set style data histograms
		set style fill solid 0.8 border -1
		set logscale y
		set xtics rotate by -35
		set grid ytics
		set key outside top right
		plot for [i=2:$columns] "$out/$1.dat" \
			using i:xtic(1) title columnheader(i)
	END
}

regions() {
	local columns
	columns=$(awk '{ print NF; exit }' "$out/regions.dat")
	gnuplot <<-END
		set terminal svg size 900,450 background 'white'
		set output "$out/regions.svg"
		set title "cost against number of open regions"
		set datafile missing "-"
		set logscale xy
		set xlabel "open regions"
		set ylabel "nanoseconds"
		set yrange [10:*]
		set grid
		set key outside top right
		plot for [i=2:$columns] "$out/regions.dat" \
			using 1:i with linespoints title columnheader(i)
	END
}

if [ "$native" != 0 ]; then
	[ -c /dev/regalloc ] || die "no /dev/regalloc: this measures the" \
		"machine that it runs on, and only if the module was loaded" \
		"on purpose (insmod regalloc.ko budget=...); without NATIVE=1" \
		"a virtual machine is used"
	for file in /dev/regalloc /sys/module/regalloc/parameters/decay_ms; do
		[ -w $file ] || die "no permission to write to $file"
	done
fi
"$here/deps.sh" bench
mkdir -p "$out"
rm -f "$out"/rows "$out"/results.* "$out"/*.dat "$out"/*.svg
build_payload
status=0
echo "load of this machine before: $(cat /proc/loadavg), on $(nproc) processors"
# Before and after, so that a busy hour elsewhere does not hit all of them.
measure_host_pairs || status=$?
if [ "$native" = 0 ]; then
	measure_guest || status=$?
else
	measure_native || status=$?
fi
measure_host_pairs || status=$?
grep -q '^pair,' "$out/rows" || die "FAILED: no results"
{
	echo workload,class_bytes,allocator,threads,metric,value
	cat "$out/rows"
} >"$out/results.csv"
rm "$out/rows"
"$top/userlib/bench/figures.sh" report "$out/results.csv" "$out" |
	tee "$out/results.txt"
plots
echo
echo "rows, tables and plots: ${out#"$top/"}/results.csv, results.txt, *.svg"
[ "$status" -eq 0 ] || die "FAILED: some runs did not succeed, see above"
