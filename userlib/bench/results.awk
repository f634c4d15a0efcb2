# SPDX-License-Identifier: MIT
#
# Reads the benchmark's rows, and has the arithmetic that tables (report.awk,
# goals.awk) and documents (figures.awk, document.awk) share.
#
# Of times the minimum of all rounds counts, of everything else the maximum. Ratios
# are how many times regalloc's value the other's is: above 1 regalloc is ahead.

BEGIN {
	FS = ","
	nr_classes = split("4096 65536 262144", classes, " ")
	nr_levels = split("1 16 128 512 768", levels, " ")
}

# How the rows came about: a name and a value.
/^# / {
	split(substr($0, 3), pair, ": ")
	if (!(pair[1] in about))
		notes[++nr_notes] = pair[1]
	about[pair[1]] = substr($0, length(pair[1]) + 5)
	next
}

/^workload,/ { next }

{
	workload = $1; class = $2; label = $3; threads = $4; metric = $5
	key = workload SUBSEP class SUBSEP label SUBSEP threads SUBSEP metric
	if (!(key in value))
		keys[++nr_keys] = key
	if (!(key in value) || better(metric, $6 + 0, value[key]))
		value[key] = $6 + 0
	if (!((workload, label) in known)) {
		known[workload, label] = 1
		names[workload, ++nr_names[workload]] = label
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
function get(workload, class, label, metric, threads,    key)
{
	key = workload SUBSEP class SUBSEP label SUBSEP (threads ? threads : 1) \
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

function class_name(class)
{
	return class / 1024 "K"
}

# Did this one give the memory of its waves back? A quarter may stay.
function returned(class, label,    after, peak)
{
	after = get("wave", class, label, "after_bytes")
	peak = get("wave", class, label, "peak_bytes")
	return after != "" && after <= peak / 4
}

function is_malloc(label)
{
	return label ~ /^(glibc|jemalloc|mimalloc|tcmalloc)/
}

# Which rows belong to a table, and to the values that regalloc is held against.
function wanted(table, class, label)
{
	if (table == "returned")
		return label != "regalloc" && returned(class, label)
	if (table == "warm")
		return label !~ /\+/ && (label == "regalloc" || is_malloc(label))
	return 1
}

# The least of the mallocs that belong to a table.
function best_malloc(table, workload, class, metric,    n, label, x, best)
{
	best = ""
	for (n = 1; n <= nr_names[workload]; n++) {
		label = names[workload, n]
		if (!is_malloc(label) || !wanted(table, class, label))
			continue
		x = get(workload, class, label, metric)
		if (x != "" && (best == "" || x < best))
			best = x
	}
	return best
}

function held(workload, label)
{
	return get(workload, 65536, label, "held_per_live")
}

function of_level(class, metric, level)
{
	return get("regions", class, "regalloc", metric "@" level)
}

function overhead(class, level)
{
	return ratio(of_level(class, "map_bytes", level),
		     of_level(class, "charged_bytes", level))
}

function max(a, b)
{
	return a == "" || b != "" && b > a ? b : a
}

# The highest number of regions that was reached; "" for none.
function top_level(class,    l)
{
	for (l = nr_levels; l > 1; l--)
		if (of_level(class, "pair_ns", levels[l]) != "")
			return levels[l]
	return ""
}
