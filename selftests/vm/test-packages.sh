#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the packages, installs them in a bare tree of each release of Debian in TREES
# (default: this one and those after it), boots that with each kernel that the release
# has, and purges them. What is worth keeping is in build/packages.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
vm=$here/vm.sh
debs=$top/build/deb
out=$top/build/packages

# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/vm/tree.sh
. "$here/tree.sh"
# shellcheck source=selftests/vm/kernels.sh
. "$here/kernels.sh"
# shellcheck source=selftests/vm/results.sh
. "$here/results.sh"

inside() {
	in_tree "$tree" "$debs" "$@"
}

# Without what belongs to apt itself, and logs.
list_files() {
	as_root find "$tree" -mindepth 1 \( -path "$tree/proc" \
		-o -path "$tree/var/log" -o -path "$tree/var/cache" \
		-o -path "$tree/var/lib/apt" \) -prune -o -printf '/%P\n' | sort
}

install_packages() {
	inside apt-get install -qy --no-install-recommends "$debs"/*.deb
}

built_by_dkms() {
	inside dkms status -m regalloc -k "$1" | grep ': installed'
}

# shellcheck disable=SC2016 # for the shell in the tree
build_example() {
	inside sh -ec 'cc -Wall -Werror -o /srv/example \
		/usr/share/doc/libregalloc-dev/examples/example.c \
		$(pkg-config --cflags --libs regalloc)'
}

manual_pages() {
	inside dpkg -L "${packages[@]}" | sed -n 's|.*/man[1-9]/\(.*\)\.gz$|\1|p'
}

opens() {
	inside man -P cat "${1##*.}" "${1%.*}" | grep -i '^NAME'
}

make_image() {
	rm -f "$out/image"
	truncate -s "$(($(as_root du -sm "$tree" | cut -f 1) * 5 / 4 + 64))M" \
		"$out/image"
	as_root mke2fs -q -F -t ext4 -O ^has_journal -d "$tree" "$out/image"
}

# test_boot VERSION@RELEASE: the results of the guest come by its second serial line.
test_boot() {
	local version=$1 line
	check "$version: systemd boots, and the kernel has no complaint" \
		"$vm" boot --kernel "$version" --root "$out/image" --mem 1024 \
		--out "$out/$version.out" --log "$out/$version.log" \
		--timeout 400 -- "$(cat "$here/test-packages-guest.sh")"
	while read -r line; do
		case $line in
		'ok '*) result ok "$version: ${line#ok }" ;;
		'not ok '*) result "not ok" "$version: ${line#not ok }" ;;
		*) echo "$line" ;;
		esac
	done < <(tr -d '\r' <"$out/$version.out")
}

purge_packages() {
	inside apt-get purge -qy "${packages[@]}"
}

nothing_in_dkms() {
	local status
	status=$(inside dkms status) && echo "$status" && [ -z "$status" ]
}

# What came along with them goes, too, wanted by others or not, so that the tree is
# what it was.
no_file_is_left() {
	inside apt-get autoremove -qy --purge \
		-o APT::AutoRemove::RecommendsImportant=false \
		-o APT::AutoRemove::SuggestsImportant=false
	list_files >"$out/after"
	! comm -13 "$out/before" "$out/after" | grep .
}

# By Debian's policy a group stays; group- and gshadow- are passwd's own copies.
only_the_group_is_left() {
	! as_root grep -rl --exclude-dir=apt regalloc "$tree/etc" "$tree/var/lib" |
		grep -vE '/etc/g(roup|shadow)-?$'
}

test_tree() {
	local suite=$1 version pages page modules tarball tree=$out/tree
	tarball=$("$vm" tree "$suite")
	as_root rm -rf "$tree"
	mkdir -p "$tree"
	as_root tar -C "$tree" -xpf "$tarball"
	inside useradd -r -M member
	inside useradd -r -M stranger
	inside apt-get install -qy --no-install-recommends trace-cmd \
		>"$out/apt.log" 2>&1
	list_files >"$out/before"

	check "$suite: apt installs the packages" install_packages
	for modules in "$tree"/lib/modules/*; do
		check "$suite: DKMS builds for ${modules##*/}" \
			built_by_dkms "${modules##*/}"
	done
	check "$suite: a program is built with libregalloc-dev" build_example
	pages=$(manual_pages)
	for page in $pages; do
		check "$suite: man shows $page" opens "$page"
	done
	[ -n "$pages" ] || result ok "$suite: man # SKIP there is no page"
	inside usermod -aG regalloc member
	make_image
	for version in $(kernels_in "$suite"); do
		test_boot "$version@$suite"
	done
	rm -f "$out/image"
	as_root rm -f "$tree/srv/example"
	check "$suite: apt purges the packages" purge_packages
	check "$suite: DKMS knows no module any more" nothing_in_dkms
	check "$suite: no file is left" no_file_is_left
	check "$suite: nothing is left but the group" only_the_group_is_left
	as_root rm -rf "$tree"
}

"$here/deps.sh" test-packages
as_root rm -rf "$out"
mkdir -p "$out"
make -s -C "$top" deb >"$out/deb.log" 2>&1 || {
	cat "$out/deb.log" >&2
	exit 1
}
check "lintian has no complaint" lintian --allow-root \
	--fail-on error,warning "$debs"/*.changes
mapfile -t packages < <(for deb in "$debs"/*.deb; do
		dpkg-deb -f "$deb" Package
	done)
# Packages do not work on a Debian that is older than where they were built.
for release in ${TREES:-$(kernel_releases)}; do
	if [ "$release" != "$codename" ] && runs_here "$release"; then
		result ok "$release # SKIP these packages are built on $codename"
	else
		test_tree "$release"
	fi
done
totals
