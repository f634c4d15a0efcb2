#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of test-bindings.sh that runs in the guest, with busybox. The
# interpreters are in the tree on /dev/vda, which sees /payload as /mnt. Succeeds
# if all was run, with whatever result.

tree=/tmp/tree
sysfs=/sys/class/misc/regalloc
nr=0

# Results go to /dev/ttyS1, too, where no message of the kernel can tear them.
result() {
	nr=$((nr + 1))
	echo "$1 $nr $2" | tee -a /dev/ttyS1
}

# check NAME COMMAND...: a result, and what the command said.
check() {
	name=$1
	shift
	if "$@" >/tmp/out 2>&1; then
		verdict=ok
	else
		verdict="not ok"
	fi
	sed 's/^/# /' /tmp/out
	result "$verdict" "$name"
}

mount_tree() {
	modprobe ext4
	mkdir "$tree"
	mount -t ext4 -o ro /dev/vda "$tree" &&
		mount -t tmpfs tmp "$tree/tmp" &&
		mount --bind /payload "$tree/mnt" || return
	for dir in dev proc sys; do
		mount --bind "/$dir" "$tree/$dir" || return
	done
}

in_tree() {
	chroot "$tree" env PATH=/usr/bin:/bin LD_LIBRARY_PATH=/mnt "$@"
}

# Emulated, the compiler that optimizes takes longer than what it compiles.
java() {
	in_tree java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
		--enable-native-access=ALL-UNNAMED -cp /tmp/classes "$@"
}

compile_java() {
	in_tree sh -c 'javac -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 \
		-Xlint:all -Werror -d /tmp/classes /mnt/java/regalloc/*.java'
}

# All memory goes back when nobody has the device open.
nothing_left() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(cat $sysfs/charged_bytes)" -ne 0 ] || break
		sleep 0.5
	done
	rmmod regalloc
}

insmod /regalloc.ko budget=64M || exit 1
mount_tree || exit 1
check "C++: example" in_tree /mnt/cpp/example
check "C++: test" in_tree /mnt/cpp/test
check "Rust: example" in_tree /mnt/rust/example
check "Rust: test" in_tree /mnt/rust/test --test-threads=1
check "Python: example" in_tree python3 /mnt/python/example.py
check "Python: test" in_tree python3 /mnt/python/test_regalloc.py
check "Java: compiles without a warning" compile_java
check "Java: example" java regalloc.Example /usr/bin/python3
check "Java: test" java regalloc.RegallocTest
check "nothing is left" nothing_left
