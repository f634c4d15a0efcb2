#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows the module at work in a virtual machine:
#
#	demo.sh [VERSION]	default 6.12; see vm.sh list
#
# Needs no privilege once its packages are installed. What it makes goes to
# build/demo, the chart to build/demo/wave.svg. Succeeds only if every part did.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/demo
vm=$here/vm.sh
version=${1:-6.12}
PATH=$PATH:/usr/sbin:/sbin

die() {
	echo "demo.sh: $*" >&2
	exit 1
}

heading() {
	printf '\n==== %s\n' "$1"
	fold -s -w 79
	echo
}

build_programs() {
	if ! make -C "$top/userlib" BUILD="$out/userlib" LDFLAGS=-static \
		examples >"$out/make.log" 2>&1; then
		cat "$out/make.log" >&2
		die "the examples do not build"
	fi
	rm -rf "$out/payload"
	mkdir "$out/payload"
	cp "$here/demo-guest.sh" "$out/payload/"
	for program in example wave pagecache; do
		strip -o "$out/payload/$program" "$out/userlib/$program"
	done
}

# Real files: a Debian package, a kernel, and its modules and headers.
build_disk() {
	local source
	source=$("$vm" source)
	eval "$("$vm" kernel "$version")"
	rm -rf "$out/files" "$out/disk"
	mkdir "$out/files"
	cp "$source/linux-source.deb" "$VMLINUZ" "$out/files/"
	tar -C "${VMLINUZ%/boot/*}" -cf "$out/files/lib-and-usr.tar" lib usr
	truncate -s 400M "$out/disk"
	mke2fs -q -F -t ext4 -O ^has_journal -d "$out/files" "$out/disk"
	du -sh --apparent-size "$out/files" | cut -f 1
	rm -rf "$out/files"
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
size=$(build_disk)
echo "module built, programs built, disk with $size of real files made; booting"

rm -f "$out/wave.csv" "$out/out"
"$vm" boot --kernel "$version" --module "$ko" --mem 3072 \
	--payload "$out/payload" --disk "$out/disk" --out "$out/out" \
	--log "$out/log" --timeout 300 -- sh /payload/demo-guest.sh ||
	die "FAILED in the guest; its console is in ${out#"$top/"}/log"

tr -d '\r' <"$out/out" >"$out/wave.csv"
[ "$(wc -l <"$out/wave.csv")" -gt 20 ] || die "FAILED: no record of the wave"

heading "5. The waves, drawn from the counters in sysfs" <<-END
	live: slices in use. charged: memory taken from the machine for them, in
	regions of 4 MiB. It grows with the use, and goes back by itself, one second
	after the last slice of a region was released.
END
draw "dumb 79 24" | tr -d '\f'
draw "svg size 800,400 background 'white'" >"$out/wave.svg"
echo "the same as a picture: ${out#"$top/"}/wave.svg"

heading "demo: SUCCESS" <<-END
	Every slice kept its bytes, everything was given back, every file came through
	the page cache unchanged, and the budget was never exceeded.
END
