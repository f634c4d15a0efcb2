#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What can be seen without running anything: warnings of the compiler and of
# sparse on every kernel in KERNELS (default: all that are supported), the
# style of the kernel, its documentation comments, shell scripts.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
vm=$here/vm.sh
cd "$here/../.."
KERNELS=${KERNELS:-$("$vm" list)}
passed=0
failed=0

# check NAME COMMAND...: shows the output of a command that fails.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok $((passed + failed)) $name"
	else
		failed=$((failed + 1))
		printf '%s\n' "$output" | sed 's/^/# /'
		echo "not ok $((passed + failed)) $name"
	fi
}

c_files() {
	find "$@" -name '*.[ch]' | sort
}

# What does not fit: there is one file, compat.h, to compare versions; trace
# headers look the same throughout the kernel; user space has neither the
# kernel's types nor its macros, but <inttypes.h>.
ignore_compat=LINUX_VERSION_CODE,CONSTANT_COMPARISON
ignore_trace=OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
ignore_user=BIT_MACRO,PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,CAMELCASE

# checkpatch IGNORE FILE...
checkpatch() {
	local ignore=$1
	shift
	"$source/scripts/checkpatch.pl" --no-tree --strict --quiet --terse \
		--no-summary --show-types ${ignore:+--ignore "$ignore"} --file "$@"
}

# Every file of the module except the two with rules of their own.
module_files() {
	c_files module | grep -vE '/(compat|trace)\.h$'
}

kernel_doc() {
	"$source/scripts/kernel-doc" -none -Werror "$@"
}

"$here/deps.sh" check
source=$("$vm" source)
for kernel in $KERNELS; do
	check "$kernel: compiler, W=1" "$vm" build "$kernel"
	check "$kernel: sparse" "$vm" build "$kernel" C=2
done
# shellcheck disable=SC2046 # lists of files
{
	check "checkpatch: module" checkpatch "" $(module_files)
	check "checkpatch: compat.h" checkpatch $ignore_compat module/compat.h
	check "checkpatch: trace.h" checkpatch $ignore_trace module/trace.h
	check "checkpatch: user space" checkpatch $ignore_user \
		$(c_files uapi userlib selftests)
	check "kernel-doc" kernel_doc $(c_files module uapi userlib/include)
}
check "shellcheck" shellcheck selftests/*/*.sh userlib/*/*.sh .ci/run
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
