#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows the module at work in a virtual machine:
#
#	demo.sh [VERSION]	default 6.12; see vm.sh list
#
# Needs no privilege once its packages are installed. What it makes goes to
# build/demo, the charts to build/demo/*.svg. Succeeds only if every part did.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/demo
vm=$here/vm.sh
version=${1:-6.12}

# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"

heading() {
	printf '\n==== %s\n' "$1"
	fold -s -w 79
	echo
}

# Programs that are there from before may be linked otherwise.
build_programs() {
	rm -rf "$out"/userlib/{example,wave,pagecache} "$out/payload"
	if ! make -C "$top/userlib" BUILD="$out/userlib" \
		examples >"$out/make.log" 2>&1; then
		cat "$out/make.log" >&2
		die "the examples do not build"
	fi
	mkdir -p "$out/payload/lib"
	cp "$here/demo-guest.sh" "$out/payload/"
	for program in example wave pagecache; do
		strip -o "$out/payload/$program" "$out/userlib/$program"
	done
	needed_by "$out"/payload/{example,wave,pagecache} |
		xargs cp -L -t "$out/payload/lib"
}

# Real files: a kernel, its modules and headers, and a part of these.
build_disk() {
	local settings
	settings=$("$vm" kernel "$version")
	eval "$settings"
	rm -rf "$out/files" "$out/disk"
	mkdir "$out/files"
	cp "$VMLINUZ" "$out/files/"
	tar -C "${VMLINUZ%/boot/*}" -cf "$out/files/lib-and-usr.tar" lib usr
	head -c 48M "$out/files/lib-and-usr.tar" >"$out/files/part"
	truncate -s 1G "$out/disk"
	mke2fs -q -F -t ext4 -O ^has_journal -d "$out/files" "$out/disk"
	rm -rf "$out/files"
}

# draw_shares TERMINAL: who held what, one on top of the other.
draw_shares() {
	gnuplot <<-END
		set terminal $1
		set datafile separator ","
		set xlabel "seconds"
		set ylabel "MiB"
		set yrange [0:75]
		set key outside top center horizontal
		set grid
		f = "$out/share.csv"
		m = 1048576.0
		plot f using (\$1/10):((\$2+\$3+\$4)/m) with $2 title "C", \
			f using (\$1/10):((\$2+\$3)/m) with $2 title "B", \
			f using (\$1/10):(\$2/m) with $2 title "A", \
			f using (\$1/10):(\$6/m) with lines title "budget"
	END
}

# draw TERMINAL: the chart of the waves, on standard output.
draw() {
	gnuplot <<-END
		set terminal $1
		set datafile separator ","
		set xlabel "seconds"
		set ylabel "MiB"
		set yrange [0:*]
		set key outside top center horizontal
		set grid
		plot "$out/wave.csv" using 1:(\$2/1048576) with lines \
			title "charged", \
			"" using 1:(\$3/1048576) with lines title "live"
	END
}

"$here/deps.sh" demo
mkdir -p "$out"
heading "regalloc: slices of memory under one budget for the machine" <<-END
	A virtual machine with Debian's kernel $version is made ready. In it, the
	module gets a budget of 1 GiB, which all programs together may hold.
END
ko=$("$vm" build "$version")
build_programs
build_disk
echo "module built, programs built, disk made; booting"

rm -f "$out"/*.csv "$out/out"
"$vm" boot --kernel "$version" --module "$ko" --mem 3072 \
	--payload "$out/payload" --disk "$out/disk" --out "$out/out" \
	--log "$out/log" --timeout 500 -- sh /payload/demo-guest.sh ||
	die "FAILED in the guest; its console is in ${out#"$top/"}/log"

for record in wave share; do
	tr -d '\r' <"$out/out" | sed -n "s/^$record,//p" >"$out/$record.csv"
	[ "$(wc -l <"$out/$record.csv")" -gt 20 ] ||
		die "FAILED: no record of the $record"
done
awk -F, '$5 > $6 { exit 1 }' "$out/share.csv" || die "FAILED: over the budget"

heading "6. The waves, drawn from the counters in sysfs" <<-END
	live: slices in use. charged: memory taken from the machine for them, in
	regions of 4 MiB. It grows with the use, and goes back by itself, one second
	after the last slice of a region was released.
END
draw "dumb 79 24" | tr -d '\f'
draw "svg size 800,400 background 'white'" >"$out/wave.svg"
echo "the same as a picture: ${out#"$top/"}/wave.svg"

heading "7. The three caches, one on top of the other" <<-END
	A and B share the budget; C comes and gets its part; A is killed, and what it
	had goes to the others.
END
draw_shares "dumb 79 24" lines | tr -d '\f'
draw_shares "svg size 800,400 background 'white'" "filledcurves x1" \
	>"$out/share.svg"
echo "the same as a picture: ${out#"$top/"}/share.svg"

heading "demo: SUCCESS" <<-END
	Every slice kept its bytes, everything was given back, every file came through
	the page cache unchanged, and the budget was never exceeded.
END
