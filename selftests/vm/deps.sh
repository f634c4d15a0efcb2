#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs the Debian packages that are missing for a task:
#
#	deps.sh GROUP...
#
# Does nothing, and needs no privilege, when everything is there.
set -euo pipefail

packages() {
	case $1 in
	# pahole: the kernel's build calls it for BTF, from 6.12 on in any case.
	build) echo make gcc libc6-dev libelf1 libssl3 pahole rsync xz-utils ;;
	kernel) packages build; echo bc bison flex libelf-dev libssl-dev ;;
	builder) echo debootstrap util-linux ;;
	tree) packages builder; echo e2fsprogs ;;
	vm) echo qemu-system-x86 busybox-static cpio kmod ;;
	test) packages build; packages vm; packages examples; packages tools
		echo spin liburing-dev python3-prometheus-client ;;
	bindings) packages build; packages vm; packages tree
		echo g++ rustc ;;
	examples) echo e2fsprogs libsqlite3-dev libssl-dev pkg-config ;;
	tools) echo libsmartcols-dev pkg-config ;;
	# kernel-doc needs modules that perl-base has not.
	check) packages build; packages docs; packages tools
		echo sparse shellcheck perl \
		coccinelle clang-tidy codespell g++ python3 mandoc man-db \
		abigail-tools ;;
	docs) echo make python3-sphinx ;;
	demo) packages build; packages vm; packages examples
		echo gnuplot-nox ;;
	bench) packages build; packages vm
		echo gnuplot-nox libjemalloc2 libmimalloc2.0 \
			libtcmalloc-minimal4 ;;
	deb) echo build-essential debhelper dh-dkms libsmartcols-dev pkg-config \
		rsync ;;
	test-packages) packages deb; packages vm; packages builder
		echo e2fsprogs lintian ;;
	*) echo "deps.sh: unknown group '$1'" >&2; return 1 ;;
	esac
}

missing() {
	local package
	for package; do
		# shellcheck disable=SC2016 # dpkg-query fills in the field
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
			grep -qx installed || echo "$package"
	done
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

install() {
	as_root apt-get update -q &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy \
			--no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}

wanted=
for group; do
	wanted+=" $(packages "$group" | tr '\n' ' ')"
done
# Kernels are obtained side by side, and apt serves one at a time.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/regalloc
mkdir -p "$cache"
exec 9>"$cache/deps.lock"
flock 9
# shellcheck disable=SC2086 # a list of words
absent=$(missing $wanted | sort -u | tr '\n' ' ')
if [ -n "$absent" ]; then
	echo "installing: $absent"
	# Mirrors have their moments: try twice.
	# shellcheck disable=SC2086
	install $absent 9>&- || { sleep 5; install $absent 9>&-; }
fi
