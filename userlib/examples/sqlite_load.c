// SPDX-License-Identifier: MIT
/*
 * Several SQLite programs under one budget. Each is a process with a client and a
 * database of its own, which does all kinds of work on it, wants more memory than
 * its share, and checks each answer. With SQLite's own cache instead, the same
 * work shows what that costs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"
#include "sysfs.h"
#include "worker.h"

#define MIB (1024.0 * 1024.0)
#define WATCH_HZ 100

static const char usage[] =
	"usage: sqlite_load [OPTION...]\n"
	"Puts a load on SQLite, checks all answers, tells how long it took.\n"
	"\n"
	"  --cache C        builtin or regalloc (default regalloc)\n"
	"  --cache-bytes N  most that each process has for it (default: builtin: as\n"
	"                   SQLite likes; regalloc: until there is no more)\n"
	"  --reserve N      bytes of the budget to keep for each process (default 0)\n"
	"  --page-bytes N   size of a page of the database (default 4096)\n"
	"  --rows N         items in the largest table (default 20000)\n"
	"  --rounds N       how often to do everything (default 3)\n"
	"  --seconds N      end after so long, in the middle of a round even\n"
	"                   (default 0: after all rounds)\n"
	"  --idle-ms N      do nothing for so long after each round, or until the process\n"
	"                   that says so gets SIGUSR1 (default 0)\n"
	"  --processes N    1 to 64 (default 1)\n"
	"  --db FILE        the database, which is made anew and removed afterwards;\n"
	"                   :memory: for none (default sqlite_load.db). Of several\n"
	"                   processes, each adds its number to the name\n"
	"  --device F       the device (default /dev/regalloc)\n"
	"  --help           this text\n"
	"\n"
	"Exit status: 0 if every answer was right and the module never held more than\n"
	"the budget, 1 if not or if something failed, 2 if the arguments are wrong.\n";

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "sqlite_load: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

/* What the watch saw; its own until it ends. */
struct seen {
	uint64_t looks;
	uint64_t over_budget;
	uint64_t peak_bytes;
};

/* Called from the watch. */
static void see(const struct sample *s, void *arg)
{
	struct seen *seen = arg;

	seen->looks++;
	seen->over_budget += s->charged_bytes > s->budget_bytes;
	if (s->charged_bytes > seen->peak_bytes)
		seen->peak_bytes = s->charged_bytes;
}

/* The workers are on their way. Returns how many did not end well. */
static uint32_t wait_for(uint32_t nr)
{
	uint32_t failed = 0;
	int status;

	while (nr) {
		if (wait(&status) < 0)
			break;
		nr--;
		if (WIFSIGNALED(status))
			fprintf(stderr, "sqlite_load: a process got signal %d\n",
				WTERMSIG(status));
		failed += !WIFEXITED(status) || WEXITSTATUS(status);
	}
	return failed + nr;
}

static int wait_watching(uint32_t nr)
{
	struct seen seen = { 0 };
	struct watch *watch;
	uint32_t failed;
	int err;

	err = watch_start(WATCH_HZ, see, &seen, &watch);
	failed = wait_for(nr);
	if (err)
		return fail(SYSFS_DIR, strerror(-err));
	err = watch_stop(watch);
	if (err)
		return fail(SYSFS_DIR, strerror(-err));
	printf("all programs together: at most %.0f MiB, over the budget in %"
	       PRIu64 " of %" PRIu64 " looks\n", seen.peak_bytes / MIB,
	       seen.over_budget, seen.looks);
	return failed || seen.over_budget ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Forked before anything else is there: SQLite and a client are for one process. */
static int run(const struct plan *plan)
{
	uint32_t nr;
	int err = 0;

	for (nr = 0; nr < plan->processes; nr++) {
		pid_t pid = fork();

		if (!pid)
			exit(worker_run(plan, nr) ? EXIT_FAILURE : EXIT_SUCCESS);
		if (pid < 0) {
			err = fail("fork", strerror(errno));
			break;
		}
	}
	if (plan->builtin)
		err = wait_for(nr) || err;
	else
		err = wait_watching(nr) || err;
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void parse(int argc, char **argv, struct plan *plan)
{
	const char *cache = "regalloc";
	const struct setting settings[] = {
		{ "cache", .text = &cache },
		{ "cache-bytes", .bytes = &plan->cache_bytes,
		  .max = UINT64_MAX / 2 },
		{ "reserve", .bytes = &plan->reserve, .max = UINT64_MAX / 2 },
		{ "page-bytes", .number = &plan->page_bytes, .min = 512,
		  .max = 65536 },
		{ "rows", .number = &plan->rows, .min = 1, .max = 1U << 28 },
		{ "rounds", .number = &plan->rounds, .min = 1,
		  .max = UINT32_MAX },
		{ "seconds", .number = &plan->seconds, .max = 1000000 },
		{ "idle-ms", .number = &plan->idle_ms, .max = 3600000 },
		{ "processes", .number = &plan->processes, .min = 1, .max = 64 },
		{ "db", .text = &plan->db },
		{ "device", .text = &plan->device },
		{ 0 },
	};

	if (options_parse(argc, argv, usage, settings) < argc)
		options_refuse(usage);
	plan->builtin = !strcmp(cache, "builtin");
	if (!plan->builtin && strcmp(cache, "regalloc"))
		options_refuse(usage);
}

int main(int argc, char **argv)
{
	struct plan plan = {
		.page_bytes = 4096,
		.rows = 20000,
		.rounds = 3,
		.processes = 1,
		.db = "sqlite_load.db",
	};

	parse(argc, argv, &plan);
	return run(&plan);
}
