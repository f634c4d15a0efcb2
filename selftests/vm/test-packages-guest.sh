#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of test-packages.sh that runs as root in a machine on which the packages
# were installed, by systemd. Prints a line for each result to /dev/ttyS1.

# check NAME COMMAND...
check() {
	name=$1
	shift
	if output=$("$@" 2>&1); then
		echo "ok $name"
	else
		echo "$output" | sed 's/^/# /'
		echo "not ok $name"
	fi >/dev/ttyS1
}

load() {
	modprobe regalloc && udevadm settle && [ -c /dev/regalloc ]
}

made_by_dkms() {
	modinfo -n regalloc | grep /updates/dkms/
}

owner_and_mode() {
	said=$(stat -c '%a %U:%G' /dev/regalloc)
	echo "$said"
	[ "$said" = '660 root:regalloc' ]
}

# The program is one that was built with libregalloc-dev.
example() {
	runuser -u member -- /srv/example
}

member_allocates() {
	said=$(example 2>&1)
	echo "$said"
	[ "$said" = 'hello from 65536 bytes' ]
}

stranger_is_told_why() {
	! said=$(runuser -u stranger -- /srv/example 2>&1) && echo "$said" &&
		echo "$said" | grep 'permission.*/dev/regalloc'
}

stranger_gets_eacces() {
	runuser -u stranger -- sh -c ': </dev/regalloc' 2>&1 |
		grep 'Permission denied'
}

# With a value that is not the default.
loaded_at_boot_if_wanted() {
	cd /usr/share/doc/regalloc-tools/examples &&
		cp modules-load.conf /etc/modules-load.d/regalloc.conf &&
		sed 's/decay_ms=.*/decay_ms=250/' modprobe.conf \
			>/etc/modprobe.d/regalloc.conf &&
		modprobe -r regalloc &&
		systemctl restart systemd-modules-load &&
		grep -x 250 /sys/module/regalloc/parameters/decay_ms
}

tool() {
	regallocctl status && runuser -u member -- regallocctl status
}

# trace-cmd, as Documentation/tracing.rst has it. Its output goes along.
tell() {
	sed 's/^/# /' "$1" >/dev/ttyS1
}

# record OPTION...: what the example does, to the file events
record() {
	cd /tmp &&
		trace-cmd record -q "$@" runuser -u member -- /srv/example &&
		trace-cmd report >events && tell events
}

traced() {
	record -e regalloc &&
		grep -q 'regalloc_region_open: .*client=.* slice_bytes=65536' events &&
		grep -q 'regalloc_region_close: ' events
}

filtered() {
	record -e regalloc_region_open -f 'slice_bytes != 65536' \
		-e regalloc_region_close &&
		! grep -q regalloc_region_open: events &&
		grep -q regalloc_region_close: events
}

counted() {
	cd /sys/kernel/tracing/events/regalloc/regalloc_region_open &&
		trace-cmd start -e regalloc_region_open \
			-R 'hist:keys=client,slice_bytes:vals=nr_chunks' &&
		example && example && tell hist &&
		grep -c 'slice_bytes: *65536' hist | grep -x 2 && trace-cmd reset
}

check "modprobe finds the module" load
check "it is the one that DKMS built" made_by_dkms
check "udev: 0660, root:regalloc" owner_and_mode
check "a member of the group allocates" member_allocates
check "a stranger gets EACCES" stranger_gets_eacces
check "a stranger is told why" stranger_is_told_why
check "trace-cmd record" traced
check "trace-cmd record, some events" filtered
check "trace-cmd start, a histogram" counted
check "the examples have it loaded at boot" loaded_at_boot_if_wanted
if command -v regallocctl >/dev/null; then
	check "regallocctl status" tool
else
	echo "ok regallocctl status # SKIP not installed" >/dev/ttyS1
fi
