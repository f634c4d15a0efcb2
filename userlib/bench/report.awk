# SPDX-License-Identifier: MIT
#
# Makes tables of the benchmark's rows:
#
#	awk [-v out=DIRECTORY] -f report.awk results.csv
#
# With a DIRECTORY, data for plots go there as *.dat. Of times the minimum of
# all rounds counts, of everything else the maximum. Ratios come first: how many
# times regalloc's value the other's is, so above 1 regalloc is ahead.

BEGIN {
	FS = ","
	nr_classes = split("4096 65536 262144", classes, " ")
	nr_levels = split("1 16 128 512 768", levels, " ")
}

FNR == 1 { next }

{
	workload = $1; class = $2; who = $3; threads = $4; metric = $5
	key = workload SUBSEP class SUBSEP who SUBSEP threads SUBSEP metric
	if (!(key in value) || better(metric, $6 + 0, value[key]))
		value[key] = $6 + 0
	if (!((workload, who) in known)) {
		known[workload, who] = 1
		names[workload, ++nr_names[workload]] = who
	}
}

function is_time(metric)
{
	return metric ~ /_ns(@[0-9]+)?$/
}

function better(metric, new, old)
{
	return is_time(metric) ? new < old : new > old
}

# The value, or "" if it was not measured.
function get(workload, class, who, metric, threads,    key)
{
	key = workload SUBSEP class SUBSEP who SUBSEP (threads ? threads : 1) \
		SUBSEP metric
	return key in value ? value[key] : ""
}

function ratio(a, b)
{
	return a == "" || b == "" || b == 0 ? "" : a / b
}

# A number with three digits or so; a dash for none.
function number(x)
{
	if (x == "")
		return "-"
	if (x < 10)
		return sprintf("%.2f", x)
	if (x < 100)
		return sprintf("%.1f", x)
	return sprintf("%.0f", x)
}

function heading(text)
{
	printf "\n==== %s\n\n", text
}

function cell(text)
{
	printf " %9s", text
}

function class_name(class)
{
	return class / 1024 "K"
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
function plot_line(who, r,    c)
{
	if (!file)
		return
	printf "%s", who >file
	for (c = 1; c <= nr_classes; c++)
		printf " %s", r[c] == "" ? "-" : r[c] >file
	print "" >file
}

# Did this one give the memory of its waves back? A quarter may stay.
function returned(class, who,    after, peak)
{
	after = get("wave", class, who, "after_bytes")
	peak = get("wave", class, who, "peak_bytes")
	return after != "" && after <= peak / 4
}

function is_malloc(who)
{
	return who ~ /^(glibc|jemalloc|mimalloc|tcmalloc)/
}

# Which rows belong to a table, and to the values that regalloc is held against.
function wanted(table, class, who)
{
	if (table == "returned")
		return who != "regalloc" && returned(class, who)
	if (table == "warm")
		return who !~ /\+/ && (who == "regalloc" || is_malloc(who))
	return 1
}

# Ratios to @self, then times; a dash for who does not belong into the table.
function ratio_table(table, workload, metric, self, head,    n, c, who, x, r, any)
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
		who = names[workload, n]
		any = 0
		for (c = 1; c <= nr_classes; c++) {
			x[c] = ""
			if (wanted(table, classes[c], who))
				x[c] = get(workload, classes[c], who, metric)
			r[c] = ratio(x[c], get(workload, classes[c], self,
					       metric))
			any += x[c] != ""
		}
		if (!any)
			continue
		printf "%-18s", who
		for (c = 1; c <= nr_classes; c++)
			cell(number(r[c]))
		printf "   |"
		for (c = 1; c <= nr_classes; c++)
			cell(number(x[c]))
		print ""
		plot_line(who, r)
	}
}

