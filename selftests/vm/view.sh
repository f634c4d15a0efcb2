#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows what several jobs do at the same time. They are told of on standard input, in
# lines of words with tabs between them:
#
#	JOB begin WHAT		what the job does from now on
#	JOB cause TEXT		a line about what has failed in it
#	JOB end WHAT RESULT	that it is done, which gets a line, with the causes
#				below it
#	JOB over		the job does nothing any more
#
# Meanwhile, the last line of a terminal says what is under way, and for how long;
# anything else gets a line of that when there was none for some seconds.
set -euo pipefail

quiet=9		# so many seconds
jobs=()
declare -A doing=() since=() causes=()
said=0 under_way='' terminal=''
[[ ! -t 1 || ${TERM:-dumb} == dumb ]] || terminal=1

erase() {
	[ -z "$terminal" ] || printf '\r\033[K'
}

# say FORMAT ARGUMENT...
say() {
	erase
	# shellcheck disable=SC2059 # a format it is
	printf "$@"
	said=$SECONDS
}

# Sets under_way.
look() {
	local job
	under_way=
	for job in "${jobs[@]}"; do
		[ -z "${doing[$job]}" ] ||
			under_way+=", $job ${doing[$job]} $((SECONDS - since[$job])) s"
	done
	under_way=${under_way#, }
}

show_under_way() {
	local columns
	look
	if [ -n "$terminal" ]; then
		columns=$(stty size 2>/dev/null <&1) || columns=
		columns=${columns#* }
		[ "${columns:-0}" -gt 0 ] || columns=80
		erase
		printf %s "${under_way:0:columns - 1}"
	elif [ -n "$under_way" ] && [ $((SECONDS - said)) -ge $quiet ]; then
		say 'still running: %s\n' "$under_way"
	fi
}

begin() {
	[ -n "${since[$1]:-}" ] || jobs+=("$1")
	doing[$1]=$2
	since[$1]=$SECONDS
}

# finish JOB WHAT RESULT
finish() {
	say '%-13s %-14s %-24s %5d s\n' "$1" "$2" "$3" \
		$((SECONDS - ${since[$1]:-SECONDS}))
	printf %s "${causes[$1]:-}"
	causes[$1]=
	begin "$1" ending
}

event() {
	case $2 in
	begin) begin "$1" "$3" ;;
	cause) causes[$1]+="    $3"$'\n' ;;
	end) finish "$1" "$3" "$4" ;;
	over) doing[$1]= ;;
	esac
}

trap 'erase; exit 130' INT TERM
while :; do
	status=0
	IFS=$'\t' read -rt 1 job kind what result || status=$?
	if [ $status -eq 0 ]; then
		event "$job" "$kind" "$what" "$result"
	elif [ $status -le 128 ]; then
		break
	fi
	show_under_way
done
erase
