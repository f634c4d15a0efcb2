# SPDX-License-Identifier: MIT
#
# Makes tables of the benchmark's rows:
#
#	awk [-v out=DIRECTORY] -f results.awk -f report.awk results.csv
#
# With a DIRECTORY, data for plots go there as *.dat. Ratios come first.

# With other work on the machine, threads do not run at the same time.
function machine_note(    c, speedup)
{
	for (c = 1; c <= nr_classes; c++)
		speedup = max(speedup,
			      ratio(get("pair", classes[c], "none", "pair_ns", 1),
				    get("pair", classes[c], "none", "pair_ns", 2)))
	if (speedup != "" && speedup < 1.9)
		printf "\nThe loop alone is only %s times as fast in 2 threads: %s\n",
			number(speedup),
			"this machine was busy, and the times are uncertain."
}

function about_table(    n)
{
	for (n = 1; n <= nr_notes; n++)
		printf "%-18s %s\n", notes[n], about[notes[n]]
}

function heading(text)
{
	printf "\n==== %s\n\n", text
}

function cell(text)
{
	printf " %9s", text
}

function class_cells(    c)
{
	for (c = 1; c <= nr_classes; c++)
		cell(class_name(classes[c]))
}

# Starts a file of data for a plot.
function plot(name,    c)
{
	file = out ? out "/" name ".dat" : ""
	if (!file)
		return
	printf "-" >file
	for (c = 1; c <= nr_classes; c++)
		printf " %s", class_name(classes[c]) >file
	print "" >file
}

# A line of the plot: ratios of the three classes in r[].
function plot_line(label, r,    c)
{
	if (!file)
		return
	printf "%s", label >file
	for (c = 1; c <= nr_classes; c++)
		printf " %s", r[c] == "" ? "-" : r[c] >file
	print "" >file
}

# Ratios to @self, then times; a dash for what does not belong into the table.
function ratio_table(table, workload, metric, self, head,    n, c, label, x, r, any)
{
	printf "%-18s", ""
	class_cells()
	printf "   |%s:", head
	printf "\n%-18s", ""
	for (c = 1; c <= nr_classes; c++)
		cell("ratio")
	printf "   |"
	class_cells()
	print ""
	for (n = 1; n <= nr_names[workload]; n++) {
		label = names[workload, n]
		any = 0
		for (c = 1; c <= nr_classes; c++) {
			x[c] = ""
			if (wanted(table, classes[c], label))
				x[c] = get(workload, classes[c], label, metric)
			r[c] = ratio(x[c], get(workload, classes[c], self,
					       metric))
			any += x[c] != ""
		}
		if (!any)
			continue
		printf "%-18s", label
		for (c = 1; c <= nr_classes; c++)
			cell(number(r[c]))
		printf "   |"
		for (c = 1; c <= nr_classes; c++)
			cell(number(x[c]))
		print ""
		plot_line(label, r)
	}
}

# Shows what each one returned, and so why some are not in that table; and the page
# faults: a region of huge pages has two, else something is wrong.
function returned_table(    n, c, label)
{
	printf "%-18s", "MiB held after"
	class_cells()
	printf "   | page faults a slice:"
	printf "\n%-18s %30s  |", "", "(above 16: not in that table)"
	class_cells()
	print ""
	for (n = 1; n <= nr_names["wave"]; n++) {
		label = names["wave", n]
		printf "%-18s", label
		for (c = 1; c <= nr_classes; c++)
			cell(mib(get("wave", classes[c], label, "after_bytes")))
		printf "   |"
		for (c = 1; c <= nr_classes; c++)
			cell(number(get("wave", classes[c], label, "faults")))
		print ""
	}
}

function mib(bytes)
{
	return bytes == "" ? "-" : sprintf("%.1f", bytes / 1048576)
}

# How much faster 2 threads are than one, and what 8 threads make of it.
function threads_table(workload,    n, c, label, one, two, eight)
{
	printf "%-18s", "1 -> 2 threads"
	class_cells()
	printf "   | 8 / 2:"
	printf "\n%-18s", ""
	for (c = 1; c <= nr_classes; c++)
		cell("speedup")
	printf "   |"
	class_cells()
	printf "   | ns a pair, 2 threads:\n"
	for (n = 1; n <= nr_names[workload]; n++) {
		label = names[workload, n]
		if (get(workload, classes[1], label, "pair_ns", 2) == "")
			continue
		printf "%-18s", label
		for (c = 1; c <= nr_classes; c++) {
			one = get(workload, classes[c], label, "pair_ns", 1)
			two = get(workload, classes[c], label, "pair_ns", 2)
			cell(number(ratio(one, two)))
		}
		printf "   |"
		for (c = 1; c <= nr_classes; c++) {
			two = get(workload, classes[c], label, "pair_ns", 2)
			eight = get(workload, classes[c], label, "pair_ns", 8)
			cell(number(ratio(two, eight)))
		}
		printf "   |"
		for (c = 1; c <= nr_classes; c++)
			cell(number(get(workload, classes[c], label, "pair_ns", 2)))
		print ""
	}
}

function open_line(metric, what,    x)
{
	x = get("zero", 262144, "none", metric)
	printf "%-46s", what
	cell(number(ratio(get("open", 262144, "regalloc+decay0", "region_ns"),
			  x)))
	cell(number(x / 1000))
	print ""
}

function open_table(    x)
{
	x = get("open", 262144, "regalloc+decay0", "region_ns")
	if (x == "")
		return
	printf "%-46s %9s %9s\n", "region: open, touch, close; divided by:",
		"ratio", "us"
	printf "%-46s", "itself"
	cell("1.00")
	cell(number(x / 1000))
	print ""
	open_line("memset_ns", "memset() of 4 MiB already there, touch")
	open_line("stores_ns", "the same with 8-byte stores, as the kernel does")
	open_line("empty_tlb_ns", "memset(), touch, each with an empty TLB")
	open_line("huge_pages_ns", "mmap, touch, munmap: two huge pages")
	open_line("small_pages_ns", "mmap, touch, munmap: 1024 small pages")
}

