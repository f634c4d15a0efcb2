#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2154 # vm.sh sets them
# Trees of Debian to work in as root; a part of other
# scripts here.

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# in_tree TREE DIR COMMAND...: with DIR where it is here, too.
in_tree() {
	# shellcheck disable=SC2016 # for the inner shell
	as_root unshare -m sh -ec '
		root=$1 dir=$2
		shift 2
		mount -t proc proc "$root/proc"
		mkdir -p "$root$dir"
		mount --bind "$dir" "$root$dir"
		exec env DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" "$@"
	' sh "$@"
}

# ---- what only vm.sh can do ------------------------------------------------

# fetch_tree SUITE: a bare Debian that boots, has the headers of its kernels, and has
# at hand what DKMS depends on. Sets tree, a tarball.
fetch_tree() {
	local suite=$1 new version versions=$newer_kernels dirs=()
	local packages="systemd-sysv udev kmod man-db pkg-config gcc libc6-dev"
	[ "$suite" != "$codename" ] || versions=$kernels
	for version in $versions; do
		kernel "$version"
		dirs+=("$kernel_dir/lib/modules/$RELEASE")
		packages+=" linux-headers-$RELEASE"
	done
	tree=$cache/tree-$suite-$(sha256sum <<< "$packages" | cut -c 1-12).tar.gz
	new=$tree.new
	lock "$tree"
	[ ! -e "$tree" ] || return 0
	"$here/deps.sh" builder >&2
	as_root rm -rf "$new"
	bare_tree "$suite" "$new"
	# shellcheck disable=SC2086 # a list of words
	in_tree "$new" /tmp apt-get -qy --no-install-recommends install \
		$packages >&2
	# What depmod wants of the kernel, which is not there otherwise.
	for version in "${dirs[@]}"; do
		as_root cp "$version"/modules.{order,builtin,builtin.modinfo} \
			"$new/lib/modules/${version##*/}/"
		in_tree "$new" /tmp depmod "${version##*/}"
	done
	in_tree "$new" /tmp apt-get clean
	in_tree "$new" /tmp apt-get -qy --no-install-recommends --download-only \
		install dkms >&2
	as_root tar -C "$new" -I 'gzip -1' -cf - . > "$tree.part"
	as_root rm -rf "$new"
	mv "$tree.part" "$tree"
}

# bare_tree SUITE DIR: from the mirror that the machine uses.
bare_tree() {
	# A mount that debootstrap leaves behind ends with its name space.
	as_root unshare -m debootstrap --variant=minbase "$1" "$2" \
		"$(mirror)" >&2
	echo force-unsafe-io |
		as_root tee "$2/etc/dpkg/dpkg.cfg.d/unsafe-io" >/dev/null
	if [ "$1" = "$codename" ]; then
		sources "$codename-backports" |
			as_root tee "$2/etc/apt/sources.list" >/dev/null
		in_tree "$2" /tmp apt-get -q update >&2
	fi
}
