#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the packages, installs them on a bare Debian, boots that with each kernel
# in KERNELS (default: those of vm.sh list), and purges them. Kernels that are
# newer than this Debian are for a tree of sid. What is worth keeping is in
# build/packages.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
vm=$here/vm.sh
debs=$top/build/deb
out=$top/build/packages
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
KERNELS=${KERNELS:-$("$vm" list)}
PATH=$PATH:/usr/sbin:/sbin
passed=0 failed=0 skipped=0

# shellcheck source=selftests/vm/tree.sh
. "$here/tree.sh"

# result VERDICT NAME
result() {
	case "$1 $2" in
	ok*'# SKIP'*) skipped=$((skipped + 1)) ;;
	ok*) passed=$((passed + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
	echo "$1 $((passed + failed + skipped)) $2"
}

# check NAME COMMAND...: shows the output of a command that fails.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		result ok "$name"
	else
		printf '%s\n' "$output" | sed 's/^/# /'
		result "not ok" "$name"
	fi
}

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

# test_boot VERSION: the results of the guest come by its second serial line.
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

# test_tree SUITE VERSION...: boots these of the suite's kernels.
test_tree() {
	local suite=$1 version pages page modules tarball tree=$out/tree
	shift
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
	for version; do
		test_boot "$version"
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
present='' newer=''
for kernel in $KERNELS; do
	case " $("$vm" list-newer) " in
	*" $kernel "*) newer+=" $kernel" ;;
	*) present+=" $kernel" ;;
	esac
done
# shellcheck disable=SC2086 # lists of words
{
	[ -z "$present" ] || test_tree "$codename" $present
	[ -z "$newer" ] || test_tree sid $newer
}
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
