#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Has spin search all interleavings of the models, in each of the configurations
# below, and then with each of their mutants, which must be found. Takes about a
# minute on two processors, and at most JOBS (default: 2) times 900 MB.
#
#	run.sh [NAME...]	only these
#
# Succeeds only if every search was complete and found what it should.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
JOBS=${JOBS:-2}
max_depth=10000
max_mb=900
max_seconds=1800

# Those of waiters.pml have names that begin with "waiters", all others are of
# slice_map.pml. One thread more than one slice has room for sees it full; two slices make a
# seal that is half done.
declare -A configs=(
	[race]="-DUSERS=2 -DROUNDS=1 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DMAIL"
	[seal]="-DUSERS=2 -DROUNDS=2 -DMORE_ROUNDS=1 -DSLOTS=1 -DPER=2 -DBUDGET=1"
	[seal_requeue]="-DUSERS=2 -DROUNDS=2 -DMORE_ROUNDS=1 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DREQUEUE_ARMS"
	[seal_first]="-DUSERS=2 -DROUNDS=2 -DMORE_ROUNDS=1 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DFIRST_ARMS"
	[regions]="-DUSERS=2 -DROUNDS=2 -DMORE_ROUNDS=1 -DSLOTS=2 -DPER=2 -DBUDGET=2"
	[pressure]="-DUSERS=2 -DROUNDS=1 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DPRESS=1"
	[eager]="-DUSERS=2 -DROUNDS=2 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DEAGER"
	[eager_slots]="-DUSERS=2 -DROUNDS=2 -DSLOTS=2 -DPER=1 -DBUDGET=2 -DEAGER"
	[to_eager]="-DUSERS=2 -DROUNDS=1 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DFLIP"
	[from_eager]="-DUSERS=2 -DROUNDS=1 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DFLIP -DEAGER"
	[from_eager_first]="-DUSERS=2 -DROUNDS=1 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DFLIP -DEAGER -DFIRST_ARMS"
	[kill]="-DUSERS=2 -DROUNDS=2 -DMORE_ROUNDS=1 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DKILL"
	[full]="-DUSERS=3 -DROUNDS=2 -DMORE_ROUNDS=1 -DSLOTS=1 -DPER=1 -DBUDGET=1 -DPLAIN -DLATE"
	[waiters]="-DWAITERS=3"
	[waiters_quick]="-DWAITERS=2 -DQUICK=1"
	[full_moving]="-DUSERS=3 -DROUNDS=1 -DMORE_ROUNDS=2 -DSLOTS=1 -DPER=2 -DBUDGET=1 -DPLAIN -DLATE"
)

# For each mutant a configuration that finds it, and the assertion that must
# fail, as spin prints it.
spare_left='!(open[slot])||ok'
hint_lost='!(again)||avail[slot]'
false_enomem='violated spent'
asleep='!(asleep)'
declare -A mutants=(
	[NO_GENERATION]="race:hold[hs]==hg"
	[NO_SEAL]="race:!(hold["
	[NO_PUT_BACK]="race:!(open[slot])"
	[PUT_BACK_SILENT]="regions:$hint_lost"
	[AVAIL_CLEARED_LATE]="regions:$hint_lost"
	[AVAIL_NOT_SET_BACK]="seal:$hint_lost"
	[HINTS_READ_EARLY]="seal:$spare_left"
	[DIRTY_CLEARED_LATE]="to_eager:$spare_left"
	[DISARMED_LATE]="seal:$spare_left"
	[ARMED_READ_EARLY]="seal:$spare_left"
	[CLOSED_LEFT_DIRTY]="seal_first:$spare_left"
	[ARMED_AFTER_QUEUE]="race:!(armed)"
	[ARM_READS_DECAY_TWICE]="to_eager:!(armed)"
	[EAGER_SCANS_EARLY]="eager:$spare_left"
	[EAGER_NOT_DIRTY]="eager:$spare_left"
	[OPEN_TAKES_LOWEST]="regions:$spare_left"
	[LAST_LOOK_BY_HINTS]="full:$false_enomem"
	[LAST_LOOK_ONCE]="full_moving:$false_enomem"
	[EXIT_UNNOTICED]="kill:$spare_left"
	[ATTENTION_READ_EARLY]="waiters:$asleep"
	[QUEUE_READ_EARLY]="waiters:$asleep"
	[ATTEND_LATE]="waiters:$asleep"
	[NO_KICK_AT_JOIN]="waiters:$asleep"
	[NO_AGAIN]="waiters:$asleep"
	[LEAVE_KEEPS_TURN]="waiters:$asleep"
)

