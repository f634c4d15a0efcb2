// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sqlite3.h>
#include <regalloc.h>

#include "load.h"
#include "sqlite_pcache.h"
#include "sysfs.h"
#include "worker.h"

#define MIB (1024.0 * 1024.0)

/**
 * struct worker - one of the processes
 * @plan: what to do
 * @number: which one it is
 * @path: its database
 * @ra: its client, or NULL
 * @load: what it does
 * @peak_bytes: most that was charged to it
 * @idle_bytes: least that was charged to it after it had been idle
 * @deadline: when to end
 * @seconds: in each phase
 */
struct worker {
	const struct plan *plan;
	uint32_t number;
	char path[4096];
	struct regalloc *ra;
	struct load load;
	uint64_t peak_bytes;
	uint64_t idle_bytes;
	double deadline;
	double seconds[LOAD_NR_PHASES];
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "sqlite_load: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

static uint64_t charged(const struct worker *w)
{
	struct regalloc_stats stats = { 0 };

	if (w->ra)
		regalloc_stats(w->ra, &stats);
	return stats.charged_bytes;
}

static void look(void *arg)
{
	struct worker *w = arg;
	uint64_t bytes = charged(w);

	if (bytes > w->peak_bytes)
		w->peak_bytes = bytes;
}

static void on_signal(int number)
{
	(void)number;
}

/* Until the time is over or a signal comes. */
static void be_idle(struct worker *w)
{
	const struct sigaction action = { .sa_handler = on_signal };
	uint32_t ms = w->plan->idle_ms;
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };
	uint64_t bytes;

	sigaction(SIGUSR1, &action, NULL);
	/* Whoever waits for that may want to begin now. */
	printf("idle with %.0f MiB, process %d\n", charged(w) / MIB, getpid());
	fflush(stdout);
	nanosleep(&ts, NULL);
	bytes = charged(w);
	if (bytes < w->idle_bytes)
		w->idle_bytes = bytes;
}

static bool over(const struct worker *w)
{
	return w->deadline && now_seconds() > w->deadline;
}

static int work(struct worker *w)
{
	int rc = load_begin(&w->load);

	if (w->plan->seconds)
		w->deadline = now_seconds() + w->plan->seconds;
	for (uint32_t i = 0; !rc && i < w->plan->rounds && !over(w); i++) {
		for (int p = 0; !rc && p < LOAD_NR_PHASES && !over(w); p++) {
			double start = now_seconds();

			rc = load_phases[p].run(&w->load);
			w->seconds[p] += now_seconds() - start;
		}
		if (!rc && w->plan->idle_ms)
			be_idle(w);
	}
	return rc ? rc : load_check(&w->load);
}

/* How often SQLite found a page, and how often it had to read one. */
static void print_cache(const struct worker *w)
{
	struct sqlite_pcache_counts n;
	int hits = 0, misses = 0, none;
	sqlite3_int64 unused, peak = 0;

	sqlite3_db_status(w->load.db, SQLITE_DBSTATUS_CACHE_HIT, &hits, &none, 0);
	sqlite3_db_status(w->load.db, SQLITE_DBSTATUS_CACHE_MISS, &misses, &none,
			  0);
	printf("  %d hits, %d misses", hits, misses);
	if (w->plan->builtin) {
		sqlite3_status64(SQLITE_STATUS_PAGECACHE_OVERFLOW, &unused,
				 &peak, 0);
		printf(", at most %.1f MiB\n", peak / MIB);
		return;
	}
	sqlite_pcache_count(&n);
	printf(", %" PRIu64 " evictions; charged at most %.0f MiB\n",
	       n.evictions, w->peak_bytes / MIB);
	printf("  asked %" PRIu64 " times by others, %" PRIu64
	       " pages evicted for them; waited %" PRIu64 " times, in vain %"
	       PRIu64 "\n", n.asked, n.given, n.waits, n.failures);
	if (w->plan->idle_ms)
		printf("  had %.0f MiB left after being idle\n",
		       w->idle_bytes / MIB);
}

