#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests of the pure parts, of the library and of the slice map's model
# here, and those of the device in a guest of each kernel in KERNELS (default:
# those of vm.sh list). TESTS names the programs to run there, and nothing here, if
# not all of them are wanted; TIME (as in 90, 5m, 1h) makes those longer that take
# it, and so do REGALLOC_KILLS and REGALLOC_RELOAD_CYCLES. REGALLOC_SEED and what
# else begins like that and is a number reach the programs, too; see fuzz/main.c.
# JOBS of these run at the same time: the tests here are one, and so are those in
# each guest, which has 4 GiB (default: 2, or 1 where there is no memory for two).
#
# Prints a line for each program, and why a test has failed. All that the programs
# print, and the consoles of the guests, stay in build/test-*. Each result counts once.
#
# A kernel's name may have a variant behind it: with 6.1+dirty, free memory is
# filled with other bytes before the module is loaded; with 6.1+numa, the guest
# has two nodes of memory; with 6.1+movable, three quarters of its memory hold only
# what can be moved.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
vm=$here/vm.sh
build=$top/build
KERNELS=${KERNELS:-$("$vm" list)}
memory_kib=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
JOBS=${JOBS:-$((memory_kib < 10 << 20 ? 1 : 2))}

# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/vm/progress.sh
. "$here/progress.sh"

seconds() {
	case $1 in
	*h) echo $((${1%h} * 3600)) ;;
	*m) echo $((${1%m} * 60)) ;;
	*) echo $((${1%s})) ;;
	esac
}

TIME=$(seconds "${TIME:-0}")
[ "$TIME" = 0 ] || export REGALLOC_SECONDS=$TIME

has_kunit() {
	case $1 in *-kasan) echo m ;; esac
}

# The programs for this kernel. Where every access is checked, the examples with
# their databases take half an hour, and show little that other tests do not.
programs() {
	case $1:${TESTS:-} in
	*-kasan:) grep -vE '^(examples|databases)\.sh$' "$build/payload/list"
		echo kunit.sh fail_nth kmemleak.sh ;;
	*-kasan:*) sed '/^kmemleak\.sh$/d' "$build/payload/list"
		echo kmemleak.sh ;;
	*-*:) grep -vE '^(examples|databases)\.sh$' "$build/payload/list" ;;
	*) cat "$build/payload/list" ;;
	esac | tr '\n' ' '
}

# Memory that nobody has zeroed then shows it. Debian's kernels have no
# page_poison; those for debugging have, and use it.
dirty_command() {
	cat <<-'END'
	mkdir /tmp/dirt
	mount -t tmpfs -o size=90% dirt /tmp/dirt
	tr '\0' '\252' < /dev/zero | dd of=/tmp/dirt/all bs=1M 2>/dev/null
	ls -l /tmp/dirt/all
	umount /tmp/dirt
	END
}

# Less of what takes long, where the kernel checks each access; and its objects are
# larger.
settings() {
	local percent=10
	case $1 in *-kcsan) percent=5 ;; esac
	case $1 in
	*-*) echo export REGALLOC_PERCENT=$percent REGALLOC_STRESS_SECONDS=12 \
		REGALLOC_KILLS=20 REGALLOC_RELOAD_CYCLES=15 \
		REGALLOC_HOLE_PAGES=8 ;;
	esac
}

