# SPDX-License-Identifier: GPL-2.0-only
#
# Counts the results of tests, which have the form of the output of kselftest's
# runner: what a program prints has "# " before it.
#
#	results.awk build/test-*.tap	prints what was skipped or has failed, and the
#					totals; fails if a test has, or if none passed
#	results.awk -v live=NAME	the same for build/test-NAME.tap while it is
#					being written: prints events for view.sh
#
# The runner's own line about a program counts only against the program: if it died,
# told nothing, or did not do all that it had planned. So does a test that is skipped
# where it should run.

# What may be skipped, and where: LOG: PROGRAM: ...
function may_be_skipped(what) {
	return what ~ /^6\.1(\+[a-z]+)?: dio: .*tmpfs takes no O_DIRECT before 6\.6/ ||
		what ~ /^6\.1(\+[a-z]+)?: poison: .*no memory failure in this kernel/ ||
		what ~ /^[^+]*(\+dirty|\+movable)?: numa: .*one node of memory/ ||
		what ~ /^6\.12-[a-z+]*: kernel: examples.sh databases.sh /
}

function where() {
	return file (program ? ": " program : "") ": "
}

function event(kind, what) {
	if (live)
		print kind "\t" what
}

function count(kind, what) {
	if (kind == "skipped" && !may_be_skipped(where() what))
		kind = "failed"
	total[kind]++
	inside[kind]++
	if (kind != "passed")
		named[kind] = named[kind] "\n" kind ": " where() what
	if (kind == "failed")
		explain(what)
	forget()
}

# ---- why a test has failed: what its program has printed since it began

function forget() {
	nr_lines = 0
}

# What is said again and again is one line.
function remember(line,   last) {
	last = (nr_lines - 1) % MOST_LINES
	if (nr_lines && lines[last] == line) {
		times[last]++
		return
	}
	lines[nr_lines % MOST_LINES] = line
	times[nr_lines++ % MOST_LINES] = 1
}

function explain(what,   i, line, n) {
	event("cause", "FAILED " what)
	i = nr_lines > MOST_LINES ? nr_lines - MOST_LINES : 0
	if (i)
		event("cause", "  (" i " lines are left out)")
	for (; i < nr_lines; i++) {
		line = lines[i % MOST_LINES]
		sub(/^# ([#|] )?/, "", line)
		gsub(/[[:cntrl:]]/, " ", line)
		n = times[i % MOST_LINES]
		event("cause", "  " substr(line, 1, 200) \
			(n > 1 ? " (" n " times)" : ""))
	}
}

# ---- a test, a program, a log

function result(line,   name) {
	name = line
	sub(/^(not )?ok [0-9]* *(- )?/, "", name)
	if (line ~ /^not ok/)
		count("failed", name)
	else if (toupper(name) ~ /# SKIP/)
		count("skipped", (name ~ /^#/ ? test " " : "") name)
	else
		count("passed", name)
}

function told() {
	return inside["passed"] + inside["failed"] + inside["skipped"]
}

function start(name) {
	if (program)
		finish("not ok did not end")
	program = name
	split("", inside)
	planned = 0
	forget()
	if (name)
		event("begin", name)
}

function finish(line,   failed) {
	sub(/selftests: [^:]*: /, "", line)
	failed = sub(/^not ok [0-9]* ?/, "", line)
	if (told() < planned)
		count("failed", (failed ? line ": " : "") "told " told() \
			" results of " planned)
	else if (failed && !inside["failed"])
		count("failed", line)
	else if (!told() && line !~ /# SKIP/)
		count("failed", "told nothing")
	else if (!told())
		result(line)
	end(program)
	program = ""
	programs--
}

function summary(   text) {
	if (inside["passed"])
		text = ", " inside["passed"] " passed"
	if (inside["failed"])
		text = text ", " inside["failed"] " FAILED"
	if (inside["skipped"])
		text = text ", " inside["skipped"] " skipped"
	return substr(text, 3)
}

function end(name) {
	if (inside["failed"])
		event("cause", "all of it: build/test-" file ".tap")
	event("end", name "\t" summary())
}

function finish_file() {
	start("")
	if (programs > 0) {
		count("failed", programs " programs did not run")
		end("others")
	}
	programs = 0
}

BEGIN {
	MOST_LINES = 30
	file = live
}

FNR == 1 && !live {
	finish_file()
	file = FILENAME
	gsub(/.*test-|\.tap$/, "", file)
}

/^# selftests: [^:]*: / { start($NF); next }
/^1\.\.[0-9]+/ { programs += substr($1, 4); next }
/^# 1\.\.0 # SKIP/ { sub(/^# 1\.\.0 /, ""); count("skipped", $0); next }
/^# 1\.\.[0-9]+/ { planned += substr($2, 4); next }
/^# #  RUN  / { test = $4; forget(); next }
/^# (not )?ok / { sub(/^# /, ""); result($0); next }
# Of the kernel, and of no program: the first such line after its own beginning.
/^(not )?ok 0 / {
	if (program != "kernel")
		start("kernel")
	programs++
}
/^(not )?ok .*selftests: / { finish($0); next }
# What is on lines of its own for other programs is no cause of anything.
program && !/^# (# metrics|gcov) / { remember($0) }

END {
	finish_file()
	if (!live) {
		print named["skipped"] named["failed"]
		print total["passed"] + 0 " passed, " total["failed"] + 0 \
			" failed, " total["skipped"] + 0 " skipped"
		exit total["failed"] > 0 || total["passed"] == 0
	}
}
