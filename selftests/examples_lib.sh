#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2154 # the scripts that read this set here
# What examples.sh and databases.sh have in common: the example programs, which lie
# beside them in $here and check themselves, are run with a budget. /dev/vda has a file
# system with a file "data", which is mounted on $disk.

parameters=/sys/module/regalloc/parameters
sysfs=/sys/class/misc/regalloc
disk=$(mktemp -d)
nr=0
failed=0

# The last lines of what a program said.
show() {
	tr '\r' '\n' <"$disk.out" | tail -n "$1" | sed 's/^/# /'
}

# check NAME COMMAND...: a result, and some of what the command said
check() {
	name=$1
	nr=$((nr + 1))
	shift
	if "$@" >"$disk.out" 2>&1; then
		show 8
		echo "ok $nr $name"
	else
		show 30
		echo "not ok $nr $name"
		failed=$((failed + 1))
	fi
}

# within SECONDS COMMAND...: whether it succeeds by then; for what is sure to come
within() {
	tries=$(($1 * 2))
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return
		sleep 0.5
	done
}

nothing_charged() {
	[ "$(cat $sysfs/charged_bytes)" -eq 0 ]
}

# All memory goes back when no process has the device open.
nothing_left() {
	within 60 nothing_charged && return
	echo "$(cat $sysfs/charged_bytes) bytes are left"
	return 1
}

# alone BUDGET PROGRAM ARGUMENTS...
alone() {
	echo "$1" >$parameters/budget || return
	program=$2
	shift 2
	"$here/$program" "$@" && nothing_left
}

# begin: with the disk, or not at all.
begin() {
	modprobe ext4 2>/dev/null
	if ! mount -t ext4 -o ro /dev/vda "$disk"; then
		echo "1..0 # SKIP no disk with data"
		exit 4
	fi
	echo "TAP version 13"
}

# end: true if all is well.
end() {
	umount "$disk"
	rm -f "$disk".*
	rmdir "$disk"
	echo 3G >$parameters/budget
	echo "1..$nr"
	[ "$failed" -eq 0 ]
}