# The libraries go where the loader looks for them. The results go over a line of their
# own, where no message of the kernel can tear them. The runner's tap_prefix keeps
# lines back, which a panic would swallow.
guest_command() {
	cat <<-END
	mkdir -p /lib64
	ln -s /payload/lib/* /lib/
	ln -s /payload/lib/ld-linux-x86-64.so.2 /lib64/
	export BASE_DIR=/payload
	$(settings "$1")
	$(env | sed -n 's/^REGALLOC_[A-Z_]*=[0-9]*$/export &/p')
	. /payload/kselftest/runner.sh
	tap_prefix() {
		while IFS= read -r line || [ "\$line" ]; do
			echo "# \$line"
		done
	}
	$(case $1 in *+dirty) dirty_command ;; esac)
	insmod /regalloc.ko || exit 1
	cd /payload/regalloc
	run_many $(programs "${1%+*}") 2>&1 | tee /dev/ttyS1
	END
	[ -z "${COVERAGE:-}" ] || coverage_command
}

# What the module has counted, on lines of its own. debugfs says that the files
# are empty, so they have to be read to be copied.
coverage_command() {
	cat <<-'END'
	cd /sys/kernel/debug/gcov
	find . -name '*.gcda' | while read -r file; do
		mkdir -p "/tmp/gcov/${file%/*}"
		cat "$file" > "/tmp/gcov/$file"
	done
	cd /tmp/gcov
	find . -name '*.gcda' | cpio -o -H newc | gzip | base64 |
		sed 's/^/# gcov /' > /dev/ttyS1
	END
}

# ---- what the jobs say ------------------------------------------------------

# tell JOB KIND WHAT...: an event for view.sh.
tell() {
	local IFS=$'\t'
	printf '%s\n' "$*" >&3
}

# events JOB LOG: makes events of the results on standard input, as they come in in
# build/test-LOG.tap. mawk reads and writes in large pieces if it is not told otherwise.
events() {
	local awk=(awk)
	[[ $(awk -W version 2>&1 </dev/null) != mawk* ]] || awk+=(-W interactive)
	"${awk[@]}" -v live="$2" -f "$here/results.awk" |
		sed -u "s/^/$1\t/" >&3
	tell "$1" over
}

# kernel_failed NAME WHAT: a failure that is none of a program's, with the reasons from
# standard input.
kernel_failed() {
	{
		echo "# selftests: guest: kernel"
		tail -n 26 | tr -d '\r' | sed 's/^/# | /'
		(cd "$top" && find "build/test-$1.log" "build/test-$1.err" -size +0) \
			2>/dev/null | sed 's/^/# | see /'
		echo "not ok 0 selftests: kernel: $2"
	} >> "$build/test-$1.tap"
}

# What the compiler says first; or vm.sh, if it did not get there.
build_errors() {
	cat "$build/${1%+*}.log" "$build/test-$1.err" 2>/dev/null |
		grep -E '(error|warning|ERROR):' | sed "s|$build/[^/]*/||" |
		awk '!seen[$0]++' | head -n 10 | grep . ||
		tail -n 10 "$build/test-$1.err"
}

# What the kernel complained of, or the last that was seen of it.
last_words() {
	sed -n "/^---- the console's end/,/^---- vm.sh/p" "$build/test-$1.err" |
		sed '/^----/d' | grep . || tail -n 15 "$build/test-$1.log"
}

reason() {
	sed -n 's/.*vm\.sh: //p' "$build/test-$1.err" | sed 's/^FAILED: //' |
		tail -n 1 | grep . || echo "died"
}

# ---- what they do -----------------------------------------------------------

# boot NAME MODULE
boot() {
	local name=$1 kernel=${1%+*} append='' nodes=1 timeout=3600
	local disk=$build/test-disk payload=$build/test-payload-$1
	case $name in *+numa) nodes=2 ;; esac
	# Three quarters of it are for what can be moved only, as where memory is hot-plugged.
	case $name in *+movable) append=movablecore=3G ;; esac
	# The disk is for the examples.
	case $kernel in
	*-*) append+=" page_poison=1" disk='' ;;
	esac
	# As many accesses, and for as long, as the tests have time for.
	case $kernel in
	*-kcsan) append+=" kcsan.skip_watch=50 kcsan.udelay_task=300" ;;
	esac
	cp -al "$build/payload" "$payload" &&
	cp "$(dirname "$2")"/regalloc*.ko "$payload/regalloc/" &&
	"$vm" boot --kernel "$kernel" --mem 4096 --nodes "$nodes" \
		--module "$2" \
		--append "$append" --timeout $((timeout + TIME)) \
		--payload "$payload" --disk "$disk" \
		--log "$build/test-$name.log" --out "$build/test-$name.tap" \
		-- "$(guest_command "$name")"
}

