#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian's kernels in a virtual machine, without installing them:
#
#	vm.sh list		print the VERSIONs that are tested
#	vm.sh list-newer	print those that it takes a newer Debian to build for
#	vm.sh list-debug	print those that are built for debugging
#	vm.sh kernel VERSION	fetch or build it; print KDIR=, VMLINUZ=, RELEASE=
#	vm.sh source		fetch the 6.1 source; print the path of the tree, a
#				part of it: selftests, scripts, linux-source.deb
#	vm.sh tree SUITE	fetch a bare Debian with its kernels' headers, to boot;
#				print the path of a tarball
#	vm.sh build VERSION [MAKE-ARGUMENT...]
#				print the path of regalloc.ko
#	vm.sh boot [OPTION...] -- COMMAND
#
# Options of boot:
#
#	--kernel VERSION	default 6.12
#	--module FILE		the module; default: what build makes
#	--payload DIR		appears in the guest as /payload
#	--disk FILE		appears in the guest as /dev/vda, read-only
#	--root FILE		the system to boot, as /dev/vda; it is not changed
#	--out FILE		gets what the guest writes to /dev/ttyS1
#	--log FILE		gets the whole console
#	--mem MIB, --smp N	default 3072 and 2
#	--nodes N		in so many NUMA nodes, default 1
#	--append STRING		more of a kernel command line
#	--timeout SECONDS	default 600
#
# A root shell in the guest runs COMMAND. The module is /regalloc.ko and not
# loaded; modprobe knows brd, nbd and loop; /proc, /sys with debugfs, tracefs and
# cgroup2, /dev, /dev/shm and /tmp are mounted. What COMMAND prints is shown at
# once; what the kernel prints goes to the log. boot succeeds only if COMMAND
# did, and the kernel had nothing to complain about.
#
# With --root it is that system's own init, systemd, that runs COMMAND, and there is
# no payload and no module but what that system has.
#
# REGALLOC_ACCEL=kvm|tcg overrides the choice of the accelerator.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/regalloc
# From 7.0 on, a kernel's headers want more than this Debian has.
supported=$(sed -n 's/.*Supported kernels: \([0-9., ]*\)\. .*/\1/p' \
	"$top/Documentation/regalloc.rst" | tr -d ,)
kernels=$(grep -oE '\b[1-6]\.[0-9]+' <<< "$supported" | xargs)
newer_kernels=$(grep -oE '\b([7-9]|[0-9]{2,})\.[0-9]+' <<< "$supported" | xargs)
debug_kernels="6.12-kasan 6.12-kcsan"
PATH=$PATH:/usr/sbin:/sbin	# depmod, modprobe
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
guest_modules="virtio_pci virtio_blk brd nbd loop ext4"

# Words of a kernel in trouble. Only its own lines count, which begin with a
# time; a test may print what it likes. A trace alone is none: a failure that was
# injected into vmalloc() has one.
complaints='\[ *[0-9]+\.[0-9]{6}\].*(BUG:|WARNING:|Oops|KASAN|UBSAN|KCSAN:'
complaints+='|INFO: (task|rcu|possible|trying)|self-detected stall|page allocation failure'
complaints+='|general protection|double fault|[Kk]ernel panic)'

die() {
	echo "vm.sh: $*" >&2
	exit 1
}

[ -n "$kernels" ] || die "Documentation/regalloc.rst does not say what is supported"

# Two runs at once share one result: the second waits for the first.
lock() {
	mkdir -p "$(dirname "$1")"
	exec 9>"$1.lock"
	flock 9
}

# shellcheck source=selftests/vm/tree.sh
. "$here/tree.sh"
# shellcheck source=selftests/vm/packages.sh
. "$here/packages.sh"
# shellcheck source=selftests/vm/kernels.sh
. "$here/kernels.sh"

# ---- module ----------------------------------------------------------------

# kernel_make VERSION ARGUMENT...: a make that suits the headers of VERSION.
kernel_make() {
	local version=$1
	shift
	case " $newer_kernels " in
	*" $version "*)
		builder "$RELEASE"
		in_tree "$builder_dir" "$top/build" make "${@/#$KDIR/\/lib\/modules\/$RELEASE\/build}"
		;;
	*)
		make "$@"
		;;
	esac
}

