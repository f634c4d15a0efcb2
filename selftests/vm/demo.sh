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
# shellcheck source=selftests/vm/progress.sh
. "$here/progress.sh"

heading() {
	printf '\n==== %s\n' "$1"
	fmt -w 79
	echo
}

kernel_is_cached() {
	compgen -G "$cache/linux-$version.*[0-9]" >/dev/null
}

introduce() {
	local fetched="That kernel is in $cache already."
	kernel_is_cached ||
		fetched="That kernel and its headers are downloaded, 50 MB, to $cache."
	heading "regalloc: one memory budget for all programs of a machine" <<-END
	This starts a virtual machine with Debian's kernel $version, loads the module
	there and runs programs that use it. The kernel of this machine stays as it is:
	nothing is loaded into it or installed for it.

	$fetched Debian packages that are missing here (a compiler, QEMU, gnuplot
	and others) are installed with apt; that is 120 MB at most.

	Without KVM it takes two to five minutes after that, with KVM less.
	END
}

# step runs the functions below without set -e: each command has to say what
# happens if it fails.

# Programs that are there from before may be linked otherwise.
build_programs() {
	local program
	rm -f "$out"/userlib/{example,wave,pagecache}
	make -C "$top/userlib" BUILD="$out/userlib" examples || return
	rm -rf "$out/payload"
	mkdir -p "$out/payload/lib" || return
	cp "$here/demo-guest.sh" "$out/payload/" || return
	for program in example wave pagecache; do
		strip -o "$out/payload/$program" "$out/userlib/$program" ||
			return
	done
	needed_by "$out"/payload/{example,wave,pagecache} |
		xargs cp -L -t "$out/payload/lib"
}

# Real files: a kernel, its modules and headers, and a part of these.
build_disk() {
	rm -rf "$out/files" "$out/disk"
	mkdir "$out/files" &&
	cp "$VMLINUZ" "$out/files/" &&
	tar -C "${VMLINUZ%/boot/*}" -cf "$out/files/lib-and-usr.tar" lib usr &&
	head -c 48M "$out/files/lib-and-usr.tar" >"$out/files/part" &&
	truncate -s 1G "$out/disk" &&
	mke2fs -q -F -t ext4 -O ^has_journal -d "$out/files" "$out/disk" &&
	rm -rf "$out/files"
}

