#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2154,SC2034 # vm.sh sets the ones and uses the others
# The kernels: those of Debian as they come, and ones built for debugging from
# Debian's source; a part of vm.sh.

# Follows the meta packages: the names of the real ones hold a version that
# vanishes with the next update.
fetch_kernel() {
	local image version release parts package meta
	# linux-image-RELEASE (= VERSION)
	read -r image _ version < <(
		for meta in "linux-image-$1-cloud-amd64" linux-image-cloud-amd64; do
			fields "$meta" Depends
		done | grep -oE "linux-image-${1/./\\.}\\.[^ ]* \(= [^)]*\)") || return 1
	version=${version%)}
	release=${image#linux-image-}
	kernel_dir=$cache/linux-$version
	lock "$kernel_dir"
	[ ! -d "$kernel_dir" ] || return 0
	# What the image and the headers consist of.
	parts=$(for package in "$image" "linux-headers-$release"; do
			fields "$package" Depends
		done | grep -oE 'linux-((base|binary|modules)-[^ ,]*|headers-[^ ,]*-common|kbuild-[^ ,]*)' |
		sort -u | sed "s/\$/=$version/") || return 1
	# shellcheck disable=SC2086 # a list of packages
	unpack_kernel "$kernel_dir" "$image=$version" \
		"linux-headers-$release=$version" $parts
}

# From 7.0 on, the packages have no /lib and no /boot any more.
lay_out_as_before() {
	local image release
	[ ! -e "$1/lib" ] || return 0
	ln -s usr/lib "$1/lib"
	mkdir "$1/boot"
	for image in "$1"/lib/modules/*/vmlinuz; do
		release=${image%/*}
		mv "$image" "$1/boot/vmlinuz-${release##*/}"
	done
}

# A directory that exists is complete: it gets its name last.
unpack_kernel() {
	local dir=$1 new=$1.new deb
	shift
	rm -rf "$new" && mkdir -p "$new" || return 1
	(cd "$new" && download "$@") || return 1
	for deb in "$new"/*.deb; do
		dpkg-deb -x "$deb" "$new" && rm "$deb" || return 1
	done
	lay_out_as_before "$new"
	# The headers are made for /usr/src.
	sed -i "s|^include /usr/src|include $dir/usr/src|" \
		"$new"/usr/src/linux-headers-*/Makefile &&
	mv "$new" "$dir"
}

# unpack_source VERSION NAME [TAR-ARGUMENT...]: sets source_dir, a tree called
# NAME-... in the cache. What follows says which part of it is wanted.
unpack_source() {
	local package=linux-source-$1 name=$2 version new
	version=$(field "$package" Version)
	[ -n "$version" ] || return 1
	source_dir=$cache/$name-$version
	new=$source_dir.new
	lock "$source_dir"
	[ ! -d "$source_dir" ] || return 0
	rm -rf "$new" && mkdir -p "$new" || return 1
	(cd "$new" && download "$package=$version") || return 1
	mv "$new"/*.deb "$new/linux-source.deb" || return 1
	dpkg-deb --fsys-tarfile "$new/linux-source.deb" |
		tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ -C "$new" --strip-components=1 "${@:3}" || return 1
	mv "$new" "$source_dir"
}

fetch_source() {
	unpack_source 6.1 linux-source --wildcards \
		'linux-source-*/tools/testing/selftests' \
		'linux-source-*/tools/include' \
		'linux-source-*/scripts'
}

# ---- newer than this Debian ------------------------------------------------

# What belongs to such a kernel's headers does not run here, so the module is
# built in a tree of packages of sid. builder RELEASE: sets builder_dir.
builder() {
	builder_dir=$cache/builder-$1
	lock "$builder_dir"
	[ ! -e "$builder_dir/regalloc-complete" ] || return 0
	"$here/deps.sh" builder >&2
	as_root rm -rf "$builder_dir"
	bare_tree sid "$builder_dir"
	in_tree "$builder_dir" /tmp apt-get -qy --no-install-recommends install \
		make pahole "linux-headers-$1" >&2
	as_root touch "$builder_dir/regalloc-complete"
}

