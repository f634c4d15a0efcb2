#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# regallocctl, which lies beside this script with holder and terminal. The module is
# /regalloc.ko, or what REGALLOC_KO says.

here=$(cd "$(dirname "$0")" && pwd)
module=${REGALLOC_KO:-/regalloc.ko}
parameters=/sys/module/regalloc/parameters
sysfs=/sys/class/misc/regalloc
tmp=$(mktemp -d)
chmod 755 "$tmp"
nr=0
failed=0
holder=

# check NAME COMMAND...: a result, and if it failed what the command said
check() {
	title=$1
	nr=$((nr + 1))
	shift
	if "$@" >"$tmp/said" 2>&1; then
		echo "ok $nr $title"
	else
		sed 's/^/# /' "$tmp/said"
		echo "not ok $nr $title"
		failed=$((failed + 1))
	fi
}

# A guest has no user but root.
prepare() {
	[ -e /etc/passwd ] || {
		mkdir -p /etc
		echo "root:x:0:0::/:/bin/sh" >/etc/passwd
		echo "nobody:x:65534:65534::/:/bin/sh" >>/etc/passwd
		echo "daemon:x:1:" >/etc/group
	}
}

ctl() {
	"$here/regallocctl" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	cat "$tmp/out" "$tmp/err"
	return $status
}

nobody() {
	su -s /bin/sh nobody -c "\"$here/regallocctl\" $*" \
		>"$tmp/out" 2>"$tmp/err"
	status=$?
	cat "$tmp/out" "$tmp/err"
	return $status
}

# says STATUS WORDS COMMAND...: how it has to fail, and what it has to say then
says() {
	wanted=$1 words=$2
	shift 2
	"$@"
	[ $? -eq "$wanted" ] && grep -q "$words" "$tmp/err"
}

# hold PROGRAM RESERVE LIMIT LIVE SPARE: in MiB, until release_all
hold() {
	mkfifo "$tmp/fifo"
	"$@" <"$tmp/fifo" >"$tmp/ready" &
	holder=$!
	exec 9>"$tmp/fifo"
	rm "$tmp/fifo"
	for _ in $(seq 300); do
		! grep -q ready "$tmp/ready" || return 0
		sleep 0.1
	done
	return 1
}

release_all() {
	exec 9>&-
	wait "$holder"
	for _ in $(seq 300); do
		[ "$(cat $sysfs/charged_bytes)" -ne 0 ] || return 0
		sleep 0.1
	done
	return 1
}

totals="budget_bytes charged_bytes peak_charged_bytes live_bytes idle_bytes
	spare_bytes pinned_bytes hole_bytes map_bytes nr_clients nr_regions
	regions_opened regions_closed punched_bytes filled_bytes alloc_failures
	pressure_events"

# Replaces what is a value by "v" until nothing changes.
json_valid() {
	awk '{ text = text $0 } END {
		gsub(/"([^"\\]|\\.)*"/, "s", text)
		gsub(/-?[0-9]+(\.[0-9]+)?/, "v", text)
		gsub(/null/, "v", text)
		gsub(/[ \t]/, "", text)
		gsub(/s:/, "k", text)
		gsub(/s/, "v", text)
		while (gsub(/\[(v(,v)*)?\]|\{(kv(,kv)*)?\}/, "v", text))
			;
		exit text != "v"
	}' "$tmp/out"
}

# has KEY VALUE: in the JSON that was printed last
has() {
	grep -Eq "\"$1\": ?$2(,|\$)" "$tmp/out" || {
		echo "no $1 of $2"
		return 1
	}
}

status_json() {
	ctl status --json && json_valid || return
	for file in $totals; do
		has "$file" "$(cat "$sysfs/$file")" || return
	done
	has live_bytes $((8 << 20)) && has spare_bytes $((4 << 20)) &&
		has decay_ms 600000 &&
		grep -q '"class_bytes": 262144, "nr_regions": 2, "nr_slices": 32, "nr_live_slices": 32}' "$tmp/out" &&
		grep -q '"class_bytes": 65536, "nr_regions": 1, "nr_slices": 64, "nr_live_slices": 0}' "$tmp/out" &&
		[ "$(grep -c class_bytes "$tmp/out")" -eq 7 ]
}

