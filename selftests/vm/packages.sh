#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shellcheck disable=SC2154 # host.sh sets them
# Packages of a release of Debian, downloaded and not installed, with lists of
# packages of our own: those of the machine may be absent, outdated, or of another
# release, and to update them takes root. A part of other scripts.

max_age_minutes=1440	# of the lists

# use_release RELEASE: what follows asks for packages of this one and of its updates
# and backports.
use_release() {
	apt_dir=$cache/apt-$1
	apt_options=(-q -o APT::Sandbox::User=root
		-o Dir::Etc::SourceList="$apt_dir/sources.list"
		-o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$apt_dir/lists"
		-o Dir::Cache="$apt_dir" -o Dir::Cache::pkgcache=pkgcache.bin
		-o Dir::Cache::srcpkgcache=srcpkgcache.bin
		-o Acquire::Languages=none)
	release=$1
	lock "$apt_dir"
	[ -n "$(find "$apt_dir/updated" -mmin -$max_age_minutes 2>/dev/null)" ] ||
		update_lists
}

# Old lists are good enough where there is no network, and so are those without a
# suite that the mirror has no more.
update_lists() {
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial"
	sources >"$apt_dir/sources.list"
	[ -s "$apt_dir/sources.list" ] ||
		die "apt knows no mirror of Debian $codename"
	if STEP_LINES=0 step "$apt_dir/log" \
		"updating the list of packages of Debian $release" \
		apt-get "${apt_options[@]}" -o APT::Update::Error-Mode=any update
	then
		touch "$apt_dir/updated"
	elif compgen -G "$apt_dir/lists/*_dists_${release}_*Packages*" >/dev/null
	then
		echo "going on with what is at hand" >&2
	else
		die "no packages of Debian $release can be had (is there a" \
			"network? $apt_dir/log says more)"
	fi
}

# What the machine uses, with the name of the release for that of its own, and
# backports from where the release itself comes from.
sources() {
	local signed
	signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
	machine_sources | awk -v own="$codename" -v name="$release" \
		-v signed="$signed" '
		$2 == own || index($2, own "-") == 1 {
			print "deb", signed, $1, name substr($2, length(own) + 1), $3
		}
		$2 == own { print "deb", signed, $1, name "-backports", $3 }
	' | sort -u
}

# What the machine's apt is told to use, as lines of URI, suite, component.
machine_sources() {
	# shellcheck disable=SC2016 # apt fills in the fields
	apt-get indextargets --no-release-info \
		--format '$(IDENTIFIER) $(REPO_URI) $(RELEASE) $(COMPONENT)' |
		sed -n 's/^Packages //p'
}

# The mirror of this release that the machine uses.
mirror() {
	machine_sources | awk -v name="$codename" '$2 == name { print $1; exit }'
}

# newest REGEX: of the packages with such a name, the one with the highest.
newest() {
	apt-cache "${apt_options[@]}" pkgnames | { grep -xE "$1" || :; } |
		sort -V | tail -n 1
}

# field PACKAGE[=VERSION] FIELD: of the version that would be installed. Nothing for a
# package that does not exist: apt takes its name for a pattern then.
field() {
	{ apt-cache "${apt_options[@]}" --no-all-versions show "$1" \
		2>/dev/null || :; } | awk -v package="${1%%=*}" -v name="$2" '
		$1 == "Package:" { ours = $2 == package }
		ours && index($0, name ": ") == 1 {
			print substr($0, length(name) + 3)
			ours = 0
		}'
}

# download LOG WHAT DIR PACKAGE...: into DIR.
download() {
	local log=$1 what=$2 dir=$3 bytes
	shift 3
	# Lines of URI, file, size, checksum.
	bytes=$(apt-get "${apt_options[@]}" download --print-uris "$@" 2>>"$log" |
		awk '{ bytes += $3 } END { print bytes }') || return
	STEP_LINES=0 step "$log" "downloading $what ($((bytes / 1000000)) MB)" \
		env -C "$dir" apt-get "${apt_options[@]}" download "$@"
}
