#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs the Debian packages that are missing for a task:
#
#	deps.sh GROUP...
#
# Does nothing, and needs no privilege, when everything is there. A|B stands for the
# first of these names that this release of Debian has.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/vm/progress.sh
. "$here/progress.sh"
log=$cache/apt.log

packages() {
	case $1 in
	# pahole: the kernel's build calls it for BTF, from 6.12 on in any case. perl:
	# W=1 runs kernel-doc, which needs modules that perl-base has not.
	build) echo make gcc libc6-dev "libelf1t64|libelf1" "libssl3t64|libssl3" \
		pahole perl rsync ;;
	kernel) packages build; echo bc bison flex libelf-dev libssl-dev xz-utils ;;
	builder) echo debootstrap util-linux ;;
	tree) packages builder; echo e2fsprogs ;;
	vm) echo qemu-system-x86 busybox-static cpio kmod perl xz-utils ;;
	test) packages build; packages vm; packages examples; packages tools
		echo spin liburing-dev python3-prometheus-client ;;
	bindings) packages build; packages vm; packages tree
		echo g++ rustc ;;
	examples) echo e2fsprogs libsqlite3-dev libssl-dev pkg-config ;;
	tools) echo libsmartcols-dev pkg-config ;;
	check) packages build; packages docs; packages tools
		echo sparse shellcheck \
		coccinelle clang-tidy codespell g++ python3 mandoc man-db \
		abigail-tools ;;
	docs) echo make python3-sphinx ;;
	demo) packages build; packages vm; packages examples
		echo gnuplot-nox ;;
	bench) packages build; packages vm
		echo gnuplot-nox libjemalloc2 "libmimalloc3|libmimalloc2.0" \
			"libtcmalloc-minimal4t64|libtcmalloc-minimal4" ;;
	deb) echo build-essential debhelper dh-dkms libsmartcols-dev pkg-config \
		rsync ;;
	test-packages) packages deb; packages vm; packages builder
		echo e2fsprogs lintian ;;
	# The compiler that a kernel was built with.
	gcc-[0-9]*) echo "$1" ;;
	*) die "unknown group '$1'" ;;
	esac
}

is_installed() {
	# shellcheck disable=SC2016 # dpkg-query fills in the field
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
		grep -qx installed
}

# missing PACKAGE...: those of which no alternative is installed.
missing() {
	local package name
	for package; do
		for name in ${package//|/ }; do
			! is_installed "$name" || continue 2
		done
		echo "$package"
	done
}

# available PACKAGE...: for each the name that apt knows, else the last one.
available() {
	local package name
	for package; do
		for name in ${package//|/ }; do
			! apt-cache show "$name" >/dev/null 2>&1 || break
		done
		echo "$name"
	done
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qy \
		-o Dpkg::Use-Pty=0 "$@"
}

# An update that reaches no mirror is a success for apt.
reach_mirror() {
	apt -o Acquire::Retries=0 update | tee /dev/stderr |
		grep -E '^(Hit|Get):' >/dev/null
}

# Mirrors have their moments: try twice.
install() {
	local try
	for try in 1 2; do
		[ $try -eq 1 ] || sleep 5
		reach_mirror || continue
		# shellcheck disable=SC2046 # a list of words
		! apt install --no-install-recommends $(available "$@") || return 0
	done
	return 1
}

wanted=
for group; do
	wanted+=" $(packages "$group" | tr '\n' ' ')"
done
# Kernels are obtained side by side, and apt serves one at a time.
lock "$cache/apt"
# shellcheck disable=SC2086 # a list of words
absent=$(missing $wanted | sort -u | tr '\n' ' ')
[ -n "$absent" ] || exit 0
# shellcheck disable=SC2086
names=$(available $absent | xargs)
can_be_root || die "packages are missing, and it takes root or sudo to install" \
	"them: $names"
# A password that sudo wants is asked for where it can be seen.
as_root true || die "sudo does not let this user install: $names"
: >"$log"
# shellcheck disable=SC2086 # a list of words
STEP_LINES=0 step "$log" "installing $(wc -w <<<"$absent") Debian packages" \
	install $absent 9>&- ||
	die "apt cannot install them (is there a network? $log says more): $names"
