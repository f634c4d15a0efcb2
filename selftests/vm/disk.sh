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

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# A mount that debootstrap leaves behind ends with its name space.
bootstrap() {
	local suite=$1 packages=$2 dir=$3
	as_root unshare -m debootstrap --variant=minbase \
		--include="$packages" "$suite" "$dir" "$(mirror)" >&2
}

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
packages=$(printf '%s\n' "$@" | sort -u | paste -sd ,)
tree=$cache/tree-$suite-$(echo "$packages" | sha256sum | cut -c 1-12)

mkdir -p "$cache"
exec 9>"$tree.lock"
flock 9
if [ ! -e "$tree.ext4" ]; then
	"$here/deps.sh" tree >&2
	as_root rm -rf "$tree"
	bootstrap "$suite" "$packages" "$tree"
	image "$tree" "$tree.new"
	as_root rm -rf "$tree"
	mv "$tree.new" "$tree.ext4"
fi
echo "$tree.ext4"
