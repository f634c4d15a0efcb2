#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2154 # host.sh sets them
# Trees of Debian to work in as root; a part of other scripts.

# in_tree TREE DIRS COMMAND...: with these where they are here, too. One of them that
# the tree has not is there afterwards, as an empty directory.
in_tree() {
	# shellcheck disable=SC2016 # for the inner shell
	as_root unshare -m sh -ec '
		root=$1 dirs=$2
		shift 2
		mount -t proc proc "$root/proc"
		for dir in $dirs; do
			mkdir -p "$root$dir"
			mount --bind "$dir" "$root$dir"
		done
		exec env DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" "$@"
	' sh "$@"
}

# bare_tree RELEASE DIR: the smallest Debian that has apt. It is made once.
bare_tree() {
	local tar=$cache/bare-$1.tar.gz
	"$here/deps.sh" builder
	exec 8>"$tar.lock"
	flock 8
	[ -e "$tar" ] || step "$tar.log" \
		"making a bare Debian $1, a minute or two" make_bare_tree "$1" "$tar" ||
		die "debootstrap cannot make a bare Debian $1"
	exec 8>&-
	as_root mkdir -p "$2"
	as_root tar -C "$2" -xpf "$tar"
}

# make_bare_tree RELEASE TARBALL: from the mirror that the machine uses. A mount that
# debootstrap leaves behind ends with its name space.
make_bare_tree() {
	local release=$1 new=$2.new
	as_root rm -rf "$new"
	as_root unshare -m debootstrap --variant=minbase "$release" "$new" \
		"$(mirror)" || return
	sources | as_root tee "$new/etc/apt/sources.list" || return
	echo force-unsafe-io |
		as_root tee "$new/etc/dpkg/dpkg.cfg.d/unsafe-io" || return
	in_tree "$new" "" apt-get -q update || return
	in_tree "$new" "" apt-get clean || return
	as_root tar -C "$new" -I 'gzip -1' -cf - . >"$2.part" || return
	as_root rm -rf "$new"
	mv "$2.part" "$2"
}

# apt_in_tree TREE ARGUMENT...
apt_in_tree() {
	local tree=$1
	shift
	in_tree "$tree" "" apt-get -qy --no-install-recommends \
		-o Acquire::Retries=2 "$@"
}

# bootable_tree RELEASE: one that boots, has the headers of the kernels that are tested
# with it, and has at hand what DKMS depends on. Sets tree, a tarball.
bootable_tree() {
	local version dirs=() new
	local packages="systemd-sysv udev kmod man-db pkg-config gcc libc6-dev"
	for version in $(kernels_in "$1"); do
		kernel "$version@$1"
		dirs+=("$kernel_dir/lib/modules/$RELEASE")
		packages+=" linux-headers-$RELEASE"
	done
	tree=$cache/tree-$1-$(sha256sum <<<"$packages" | cut -c 1-12).tar.gz
	new=$tree.new
	lock "$tree"
	[ ! -e "$tree" ] || return 0
	as_root rm -rf "$new"
	bare_tree "$1" "$new"
	# shellcheck disable=SC2086 # a list of words
	step "$tree.log" "making a Debian $1 that boots" \
		make_bootable_tree "$new" $packages || die "no Debian $1 to boot"
	as_root tar -C "$new" -I 'gzip -1' -cf - . >"$tree.part"
	as_root rm -rf "$new"
	mv "$tree.part" "$tree"
}

# make_bootable_tree TREE PACKAGE...: with what depmod wants of the kernels in dirs,
# which is not there otherwise.
make_bootable_tree() {
	local tree=$1 modules
	shift
	apt_in_tree "$tree" update || return
	apt_in_tree "$tree" install "$@" || return
	for modules in "${dirs[@]}"; do
		as_root cp "$modules"/modules.{order,builtin,builtin.modinfo} \
			"$tree/lib/modules/${modules##*/}/" || return
		in_tree "$tree" "" depmod "${modules##*/}" || return
	done
	apt_in_tree "$tree" clean &&
	apt_in_tree "$tree" --download-only install dkms
}
