#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2154 # vm.sh sets them
# What a guest boots from: busybox, modules of its kernel, and what it is to run; a part
# of vm.sh.

guest_modules="virtio_pci virtio_blk brd nbd loop ext4"

guest_init() {
	cat <<-'END'
	#!/bin/sh
	export PATH=/bin HOME=/ TERM=linux
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t devtmpfs dev /dev
	ln -s /proc/self/fd /dev/fd
	ln -s fd/0 /dev/stdin
	ln -s fd/1 /dev/stdout
	ln -s fd/2 /dev/stderr
	mkdir /dev/shm /dev/pts
	mount -t tmpfs shm /dev/shm
	mount -t devpts pts /dev/pts
	mount -t tmpfs tmp /tmp
	mount -t debugfs debug /sys/kernel/debug
	mount -t tracefs trace /sys/kernel/tracing
	mount -t cgroup2 cgroup /sys/fs/cgroup
	modprobe -a virtio_pci virtio_blk
	ip link set lo up
	exec sh /run/guest
	END
}

# For --root: what init of that system runs is in its /run, too.
root_init() {
	cat <<-'END'
	#!/bin/sh
	export PATH=/bin
	mount -t devtmpfs dev /dev
	modprobe -a virtio_pci virtio_blk ext4
	mount -t ext4 /dev/vda /sysroot
	mount -t tmpfs run /sysroot/run
	cp /run/* /sysroot/run/
	umount /dev
	exec switch_root /sysroot /sbin/init
	END
}

guest_run() {
	cat <<-'END'
	exec </dev/null >/dev/console 2>&1
	stty -onlcr </dev/console
	stty raw </dev/ttyS1
	echo "regalloc-vm: start"
	sh /run/command
	echo "regalloc-vm: exit $?"
	poweroff -f
	END
}

# kselftest's runner wants coreutils' timeout in this place.
guest_timeout() {
	cat <<-'END'
	#!/bin/sh
	[ "$1" = --foreground ] && shift
	exec busybox timeout "$@"
	END
}

# Copies the modules wanted and those that they need; built-in ones are no file.
copy_modules() {
	local root=$1 name file
	depmod -b "$kernel_dir" "$RELEASE"
	for name in $guest_modules; do
		modprobe -d "$kernel_dir" -S "$RELEASE" --show-depends "$name"
	done | awk '$1 == "insmod" { print $2 }' | sort -u |
	while read -r file; do
		cp "$file" "$root/lib/modules/$RELEASE/"
	done
	find "$root/lib/modules" -name '*.xz' -exec unxz {} +
	cp "$kernel_dir/lib/modules/$RELEASE"/modules.{order,builtin} \
		"$kernel_dir/lib/modules/$RELEASE"/modules.builtin.modinfo \
		"$root/lib/modules/$RELEASE/"
	depmod -b "$root" "$RELEASE"
}

# initramfs INIT ROOT MODULE PAYLOAD COMMAND: prints the archive.
initramfs() {
	local init=$1 root=$2
	shift
	mkdir -p "$root"/{bin,dev,proc,run,sys,sysroot,tmp,usr/bin} \
		"$root/lib/modules/$RELEASE"
	cp "$(command -v busybox)" "$root/bin/busybox"
	"$root/bin/busybox" --list | while read -r applet; do
		[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
	done
	# A debug kernel has everything built in.
	[ ! -d "$kernel_dir/lib/modules" ] || copy_modules "$root"
	[ -z "$2" ] || cp "$2" "$root/regalloc.ko"
	[ -z "$3" ] || cp -a "$3" "$root/payload"
	echo "$4" > "$root/run/command"
	guest_run > "$root/run/guest"
	"$init" > "$root/init"
	guest_timeout > "$root/usr/bin/timeout"
	chmod +x "$root/init" "$root/usr/bin/timeout"
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0)
}
