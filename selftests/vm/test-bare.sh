#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the commands of the README, as they are written there, in bare trees of the
# releases of Debian in TREES (default: all that have a kernel in kernels.csv). PARTS
# names which of them (default: all):
#
#	refuse	what is said without root, and without a network
#	demo	make demo
#	test	make test; with TESTS (see test.sh) a part of it
#	install	from source, and make uninstall
#	deb	the packages
#
# A tree has make and nothing else that its release does not have anyway, and an
# empty cache. Logs are in build/bare.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/bare

# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/vm/progress.sh
. "$here/progress.sh"
# shellcheck source=selftests/vm/packages.sh
. "$here/packages.sh"
# shellcheck source=selftests/vm/tree.sh
. "$here/tree.sh"
# shellcheck source=selftests/vm/kernels.sh
. "$here/kernels.sh"
# shellcheck source=selftests/vm/results.sh
. "$here/results.sh"

TREES=${TREES:-$(kernel_releases)}
PARTS=${PARTS:-refuse demo test install deb}

# block HEADING WORD: of those below "## HEADING" in the README, the commands of the one
# that has a WORD.
block() {
	awk -v heading="## $1" -v word="$2" '
		/^## / { inside = $0 == heading }
		inside && /^    / { text = text substr($0, 5) "\n"; next }
		{ if (index(text, word)) printf "%s", text; text = "" }
	' "$top/README.md" | sed -e ':join' -e '/\\$/ { N; s/ *\\\n */ /; b join }' \
		-e 's/ *#.*//' | grep .
}

# line HEADING COMMAND: the line that begins with it.
line() {
	block "$1" "$2" | grep -E "^$2( |\$)"
}

# The tree of this release, without what a part before has left.
fresh_tree() {
	tree=$out/$1
	as_root rm -rf "$tree"
	bare_tree "$1" "$tree"
	as_root mkdir "$tree/srv/regalloc"
	tar -C "$top" -c --exclude=./build --exclude=./.git . |
		as_root tar -C "$tree/srv/regalloc" -x --no-same-owner
	echo 'APT::Get::Assume-Yes "true";' |
		as_root tee "$tree/etc/apt/apt.conf.d/90yes" >/dev/null
	step "$out/$1-tree.log" "$1: installing make" \
		apt_in_tree "$tree" install make
}

