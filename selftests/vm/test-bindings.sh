#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the examples and tests of the bindings in a guest:
#
#	test-bindings.sh [VERSION]	default 6.12
#
# The last line adds up. What the guest said stays in build/bindings. rustc is
# that of Debian, whatever else is installed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
vm=$here/vm.sh
out=$top/build/bindings
version=${1:-6.12}

make_payload() {
	rm -rf "$out"
	mkdir -p "$out/payload"
	make -s -C "$top/userlib" BUILD="$out/userlib" bindings \
		CXXFLAGS="-O2 -Wall -Wextra -Werror" \
		RUSTC=/usr/bin/rustc RUSTFLAGS="-O -D warnings"
	cp -r "$out/userlib/cpp" "$out/userlib/rust" \
		"$top/userlib/bindings/python" "$top/userlib/bindings/java" \
		"$here/bindings-guest.sh" "$out/payload/"
	cp -P "$out/userlib"/libregalloc.so* "$out/payload/"
}

"$here/deps.sh" bindings
make_payload
disk=$("$here/disk.sh" trixie openjdk-25-jdk-headless python3 python3-numpy)
"$vm" boot --kernel "$version" --payload "$out/payload" --disk "$disk" \
	--log "$out/log" --out "$out/tap" -- sh /payload/bindings-guest.sh ||
	echo "not ok 0 guest: it died or complained" | tee -a "$out/tap"
awk '
	/^ok .*# SKIP/ { skipped++; next }
	/^ok / { passed++ }
	/^not ok / { failed++ }
	END {
		print passed + 0 " passed, " failed + 0 " failed, " \
			skipped + 0 " skipped"
		exit failed > 0 || !passed
	}' "$out/tap"
