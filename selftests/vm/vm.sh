#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian's kernels in a virtual machine, without installing them:
#
#	vm.sh list		print the VERSIONs that make test runs on
#	vm.sh list-more		print those that make test-matrix adds
#	vm.sh list-debug	print those that are built for debugging
#	vm.sh kernel VERSION	fetch or build it; print KDIR=, VMLINUZ=, RELEASE=
#	vm.sh source		fetch the kernel's source; print the path of the tree,
#				a part of it: selftests, scripts
#	vm.sh tree [RELEASE]	make a Debian with its kernels' headers, to boot;
#				print the path of a tarball
#	vm.sh build VERSION [MAKE-ARGUMENT...]
#				print the path of regalloc.ko
#	vm.sh boot [OPTION...] -- COMMAND
#
# VERSION@RELEASE is the kernel of that release of Debian, where several have one.
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

# Words of a kernel in trouble. Only its own lines count, which begin with a
# time; a test may print what it likes. A trace alone is none: a failure that was
# injected into vmalloc() has one.
complaints='\[ *[0-9]+\.[0-9]{6}\].*(BUG:|WARNING:|Oops|KASAN|UBSAN|KCSAN:'
complaints+='|INFO: (task|rcu|possible|trying)|self-detected stall|page allocation failure'
complaints+='|general protection|double fault|[Kk]ernel panic)'

# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/vm/progress.sh
. "$here/progress.sh"
# shellcheck source=selftests/vm/tree.sh
. "$here/tree.sh"
# shellcheck source=selftests/vm/packages.sh
. "$here/packages.sh"
# shellcheck source=selftests/vm/kernels.sh
. "$here/kernels.sh"
# shellcheck source=selftests/vm/initramfs.sh
. "$here/initramfs.sh"

# ---- module ----------------------------------------------------------------

# kernel_make VERSION ARGUMENT...: a make that suits the headers of VERSION.
kernel_make() {
	local release
	release=$(release_of "$1")
	shift
	if [ -n "$release" ] && ! runs_here "$release"; then
		in_tree "$builder_dir" "$kernel_dir $top/build" make "$@"
	else
		make "$@"
	fi
}

# prepare_build VERSION: gets what it takes.
prepare_build() {
	local release
	release=$(release_of "$1")
	if [ -n "$release" ] && ! runs_here "$release"; then
		builder "$release"
	else
		"$here/deps.sh" build
		[ ! -e "$kernel_dir/compiler" ] ||
			"$here/deps.sh" "$(cat "$kernel_dir/compiler")"
	fi
}

# A warning fails the build, and fails it again the next time, unless ALLOW_WARNINGS
# is set. So does an error of sparse, which ends with success.
build() {
	local version=$1 dir=$top/build/$1 log=$top/build/$1.log
	kernel "$1"
	prepare_build "$1"
	shift
	mkdir -p "$dir"
	lock "$dir"
	: >"$log"
	# Compared by contents and not by time, so that the times in $dir are
	# those of changes seen by make.
	rsync -rlc --delete --exclude='.*' --include='*/' --include=Kbuild \
		--include='*.[ch]' --exclude='*' \
		"$top/Kbuild" "$top/module" "$top/uapi" "$dir/"
	step "$log" "building the module for $RELEASE" \
		kernel_make "$version" -C "$KDIR" M="$dir" W=1 -j"$(nproc)" "$@" \
		modules || die "the module does not build for $RELEASE"
	# Without vmlinux at hand there is no BTF, and no need of it.
	if [ -z "${ALLOW_WARNINGS:-}" ] &&
		grep -v 'Skipping BTF generation' "$log" |
		grep -iE '(warning|error):' >&2; then
		rm -rf "$dir"
		die "warnings in the build for $RELEASE"
	fi
	echo "$dir/regalloc.ko"
}

# ---- guest ----------------------------------------------------------------

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
	pause 400
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
	# -cx16: the cmpxchg16b of QEMU 7.2 corrupts flags. -la57: KASAN complains of
	# an interrupt while the processor's features are read. -erms, -fsrm and
	# rep_good: emulated string instructions are slower than plain stores.
	# init_on_alloc=0: else the kernel hides a lack of zeroing in the module.
	timeout --foreground -k 5 "$timeout" qemu-system-x86_64 \
		-M pc -accel "$(accelerator)" -cpu max,-cx16,-la57,-erms,-fsrm \
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
list-more)
	echo "$more_kernels"
	;;
list-debug)
	echo "$debug_kernels"
	;;
kernel)
	kernel "${1:-}"
	printf '%s=%q\n' KDIR "$KDIR" VMLINUZ "$VMLINUZ" RELEASE "$RELEASE"
	;;
source)
	fetch_source
	echo "$source_dir"
	;;
tree)
	bootable_tree "${1:-$codename}"
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
