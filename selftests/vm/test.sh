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
# Each result counts once. Logs stay in build/test-*.
#
# A kernel's name may have a variant behind it: with 6.1+dirty, free memory is
# filled with other bytes before the module is loaded; with 6.1+numa, the guest
# has two nodes of memory.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
vm=$here/vm.sh
build=$top/build
PATH=$PATH:/usr/sbin:/sbin
KERNELS=${KERNELS:-$("$vm" list)}
memory_kib=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
JOBS=${JOBS:-$((memory_kib < 10 << 20 ? 1 : 2))}

seconds() {
	case $1 in
	*h) echo $((${1%h} * 3600)) ;;
	*m) echo $((${1%m} * 60)) ;;
	*) echo $((${1%s})) ;;
	esac
}

TIME=$(seconds "${TIME:-0}")
[ "$TIME" = 0 ] || export REGALLOC_SECONDS=$TIME

selftests() {
	make -C "$top/selftests" KSFT="$source/tools/testing/selftests" \
		OUTPUT="$build/selftests" "$@"
}

has_kunit() {
	case $1 in *-kasan) echo m ;; esac
}

# The programs for this kernel. Where every access is checked, the examples with
# their databases take half an hour, and show little that other tests do not.
programs() {
	case $1:${TESTS:-} in
	*-kasan:) grep -v examples.sh "$build/payload/list"
		echo kunit.sh fail_nth kmemleak.sh ;;
	*-kasan:*) sed '/^kmemleak\.sh$/d' "$build/payload/list"
		echo kmemleak.sh ;;
	*-*:) grep -v examples.sh "$build/payload/list" ;;
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

# The libraries go where the loader looks for them. The runner's tap_prefix keeps lines
# back, which a panic would swallow.
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

# The results come over a line of their own, where no message of the kernel can
# tear them.
device_test() {
	local name=$1 kernel=${1%+*} append='' nodes=1 timeout=3600
	local module disk=$build/test-disk payload=$build/test-payload-$1
	case $name in *+numa) nodes=2 ;; esac
	# The disk is for the examples.
	case $kernel in
	*-*) append=page_poison=1 disk='' ;;
	esac
	# As many accesses, and for as long, as the tests have time for.
	case $kernel in
	*-kcsan) append+=" kcsan.skip_watch=50 kcsan.udelay_task=300" ;;
	esac
	module=$("$vm" build "$kernel" ${COVERAGE:+GCOV_PROFILE=y} \
		REGALLOC_KUNIT="$(has_kunit "$kernel")") &&
	cp -al "$build/payload" "$payload" &&
	cp "$(dirname "$module")"/regalloc*.ko "$payload/regalloc/" &&
	"$vm" boot --kernel "$kernel" --mem 4096 --nodes "$nodes" \
		--module "$module" \
		--append "$append" --timeout $((timeout + TIME)) \
		--payload "$payload" --disk "$disk" \
		--log "$build/test-$name.log" --out "$build/test-$name.tap" \
		-- "$(guest_command "$name")" ||
		echo "not ok 0 selftests: kernel: died or complained" \
			>> "$build/test-$name.tap"
	[[ $(programs "$kernel") == *examples.sh* ]] || [ -n "${TESTS:-}" ] ||
		echo "ok 0 selftests: kernel: examples.sh # SKIP for debug kernels" \
			>> "$build/test-$name.tap"
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

host_tests() {
	host_program pure selftests -s pure
	host_program library make -s -C "$top/userlib" check
	host_program library-tsan setarch -R \
		make -s -C "$top/userlib" check \
		BUILD="$build/userlib-tsan" \
		CFLAGS="-O2 -g -fsanitize=thread"
	host_program completion \
		"$top/userlib/tests/completion.sh" \
		"$build/userlib/regallocctl"
	host_program model "$top/selftests/model/run.sh"
}

# What ctl.sh has printed, in a form that Prometheus is to understand.
metrics_test() {
	[[ $(programs "${1%+*}") == *ctl.sh* ]] || return 0
	sed -n 's/^# # metrics //p' "$build/test-$1.tap" |
		host_program "metrics-$1" "$here/metrics.py" |
		tee "$build/test-metrics-$1.tap"
}

# run NAME: the tests in a guest of that name, or those on this host.
run() {
	echo "==== tests on $1"
	if [ "$1" = host ]; then
		host_tests | tee "$build/test-host.tap"
	else
		device_test "$1"
		metrics_test "$1"
	fi
}

