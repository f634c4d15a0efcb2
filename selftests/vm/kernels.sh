#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2154,SC2034 # vm.sh sets the ones and uses the others
# The kernels: those of Debian as they come, and ones built for debugging from
# Debian's source; a part of other scripts.

# ---- which there are -------------------------------------------------------

# Documentation/kernels.csv says which releases of Debian have a kernel, oldest first,
# and which command tests it.
kernels_csv=$top/Documentation/kernels.csv

# kernels_of COMMAND: those that it tests.
kernels_of() {
	awk -F, -v command="$1" '$3 == command { print $1 }' "$kernels_csv" | xargs
}

# kernels_in RELEASE: all that it has.
kernels_in() {
	awk -F, -v name="$1" '(" " $2 " ") ~ " " name " " { print $1 }' "$kernels_csv" |
		xargs
}

# release_of VERSION: this release if it has the kernel, else the last that has.
release_of() {
	local version=${1%@*}
	case $1 in
	*@*) echo "${1#*@}" ;;
	*) awk -F, -v version="$version" -v own="$codename" '
		$1 == version {
			n = split($2, releases, " ")
			found = releases[n]
			for (i in releases)
				if (releases[i] == own)
					found = own
		}
		END { print found }' "$kernels_csv" ;;
	esac
}

# Those with a kernel, oldest first.
kernel_releases() {
	cut -d , -f 2 "$kernels_csv" | tr ' ' '\n' | awk '!seen[$0]++' | xargs
}

# runs_here RELEASE: do its programs run on this Debian? They do on a newer one.
runs_here() {
	local releases
	releases=$(kernel_releases)
	[[ " ${releases%%"$codename"*}$codename " == *" $1 "* ]]
}

# ---- as Debian has them ----------------------------------------------------

# cloud_image VERSION: a pattern of the names of its packages.
cloud_image() {
	echo "linux-image-${1//./\\.}\\.[0-9.+a-z]*(-[0-9]+)?-cloud-amd64"
}

