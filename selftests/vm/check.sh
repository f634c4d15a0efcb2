#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What can be seen without running anything: warnings of the compiler and of
# sparse on every kernel in KERNELS (default: those of vm.sh list), the analyzers,
# Coccinelle's scripts of the kernel, the layout of the interface for 32-bit
# programs, all dialects of C, what programs rely on in the library, the bindings,
# the style of the kernel, its documentation comments, the documentation and the
# manual pages, shell scripts, spelling.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
vm=$here/vm.sh
cd "$here/../.."
KERNELS=${KERNELS:-$("$vm" list)}

# shellcheck source=selftests/vm/results.sh
. "$here/results.sh"

c_files() {
	find "$@" -name '*.[ch]' | sort
}

# What does not fit: there is one file, compat.h, to compare versions; trace
# headers look the same throughout the kernel; what walks a list names its arguments
# more than once; user space has neither the
# kernel's types nor its macros, but <inttypes.h>.
ignore_compat=LINUX_VERSION_CODE,CONSTANT_COMPARISON
ignore_trace=OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
ignore_module=MACRO_ARG_REUSE
ignore_user=STRCPY,BIT_MACRO,PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,CAMELCASE

# checkpatch IGNORE FILE...
checkpatch() {
	local ignore=$1
	shift
	"$source/scripts/checkpatch.pl" --no-tree --strict --quiet --terse \
		--no-summary --show-types --ignore "$ignore" --file "$@"
}

# Every file of the module except the two with rules of their own.
module_files() {
	c_files module | grep -vE '/(compat|trace)\.h$'
}

kernel_doc() {
	"$source/scripts/kernel-doc" -none -Werror "$@"
}

flags="-Iuapi -Iuserlib/include -Iuserlib/src -D_GNU_SOURCE -Wall -Wextra -Werror
-DREGALLOC_VERSION=1.0.0"

gcc_analyzer() {
	local file
	for file; do
		# shellcheck disable=SC2086 # a list of words
		gcc $flags -O2 -fanalyzer -c -o /dev/null "$file" || return
	done
}

# Without what finds fault with conversions that C makes, or with memset().
clang_analyzer() {
	local checks='-*,clang-analyzer-*,bugprone-*'
	checks+=,-bugprone-easily-swappable-parameters
	checks+=,-bugprone-narrowing-conversions
	checks+=,-bugprone-implicit-widening-of-multiplication-result
	checks+=,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling
	# shellcheck disable=SC2086 # a list of words
	clang-tidy --quiet --warnings-as-errors='*' --checks="$checks" "$@" -- $flags
}

# Each script of the kernel that reports, except two for drivers that want an
# OCaml compiler: it prints nothing if all is well.
coccicheck() {
	local scripts script report
	scripts=$(grep -rl 'virtual report' "$source/scripts/coccinelle" |
		xargs grep -L 'script:ocaml\|initialize:ocaml' | sort)
	[ "$(wc -w <<< "$scripts")" -ge 40 ] || return
	report=$(for script in $scripts; do
		spatch --very-quiet --no-show-diff -D report --dir module \
			--include-headers -I uapi --cocci-file "$script" \
			2>/dev/null || echo "$script: spatch failed"
	done)
	[ -z "$report" ] || { echo "$report"; return 1; }
}

# Structures of the interface and where their members lie.
layout() {
	{
		echo '#include <linux/regalloc.h>'
		sed -n 's/^struct \(regalloc_[a-z_]*\) {/struct \1 a_\1;/p' \
			uapi/linux/regalloc.h
	} | gcc "$1" -g -Iuapi -I/usr/include/x86_64-linux-gnu -xc -c - \
		-o "build/layout$1.o" || return
	pahole "build/layout$1.o" | sed 's/long long unsigned int/__u64/'
}

same_layout() {
	local narrow wide
	narrow=$(layout -m32) && wide=$(layout -m64) || return
	[ "$(grep -c '^struct regalloc_ioc' <<< "$wide")" -ge 8 ] || return
	diff <(echo "$narrow") <(echo "$wide")
}

