#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What bash completes with the script that regallocctl prints:
# completion.sh REGALLOCCTL
set -euo pipefail

ctl=$1
nr=0
failed=0

# shellcheck disable=SC1090 # made by the program
source <("$ctl" completion bash)

# completes COMMAND-LINE WORDS: the last word of the line, which may be empty
completes() {
	local line=$1 wanted=$2
	IFS=' ' read -ra COMP_WORDS <<< "$line"
	[[ $line != *' ' ]] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_regallocctl regallocctl "${COMP_WORDS[COMP_CWORD]}"
	nr=$((nr + 1))
	if [ "${COMPREPLY[*]}" = "$wanted" ]; then
		echo "ok $nr '$line'"
	else
		echo "# got '${COMPREPLY[*]}', not '$wanted'"
		echo "not ok $nr '$line'"
		failed=1
	fi
}

echo "TAP version 13"
commands=$("$ctl" --help | sed -n 's/^  \([a-z]*\).*/\1/p' | xargs)
completes "regallocctl --" "--help --version"
completes "regallocctl " "--help --version $commands"
completes "regallocctl st" "status"
completes "regallocctl set " "budget decay --help"
completes "regallocctl set b" "budget"
completes "regallocctl status --j" "--json"
completes "regallocctl watch --c" "--csv --count"
completes "regallocctl top --d" "--delay"
completes "regallocctl metrics --j" ""
completes "regallocctl foo " ""
echo "1..$nr"
exit $failed
