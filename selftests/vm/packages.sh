#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2154 # vm.sh sets them
# Packages of Debian, downloaded and not installed; a part of vm.sh, which sets
# cache and codename.

apt_options=(-q -o APT::Sandbox::User=root)

# The machine's package lists may be absent, outdated or without backports, and
# to update them takes root. So there are lists of our own to fall back on,
# from the mirror that the machine uses.
use_private_lists() {
	local signed
	signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
	mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
	# shellcheck disable=SC2016 # apt fills in the fields
	apt-get indextargets --no-release-info \
		--format '$(IDENTIFIER) $(REPO_URI) $(RELEASE) $(COMPONENT)' |
	awk -v name="$codename" -v signed="$signed" '
		$1 != "Packages" { next }
		$3 == name || index($3, name "-") == 1 {
			print "deb", signed, $2, $3, $4
		}
		$3 == name { print "deb", signed, $2, name "-backports", $4 }
	' | sort -u > "$cache/apt/sources.list"
	[ -s "$cache/apt/sources.list" ] || die "no mirror of Debian $codename"
	apt_options+=(-o Dir::Etc::SourceList="$cache/apt/sources.list"
		-o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$cache/apt/lists"
		-o Dir::Cache="$cache/apt")
	apt-get "${apt_options[@]}" update >&2
}

prefer_backports() {
	apt_options+=(-o APT::Default-Release="$codename-backports")
}

# obtain FUNCTION ARGUMENT...: with the machine's lists, else with our own.
obtain() {
	"$@" && return
	lock "$cache/apt"
	use_private_lists || echo "vm.sh: no package lists" >&2
	"$@" && return
	prefer_backports
	"$@" || die "cannot obtain: $*"
}

# field PACKAGE FIELD: prints nothing if apt does not know the package.
field() {
	apt-cache "${apt_options[@]}" --no-all-versions show "$1" 2>/dev/null |
		sed -n "s/^$2: //p"
}

# Downloads packages into the current directory.
download() {
	apt-get "${apt_options[@]}" download "$@" >&2
}