# The programs have what is in the headers instantiated.
cpp_binding() {
	local std
	for std in c++17 c++20; do
		g++ -std="$std" -Iuapi -Iuserlib/include -Iuserlib/bindings/cpp \
			-Wall -Wextra -Wpedantic -Werror -fsyntax-only \
			userlib/bindings/cpp/*.cpp || return
	done
}

# The public headers alone, in each language that may include them.
dialects() {
	local std header language
	for header in regalloc.h linux/regalloc.h; do
		for std in c99 c11 c17 c2x c++11 c++20; do
			case $std in c++*) language=c++ ;; *) language=c ;; esac
			echo "#include <$header>" |
				gcc -x"$language" -std="$std" -Iuapi \
				-Iuserlib/include -Wall -Wextra -Wpedantic \
				-Werror -fsyntax-only - || return
		done
	done
}

# What the header declares, a sorted list.
functions() {
	sed -n 's/^[a-z].*[ *]\(regalloc_[a-z_]*\)(.*/\1/p' \
		userlib/include/regalloc.h | sort
}

# The header, the list of exports and the shared library have the same functions,
# each with a version.
same_symbols() {
	make -s -C userlib lib || return
	[ "$(functions | wc -l)" -ge 18 ] || return
	diff <(functions) <(sed -n 's/^\t\t\(regalloc_.*\);/\1/p' \
		userlib/src/libregalloc.map | sort) &&
	diff <(functions) <(nm -D --defined-only --with-symbol-versions \
		build/userlib/libregalloc.so |
		sed -n 's/.* T \(.*\)@@REGALLOC_[0-9.]*$/\1/p' | sort)
}

# The pages as they are installed, without what mandoc finds a matter of style:
# man opens each under its name, and says it under NAME.
man_pages() {
	local dir=$PWD/build/man page name
	rm -rf "$dir"
	make -s -C userlib install DESTDIR="$dir" PREFIX= || return
	for page in "$dir"/share/man/man*/*; do
		grep -q '^\.so' "$page" || mandoc -T lint -W warning "$page" ||
			return
		name=$(basename "$page")
		LC_ALL=C.UTF-8 MANWIDTH=200 man -M "$dir/share/man" --warnings \
			-E UTF-8 "${name##*.}" "${name%.*}" \
			2>"$dir/warnings" >"$dir/text"
		if [ -s "$dir/warnings" ] ||
			! grep -qE "^ .*\b${name%.*}\b.* (-|—) " "$dir/text"; then
			echo "$name:"
			cat "$dir/warnings"
			return 1
		fi
	done
	for name in $(functions); do
		[ -e "$dir/share/man/man3/$name.3" ] ||
			{ echo "no page for $name"; return 1; }
	done
}

# The tests that the threat model names are there.
named_tests() {
	local names
	# shellcheck disable=SC2016 # these are not commands
	names=$(grep -oE '``[a-z_]+\.[a-z0-9_]{4,}``' Documentation/security.rst |
		tr -d '`' | sort -u)
	[ "$(wc -w <<< "$names")" -ge 40 ] || return
	[ -z "$(comm -23 <(echo "$names") <(sed -n \
		's/^TEST_F[A-Z_]*(\([a-z_]*\), \([a-z0-9_]*\)[,)].*/\1.\2/p' \
		selftests/*.c | sort -u) | tee /dev/stderr)" ]
}

"$here/deps.sh" check
mkdir -p build
source=$("$vm" source)
for kernel in $KERNELS; do
	check "$kernel: compiler, W=1" "$vm" build "$kernel"
	check "$kernel: sparse" "$vm" build "$kernel" C=2
done
# shellcheck disable=SC2046 # lists of files
{
	check "checkpatch: module" checkpatch $ignore_module $(module_files)
	check "checkpatch: compat.h" checkpatch $ignore_compat module/compat.h
	check "checkpatch: trace.h" checkpatch $ignore_trace module/trace.h
	check "checkpatch: user space" checkpatch $ignore_user \
		$(c_files uapi userlib selftests)
	check "kernel-doc" kernel_doc $(c_files module uapi userlib/include)
}
check "gcc's analyzer: library" gcc_analyzer userlib/src/*.c
check "clang's analyzer: library" clang_analyzer userlib/src/*.c
check "coccinelle: module" coccicheck
check "interface: the same for 32 bits" same_layout
check "headers: C99 to C23, C++" dialects
check "bindings: C++17, C++20" cpp_binding
check "Python" env PYTHONPYCACHEPREFIX="$PWD/build/python" \
	python3 -m py_compile userlib/bindings/python/*.py selftests/vm/*.py
check "library: symbols" same_symbols
check "library: interface" make -s -C userlib abi-check
check "manual pages" man_pages
check "documentation" make -s docs
check "documentation: tests that it names" named_tests
check "documentation: figures" userlib/bench/figures.sh check
check "shellcheck" shellcheck -x .ci/run selftests/*.sh selftests/*/*.sh userlib/*/*.sh
check "spelling" codespell --skip ./build,./.git --ignore-words-list iput,fro,nd
totals