# device_test NAME: prints the log of the results while it is written.
device_test() {
	local name=$1 kernel=${1%+*} tap=$build/test-$1.tap module self=$BASHPID
	: > "$tap"
	tail -n +1 -f --pid="$self" "$tap" 2>/dev/null 3>&- &
	exec > /dev/null
	tell "$name" begin "getting the kernel"
	if ! "$vm" kernel "$kernel" 3>&-; then
		tail -n 10 "$build/test-$name.err" |
			kernel_failed "$name" "kernel $kernel cannot be obtained"
		return
	fi
	tell "$name" begin "building the module"
	if ! module=$("$vm" build "$kernel" ${COVERAGE:+GCOV_PROFILE=y} \
		REGALLOC_KUNIT="$(has_kunit "$kernel")" 3>&-); then
		build_errors "$name" |
			kernel_failed "$name" "the module does not build for $kernel"
		return
	fi
	tell "$name" begin booting
	boot "$name" "$module" 3>&- ||
		last_words "$name" | kernel_failed "$name" "$(reason "$name")"
	[[ $(programs "$kernel") == *databases.sh* ]] || [ -n "${TESTS:-}" ] ||
		echo "ok 0 selftests: kernel: examples.sh databases.sh # SKIP for debug kernels" \
			>> "$tap"
}

# host_program NAME COMMAND...: in the form of the runner's output, for one way
# to count.
host_program() {
	local name=$1 verdict=ok
	shift
	echo "# selftests: host: $name"
	"$@" 2>&1 | sed 's/^/# /' || verdict="not ok"
	echo "$verdict 1 selftests: host: $name"
}

# -Wno-tsan: gcc warns of each fence, as the sanitizer does not see what it orders. The
# fences of the library order atomic accesses only, in which there is no race to find.
host_tests() {
	host_program pure make -s -C "$top/selftests" \
		KSFT="$source/tools/testing/selftests" \
		OUTPUT="$build/selftests" pure
	host_program library make -s -C "$top/userlib" check
	host_program library-tsan setarch -R \
		make -s -C "$top/userlib" check \
		BUILD="$build/userlib-tsan" \
		CFLAGS="-O2 -g -fsanitize=thread -Wno-tsan"
	host_program completion \
		"$top/userlib/tests/completion.sh" \
		"$build/userlib/regallocctl"
	host_program model "$top/selftests/model/run.sh"
}

# What ctl.sh has printed, in a form that Prometheus is to understand.
metrics_test() {
	[[ $(programs "${1%+*}") == *ctl.sh* ]] || return 0
	sed -n 's/^# # metrics //p' "$build/test-$1.tap" |
		host_program metrics "$here/metrics.py" |
		tee "$build/test-metrics-$1.tap"
}

# run NAME: the tests in a guest of that name, or those on this host.
run() {
	if [ "$1" = host ]; then
		host_tests | tee "$build/test-host.tap" | events host host
	else
		device_test "$1" | events "$1" "$1"
		metrics_test "$1" | events "$1" "metrics-$1"
	fi
}

# One of those that the end of this starts.
if [ $# -gt 0 ]; then
	exec 3>&1 2> "$build/test-$1.err"
	run "$1"
	exit
fi

[[ $JOBS =~ ^[1-9][0-9]*$ ]] || die "JOBS=$JOBS is no number"
"$here/deps.sh" test
mkdir -p "$build"
exec 8>"$build/test.lock"
flock -n 8 || die "other tests run in this tree"
rm -rf "$build"/test-*
# shellcheck disable=SC2086 # a list of words
for kernel in $(printf '%s\n' $KERNELS | sed 's/+.*//' | sort -u); do
	"$vm" kernel "$kernel" > /dev/null 8>&- || :	# its job fails, and says why
done
source=$("$vm" source 8>&-)
export source KERNELS TIME
step "$build/test-payload.log" "building the tests" "$here/payload.sh" \
	"$source/tools/testing/selftests" "$build/payload" "$build/test-disk"
trap 'exit 130' INT TERM
status=0
# shellcheck disable=SC2046,SC2086 # lists of words
printf '%s\n' $([ -n "${TESTS:-}" ] || echo host) $KERNELS | awk '!seen[$0]++' |
	xargs -P "$JOBS" -I '{}' "$0" '{}' 8>&- | "$here/view.sh" || status=$?
[ "$status" -eq 0 ] || echo "test.sh: a part ended with $status: see build/test-*.err" >&2
awk -f "$here/results.awk" "$build"/test-*.tap && exit "$status"
