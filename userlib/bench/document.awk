# SPDX-License-Identifier: MIT
#
# Writes the figures of the benchmark into a document:
#
#	awk -v document=FILE -f results.awk -f figures.awk -f document.awk \
#		Documentation/results.csv
#
# It prints FILE, with new text between each pair of comments that mark a block:
#
#	<!-- figures: NAME -->	<!-- end of figures -->		Markdown
#	.. figures: NAME	.. end of figures		reStructuredText
#
# block_NAME() below writes it. The block "values" says what each |name| in the text
# of the document stands for. A figure that is missing is an error.

function complain(what)
{
	print document ": " what >"/dev/stderr"
	failed = 1
}

# Where the waves ran.
function guest()
{
	if (about["machine"] == "emulated")
		return "an emulated machine"
	return about["machine"] == "virtual" ? "a virtual machine" : "a machine"
}

# A cell of a table; a figure that is missing is an error.
function cell(kind, allocator, class,    x)
{
	x = times(kind, allocator, class)
	if (x == "")
		complain("no figure: " kind ", " allocator ", " class_name(class))
	return short(x)
}

function markdown_row(label, kind, allocator,    c)
{
	printf "| %-45s |", label
	for (c = 1; c <= nr_classes; c++)
		printf " %4s |", cell(kind, allocator, classes[c])
	print ""
}

function rst_row(label, kind, allocator,    c)
{
	printf "%-48s", label
	for (c = 1; c <= nr_classes; c++)
		printf " %6s", cell(kind, allocator, classes[c])
	print ""
}

function rst_line(    c)
{
	printf "%s", "================================================"
	for (c = 1; c <= nr_classes; c++)
		printf " ======"
	print ""
}

function rst_head(label,    c)
{
	rst_line()
	printf "%-48s", label
	for (c = 1; c <= nr_classes; c++)
		printf " %6s", class_name(classes[c])
	print ""
	rst_line()
}

function ns_row(label, allocator,    c, x)
{
	printf "%-48s", label
	for (c = 1; c <= nr_classes; c++) {
		x = get("hostpair", classes[c], allocator, "pair_ns")
		if (x == "")
			complain("no figure: hostpair, " allocator)
		printf " %6s", short(x)
	}
	print ""
}

function block_readme()
{
	print "Allocate and release were measured on a real processor, waves in " \
		guest() "."
	print "A wave allocates 64 MiB of slices, writes to each page and releases them all."
	print ""
	print "| work                                          |   4K |  64K | 256K |"
	print "|-----------------------------------------------|-----:|-----:|-----:|"
	markdown_row("allocate and release: tcmalloc", "pair", "tcmalloc")
	markdown_row("the same: jemalloc", "pair", "jemalloc")
	markdown_row("the same: mimalloc", "pair", "mimalloc")
	markdown_row("the same: glibc", "pair", "glibc")
	markdown_row("a wave that returns its memory: `mmap()`", "returned", "mmap")
	markdown_row("the same: the fastest malloc", "returned", "best")
	markdown_row("a wave that keeps it: the fastest malloc", "kept", "best")
	print ""
	print "Memory held if a twentieth of each wave survives at random, each set to return"
	print "memory at once: regalloc " values["held regalloc"] \
		" times what is in use, jemalloc " \
		values["held jemalloc decay0"] " times."
}

function block_pairs()
{
	rst_head("nanoseconds of a pair")
	ns_row("regalloc", "regalloc")
	ns_row("tcmalloc", "tcmalloc")
	ns_row("jemalloc", "jemalloc")
	ns_row("mimalloc", "mimalloc")
	ns_row("glibc", "glibc")
	ns_row("mmap", "mmap")
	ns_row("locked: the loop and the locked operations", "locked")
	ns_row("none: the loop alone", "none")
	rst_line()
	print ""
	rst_head("times as long as regalloc")
	rst_row("tcmalloc", "pair", "tcmalloc")
	rst_row("jemalloc", "pair", "jemalloc")
	rst_row("mimalloc", "pair", "mimalloc")
	rst_row("glibc", "pair", "glibc")
	rst_row("mmap", "pair", "mmap")
	rst_line()
}

