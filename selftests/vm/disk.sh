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
# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/vm/progress.sh
. "$here/progress.sh"
# shellcheck source=selftests/vm/packages.sh
. "$here/packages.sh"
# shellcheck source=selftests/vm/tree.sh
. "$here/tree.sh"

# Sparse: what is not used takes no place.
image() {
	as_root rm -rf "$1/var/cache/apt/archives"
	rm -f "$2"
	truncate -s 4G "$2"
	as_root mke2fs -q -F -t ext4 -O ^has_journal -d "$1" "$2"
}

[ $# -ge 1 ] || { echo "usage: disk.sh SUITE PACKAGE..." >&2; exit 2; }
suite=$1
shift
packages=$(printf '%s\n' "$@" | sort -u)
disk=$cache/disk-$suite-$(echo "$packages" | sha256sum | cut -c 1-12)

lock "$disk"
if [ ! -e "$disk.ext4" ]; then
	"$here/deps.sh" tree
	as_root rm -rf "$disk"
	bare_tree "$suite" "$disk"
	apt_in_tree "$disk" update >"$disk.log" 2>&1
	# shellcheck disable=SC2086 # a list of words
	step "$disk.log" "installing $(wc -w <<<"$packages") packages in it" \
		apt_in_tree "$disk" install $packages
	image "$disk" "$disk.new"
	as_root rm -rf "$disk"
	mv "$disk.new" "$disk.ext4"
fi
echo "$disk.ext4"