prepare() {
	local settings
	"$here/deps.sh" demo
	mkdir -p "$out"
	rm -f "$out"/*.csv "$out"/*.svg "$out"/*.log "$out/out"
	echo "asking apt for the newest kernel $version"
	settings=$("$vm" kernel "$version")
	eval "$settings"
	ko=$("$vm" build "$version")
	step "$out/programs.log" "building the example programs" \
		build_programs || die "the example programs do not build"
	step "$out/disk.log" "making a disk with files" build_disk ||
		die "the disk cannot be made"
}

first_line() {
	IFS= read -r line <&3 && return
	echo "the virtual machine ended without a word"
	return 1
}

# Shows what the guest prints, and until then that it boots.
show_guest() {
	local line=
	exec 3<&0
	step "$out/boot.log" "booting the virtual machine" first_line || return
	printf '%s\n' "$line"
	cat <&3
}

run_guest() {
	"$vm" boot --kernel "$version" --module "$ko" --mem 3072 \
		--payload "$out/payload" --disk "$out/disk" --out "$out/out" \
		--log "$out/console.log" --timeout 3600 -- \
		sh /payload/demo-guest.sh | show_guest
}

# The records of the guest, a file each, and what must be true of them: the waves'
# memory came back after each wave, and the budget was kept.
check_records() {
	local record
	for record in wave share event; do
		tr -d '\r' <"$out/out" | sed -n "s/^$record,//p" \
			>"$out/$record.csv"
	done
	for record in wave share; do
		[ "$(wc -l <"$out/$record.csv")" -gt 20 ] ||
			die "FAILED: no record of the $record"
	done
	[ "$(wc -l <"$out/event.csv")" -eq 4 ] ||
		die "FAILED: no record of the events"
	awk -F, '
		NR == 1 { next }
		$3 > 0 { full = 1 }
		$2 == 0 && full { full = 0; returns++ }
		END { exit full || returns != 3 }
	' "$out/wave.csv" ||
		die "FAILED: charged did not return to 0 after each wave"
	awk -F, '$5 > $6 { exit 1 }' "$out/share.csv" ||
		die "FAILED: more was charged than the budget"
}

# settings TERMINAL TITLE: what both charts have. A grid of characters hides lines.
settings() {
	cat <<-END
	set terminal $1
	set title "$2"
	set datafile separator ","
	set format x "%g s"
	set ylabel "MiB"
	set key outside bottom center horizontal width 1
	$([[ $1 == dumb* ]] || echo set grid)
	END
}

# draw_waves TERMINAL
draw_waves() {
	gnuplot <<-END
		$(settings "$1" "Three waves of 512 MiB, and their memory returns")
		set yrange [0:*]
		plot "$out/wave.csv" using 1:(\$2/1048576) with lines linewidth 2 \
			title "charged", \
			"" using 1:(\$3/1048576) with lines linewidth 2 title "live"
	END
}

# Marks at the moments when something happened, with a label above the budget, where
# the chart is empty; each is lower than the one before, for the text of that. Nothing
# can be seen of the first event, the start. Lines of characters are drawn too long.
# marks TERMINAL
marks() {
	local apart=1 shorter=0
	[[ $1 != dumb* ]] || apart=2 shorter=5
	awk -F, -v apart=$apart -v shorter=$shorter 'NR > 1 {
		x = $1 / 10
		y = 108 - 9 * NR
		printf "set arrow from %s,0 to %s,%s nohead dashtype 2 front\n", x, x, y - shorter
		printf "set label \"%s\" at %s,%s offset %d,0 front\n", $2, x, y, apart
	}' "$out/event.csv"
}

# draw_shares TERMINAL STYLE: who held what, one on top of the other.
draw_shares() {
	gnuplot <<-END
		$(settings "$1" "Three page caches share a budget of 64 MiB")
		$(marks "$1")
		set yrange [0:96]
		f = "$out/share.csv"
		m = 1048576.0
		plot f using (\$1/10):((\$2+\$3+\$4)/m) with $2 title "C", \
			f using (\$1/10):((\$2+\$3)/m) with $2 title "B", \
			f using (\$1/10):(\$2/m) with $2 title "A", \
			f using (\$1/10):(\$6/m) with lines title "budget"
	END
}

# A chart as text, without the form feed, empty lines and spaces around it.
as_text() {
	"$1" "dumb 79 24" "${@:2}" | tr -d '\f' | sed 's/ *$//' | sed '/./,$!d' | cat -s
}

show_charts() {
	local picture="svg size 800,400 background 'white'"
	heading "6. The waves" <<-END
	live: slices in use. charged: the memory taken from the machine for them, in
	regions of 4 MiB. It grows with the use, and drops to 0 after each wave.
	END
	as_text draw_waves
	draw_waves "$picture" >"$out/wave.svg"

	heading "7. The three caches, one on top of the other" <<-END
	A and B share the budget. C comes and gets its part. A is killed, and B and C
	get its memory. B ends, and C takes the 48 MiB that it can use, and no more.
	END
	as_text draw_shares lines
	draw_shares "$picture" "filledcurves x1" >"$out/share.svg"
	echo "Both as pictures: ${out#"$top/"}/wave.svg and share.svg"
}

introduce
prepare
run_guest ||
	die "FAILED in the virtual machine; its console: ${out#"$top/"}/console.log"
check_records
show_charts
heading "demo: SUCCESS" <<-END
	Every slice kept its bytes, all memory was returned, every file came through the
	page cache unchanged, and the budget was never exceeded.
END