# What may be skipped, and where: KERNEL: PROGRAM: ...
may_be_skipped='^6\.1(\+[a-z]+)?: dio: .*tmpfs takes no O_DIRECT before 6\.6'
may_be_skipped+='|^[^+]*(\+dirty)?: numa: .*one node of memory'
may_be_skipped+='|^6\.12-[a-z+]*: kernel: examples.sh '

# Counts the results inside the programs, which the runner prefixes with "# ".
# Its own line about a program counts only against the program: if it died, told
# nothing, or did not do all that it had planned. So does a test that is skipped
# where it should run.
count() {
	MAY_BE_SKIPPED=$may_be_skipped awk '
	function count(kind, what) {
		if (kind == "skipped" &&
		    where() what !~ ENVIRON["MAY_BE_SKIPPED"])
			kind = "failed"
		total[kind]++
		inside[kind]++
		if (kind != "passed")
			named[kind] = named[kind] "\n" kind ": " where() what
	}
	function where() {
		return file (program ? ": " program : "") ": "
	}
	function result(line) {
		name = line
		sub(/^(not )?ok [0-9]* *(- )?/, "", name)
		if (line ~ /^not ok/)
			count("failed", name)
		else if (toupper(name) ~ /# SKIP/)
			count("skipped", (name ~ /^#/ ? test " " : "") name)
		else
			count("passed", name)
	}
	function told() {
		return inside["passed"] + inside["failed"] + inside["skipped"]
	}
	function start(name) {
		if (program)
			finish("not ok: did not end")
		program = name
		split("", inside)
		planned = 0
	}
	function finish(line) {
		sub(/selftests: [^:]*: /, "", line)
		if (told() < planned)
			count("failed", "told " told() " results of " planned)
		else if (line ~ /^not ok/ && !inside["failed"])
			count("failed", line)
		else if (!told() && line !~ /# SKIP/)
			count("failed", "told nothing")
		else if (!told())
			result(line)
		program = ""
		programs--
	}
	function finish_file() {
		start("")
		if (programs > 0)
			count("failed", programs " programs did not run")
	}
	FNR == 1 {
		finish_file()
		file = FILENAME
		gsub(/.*test-|\.tap$/, "", file)
		programs = 0
	}
	/^# selftests: [^:]*: / { start($NF); next }
	/^1\.\.[0-9]+/ { programs += substr($1, 4); next }
	/^# 1\.\.0 # SKIP/ { sub(/^# 1\.\.0 /, ""); count("skipped", $0); next }
	/^# 1\.\.[0-9]+/ { planned += substr($2, 4); next }
	/^# #  RUN  / { test = $4 }
	/^# (not )?ok / { sub(/^# /, ""); result($0); next }
	/^(not )?ok 0 / { start("kernel"); programs++ }
	/^(not )?ok .*selftests: / { finish($0) }
	END {
		finish_file()
		print named["skipped"] named["failed"]
		print total["passed"] + 0 " passed, " total["failed"] + 0 \
			" failed, " total["skipped"] + 0 " skipped"
		exit total["failed"] > 0 || total["passed"] == 0
	}' "$@"
}

# One of those that the end of this starts.
if [ $# -gt 0 ]; then
	run "$1" 2>&1 | sed -u "s/^/$1: /"
	exit
fi

[[ $JOBS =~ ^[1-9][0-9]*$ ]] || { echo "JOBS=$JOBS is no number" >&2; exit 1; }
"$here/deps.sh" test
mkdir -p "$build/selftests"
exec 8>"$build/test.lock"
flock -n 8 || { echo "other tests run in this tree" >&2; exit 1; }
rm -rf "$build"/test-*
# shellcheck disable=SC2086 # a list of words
printf '%s\n' $KERNELS | sed 's/+.*//' | sort -u |
	xargs -P 0 -I '{}' "$vm" kernel '{}' > /dev/null 8>&- &
source=$("$vm" source)
export source KERNELS TIME
"$here/payload.sh" "$source/tools/testing/selftests" "$build/payload" \
	"$build/test-disk"
wait
status=0
# shellcheck disable=SC2046,SC2086 # lists of words
printf '%s\n' $([ -n "${TESTS:-}" ] || echo host) $KERNELS | awk '!seen[$0]++' |
	xargs -P "$JOBS" -I '{}' "$0" '{}' 8>&- || status=$?
count "$build"/test-*.tap && exit "$status"
