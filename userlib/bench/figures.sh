#!/bin/bash
# SPDX-License-Identifier: MIT
#
# From the rows of the benchmark to tables:
#
#	figures.sh report RESULTS [DIRECTORY]
#				print tables; data for plots go to DIRECTORY
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

report() {
	awk ${2:+-v out="$2"} -f "$here/results.awk" -f "$here/report.awk" \
		-f "$here/goals.awk" "$1"
}

case ${1:-} in
report) report "${@:2}" ;;
*) sed -n '/^#$/,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