# A warning fails the build, and fails it again the next time, unless ALLOW_WARNINGS
# is set. So does an error of sparse, which ends with success.
build() {
	local version=$1 dir=$top/build/$1 log=$top/build/$1.log
	kernel "$1"
	shift
	lock "$dir"
	mkdir -p "$dir"
	# Compared by contents and not by time, so that the times in $dir are
	# those of changes seen by make.
	rsync -rlc --delete --exclude='.*' --include='*/' --include=Kbuild \
		--include='*.[ch]' --exclude='*' \
		"$top/Kbuild" "$top/module" "$top/uapi" "$dir/"
	if ! kernel_make "$version" -C "$KDIR" M="$dir" W=1 -j"$(nproc)" "$@" \
		modules >"$log" 2>&1; then
		cat "$log" >&2
		die "the module does not build for $RELEASE"
	fi
	# Without vmlinux at hand there is no BTF, and no need of it.
	if [ -z "${ALLOW_WARNINGS:-}" ] &&
		grep -v 'Skipping BTF generation' "$log" |
		grep -iE '(warning|error):' >&2; then
		rm -rf "$dir"
		die "warnings in the build for $RELEASE"
	fi
	echo "$dir/regalloc.ko"
}

# ---- guest -----------------------------------------------------------------

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

# A /dev/kvm without the processor's support does not work.
accelerator() {
	if [ -n "${REGALLOC_ACCEL:-}" ]; then
		echo "${REGALLOC_ACCEL/#tcg/tcg,thread=multi}"
	elif [ -r /dev/kvm ] && [ -w /dev/kvm ] &&
		grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo; then
		echo kvm
	else
		echo tcg,thread=multi
	fi
}

# console LOG: keeps everything, shows what COMMAND prints as it comes. What may
# still turn out to be a line of the kernel's or our last word is held back.
console() {
	perl -e '
		open my $log, ">", $ARGV[0] or die "$ARGV[0]: $!\n";
		$log->autoflush(1); STDOUT->autoflush(1);
		my ($text, $state, $last) = ("", "boot", "regalloc-vm: exit");
		while (sysread STDIN, my $new, 65536) {
			print $log $new;
			$text .= $new;
			$text =~ s/\r\n/\n/g;
			$state = "run" if $state eq "boot" &&
				$text =~ s/\A.*^regalloc-vm: start\n//ms;
			next if $state ne "run";
			$state = "end" if $text =~ s/$last.*//s;
			$text =~ s/^\[ *\d+\.\d{6}\].*\n//mg;
			my $kernel = qr/^\[ *(?:\d+(?:\.\d*(?:\].*)?)?)?/m;
			my $held = $text =~ s/(\r|$kernel)\z// ? $1 : "";
			for (reverse 1 .. length $last) {
				my $word = substr $last, 0, $_;
				$held = $word, last if $text =~ s/$word\z//;
			}
			print $text, $state eq "end" ? $held : "";
			$text = $held;
		}' "$1"
}

# verdict LOG STATUS-OF-QEMU: the last word of the guest and of its kernel.
verdict() {
	local reason='' word
	word=$(tr -d '\r' < "$1" | sed -n 's/.*regalloc-vm: exit //p' | tail -n 1)
	if grep -aqE "$complaints" "$1"; then
		reason="the kernel complained"
	elif [ "$2" -eq 124 ]; then
		reason="timeout"
	elif [ "$2" -eq 137 ]; then
		reason="qemu was killed, by a timeout or for lack of memory"
	elif [ -z "$word" ]; then
		reason="the guest died (qemu: $2)"
	elif [ "$word" -ne 0 ]; then
		echo "vm.sh: the command failed with $word" >&2
		return 1
	fi
	[ -n "$reason" ] || return 0
	{
		echo "---- the console's end:"
		grep -aE -m 1 -A 25 "$complaints" "$1" || tail -n 40 "$1"
		echo "---- vm.sh: FAILED: $reason"
	} | tr -d '\r' >&2
	return 1
}