# ---- for debugging ---------------------------------------------------------

# Options asked for in the files after the first, and not in the first. Those
# that depend on something else disappear without a word.
missing_options() {
	local config=$1
	shift
	grep -hE '^(CONFIG_|# CONFIG_)' "$@" | while read -r line; do
		case $line in
		'# '*) ! grep -qxE "${line:2:-11}=.*" "$config" ;;
		*) grep -qxF "$line" "$config" ;;
		esac || echo "$line"
	done
}

# What the kernel is built with besides its configuration. KCSAN looks at an access
# now and then: let it be one of the module's. For KASAN, each word of a free page is
# a wrong access when page poisoning looks at it (memchr_inv() of lib/string.c); that
# they are not reported takes half of the time in which a region is opened.
instrumentation() {
	case $1 in
	kcsan) echo KCSAN_SANITIZE=n ;;
	kasan) echo KASAN_SANITIZE_string.o=n ;;
	esac
}

# build_debug_kernel TREE DIR MAKE-ARGUMENT FRAGMENT...
build_debug_kernel() {
	local tree=$1 dir=$2 argument=$3 absent
	shift 3
	make -C "$tree" O="$dir" tinyconfig || return 1
	"$tree/scripts/kconfig/merge_config.sh" -m -O "$dir" "$dir/.config" \
		"$@" && make -C "$dir" olddefconfig || return 1
	absent=$(missing_options "$dir/.config" "$@")
	[ -z "$absent" ] || die "the debug kernel would lack: $absent"
	make -C "$dir" -j"$(nproc)" ${argument:+"$argument"} \
		bzImage modules_prepare || return 1
	cp "$dir/vmlinux.symvers" "$dir/Module.symvers" || return 1
	# What stays is for running it, and for building modules.
	find "$dir" \( -path "$dir/scripts" -o -path "$dir/tools" \) -prune -o \
		\( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \) \
		-exec rm {} +
	rm -f "$dir"/vmlinux "$dir"/.tmp_vmlinux*
}

# debug_kernel VERSION FLAVOUR: Debian's source with FLAVOUR.config, built once.
debug_kernel() {
	local fragments=("$here/debug.config" "$here/$2.config") argument hash
	"$here/deps.sh" build >&2
	obtain unpack_source "$1" linux-tree
	argument=$(instrumentation "$2")
	hash=$({ cat "${fragments[@]}"; printf %s "$argument"; } |
		sha256sum | cut -c 1-12)
	kernel_dir=$cache/linux-debug-$2-${source_dir##*/linux-tree-}-$hash
	lock "$kernel_dir"
	if [ ! -e "$kernel_dir/regalloc-complete" ]; then
		"$here/deps.sh" kernel >&2
		echo "vm.sh: building kernel $1-$2, 7 to 20 minutes:" \
			"$kernel_dir.log" >&2
		rm -rf "$kernel_dir"
		build_debug_kernel "$source_dir" "$kernel_dir" "$argument" \
			"${fragments[@]}" > "$kernel_dir.log" 2>&1 || {
			tail -n 30 "$kernel_dir.log" >&2
			die "the debug kernel does not build"
		}
		touch "$kernel_dir/regalloc-complete"
	fi
	VMLINUZ=$kernel_dir/arch/x86/boot/bzImage
	RELEASE=$(cat "$kernel_dir/include/config/kernel.release")
	KDIR=$kernel_dir
}

# ---- any of them -----------------------------------------------------------

# Sets KDIR, VMLINUZ, RELEASE and kernel_dir.
kernel() {
	case " $kernels $newer_kernels $debug_kernels " in
	*" $1 "*) ;;
	*) die "not one of $kernels $newer_kernels $debug_kernels: '$1'" ;;
	esac
	case $1 in
	*-*) debug_kernel "${1%-*}" "${1##*-}"; return ;;
	esac
	obtain fetch_kernel "$1"
	VMLINUZ=$(echo "$kernel_dir"/boot/vmlinuz-*)
	RELEASE=${VMLINUZ##*/vmlinuz-}
	KDIR=$kernel_dir/usr/src/linux-headers-$RELEASE
}