static void report(const struct worker *w, bool right)
{
	double all = 0;

	printf("process %" PRIu32 ": %s, %" PRIu64 " statements\n ", w->number,
	       right ? "all answers right" : "FAILED", w->load.statements);
	for (int p = 0; p < LOAD_NR_PHASES; p++) {
		printf(" %s %.2f", load_phases[p].name, w->seconds[p]);
		all += w->seconds[p];
	}
	printf(", together %.2f s\n", all);
	print_cache(w);
	fflush(stdout);
}

static int set(struct load *load, const char *pragma, int64_t value)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA %s = %" PRId64, pragma, value);
	return load_exec(load, sql);
}

/* No fsync: it is about memory, and nobody will want the data back. */
static int settle(struct worker *w)
{
	struct load *load = &w->load;
	int rc;

	rc = set(load, "page_size", w->plan->page_bytes);
	if (!rc)
		rc = set(load, "synchronous", 0);
	if (!rc && w->plan->cache_bytes)
		rc = set(load, "cache_size",
			 -(int64_t)(w->plan->cache_bytes / 1024));
	return rc;
}

static bool in_memory(const struct plan *plan)
{
	return !strcmp(plan->db, ":memory:");
}

static void remove_db(const struct worker *w)
{
	char journal[sizeof(w->path) + 16];

	if (in_memory(w->plan))
		return;
	snprintf(journal, sizeof(journal), "%s-journal", w->path);
	unlink(w->path);
	unlink(journal);
}

static int run_on_db(struct worker *w)
{
	int rc;

	remove_db(w);
	if (sqlite3_open(w->path, &w->load.db) != SQLITE_OK) {
		rc = load_fail(&w->load, w->path);
	} else {
		rc = settle(w);
		if (!rc)
			rc = work(w);
		look(w);
		report(w, !rc);
	}
	if (sqlite3_close(w->load.db) != SQLITE_OK)
		rc = load_fail(&w->load, "close");
	remove_db(w);
	return rc;
}

static int run_on_rows(struct worker *w)
{
	int rc, err;

	w->load.random = rows_hash(w->number, w->plan->rows);
	w->load.tick = look;
	w->load.arg = w;
	w->idle_bytes = UINT64_MAX;
	err = rows_init(&w->load.rows, w->plan->rows);
	if (err)
		return fail("cannot begin", strerror(-err));
	rc = run_on_db(w);
	sqlite3_shutdown();
	rows_free(&w->load.rows);
	return rc;
}

/* Everything that SQLite got must have come back. */
static int check_empty(const struct worker *w)
{
	struct regalloc_stats stats;
	int err = regalloc_stats(w->ra, &stats);

	if (err)
		return fail("stats", regalloc_strerror(err));
	if (!stats.live_bytes)
		return 0;
	fprintf(stderr, "sqlite_load: %" PRIu64 " bytes are still live\n",
		stats.live_bytes);
	return EXIT_FAILURE;
}

static int run_on_regalloc(struct worker *w)
{
	const struct plan *plan = w->plan;
	int rc, err;

	err = regalloc_open(plan->device, 0, &w->ra);
	if (err)
		return fail(plan->device ? plan->device : "/dev/regalloc",
			    regalloc_strerror(err));
	err = regalloc_limits(w->ra, plan->reserve, plan->cache_bytes);
	if (err)
		rc = fail("limits", regalloc_strerror(err));
	else if (sqlite_pcache_use(w->ra) != SQLITE_OK)
		rc = fail("SQLite", "does not take the cache");
	else
		rc = run_on_rows(w) || check_empty(w);
	regalloc_close(w->ra);
	return rc;
}

int worker_run(const struct plan *plan, uint32_t number)
{
	struct worker w = { .plan = plan, .number = number };
	const char *format = plan->processes > 1 ? "%s.%" PRIu32 : "%s";

	if (in_memory(plan))
		format = "%s";
	snprintf(w.path, sizeof(w.path), format, plan->db, number);
	return plan->builtin ? run_on_rows(&w) : run_on_regalloc(&w);
}