status_table() {
	ctl status && awk '
		$1 == "budget" && $2 == "64M" { n++ }
		$1 == "charged" && $2 == "12M" && $3 == "18.8%" { n++ }
		$1 == "live" && $2 == "8.0M" { n++ }
		$1 == "spare" && $2 == "4.0M" { n++ }
		$1 == "clients" && $2 == 1 { n++ }
		$1 == "regions" && $2 == 3 { n++ }
		$1 == "256K" && $2 == 2 && $3 == 32 && $4 == 32 && $5 == 100 { n++ }
		length > 80 { long = 1 }
		END { exit n != 7 || long }' "$tmp/out"
}

clients_json() {
	ctl clients --json && json_valid && has charged_bytes $((12 << 20)) &&
		has live_bytes $((8 << 20)) && has spare_bytes $((4 << 20)) &&
		has pinned_bytes 0 && has reserve_bytes $((8 << 20)) &&
		has limit_bytes $((32 << 20)) && has nr_regions 3 &&
		has command '"holder"' && tr -d ' \n' <"$tmp/out" |
		grep -q "\"pids\":\[$holder\]" && [ ! -s "$tmp/err" ]
}

clients_table() {
	ctl clients && grep -q "^CLIENT .* PIDS" "$tmp/out" &&
		awk -v pid="$holder" '
		$NF == pid && $8 == "holder" && $2 == "12M" &&
			$3 == "8.0M" && $4 == "4.0M" && $5 == "0" &&
			$6 == "8.0M" && $7 == "32M" { n++ }
		END { exit n != 1 || NR != 2 }' "$tmp/out"
}

# One client, of which a shell and its child have three descriptors.
clients_shared() {
	(
		exec 7<>/dev/regalloc 8>&7 9>&-
		sleep 60 &
		echo $! >"$tmp/child"
		exec sleep 60
	) &
	shared=$!
	for _ in $(seq 300); do
		[ -s "$tmp/child" ] && grep -q sleep /proc/$shared/comm && break
		sleep 0.1
	done
	child=$(cat "$tmp/child")
	ctl clients --json && json_valid && has limit_bytes null &&
		[ "$(grep -c '"client"' "$tmp/out")" -eq 2 ] &&
		tr -d ' \n' <"$tmp/out" | grep -Eq \
			"\"pids\":\[($shared,$child|$child,$shared)\]"
	result=$?
	kill "$shared" "$child"
	wait "$shared"
	return $result
}

# A name that has to be quoted, and with a byte that is no text.
clients_name() {
	odd=$tmp/$(printf 'a "b\\ \377c')
	cp "$here/holder" "$odd" && hold "$odd" 0 0 0 0 || return
	ctl clients --json && json_valid && has command '"a \\"b\\\\ [?]c"'
	result=$?
	release_all && return $result
}

metrics_grammar() {
	ctl metrics && awk '
		function bad(why) { print why ": " $0; failed = 1; exit }
		/^# HELP regalloc_[a-z_]+ [A-Z].*\.$/ {
			name = $3
			if (seen[name]++) bad("twice")
			next
		}
		/^# TYPE regalloc_[a-z_]+ (counter|gauge)$/ {
			if ($3 != name) bad("no help")
			if (($4 == "counter") != (name ~ /_total$/)) bad("type")
			typed = name
			next
		}
		/^regalloc_[a-z_]+(\{class="[0-9]+"\})? [0-9]+$/ {
			sub(/\{.*/, "", $1)
			if ($1 != typed) bad("no type")
			n++
			next
		}
		{ bad("grammar") }
		END { exit failed || n != 17 + 3 * 7 }' "$tmp/out"
}

