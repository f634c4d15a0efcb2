#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds what a guest needs to test the module:
#
#	payload.sh KSELFTEST PAYLOAD DISK
#
# KSELFTEST is the directory tools/testing/selftests of a kernel. PAYLOAD becomes a
# directory with the programs, their libraries and the kernel's runner; its file
# "list" names the programs to run, which are those in TESTS, if that is set. TIME
# (seconds) is added to what each may take. DISK becomes a file system with a file
# for the examples to read.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$top/build
kselftest=$1 payload=$2 disk=$3
examples="live example wave pagecache sqlite_load regallocctl"

# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"

selftests() {
	make -s -C "$top/selftests" KSFT="$kselftest" \
		OUTPUT="$build/selftests" "$@"
}

# The programs of user space are linked as anywhere else, so a guest has to have their
# libraries. What a tree has from before may be linked otherwise.
install_examples() {
	local program
	for program in $examples; do
		rm -f "$build/userlib/$program"
	done
	make -s -C "$top/userlib" -j"$(nproc)" live examples tools
	for program in $examples; do
		cp "$build/userlib/$program" "$payload/regalloc/"
	done
	mkdir "$payload/lib"
	# shellcheck disable=SC2086 # a list of words
	(cd "$payload/regalloc" && needed_by $examples) |
		xargs cp -L -t "$payload/lib"
}

list() {
	if [ -n "${TESTS:-}" ]; then
		# shellcheck disable=SC2086 # a list of words
		printf '%s\n' $TESTS
	else
		selftests emit_tests COLLECTION=regalloc |
			sed -n 's/^regalloc://p'
		echo live
	fi
}

make_payload() {
	rm -rf "$payload"
	mkdir -p "$payload" "$build/selftests"
	selftests -j"$(nproc)" install INSTALL_PATH="$payload/regalloc"
	install_examples
	list > "$payload/list"
	echo "timeout=$((1800 + ${TIME:-0}))" > "$payload/regalloc/settings"
	cp -r "$kselftest/kselftest" "$payload/"
}

# No two blocks of the file are the same: one in the place of another is noticed.
make_disk() {
	local files=$disk-files
	rm -rf "$files" "$disk"
	mkdir "$files"
	head -c 24M /dev/urandom > "$files/data"
	truncate -s 32M "$disk"
	mke2fs -q -F -t ext4 -O ^has_journal -d "$files" "$disk"
	rm -rf "$files"
}

make_payload
make_disk
