#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of demo.sh that runs in the guest, with busybox. Writes the record of
# the waves to /dev/ttyS1.

sysfs=/sys/class/misc/regalloc
budget=/sys/module/regalloc/parameters/budget
count=8192
size=65536

fail() {
	echo "demo: FAILED: $*"
	exit 1
}

heading() {
	printf '\n==== %s\n' "$1"
	cat
	echo
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

# Waits for the moment at which the wave has all its slices.
catch_wave() {
	until [ "$(value live_bytes)" -eq $((count * size)) ]; do
		sleep 0.2
	done
	tree >/tmp/during
}

# The module gives its memory back by itself, after a while.
wait_for_zero() {
	for _ in $(seq 50); do # 5 seconds
		[ "$(value charged_bytes)" -ne 0 ] || return 0
		sleep 0.1
	done
	fail "$(value charged_bytes) bytes are still charged"
}

table() {
	awk '
		FNR == 1 { n++ }
		{ name[FNR] = $1; value[n, FNR] = $2 }
		END {
			row = "%-31s %15s %15s %15s\n"
			printf row, "", "before", "during", "after"
			for (i = 1; i <= FNR; i++)
				printf row, name[i], value[1, i], value[2, i],
					value[3, i]
		}' /tmp/before /tmp/during /tmp/after
}

# The machine gets its memory from its host at the first touch, slowly. That is
# not to be seen in the waves.
dd if=/dev/zero of=/tmp/warm bs=1M count=800 2>/dev/null
rm /tmp/warm

heading "1. One slice" <<END
The example of the README: open, allocate, write, release.
END
insmod /regalloc.ko budget=1G || fail "insmod"
/payload/example || fail "example"
wait_for_zero

heading "2. Transactions that come in waves" <<END
Each wave takes $count slices of 64 KiB one by one and writes to every page of
them: 512 MiB. It holds them, checks what it wrote, releases all, and rests.
END
tree >/tmp/before
catch_wave &
/payload/wave --count $count --size $size --hold 1000 --csv /tmp/wave.csv ||
	fail "wave"
wait
wait_for_zero
tree >/tmp/after
cat /tmp/wave.csv >/dev/ttyS1

heading "3. What the module told about it, in $sysfs" <<END
before the waves, during the first one while it held its slices, and after.
END
table

heading "4. A page cache over files that do not fit" <<END
The budget goes down to 64 MiB while the module is in use. A page cache reads
real files through slices with O_DIRECT, in 4 threads: each file twice from
start to end, and 2000 blocks here and there. When it is told that there is no
memory, it evicts a block. The SHA-256 must be that of an ordinary read.
END
echo 64M >$budget || fail "cannot change the budget"
echo "budget_bytes $(value budget_bytes)"
modprobe ext4
mkdir /tmp/disk
mount -t ext4 -o ro /dev/vda /tmp/disk || fail "mount"
cd /tmp/disk || exit 1
set -- linux-source.deb vmlinuz-* lib-and-usr.tar
wc -c "$@"
/payload/pagecache --passes 2 "$@" || fail "pagecache"
wait_for_zero
rmmod regalloc || fail "rmmod"
echo "all memory is back; the module is unloaded"