die() {
	echo "run.sh: $*" >&2
	exit 1
}

# The model that a configuration is of.
model_of() {
	case $1 in
	waiters*) echo "$here/waiters.pml" ;;
	*) echo "$here/slice_map.pml" ;;
	esac
}

# search NAME MODEL FLAG...: leaves pan's output in $work/NAME.out
# Not optimized: that would take longer than most searches do.
search() {
	local dir=$work/$1 out=$work/$1.out model=$2
	shift 2
	mkdir "$dir"
	cd "$dir"
	spin -a "$@" "$model" >"$out" 2>&1 || return 0
	gcc -O0 -w -DSAFETY -DCOLLAPSE -DMEMLIM=$max_mb -o pan pan.c \
		>>"$out" 2>&1 || return 0
	timeout $max_seconds ./pan -n -m$max_depth >>"$out" 2>&1 || true
}

# Whether a search has seen every state; says what it has seen.
complete() {
	grep -q 'errors: 0$' "$1" &&
		! grep -qE 'max search depth too small|MEMLIM|out of memory|Search not completed|error:' "$1"
}

found() {
	grep -q 'errors: 1$' "$1" &&
		grep '^pan:1: assertion violated' "$1" | grep -qF -- "$2"
}

count() {
	awk '/ states, stored/ { n = $1 } /elapsed time/ { t = $4 }
		END { print n " states, " t " s" }' "$1"
}

# report TEXT OUTPUT COMMAND...: the command says whether it is well.
report() {
	local text=$1 out=$2
	shift 2
	total=$((total + 1))
	if "$@"; then
		echo "ok $total $text # $(count "$out")"
	else
		failed=$((failed + 1))
		sed 's/^/# /' "$out"
		echo "not ok $total $text # $(count "$out")"
	fi
}

# start NAME MODEL FLAG...: in the background, when there is room
start() {
	while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
		wait -n
	done
	search "$@" &
}

for tool in spin gcc; do
	command -v $tool >/dev/null || die "no $tool; Debian: apt install $tool"
done
# A mutant that nobody asks for proves nothing.
while read -r name; do
	[ -n "${mutants[${name#MUTANT_}]-}" ] || die "$name is not in the list"
done < <(grep -hoE 'MUTANT_[A-Z_]*[A-Z]' "$here"/*.pml | sort -u)

mapfile -t names < <(printf '%s\n' "${!configs[@]}" | sort)
mapfile -t -O ${#names[@]} names < <(printf '%s\n' "${!mutants[@]}" | sort)
[ $# -eq 0 ] || names=("$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
total=0
failed=0

for name in "${names[@]}"; do
	if [ -n "${configs[$name]-}" ]; then
		config=$name mutant=
	elif [ -n "${mutants[$name]-}" ]; then
		config=${mutants[$name]%%:*} mutant=-DMUTANT_$name
	else
		die "no configuration or mutant named $name"
	fi
	read -ra flags <<<"${configs[$config]} $mutant"
	start "$name" "$(model_of "$config")" "${flags[@]}"
done
wait

echo "TAP version 13"
echo "1..${#names[@]}"
for name in "${names[@]}"; do
	out=$work/$name.out
	if [ -n "${configs[$name]-}" ]; then
		report "$name" "$out" complete "$out"
	else
		report "mutant $name is found" "$out" \
			found "$out" "${mutants[$name]#*:}"
	fi
done
echo "# $((total - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