# The name of the newest one holds a version that vanishes with the next update.
fetch_kernel() {
	local image version series=${1%@*} parts package
	use_release "$(release_of "$1")"
	image=$(newest "$(cloud_image "$series")")
	version=$(field "$image" Version)
	[ -n "$version" ] || die "Debian $release has no kernel $series"
	RELEASE=${image#linux-image-}
	kernel_dir=$cache/linux-$version
	lock "$kernel_dir"
	[ ! -d "$kernel_dir" ] || return 0
	# What the image and the headers consist of.
	parts=$(for package in "$image" "linux-headers-$RELEASE"; do
			field "$package=$version" Depends
		done | grep -oE 'linux-((base|binary|modules)-[^ ,]*|headers-[^ ,]*-common|kbuild-[^ ,]*)' |
		sort -u | sed "s/\$/=$version/")
	# shellcheck disable=SC2086 # a list of packages
	unpack_kernel "$image=$version" "linux-headers-$RELEASE=$version" $parts ||
		die "kernel $series ($RELEASE) cannot be had"
}

# unpack_kernel PACKAGE...: into kernel_dir. A directory that exists is complete: it
# gets its name last.
unpack_kernel() {
	local new=$kernel_dir.new
	rm -rf "$new" && mkdir -p "$new" || return
	download "$kernel_dir.log" "kernel $RELEASE" "$new" "$@" || return
	step "$kernel_dir.log" "unpacking it" unpack_debs "$new" || return
	# The headers are made for /usr/src.
	sed -i "s|/usr/src/|$kernel_dir/usr/src/|g" \
		"$new"/usr/src/linux-headers-*/Makefile &&
	mv "$new" "$kernel_dir"
}

unpack_debs() {
	local deb
	for deb in "$1"/*.deb; do
		dpkg-deb -x "$deb" "$1" && rm "$deb" || return
	done
	lay_out_as_before "$1" &&
	compiler_of "$1" >"$1/compiler"
}

# Where /usr is merged, packages have no /lib, and from 7.0 on no /boot either.
lay_out_as_before() {
	local image release
	[ -e "$1/lib" ] || ln -s usr/lib "$1/lib" || return
	mkdir -p "$1/boot" || return
	for image in "$1"/lib/modules/*/vmlinuz; do
		[ -e "$image" ] || continue
		release=${image%/*}
		mv "$image" "$1/boot/vmlinuz-${release##*/}" || return
	done
}

# compiler_of DIR: the one that a kernel was built with, as the package is called.
compiler_of() {
	sed -n 's/^CONFIG_CC_VERSION_TEXT="\(x86_64-linux-gnu-\)\?\(gcc-[0-9]*\) .*/\2/p' \
		"$1"/usr/src/linux-headers-*-amd64/.config | grep .
}

# unpack_source NAME [TAR-ARGUMENT...]: sets source_dir, a tree called NAME-... in the
# cache. What follows says which part of it is wanted.
unpack_source() {
	local package=linux-source-$source_series name=$1 version new deb
	use_release "$(release_of "$source_series")"
	version=$(field "$package" Version)
	[ -n "$version" ] || die "Debian $release has no $package"
	source_dir=$cache/$name-$version
	new=$source_dir.new
	lock "$source_dir"
	[ ! -d "$source_dir" ] || return 0
	rm -rf "$new" && mkdir -p "$new" || return
	download "$source_dir.log" "the source of Linux $version" "$new" \
		"$package=$version" || die "no source of Linux can be had"
	deb=$(echo "$new"/*.deb)
	step "$source_dir.log" "unpacking the source of Linux $version" \
		unpack_tar "$deb" "./usr/src/$package.tar.xz" "$new" "${@:2}" || return
	rm "$deb" && mv "$new" "$source_dir"
}

unpack_tar() {
	dpkg-deb --fsys-tarfile "$1" | tar -xO "$2" |
		tar -xJ -C "$3" --strip-components=1 "${@:4}"
}

# The part that the tests and checks are made of.
fetch_source() {
	unpack_source linux-source --wildcards \
		'linux-source-*/tools/testing/selftests' \
		'linux-source-*/tools/include' \
		'linux-source-*/scripts'
}

# ---- newer than this Debian ------------------------------------------------

# The programs that belong to such a kernel's headers do not run here, so the module
# is built in a tree of its release. Sets builder_dir.
builder() {
	builder_dir=$cache/builder-$1
	lock "$builder_dir"
	[ ! -e "$builder_dir/regalloc-complete" ] || return 0
	"$here/deps.sh" builder
	as_root rm -rf "$builder_dir"
	bare_tree "$1" "$builder_dir"
	step "$builder_dir.log" "installing a compiler in it" \
		in_tree "$builder_dir" "$here" env HOME=/tmp "$here/deps.sh" build ||
		die "no place to build for kernels of Debian $1"
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

# debug_kernel FLAVOUR: Debian's source with FLAVOUR.config, built once.
debug_kernel() {
	local fragments=("$here/debug.config" "$here/$1.config") argument hash
	"$here/deps.sh" build
	unpack_source linux-tree
	argument=$(instrumentation "$1")
	hash=$({ cat "${fragments[@]}"; printf %s "$argument"; } |
		sha256sum | cut -c 1-12)
	kernel_dir=$cache/linux-debug-$1-${source_dir##*/linux-tree-}-$hash
	lock "$kernel_dir"
	if [ ! -e "$kernel_dir/regalloc-complete" ]; then
		"$here/deps.sh" kernel
		rm -rf "$kernel_dir"
		: >"$kernel_dir.log"
		step "$kernel_dir.log" \
			"building kernel $source_series-$1, 7 to 20 minutes" \
			build_debug_kernel "$source_dir" "$kernel_dir" \
			"$argument" "${fragments[@]}" ||
			die "the debug kernel does not build"
		touch "$kernel_dir/regalloc-complete"
	fi
	VMLINUZ=$kernel_dir/arch/x86/boot/bzImage
	RELEASE=$(cat "$kernel_dir/include/config/kernel.release")
	KDIR=$kernel_dir
}

# ---- any of them -----------------------------------------------------------

# kernel VERSION[@RELEASE]: sets KDIR, VMLINUZ, RELEASE and kernel_dir.
kernel() {
	case " $kernels $more_kernels $debug_kernels " in
	*" ${1%@*} "*) ;;
	*) die "not one of $kernels $more_kernels $debug_kernels: '$1'" ;;
	esac
	case $1 in
	*-*) debug_kernel "${1##*-}"; return ;;
	esac
	fetch_kernel "$1"
	VMLINUZ=$kernel_dir/boot/vmlinuz-$RELEASE
	KDIR=$kernel_dir/usr/src/linux-headers-$RELEASE
}

kernels=$(kernels_of "make test")
more_kernels=$(kernels_of "make test-matrix")
source_series=6.12	# with which the debug kernels and the tests are built
debug_kernels="$source_series-kasan $source_series-kcsan"
