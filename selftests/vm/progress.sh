#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Long steps, one line each: what is done, and how long it took. While a step runs, a
# terminal shows that it does, and anything else gets a dot every few seconds. What
# the commands print goes to a log. A part of other scripts; writes to standard error.

# pause SECONDS: a sleep that leaves no process behind if it is killed.
pause() {
	local never
	exec {never}<> <(:)
	read -rt "$1" -u "$never" || :
	exec {never}>&-
}

# ticks TEXT: until it is killed, or the script has gone.
ticks() {
	local start=$SECONDS signs='\|/-' i=0
	[ -t 2 ] || printf '%s ' "$1" >&2
	while kill -0 $$ 2>/dev/null; do
		if [ -t 2 ]; then
			printf '\r%s %s %d s ' "${signs:i++ % 4:1}" "$1" \
				$((SECONDS - start)) >&2
			pause 0.5
		else
			pause 5
			printf . >&2
		fi
	done
}

# show_end LOG LINES
show_end() {
	[ "$2" -gt 0 ] || return 0
	echo "the end of $1:" >&2
	tail -n "$2" "$1" | sed 's/^/    /' >&2
}

# step LOG TEXT COMMAND...: returns what COMMAND, which may be a function of the
# caller's, does. If it fails, so many lines of the end of LOG are shown.
step() {
	local log=$1 text=$2 start=$SECONDS status=0 ticker
	shift 2
	ticks "$text" &
	ticker=$!
	"$@" >>"$log" 2>&1 </dev/null || status=$?
	{ kill $ticker && wait $ticker; } 2>/dev/null || :
	if [ -t 2 ]; then
		printf '\r\033[K%s' "$text" >&2
	fi
	if [ "$status" -eq 0 ]; then
		printf ' %d s\n' $((SECONDS - start)) >&2
	else
		printf ' FAILED after %d s\n' $((SECONDS - start)) >&2
		show_end "$log" "${STEP_LINES:-20}"
	fi
	return "$status"
}
