#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2154 # vm.sh sets them
# Packages of Debian, downloaded and not installed; a part of vm.sh, which sets
# cache and codename.

apt_options=(-q -o APT::Sandbox::User=root)

# The machine's package lists may be absent, outdated or without what is newer,
# and to update them takes root. So there are lists of our own to fall back on.
use_private_lists() {
	apt_options=(-q -o APT::Sandbox::User=root
		-o Dir::Etc::SourceList="$cache/apt/sources.list"
		-o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$cache/apt/lists"
		-o Dir::Cache="$cache/apt")
}

# sources SUITE...: this release and these, from the mirror that the machine uses.
sources() {
	local signed suites="$*"
	signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
	machine_lists | awk -v name="$codename" -v signed="$signed" \
		-v suites="$suites" '
		$2 == name || index($2, name "-") == 1 {
			print "deb", signed, $1, $2, $3
		}
		$2 == name {
			n = split(suites, suite)
			for (i = 1; i <= n; i++)
				print "deb", signed, $1, suite[i], $3
		}
	' | sort -u
}

# update_private_lists SUITE...: with what sources prints.
update_private_lists() {
	mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
	sources "$@" > "$cache/apt/sources.list"
	[ -s "$cache/apt/sources.list" ] || die "no mirror of Debian $codename"
	apt-get "${apt_options[@]}" update >&2 || echo "vm.sh: no lists" >&2
}

# What the machine's apt knows, as lines of URI, suite, component.
machine_lists() {
	# shellcheck disable=SC2016 # apt fills in the fields
	apt-get indextargets --no-release-info \
		--format '$(IDENTIFIER) $(REPO_URI) $(RELEASE) $(COMPONENT)' |
		sed -n 's/^Packages //p'
}

# The mirror of this release that the machine uses.
mirror() {
	machine_lists | awk -v name="$codename" '$2 == name { print $1; exit }'
}

# obtain FUNCTION ARGUMENT...: with the machine's lists, else with our own, else
# with new ones, else with those of what is to come.
obtain() {
	"$@" && return
	lock "$cache/apt"
	use_private_lists
	"$@" && return
	update_private_lists "$codename-backports"
	"$@" && return
	update_private_lists "$codename-backports" sid
	"$@" || die "cannot obtain: $*"
}

# fields PACKAGE FIELD: of all versions, a line each; nothing if there is none.
fields() {
	{ apt-cache "${apt_options[@]}" show "$1" 2>/dev/null || true; } |
		sed -n "s/^$2: //p"
}

# field PACKAGE FIELD: of the version that would be installed.
field() {
	apt-cache "${apt_options[@]}" --no-all-versions show "$1" 2>/dev/null |
		sed -n "s/^$2: //p"
}

# Downloads packages into the current directory.
download() {
	apt-get "${apt_options[@]}" download "$@" >&2
}
