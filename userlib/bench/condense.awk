# SPDX-License-Identifier: MIT
#
# One row for each of the benchmark's figures, instead of one for each run of each
# round, in the same format:
#
#	awk -f results.awk -f condense.awk build/bench/results.csv

# Six digits are more than any of these is good for, but bytes are counted.
function exact(x)
{
	return x == int(x) ? sprintf("%.0f", x) : sprintf("%.6g", x)
}

END {
	for (n = 1; n <= nr_notes; n++)
		print "# " notes[n] ": " about[notes[n]]
	print "workload,class_bytes,allocator,threads,metric,value"
	for (n = 1; n <= nr_keys; n++) {
		row = keys[n]
		gsub(SUBSEP, ",", row)
		print row "," exact(value[keys[n]])
	}
}