# numa_nodes: qemu's options for $nodes nodes with equal parts of $mem and $smp.
numa_nodes() {
	local i
	[ "$nodes" -gt 1 ] || return 0
	for ((i = 0; i < nodes; i++)); do
		echo "-object memory-backend-ram,id=node$i,size=$((mem / nodes))M"
		echo "-numa node,memdev=node$i,cpus=$((i * smp / nodes))-$(((i + 1) * smp / nodes - 1))"
	done
}

# Now and then, on a busy host, the emulated timers are so far off when a kernel
# begins that it has no interrupts for its disk, and waits for ever.
watch_boot() {
	sleep 240
	grep -aq 'regalloc-vm: start' "$log" && return
	touch "$work/late"
	kill "$(cat "$work/pid")"
}

# run_guest: with what boot() has been told.
run_guest() {
	local status=0 watch
	: > "$log"
	watch_boot >/dev/null 2>&1 &
	watch=$!
	# shellcheck disable=SC2046 # numa_nodes prints words
	# -cx16: the cmpxchg16b of QEMU 7.2 corrupts flags. -erms, -fsrm and
	# rep_good: emulated string instructions are slower than plain stores.
	# init_on_alloc=0: else the kernel hides a lack of zeroing in the module.
	timeout --foreground -k 5 "$timeout" qemu-system-x86_64 \
		-M pc -accel "$(accelerator)" -cpu max,-cx16,-erms,-fsrm \
		-smp "$smp,sockets=$nodes" -m "$mem" $(numa_nodes) \
		-nodefaults -no-user-config -no-reboot -pidfile "$work/pid" \
		-display none -serial stdio -serial "file:$out" \
		${disk:+-drive "file=$disk,if=virtio,format=raw,$access"} \
		-kernel "$VMLINUZ" -initrd "$work/initrd" \
		-append "console=ttyS0 loglevel=5 panic=-1 panic_on_warn=1 \
oops=panic clearcpuid=rep_good init_on_alloc=0 $append" </dev/null 2>&1 |
		console "$log" || status=${PIPESTATUS[0]}
	kill $watch 2>/dev/null || :
	return "$status"
}

boot() {
	local version=6.12 module='' payload='' disk='' out=/dev/null log=''
	local mem=3072 smp=2 nodes=1 append='' timeout=600 status
	local init=guest_init access=readonly=on
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		[ $# -ge 2 ] || die "$1 wants a value"
		case $1 in
		--kernel) version=$2 ;;
		--module) module=$2 ;;
		--payload) payload=$2 ;;
		--disk) disk=$2 ;;
		--root) disk=$2 init=root_init access=snapshot=on ;;
		--out) out=$2 ;;
		--log) log=$2 ;;
		--mem) mem=$2 ;;
		--smp) smp=$2 ;;
		--nodes) nodes=$2 ;;
		--append) append=$2 ;;
		--timeout) timeout=$2 ;;
		*) die "unknown option '$1'" ;;
		esac
		shift 2
	done
	[ $# -ge 2 ] || die "no command to run"
	shift

	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	[ -n "$log" ] || log=$work/log
	if [ $init = root_init ]; then
		append+=' systemd.run="/bin/sh /run/guest" systemd.show_status=no'
	elif [ -z "$module" ]; then
		module=$(build "$version")
	fi
	kernel "$version"
	exec 9>&-	# the guest needs no lock
	initramfs $init "$work/root" "$module" "$payload" "$*" > "$work/initrd"

	for _ in 1 2 3; do
		status=0
		run_guest || status=$?
		[ -e "$work/late" ] || break
		echo "vm.sh: the guest did not boot in time: once more" >&2
		rm "$work/late"
	done
	verdict "$log" "$status"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
list)
	echo "$kernels"
	;;
list-newer)
	echo "$newer_kernels"
	;;
list-debug)
	echo "$debug_kernels"
	;;
kernel)
	kernel "${1:-}"
	printf '%s=%q\n' KDIR "$KDIR" VMLINUZ "$VMLINUZ" RELEASE "$RELEASE"
	;;
source)
	obtain fetch_source
	echo "$source_dir"
	;;
tree)
	fetch_tree "${1:-$codename}"
	echo "$tree"
	;;
build | boot)
	[ $# -gt 0 ] || die "usage: see the top of $0"
	"$command" "$@"
	;;
*)
	die "usage: see the top of $0"
	;;
esac