# Shows who returned what, so that nobody is left out for no reason to be seen;
# and the page faults: a region of huge pages has two, else something is wrong.
function returned_table(    n, c, who)
{
	printf "%-18s", "MiB held after"
	class_cells()
	printf "   | page faults a slice:"
	printf "\n%-18s %30s  |", "", "(above 16: not in that table)"
	class_cells()
	print ""
	for (n = 1; n <= nr_names["wave"]; n++) {
		who = names["wave", n]
		printf "%-18s", who
		for (c = 1; c <= nr_classes; c++)
			cell(mib(get("wave", classes[c], who, "after_bytes")))
		printf "   |"
		for (c = 1; c <= nr_classes; c++)
			cell(number(get("wave", classes[c], who, "faults")))
		print ""
	}
}

function mib(bytes)
{
	return bytes == "" ? "-" : sprintf("%.1f", bytes / 1048576)
}

# How much faster 2 threads are than one, and what 8 threads make of it.
function threads_table(    n, c, who, one, two, eight)
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
	for (n = 1; n <= nr_names["pair"]; n++) {
		who = names["pair", n]
		if (get("pair", classes[1], who, "pair_ns", 2) == "")
			continue
		printf "%-18s", who
		for (c = 1; c <= nr_classes; c++) {
			one = get("pair", classes[c], who, "pair_ns", 1)
			two = get("pair", classes[c], who, "pair_ns", 2)
			cell(number(ratio(one, two)))
		}
		printf "   |"
		for (c = 1; c <= nr_classes; c++) {
			two = get("pair", classes[c], who, "pair_ns", 2)
			eight = get("pair", classes[c], who, "pair_ns", 8)
			cell(number(ratio(two, eight)))
		}
		printf "   |"
		for (c = 1; c <= nr_classes; c++)
			cell(number(get("pair", classes[c], who, "pair_ns", 2)))
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

function held(workload, who)
{
	return get(workload, 65536, who, "held_per_live")
}

function versions_table(    n, who, file)
{
	if (out) {
		file = out "/held.dat"
		print "- equal burst" >file
	}
	printf "%-18s %9s %9s   | %9s %9s   | mean of the waves:\n", "held / live",
		"equal", "burst", "MiB live", "MiB live"
	for (n = 1; n <= nr_names["versions"]; n++) {
		who = names["versions", n]
		printf "%-18s", who
		cell(number(held("versions", who)))
		cell(number(held("burst", who)))
		printf "   |"
		cell(mib(get("versions", 65536, who, "live_bytes")))
		cell(mib(get("burst", 65536, who, "live_bytes")))
		printf "   |"
		cell(number(get("versions", 65536, who, "held_per_live_mean")))
		cell(number(get("burst", 65536, who, "held_per_live_mean")))
		print ""
		if (file)
			print who, number(held("versions", who)),
				number(held("burst", who)) >file
	}
}

function of_level(class, metric, level)
{
	return get("regions", class, "regalloc", metric "@" level)
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

function overhead(class, level)
{
	return ratio(of_level(class, "map_bytes", level),
		     of_level(class, "charged_bytes", level))
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

# The least of the mallocs that belong to a table.
function best_malloc(table, workload, class, metric,    n, who, x, best)
{
	best = ""
	for (n = 1; n <= nr_names[workload]; n++) {
		who = names[workload, n]
		if (!is_malloc(who) || !wanted(table, class, who))
			continue
		x = get(workload, class, who, metric)
		if (x != "" && (best == "" || x < best))
			best = x
	}
	return best
}

# A goal that is met with @least or more, or else with @most or less.
function goal(what, x, least, most,    met)
{
	met = least != "" ? x >= least + 0 : x <= most + 0
	printf "%-54s %9s  %-9s %s\n", what, number(x),
		least != "" ? ">= " least : "<= " most,
		x == "" ? "not measured" : met ? "met" : "MISSED"
}

function max(a, b)
{
	return a == "" || b != "" && b > a ? b : a
}

# With other work on the machine, threads do not run at the same time.
function machine_note(    c, speedup)
{
	for (c = 1; c <= nr_classes; c++)
		speedup = max(speedup,
			      ratio(get("pair", classes[c], "none", "pair_ns", 1),
				    get("pair", classes[c], "none", "pair_ns", 2)))
	if (speedup != "" && speedup < 1.9)
		printf "The loop alone is only %s times as fast in 2 threads: %s\n\n",
			number(speedup),
			"this machine was busy, and the times are uncertain."
}

function class_goals(    c, class, name, vs_map)
{
	split("15 4.5 3.5", vs_map, " ")
	split("3 1.5 1.1", vs_warm, " ")
	for (c = 1; c <= nr_classes; c++) {
		class = classes[c]
		name = class_name(class)
		goal("pair, " name ": fastest malloc / regalloc",
		     ratio(best_malloc("", "pair", class, "pair_ns"),
			   get("pair", class, "regalloc", "pair_ns")), "1", "")
		goal("wave returned, " name ": mmap / regalloc",
		     ratio(get("wave", class, "mmap", "slice_ns"),
			   get("wave", class, "regalloc+decay0", "slice_ns")),
		     vs_map[c], "")
		goal("wave returned, " name ": best malloc / regalloc",
		     ratio(best_malloc("returned", "wave", class, "slice_ns"),
			   get("wave", class, "regalloc+decay0", "slice_ns")),
		     "1.5", "")
		goal("wave warm, " name ": best malloc / regalloc",
		     ratio(best_malloc("warm", "kept", class, "slice_ns"),
			   get("kept", class, "regalloc", "slice_ns")),
		     vs_warm[c], "")
		goal("1 -> 2 threads, " name,
		     ratio(get("pair", class, "regalloc", "pair_ns", 1),
			   get("pair", class, "regalloc", "pair_ns", 2)),
		     "1.8", "")
		goal("8 threads on 2 CPUs / 2 threads, " name,
		     ratio(get("pair", class, "regalloc", "pair_ns", 2),
			   get("pair", class, "regalloc", "pair_ns", 8)),
		     "0.9", "")
		many_goals(class, name)
	}
}

# At the highest number of regions that was reached.
function many_goals(class, name,    l, level)
{
	for (l = nr_levels; l > 1; l--)
		if (of_level(class, "pair_ns", levels[l]) != "")
			break
	level = levels[l]
	if (of_level(class, "pair_ns", level) == "")
		return
	goal("pair with " level " regions / with 1, " name,
	     ratio(of_level(class, "pair_ns", level),
		   of_level(class, "pair_ns", 1)), "", "1.5")
	goal("bookkeeping with " level " regions, percent, " name,
	     100 * overhead(class, level), "", "0.2")
	goal("all of sysfs with " level " regions, ms, " name,
	     of_level(class, "sysfs_all_ns", level) / 1e6, "", "1")
	goal("system calls in 10,000 pairs, " name,
	     get("syscalls", class, "regalloc", "calls"), "", "0")
}

function other_goals(    w, names_of, n)
{
	goal("region / memset and touch of 4 MiB",
	     ratio(get("open", 262144, "regalloc+decay0", "region_ns"),
		   get("zero", 262144, "none", "memset_ns")), "", "1.25")
	n = split("versions burst", names_of, " ")
	for (w = 1; w <= n; w++) {
		goal(names_of[w] ": held / live, against fifo",
		     ratio(held(names_of[w], "regalloc+decay0"),
			   held(names_of[w], "fifo")), "", "0.5")
		goal(names_of[w] ": held / live, against jemalloc",
		     ratio(held(names_of[w], "regalloc"),
			   held(names_of[w], "jemalloc")), "", "1")
		goal(names_of[w] ": held / live, against mimalloc",
		     ratio(held(names_of[w], "regalloc"),
			   held(names_of[w], "mimalloc")), "", "1")
	}
}

END {
	heading("pair: allocate and release, no touch; time / regalloc's")
	plot("pair")
	ratio_table("", "pair", "pair_ns", "regalloc", " ns a pair")
	file = ""
	heading("pair in several threads")
	threads_table()
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
	heading("versions: 20 waves of 64K slices, of each a twentieth survives")
	versions_table()
	heading("many open regions, nearly full; ratios to one region")
	for (c = 1; c <= nr_classes; c++)
		regions_table(classes[c])
	regions_plot()
	heading("system calls")
	syscalls_table()
	heading("goals")
	machine_note()
	class_goals()
	other_goals()
}
