#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of demo.sh that runs in the guest, with busybox. Writes records to
# /dev/ttyS1: lines that begin with "wave," or "share,".

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

# Tenths of seconds since the machine started.
now() {
	read -r up _ </proc/uptime
	echo "${up%.*}${up#*.}" | sed 's/.$//'
}

# until_holds PID BYTES
until_holds() {
	until [ "$(charged "$1")" -ge "$2" ]; do
		[ $(($(now) - start)) -lt 500 ] || fail "it does not get memory"
		sleep 0.2
	done
}

start_cache() {
	/payload/pagecache --name "$1: " --threads 2 --seconds 45 part \
		>"/tmp/cache-$1.out" 2>&1 &
	pid=$!
}

# Bytes that a process holds; it has one client.
charged() {
	bytes=0
	for info in /proc/"$1"/fdinfo/*; do
		[ -e "$info" ] || continue
		while read -r key value; do
			[ "$key" != regalloc-charged: ] || bytes=$value
		done <"$info" 2>/dev/null
	done
	echo "$bytes"
}

mib() {
	echo $(($(charged "$1") >> 20))
}

# Who holds what, and what all hold together. They are read one after the other;
# if memory has moved meanwhile, they do not add up, and say nothing.
record() {
	while :; do
		[ -n "$c" ] || [ ! -f /tmp/newcomer ] || read -r c </tmp/newcomer
		of_a=$(charged "$a") of_b=$(charged "$b") of_c=$(charged "${c:-0}")
		all=$(value charged_bytes)
		[ $((of_a + of_b + of_c)) -ne "$all" ] ||
			echo "$(($(now) - start)),$of_a,$of_b,$of_c,$all,$(value budget_bytes)"
		sleep 0.1
	done >/tmp/share.csv
}

# The programs of the payload need their libraries; for the loader, that is not enough.
mkdir -p /lib64
cp /payload/lib/ld-linux-x86-64.so.2 /lib64/ || fail "no loader"
export LD_LIBRARY_PATH=/payload/lib

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
sed 's/^/wave,/' /tmp/wave.csv >/dev/ttyS1

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
files="$(echo vmlinuz-*) lib-and-usr.tar part"
# shellcheck disable=SC2086 # a list
wc -c $files
# shellcheck disable=SC2086
/payload/pagecache --passes 2 $files || fail "pagecache"
wait_for_zero

heading "5. Three page caches, one budget" <<END
The budget is 64 MiB, and each of three page caches reads 48 MiB over and over. A
and B begin; C comes when they have it all, and asks them for memory, which they
evict; then A is killed.
END
echo 64M >$budget || fail "cannot change the budget"
start=$(now)
start_cache A && a=$pid
start_cache B && b=$pid
c=
record &
recorder=$!
until [ "$(value charged_bytes)" -ge $((60 << 20)) ]; do
	sleep 0.2
done
sleep 2
start_cache C && c=$pid
echo "$c" >/tmp/newcomer
until_holds "$c" $((16 << 20))
sleep 4
echo "with three of them, each holds (MiB): A $(mib "$a"), B $(mib "$b"), C $(mib "$c")"
kill -9 "$a"
sleep 6
echo "after A was killed (MiB): A $(mib "$a"), B $(mib "$b"), C $(mib "$c")"
wait "$b" || fail "cache B"
wait "$c" || fail "cache C"
kill $recorder
cat /tmp/cache-B.out /tmp/cache-C.out | grep -E "^(B|C)|hits|asked|over the budget"
sed 's/^/share,/' /tmp/share.csv >/dev/ttyS1
wait_for_zero
rmmod regalloc || fail "rmmod"
echo "all memory is back; the module is unloaded"
