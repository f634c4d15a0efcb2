# SPDX-License-Identifier: MIT
#
# Compares the figures with the developers' goals:
#
#	awk -f results.awk -f report.awk -f goals.awk results.csv

# A goal that is met with @least or more, or else with @most or less.
function goal(what, x, least, most,    met)
{
	met = least != "" ? x >= least + 0 : x <= most + 0
	printf "%-54s %9s  %-9s %s\n", what, number(x),
		least != "" ? ">= " least : "<= " most,
		x == "" ? "not measured" : met ? "met" : "MISSED"
}

function class_goals(    c, class, name, vs_map)
{
	split("15 4.5 3.5", vs_map, " ")
	split("3 1.5 1.1", vs_warm, " ")
	for (c = 1; c <= nr_classes; c++) {
		class = classes[c]
		name = class_name(class)
		goal("pair in the guest, " name ": fastest malloc / regalloc",
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
function many_goals(class, name,    level)
{
	level = top_level(class)
	if (level == "")
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
	heading("goals")
	class_goals()
	other_goals()
}
