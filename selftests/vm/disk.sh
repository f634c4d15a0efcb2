#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A Debian to run programs in that the guest's busybox cannot:
#
#	disk.sh SUITE PACKAGE...
#
# Prints the path of an ext4 image of a minimal SUITE with the packages, for
# vm.sh boot --disk. It is made once, with debootstrap, which takes root, and
# stays in the cache.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/regalloc
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
PATH=$PATH:/usr/sbin:/sbin

# shellcheck source=selftests/vm/packages.sh
. "$here/packages.sh"
# shellcheck source=selftests/vm/tree.sh
. "$here/tree.sh"

# Sparse: what is not used takes no place.
image() {
	as_root rm -rf "$1/var/cache/apt/archives"
	rm -f "$2"
	truncate -s 4G "$2"
	as_root mke2fs -q -F -t ext4 -O ^has_journal -d "$1" "$2" >&2
}

[ $# -ge 1 ] || { echo "usage: disk.sh SUITE PACKAGE..." >&2; exit 2; }
suite=$1
shift
packages=$(printf '%s\n' "$@" | sort -u)
disk=$cache/disk-$suite-$(echo "$packages" | sha256sum | cut -c 1-12)

mkdir -p "$cache"
exec 9>"$disk.lock"
flock 9
if [ ! -e "$disk.ext4" ]; then
	"$here/deps.sh" tree >&2
	as_root rm -rf "$disk"
	bare_tree "$suite" "$disk"
	# shellcheck disable=SC2086 # a list of words
	in_tree "$disk" /tmp apt-get -qy --no-install-recommends install \
		$packages >&2
	image "$disk" "$disk.new"
	as_root rm -rf "$disk"
	mv "$disk.new" "$disk.ext4"
fi
echo "$disk.ext4"
