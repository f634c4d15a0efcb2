#!/bin/bash
# SPDX-License-Identifier: MIT
#
# From the rows of the benchmark to tables and to the figures in the documentation:
#
#	figures.sh report RESULTS [DIRECTORY]
#				print tables; data for plots go to DIRECTORY
#	figures.sh update [RESULTS]
#				condense RESULTS into Documentation/results.csv, and
#				write its figures into the documents
#	figures.sh check	fail if a document says anything else
#
# Documents have their figures between two comments, "figures: NAME" and "end of
# figures"; document.awk writes what is between them.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
committed=Documentation/results.csv
documents=(README.md Documentation/benchmarks.rst Documentation/choosing.rst)

report() {
	awk ${2:+-v out="$2"} -f "$here/results.awk" -f "$here/report.awk" \
		-f "$here/goals.awk" "$1"
}

condense() {
	awk -f "$here/results.awk" -f "$here/condense.awk" "$1"
}

# document RESULTS FILE: the file as it should be.
document() {
	awk -v document="$2" -f "$here/results.awk" -f "$here/figures.awk" \
		-f "$here/document.awk" "$1"
}

# Everything is computed before anything is written.
update() {
	local file
	condense "$1" >"$tmp/results.csv"
	for file in "${documents[@]}"; do
		document "$tmp/results.csv" "$file" >"$tmp/${file##*/}"
	done
	cp "$tmp/results.csv" $committed
	for file in "${documents[@]}"; do
		cp "$tmp/${file##*/}" "$file"
	done
	echo "from ${1#"$top/"}: $committed ${documents[*]}"
}

# Lines with - are what the file says, lines with + what the results say.
check() {
	local file status=0
	for file in "${documents[@]}"; do
		document $committed "$file" >"$tmp/document" || return
		diff -U 0 --label "$file" --label "$committed" "$file" \
			"$tmp/document" || status=1
	done
	[ $status -eq 0 ] || echo "make figures writes what $committed says"
	return $status
}

tmp=$(mktemp -d)
trap 'rm -r "$tmp"' EXIT
case ${1:-} in
report) report "${@:2}" ;;
update)
	results=$(realpath "${2:-$top/$committed}")
	cd "$top"
	update "$results"
	;;
check)
	cd "$top"
	check
	;;
*) sed -n '/^#$/,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
