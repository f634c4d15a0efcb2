# SPDX-License-Identifier: MIT
#
# The figures that documents quote, computed from Documentation/results.csv, each
# under a name; define_values() has them all. document.awk puts them into text.

# A figure as people want to read it.
function short(x)
{
	return sprintf(x < 0.995 ? "%.2f" : x < 9.95 ? "%.1f" : "%.0f", x)
}

# What @label takes of @metric; "best" is the fastest malloc of the table.
function time_of(table, workload, class, label, metric)
{
	return label == "best" ? best_malloc(table, workload, class, metric) \
		: get(workload, class, label, metric)
}

# How many times as long as regalloc @label takes, in three kinds of work: "pair" on
# the host, waves that are "returned", and those that are "kept".
function times(kind, label, class)
{
	if (kind == "pair")
		return ratio(time_of("", "hostpair", class, label, "pair_ns"),
			     get("hostpair", class, "regalloc", "pair_ns"))
	if (kind == "returned")
		return ratio(time_of(kind, "wave", class, label, "slice_ns"),
			     get("wave", class, "regalloc+decay0", "slice_ns"))
	return ratio(time_of("warm", "kept", class, label, "slice_ns"),
		     get("kept", class, "regalloc", "slice_ns"))
}

function speedup(label, class, from, to)
{
	return ratio(get("pair", class, label, "pair_ns", from),
		     get("pair", class, label, "pair_ns", to))
}

# The least and the most of the three classes in r[].
function span(r,    c, low, high)
{
	for (c = 1; c <= nr_classes; c++) {
		if (r[c] == "")
			return ""
		if (c == 1 || r[c] < low)
			low = r[c]
		if (c == 1 || r[c] > high)
			high = r[c]
	}
	low = short(low)
	high = short(high)
	return low == high ? low : low " to " high
}

function threads_span(label, from, to,    c, r)
{
	for (c = 1; c <= nr_classes; c++)
		r[c] = speedup(label, classes[c], from, to)
	return span(r)
}

# With the most regions, against @base or in units of so much.
function top_span(metric, base, unit,    c, x, r)
{
	for (c = 1; c <= nr_classes; c++) {
		x = of_level(classes[c], metric, top_level(classes[c]))
		r[c] = ratio(x, base ? of_level(classes[c], metric, base) : unit)
	}
	return span(r)
}

function map_span(    c, r)
{
	for (c = 1; c <= nr_classes; c++)
		r[c] = ratio(overhead(classes[c], top_level(classes[c])), 0.01)
	return span(r)
}

function calls(    c, n)
{
	for (c = 1; c <= nr_classes; c++)
		n = max(n, get("syscalls", classes[c], "regalloc", "calls"))
	return n
}

function region_times(metric)
{
	return ratio(get("open", 262144, "regalloc+decay0", "region_ns"),
		     get("zero", 262144, "none", metric))
}

function define(name, x)
{
	values[name] = x
}

function define_number(name, x)
{
	values[name] = x == "" ? "" : short(x)
}

function define_pairs(label,    c)
{
	for (c = 1; c <= nr_classes; c++)
		define_number("pair " label " " class_name(classes[c]),
			      get("hostpair", classes[c], label, "pair_ns"))
}

# All that the text of a document can say with |name|. The circumstances, which are
# comments in the results, have the names that they have there.
function define_values(    n)
{
	for (n = 1; n <= nr_notes; n++)
		define(notes[n], about[notes[n]])
	define_pairs("regalloc")
	define_pairs("tcmalloc")
	define("pair syscalls", calls())
	define("regions", top_level(classes[1]))
	define("regions pair", top_span("pair_ns", 1))
	define("regions live ms", top_span("sysfs_live_ns", "", 1e6))
	define("regions sysfs ms", top_span("sysfs_all_ns", "", 1e6))
	define("map percent", map_span())
	define("threads 2", threads_span("regalloc", 1, 2))
	define("threads 2 loop", threads_span("none", 1, 2))
	define("threads 8", threads_span("regalloc", 2, 8))
	define_number("region memset", region_times("memset_ns"))
	define_number("region empty tlb", region_times("empty_tlb_ns"))
	define_number("region huge pages", region_times("huge_pages_ns"))
	define_number("held regalloc", held("versions", "regalloc+decay0"))
	define_number("held jemalloc", held("versions", "jemalloc"))
	define_number("held jemalloc decay0",
		      held("versions", "jemalloc+decay0"))
	define_number("burst fifo", ratio(held("burst", "regalloc+decay0"),
					  held("burst", "fifo")))
	define_number("burst decay fifo", ratio(held("burst", "regalloc"),
						held("burst", "fifo")))
}