function block_waves()
{
	rst_head("times as long as regalloc")
	rst_row("wave, memory returned: mmap", "returned", "mmap")
	rst_row("the same: the fastest malloc that returns it", "returned", "best")
	rst_row("the same: madvise", "returned", "madvise")
	rst_row("the same: memfd", "returned", "memfd")
	rst_row("the same: dma-buf", "returned", "dmabuf")
	rst_row("wave, memory kept: mimalloc", "kept", "mimalloc")
	rst_row("the same: tcmalloc", "kept", "tcmalloc")
	rst_row("the same: jemalloc", "kept", "jemalloc")
	rst_row("the same: glibc", "kept", "glibc")
	rst_line()
}

function choosing_row(label, other, x)
{
	if (x == "")
		complain("no figure: " label ", " other)
	printf "%-38s %6s  %s\n", label, short(x), other
}

function choosing_line()
{
	print "====================================== ======  ========================"
}

function block_choosing()
{
	choosing_line()
	print "work                                    times  of"
	choosing_line()
	choosing_row("allocate and release", "tcmalloc",
		     times("pair", "tcmalloc", 65536))
	choosing_row("the same", "jemalloc", times("pair", "jemalloc", 65536))
	choosing_row("the same", "mimalloc", times("pair", "mimalloc", 65536))
	choosing_row("the same", "glibc", times("pair", "glibc", 65536))
	choosing_row("wave, memory returned", "the fastest malloc",
		     times("returned", "best", 65536))
	choosing_row("the same", "``madvise()``",
		     times("returned", "madvise", 65536))
	choosing_row("the same", "``mmap()``", times("returned", "mmap", 65536))
	choosing_row("wave, memory kept", "the fastest malloc",
		     times("kept", "best", 65536))
	choosing_line()
}

# Everything that the text uses, and nothing else.
function block_values(    n)
{
	for (n = 1; n <= nr_used; n++)
		if (values[used[n]] == "")
			complain("no figure: |" used[n] "|")
		else
			print ".. |" used[n] "| replace:: " values[used[n]]
}

function block(name)
{
	if (name == "readme")
		block_readme()
	else if (name == "pairs")
		block_pairs()
	else if (name == "waves")
		block_waves()
	else if (name == "choosing")
		block_choosing()
	else if (name == "values")
		block_values()
	else
		complain("no such block: " name)
}

function begins(line)
{
	return line ~ /^(<!--|\.\.) figures: /
}

function ends(line)
{
	return line ~ /^(<!--|\.\.) end of figures/
}

# Notes each |name| in a line of text.
function find_used(line,    name)
{
	while (match(line, /\|[a-z][a-zA-Z0-9 ]*\|/)) {
		name = substr(line, RSTART + 1, RLENGTH - 2)
		line = substr(line, RSTART + RLENGTH)
		if (!(name in is_used)) {
			is_used[name] = 1
			used[++nr_used] = name
		}
	}
}

function read_used(    line, inside)
{
	while ((getline line <document) > 0) {
		inside = begins(line) || inside && !ends(line)
		if (!inside)
			find_used(line)
	}
	close(document)
}

function write(    line, inside, words)
{
	while ((getline line <document) > 0) {
		if (ends(line))
			inside = 0
		if (!inside)
			print line
		if (!begins(line))
			continue
		inside = 1
		split(line, words, " ")
		if (line ~ /^\.\./)
			print ""
		block(words[3])
		if (line ~ /^\.\./)
			print ""
	}
	if (inside)
		complain("a block of figures has no end")
}

END {
	if (about["host machine"] == "emulated")
		complain("the host is emulated: its figures are not to be quoted")
	define_values()
	read_used()
	write()
	exit failed
}