# pretend RELEASE VERSION: the kernel that seems to run there, one for clouds, with what
# depmod wants of its package.
pretend() {
	local kernel
	use_release "$1"
	kernel=$(newest "$(cloud_image "$2")")
	running=${kernel#linux-image-}
	as_root tee "$tree/usr/local/bin/uname" >/dev/null <<-ENDS
		#!/bin/sh
		[ "\$*" = -r ] && echo $running || exec /usr/bin/uname "\$@"
	ENDS
	as_root chmod +x "$tree/usr/local/bin/uname"
	as_root mkdir -p "$tree/lib/modules/$running"
	as_root touch "$tree/lib/modules/$running"/modules.{order,builtin,builtin.modinfo}
}

# inside COMMANDS [PREFIX...]: a shell in the clone.
inside() {
	local commands=$1
	shift
	in_tree "$tree" "" "$@" env -i HOME="${home:-/root}" TERM=dumb LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive ${TESTS:+"TESTS=$TESTS"} \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		bash -ec "cd /srv/regalloc; $commands"
}

# try LOG NAME COMMAND...: a result; what a command prints goes to the log.
try() {
	local log=$out/$1.log name=$2
	shift 2
	: >"$log"
	if step "$log" "$name" "$@"; then
		result ok "$name"
	else
		result "not ok" "$name"
	fi
}

# fails_with LINES WORDS COMMANDS [PREFIX...]: with no more than so many lines of error,
# which have these words.
fails_with() {
	local most=$1 words=$2 said
	shift 2
	said=$(inside "$@" 2>&1 >/dev/null) && { echo "it did not fail"; return 1; }
	echo "$said"
	said=$(grep -v '^make' <<<"$said")
	grep -qF "$words" <<<"$said" && [ "$(wc -l <<<"$said")" -le "$most" ]
}

stranger=(setpriv --reuid 65534 --regid 65534 --clear-groups)

refuse() {
	local home=/tmp command
	for command in demo test; do
		command=$(line "Try it" "make $command")
		try "$1-$2" "$1: $command says that it takes root or sudo" \
			fails_with 1 "it takes root or sudo" "$command" "${stranger[@]}"
		try "$1-$2" "$1: $command says that there is no network" \
			fails_with 5 "is there a network?" "$command" unshare -n
	done
}

demo() {
	try "$1-$2" "$1: make demo" inside "$(line "Try it" "make demo")"
	try "$1-$2-said" "$1: make demo says how it went" \
		grep "demo: SUCCESS" "$out/$1-$2.log"
}

# Afterwards nothing is missing any more, and so nobody is asked for a password.
test() {
	local home
	try "$1-$2" "$1: make test${TESTS:+ of $TESTS}" \
		inside "$(line "Try it" "make test")"
	try "$1-$2-said" "$1: make test has its totals in its last line" \
		grep -E '^[0-9]+ passed, 0 failed, [0-9]+ skipped$' \
		<(tail -n 1 "$out/$1-$2.log")
	home=/tmp
	try "$1-$2-again" "$1: no package is missing afterwards" \
		inside selftests/vm/"deps.sh test" "${stranger[@]}"
}

# booted RELEASE VERSION: what any machine has that was booted with this kernel.
booted() {
	try "$1-booted" "$1: a machine that boots $2" \
		apt_in_tree "$tree" install systemd udev kmod
	pretend "$1" "$2"
}

# Without what belongs to apt, the names of users, and what depmod makes.
list_files() {
	as_root find "$tree" -mindepth 1 \( -path "$tree/proc" -o -path "$tree/tmp" \
		-o -path "$tree/srv" -o -path "$tree/var" -o -path "$tree/root" \
		-o -path "$tree/etc/*-" -o -path "*/modules/*/modules.*" \) \
		-prune -o -printf '/%P\n' | sort
}

install() {
	local commands
	commands=$(block Install modules_install)
	booted "$1" "$(kernels_in "$1" | cut -d ' ' -f 1)"
	# What is needed stays; the rest is to be as it was.
	try "$1-$2-needs" "$1: what it takes to build it" \
		inside "$(grep '^apt ' <<<"$commands")"
	list_files >"$out/$1-before"
	try "$1-$2" "$1: make modules_install install" \
		inside "$(grep -v '^apt ' <<<"$commands")"
	try "$1-$2-quiet" "$1: it does not talk of keys or errors" \
		not grep -iE 'ssl error|signing_key|depmod: |warning|error:' \
		"$out/$1-$2.log"
	try "$1-modprobe" "$1: modprobe finds the module" \
		inside "modprobe -S $running --show-depends regalloc | grep regalloc.ko"
	try "$1-example" "$1: the example is built and says that there is no module" \
		fails_with 1 "example: " "$(line "Use it" cc) && ./example"
	try "$1-ctl" "$1: regallocctl is installed" \
		inside "command -v regallocctl && regallocctl --help"
	try "$1-uninstall" "$1: make uninstall" inside "$(line Install "make uninstall")"
	list_files >"$out/$1-after"
	try "$1-left" "$1: nothing is left" diff "$out/$1-before" "$out/$1-after"
}

not() {
	! "$@"
}

deb() {
	booted "$1" "$(kernels_in "$1" | sed 's/.* //')"
	try "$1-$2" "$1: make deb, and apt installs the packages" \
		inside "$(block Install "make deb")"
	try "$1-dkms" "$1: DKMS has built it for $running" \
		inside "dkms status -m regalloc -k $running | grep installed"
}

"$here/deps.sh" builder
as_root rm -rf "$out"
mkdir -p "$out"
for name in $TREES; do
	for part in $PARTS; do
		fresh_tree "$name"
		"$part" "$name" "$part"
	done
	as_root rm -rf "$tree"
done
totals