# One line for an order of eviction and a number of caches.
function given_line(order, caches,    c)
{
	printf "%-18s", order ", " caches (caches == 1 ? " cache" : " caches")
	for (c = 1; c <= nr_classes; c++)
		cell(number(get("given", classes[c], order,
				"evicted_per_given", caches)))
	print ""
}

function given_table()
{
	printf "%-18s", "evicted / given"
	class_cells()
	print ""
	given_line("random", 1)
	given_line("random", 8)
	given_line("oldest", 1)
	given_line("oldest", 8)
}

function versions_table(    n, label, file)
{
	if (out) {
		file = out "/held.dat"
		print "- equal burst" >file
	}
	printf "%-18s %9s %9s   | %9s %9s   | mean of the waves:\n", "held / live",
		"equal", "burst", "MiB live", "MiB live"
	for (n = 1; n <= nr_names["versions"]; n++) {
		label = names["versions", n]
		printf "%-18s", label
		cell(number(held("versions", label)))
		cell(number(held("burst", label)))
		printf "   |"
		cell(mib(get("versions", 65536, label, "live_bytes")))
		cell(mib(get("burst", 65536, label, "live_bytes")))
		printf "   |"
		cell(number(get("versions", 65536, label, "held_per_live_mean")))
		cell(number(get("burst", 65536, label, "held_per_live_mean")))
		print ""
		if (file)
			print label, number(held("versions", label)),
				number(held("burst", label)) >file
	}
}

function regions_table(class,    l, level, x)
{
	printf "%-8s %9s %9s %9s %9s   | %9s %9s %9s %9s %9s\n",
		class_name(class), "pair", "swap", "reading", "map", "pair ns",
		"swap ns", "sysfs ms", "live ms", "MiB"
	for (l = 1; l <= nr_levels; l++) {
		level = levels[l]
		x = of_level(class, "pair_ns", level)
		if (x == "")
			continue
		printf "%-8s", level
		cell(number(ratio(x, of_level(class, "pair_ns", 1))))
		cell(number(ratio(of_level(class, "swap_ns", level),
				  of_level(class, "swap_ns", 1))))
		cell(number(ratio(of_level(class, "reading_pair_ns", level), x)))
		cell(sprintf("%.3f%%", 100 * overhead(class, level)))
		printf "   |"
		cell(number(x))
		cell(number(of_level(class, "swap_ns", level)))
		cell(number(of_level(class, "sysfs_all_ns", level) / 1e6))
		cell(number(of_level(class, "sysfs_live_ns", level) / 1e6))
		cell(mib(of_level(class, "charged_bytes", level)))
		print ""
	}
	print ""
}

function regions_plot(    l, c, x, file)
{
	if (!out || of_level(classes[1], "pair_ns", 1) == "")
		return
	file = out "/regions.dat"
	printf "-" >file
	for (c = 1; c <= nr_classes; c++)
		printf " pair:%s swap:%s", class_name(classes[c]),
			class_name(classes[c]) >file
	print "" >file
	for (l = 1; l <= nr_levels; l++) {
		printf "%s", levels[l] >file
		for (c = 1; c <= nr_classes; c++) {
			x = of_level(classes[c], "pair_ns", levels[l])
			printf " %s", x == "" ? "-" : x >file
			x = of_level(classes[c], "swap_ns", levels[l])
			printf " %s", x == "" ? "-" : x >file
		}
		print "" >file
	}
}

function syscalls_table(    c, survived)
{
	printf "%-46s", "system calls in 10,000 pairs"
	for (c = 1; c <= nr_classes; c++)
		cell(count_of(get("syscalls", classes[c], "regalloc", "calls")))
	printf "\n%-46s", "10,000 pairs under strict seccomp"
	for (c = 1; c <= nr_classes; c++) {
		survived = get("syscalls", classes[c], "regalloc", "survived")
		cell(survived == "" ? "-" : survived ? "survived" : "killed")
	}
	print ""
}

function count_of(n)
{
	return n == "" ? "-" : n >= 1000 ? "1000+" : n
}

END {
	about_table()
	heading("allocate and release, on the host (no emulation); time / regalloc's")
	plot("hostpair")
	ratio_table("", "hostpair", "pair_ns", "regalloc", " ns a pair")
	file = ""
	heading("the same in several threads")
	threads_table("hostpair")
	heading("pair: allocate and release, no touch, in the guest; time / regalloc's")
	plot("pair")
	ratio_table("", "pair", "pair_ns", "regalloc", " ns a pair")
	file = ""
	heading("pair in several threads")
	threads_table("pair")
	heading("wave of 64 MiB, memory returned; time / regalloc's")
	plot("wave-returned")
	ratio_table("returned", "wave", "slice_ns", "regalloc+decay0",
		    " ns a slice")
	print ""
	returned_table()
	heading("wave of 64 MiB, memory kept; time / regalloc's")
	plot("wave-warm")
	ratio_table("warm", "kept", "slice_ns", "regalloc", " ns a slice")
	file = ""
	heading("a region from nothing to nothing")
	open_table()
	heading("given: bytes evicted for each byte that another program gets")
	given_table()
	heading("versions: 20 waves of 64K slices, of each a twentieth survives")
	versions_table()
	heading("many open regions, nearly full; ratios to one region")
	for (c = 1; c <= nr_classes; c++)
		regions_table(classes[c])
	regions_plot()
	heading("system calls")
	syscalls_table()
	machine_note()
}