metrics_values() {
	ctl metrics || return
	for file in $totals; do
		name=${file#nr_}
		case $file in *ed | punched_bytes | filled_bytes | *failures | *events) name=${name}_total ;; esac
		grep -qx "regalloc_$name $(cat "$sysfs/$file")" "$tmp/out" || return
	done
	for path in "$sysfs"/class_*/nr_*; do
		name=${path##*/nr_} class=${path%/*} class=${class##*_}
		grep -qx "regalloc_class_${name%_slices}\(_slices\)*{class=\"$class\"} $(cat "$path")" \
			"$tmp/out" || return
	done
}

# For vm/metrics.py, where there is a parser.
print_metrics() {
	"$here/regallocctl" metrics | sed 's/^/# metrics /'
}

watch_csv() {
	ctl watch --csv -d 0.2 -n 3 || return
	# shellcheck disable=SC2086 # a list of words
	head=time_seconds,$(echo $totals | tr ' ' ,)
	values=$(for file in $totals; do cat "$sysfs/$file"; done | tr '\n' ,)
	awk -F, -v head="$head" -v values="$values" '
		NR == 1 { if ($0 != head) exit; next }
		{
			if ($1 !~ /^[0-9]+\.[0-9][0-9][0-9]$/ || $1 <= last)
				exit
			last = $1
			sub(/^[^,]*,/, "")
			if ($0 "," == values) n++
		}
		END { exit n != 3 || NR != 4 }' "$tmp/out"
}

watch_people() {
	ctl watch -d 0.1 -n 2 && awk '
		NR > 1 && $1 == "64M" && $2 == "12M" && $3 == "8.0M" { n++ }
		length > 80 { long = 1 }
		END { exit n != 2 || long }' "$tmp/out"
}

top_batch() {
	ctl top -b -n 2 -d 0.2 && awk -v pid="$holder" '
		/^regalloc / { frames++ }
		/^64M budget, 12M charged, 8.0M live, 4.0M spare/ { totals++ }
		/^\[#+=+\.+\]$/ { bars++ }
		$NF == pid && $8 == "holder" { lines++ }
		length > 80 { long = 1 }
		END { exit frames != 2 || totals != 2 || bars != 2 || lines != 2 || long }
	' "$tmp/out"
}

# screen STATUS SEND: how top ends on a terminal, which it has to put back
screen() {
	"$here/terminal" "(now CHARGED)" "$2" "$here/regallocctl" top -d 30 \
		>"$tmp/out"
	status=$?
	cat -v "$tmp/out"
	[ $status -eq "$1" ] && grep -q PIDS "$tmp/out" &&
		grep -q '\.\]' "$tmp/out" &&
		tail -c 24 "$tmp/out" | grep -q '\[?25h.*\[?1049l'
}

top_sorts() {
	screen 0 ssq && grep -q "(now LIVE)" "$tmp/out" &&
		grep -q "(now SPARE)" "$tmp/out"
}

budget_set() {
	ctl set budget 128M && [ "$(cat $sysfs/budget_bytes)" -eq $((128 << 20)) ] &&
		ctl set budget 64M && [ "$(cat $sysfs/budget_bytes)" -eq $((64 << 20)) ]
}

# As if the argument were not there at all, an empty one would change nothing.
budget_refused() {
	for value in 0 abc 101% 12X 999999G -1 ''; do
		says 1 "it must be bytes" ctl set budget -- "$value" || return
	done
	says 1 "reserved more" ctl set budget 4M &&
		[ "$(cat $sysfs/budget_bytes)" -eq $((64 << 20)) ]
}

decay_set() {
	ctl set decay 500000 && [ "$(cat $parameters/decay_ms)" -eq 500000 ] &&
		says 1 "milliseconds" ctl set decay soon &&
		says 1 "milliseconds" ctl set decay -- -1 &&
		[ "$(cat $parameters/decay_ms)" -eq 500000 ] &&
		ctl set decay 600000
}

trim() {
	ctl trim && grep -qx "spare: 4.0M, now 0" "$tmp/out" &&
		[ "$(cat $sysfs/spare_bytes)" -eq 0 ] &&
		[ "$(cat $sysfs/charged_bytes)" -eq $((8 << 20)) ] &&
		[ "$(cat $sysfs/live_bytes)" -eq $((8 << 20)) ] &&
		[ "$(cat $parameters/decay_ms)" -eq 600000 ]
}

trim_no_debugfs() {
	umount /sys/kernel/debug || return
	says 1 "mount -t debugfs" ctl trim
	result=$?
	mount -t debugfs debug /sys/kernel/debug
	return $result
}

bench() {
	ctl bench && awk '
		NR > 1 && $1 ~ /^[0-9]+K$/ && $2 > 0 && $4 > 0 && $6 > 0 { n++ }
		END { exit n != 7 }' "$tmp/out" &&
		[ "$(cat $sysfs/nr_clients)" -eq 0 ]
}

bench_no_room() {
	ctl set budget 16M && says 1 "32 MiB of the budget: no memory" ctl bench &&
		ctl set budget 64M
}

usage() {
	says 2 "usage:" ctl && says 2 "no command 'foo'" ctl foo &&
		says 2 "usage: regallocctl status" ctl status foo &&
		says 2 "usage: regallocctl set" ctl set budget &&
		says 2 "budget or decay" ctl set foo 1 &&
		says 2 "does not take -d" ctl status -d 1 &&
		says 2 "regallocctl: unrecognized option" ctl top --foo &&
		says 2 "seconds" ctl watch -d 0 && says 2 "number" ctl watch -n 0 &&
		says 2 "client, charged" ctl top -b -n 1 -s foo &&
		ctl --help && ctl --version && ctl set --help &&
		grep -q "^usage: regallocctl set budget|decay VALUE" "$tmp/out"
}

full_disk() {
	"$here/regallocctl" metrics >/dev/full 2>"$tmp/err"
	[ $? -eq 1 ] && grep -q "No space left" "$tmp/err"
}

stranger_reads() {
	nobody status && nobody metrics && nobody clients &&
		grep -q "1 more of 1: only root sees" "$tmp/err"
}

stranger_refused() {
	says 4 "run this as root" nobody set budget 32M &&
		says 4 "run this as root" nobody set decay 1 &&
		says 4 "run this as root" nobody trim &&
		says 4 "its owner's alone" nobody bench &&
		[ "$(cat $sysfs/budget_bytes)" -eq $((64 << 20)) ]
}

stranger_told_group() {
	chmod 660 /dev/regalloc
	chown 0:1 /dev/regalloc
	says 4 "usermod -aG daemon" nobody bench
	result=$?
	chown 0:4242 /dev/regalloc
	says 4 "group 4242" nobody bench || result=1
	chown 0:0 /dev/regalloc
	chmod 600 /dev/regalloc
	return $result
}

not_loaded() {
	rmmod regalloc || return
	result=0
	for command in status "status --json" clients metrics trim bench \
		"watch --csv -n 1" "top -b -n 1" "set budget 1G" "set decay 1"; do
		# shellcheck disable=SC2086 # a list of words
		says 3 "modprobe regalloc" ctl $command || result=1
	done
	insmod "$module" budget=3G || result=1
	return $result
}

prepare
echo "TAP version 13"
old_decay=$(cat $parameters/decay_ms)
echo 600000 >$parameters/decay_ms
echo 64M >$parameters/budget
check "usage" usage
check "a process with an odd name" clients_name
check "hold 8 MiB live and 4 spare" hold "$here/holder" 8 32 8 4
check "status --json is JSON and what sysfs says" status_json
check "status in people's units" status_table
check "clients --json names the holder" clients_json
check "clients as a table" clients_table
check "a client of two processes" clients_shared
check "metrics: grammar" metrics_grammar
check "metrics: what sysfs says" metrics_values
print_metrics
check "watch --csv" watch_csv
check "watch in people's units" watch_people
check "top -b" top_batch
check "top without a terminal" says 1 "top -b" ctl top
check "top ends with q" screen 0 q
check "top ends with an interrupt" screen 130 "$(printf '\003')"
check "top ends with SIGTERM" screen 143 TERM
check "top sorts by the next column" top_sorts
check "set budget" budget_set
check "set budget refused" budget_refused
check "set decay" decay_set
check "output that cannot be written" full_disk
check "a stranger reads" stranger_reads
check "a stranger changes nothing" stranger_refused
check "a stranger hears of the group" stranger_told_group
check "trim closes what is spare" trim
check "trim without debugfs" trim_no_debugfs
check "the holder ends" release_all
check "bench" bench
check "bench without room" bench_no_room
check "without the module" not_loaded
echo 3G >$parameters/budget
echo "$old_decay" >$parameters/decay_ms
rm -r "$tmp"
echo "1..$nr"
[ "$failed" -eq 0 ]
