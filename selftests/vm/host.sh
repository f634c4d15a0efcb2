#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2034 # the scripts that read this use them
# What scripts need to know of the machine that they run on, and how they become
# root there; a part of other scripts.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/regalloc
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
PATH=$PATH:/usr/sbin:/sbin	# depmod, mke2fs, debootstrap
mkdir -p "$cache"

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Two runs at once share one result: the second waits for the first.
lock() {
	exec 9>"$1.lock"
	flock 9
}

can_be_root() {
	[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# needed_by FILE...: all shared libraries, and the loader. A guest has none.
needed_by() {
	ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }
		$1 ~ /^\/.*[^:]$/ { print $1 }' | sort -u
}
