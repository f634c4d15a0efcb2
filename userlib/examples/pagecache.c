// SPDX-License-Identifier: MIT
/*
 * A page cache over real files, larger than the memory there is. Several threads
 * read every file through the cache from start to end, and blocks here and there,
 * while the budget lets the cache keep only some of them. The SHA-256 of what
 * came through must be that of an ordinary read of the file, and the module must
 * never have held more than the budget.
 *
 * Several of them at once share the budget.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <regalloc.h>

#include "cache.h"
#include "file.h"
#include "options.h"
#include "sysfs.h"

#define MIB (1024.0 * 1024.0)
#define WATCH_HZ 50

static const char usage[] =
	"usage: pagecache [OPTION...] FILE...\n"
	"Reads files through a page cache of slices with O_DIRECT, evicting when the\n"
	"budget is used up, and compares SHA-256 sums with those of ordinary reads.\n"
	"\n"
	"  --passes N       how often each file is read from start to end (default 2)\n"
	"  --random N       blocks here and there that each thread reads after each\n"
	"                   of its files, most of them of a few (default 2000)\n"
	"  --threads N      reading threads, 1 to 256 (default 4)\n"
	"  --limit N        hold no more than so many bytes (default: all there is)\n"
	"  --reserve N      have so many bytes of the budget kept for it (default 0)\n"
	"  --seconds N      go on reading for so long (default: until all passes are\n"
	"                   done)\n"
	"  --name TEXT      say this in front of each line about a file\n"
	"  --device F       the device (default /dev/regalloc)\n"
	"  --help           this text\n"
	"\n"
	"SIGINT and SIGTERM end the reading early; the sums so far are compared.\n"
	"\n"
	"Exit status: 0 if every sum was right and the module never held more than the\n"
	"budget, 1 if not or if something failed, 2 if the arguments are wrong.\n";

/* What to do; from the command line. */
struct plan {
	uint32_t passes;
	uint32_t random;
	uint32_t threads;
	uint64_t limit;
	uint64_t reserve;
	uint32_t seconds;
	const char *name;
	const char *device;
};

/**
 * struct job - everything that the threads share
 * @plan: constant
 * @files: constant once they are open
 * @nr_files: how many
 * @bytes: of all of them
 * @ra: the client
 * @cache: the cache, which has a lock of its own
 * @next: which file to read next; counts through all passes
 * @bytes_read: through the cache so far
 * @failed: somebody gave up, so everybody should
 * @end: when to stop, if the plan says so
 * @peak_charged: most that the watch saw; its own until it ends
 * @looks: how often it looked
 * @over_budget: how often it saw more than the budget
 */
struct job {
	struct plan plan;
	struct file *files;
	uint32_t nr_files;
	uint64_t bytes;
	struct regalloc *ra;
	struct cache *cache;
	atomic_uint next;
	atomic_ullong bytes_read;
	atomic_bool failed;
	double end;
	uint64_t peak_charged;
	uint64_t looks;
	uint64_t over_budget;
};

/* Set by a signal: end the reading. */
static atomic_bool stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = true;
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "\npagecache: %s: %s\n", what, regalloc_strerror(err));
	return EXIT_FAILURE;
}

/* Somebody gave up, or it is time. */
static bool is_over(const struct job *job)
{
	return stopped || job->failed ||
	       (job->plan.seconds && now_seconds() >= job->end);
}

/* SHA-256 of all the blocks of a file, each through the cache. */
static int hash_cached(struct job *job, const struct file *f,
		       unsigned char *hash)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct page *p;
	int err = -ENOMEM;

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		err = 0;
	for (uint64_t b = 0; !err && b < file_nr_blocks(f); b++) {
		err = cache_get(job->cache, f->fd, b, file_block_length(f, b),
				&p);
		if (err)
			break;
		EVP_DigestUpdate(ctx, p->data, p->length);
		job->bytes_read += p->length;
		cache_put(job->cache, p);
		if (is_over(job))
			err = -ECANCELED;
	}
	if (!err && !EVP_DigestFinal_ex(ctx, hash, NULL))
		err = -ENOMEM;

	EVP_MD_CTX_free(ctx);
	return err;
}

/* One block of a file, which must be what it was in an ordinary read. */
static int read_block(struct job *job, const struct file *f, uint64_t b)
{
	struct page *p;
	bool same;
	int err;

	err = cache_get(job->cache, f->fd, b, file_block_length(f, b), &p);
	if (err)
		return err;

	same = file_sum(p->data, p->length) == f->sums[b];
	job->bytes_read += p->length;
	cache_put(job->cache, p);
	return same ? 0 : -EBADMSG;
}

/* Blocks of a file, nine of ten from its first sixteenth: what a cache is for. */
static int read_random(struct job *job, const struct file *f,
		       unsigned int *seed)
{
	uint64_t all = file_nr_blocks(f), hot = (all + 15) / 16;
	int err = 0;

	for (uint32_t i = 0; !err && i < job->plan.random; i++) {
		uint64_t among = rand_r(seed) % 10 ? hot : all;

		err = read_block(job, f, rand_r(seed) % among);
		if (!err && is_over(job))
			err = -ECANCELED;
	}
	return err;
}

static void print_hash(const unsigned char *hash)
{
	for (int i = 0; i < FILE_HASH_BYTES; i++)
		printf("%02x", hash[i]);
}

/* Say how reading a file went; the words of several threads do not mix. */
static bool report(const char *name, const struct file *f, uint32_t pass,
		   const unsigned char *hash)
{
	bool same = !memcmp(hash, f->hash, FILE_HASH_BYTES);

	flockfile(stdout);
	printf("\r%-79s\r%spass %u of %s: SHA-256 %s\n  plain ", "", name, pass,
	       f->path, same ? "is the same" : "DIFFERS");
	print_hash(f->hash);
	printf("\n  cache ");
	print_hash(hash);
	printf("\n");
	fflush(stdout);
	funlockfile(stdout);
	return same;
}

static int read_file(struct job *job, uint32_t turn, unsigned int *seed)
{
	const struct file *f = &job->files[turn % job->nr_files];
	unsigned char hash[FILE_HASH_BYTES];
	int err;

	err = hash_cached(job, f, hash);
	if (!err)
		err = read_random(job, f, seed);
	if (err == -ECANCELED)
		return job->failed ? EXIT_FAILURE : 0;
	if (err == -EBADMSG) {
		fprintf(stderr, "\npagecache: %s: a block has wrong bytes\n",
			f->path);
		return EXIT_FAILURE;
	}
	if (err)
		return fail(f->path, err);
	return report(job->plan.name, f, turn / job->nr_files + 1, hash) ?
		       0 : EXIT_FAILURE;
}

/* A reading thread: one file after the other, until all passes are done. */
static void *reader(void *arg)
{
	struct job *job = arg;
	uint32_t turns = job->plan.passes * job->nr_files, turn;
	unsigned int seed;

	while (!is_over(job)) {
		turn = job->next++;
		if (turn >= turns && !job->plan.seconds)
			break;
		seed = turn + 1;
		if (read_file(job, turn, &seed))
			job->failed = true;
	}
	return NULL;
}

static int read_all(struct job *job)
{
	pthread_t *threads = calloc(job->plan.threads, sizeof(*threads));
	uint32_t started = 0;
	int err = threads ? 0 : -ENOMEM;

	while (!err && started < job->plan.threads) {
		err = -pthread_create(&threads[started], NULL, reader, job);
		started += !err;
	}
	if (err)
		job->failed = true;
	while (started)
		pthread_join(threads[--started], NULL);

	free(threads);
	if (err)
		return fail("cannot start a thread", err);
	return job->failed ? EXIT_FAILURE : 0;
}

/* Called from the watch. The budget is not expected to change meanwhile. */
static void look(const struct sample *s, void *arg)
{
	struct job *job = arg;
	struct cache_counts n;

	job->looks++;
	if (s->charged_bytes > job->peak_charged)
		job->peak_charged = s->charged_bytes;
	if (s->charged_bytes > s->budget_bytes)
		job->over_budget++;

	if (job->looks % 5)
		return;
	cache_count(job->cache, &n);
	printf("\rread %5.0f MiB: %" PRIu64 " hits, %" PRIu64 " misses, %"
	       PRIu64 " evicted; charged %.0f of %.0f MiB ",
	       job->bytes_read / MIB, n.hits, n.misses, n.evictions,
	       s->charged_bytes / MIB, s->budget_bytes / MIB);
	fflush(stdout);
}

static int summary(const struct job *job)
{
	struct cache_counts n;

	cache_count(job->cache, &n);
	printf("%.0f MiB of files, %.0f MiB read through the cache\n",
	       job->bytes / MIB, job->bytes_read / MIB);
	printf("%" PRIu64 " hits, %" PRIu64 " misses, %" PRIu64 " evictions\n",
	       n.hits, n.misses, n.evictions);
	printf("asked for memory %" PRIu64 " times, gave %" PRIu64
	       " pages, waited %" PRIu64 " times\n",
	       n.asked, n.given, n.waits);
	printf("charged at most %.0f MiB, over the budget in %" PRIu64 " of %"
	       PRIu64 " looks\n", job->peak_charged / MIB, job->over_budget,
	       job->looks);
	return job->over_budget ? EXIT_FAILURE : 0;
}

static int read_all_watched(struct job *job)
{
	struct watch *watch;
	int rc, err;

	err = watch_start(WATCH_HZ, look, job, &watch);
	if (err)
		return fail(SYSFS_DIR, err);

	rc = read_all(job);
	err = watch_stop(watch);
	printf("\n");
	if (err)
		return fail(SYSFS_DIR, err);
	return summary(job) || rc ? EXIT_FAILURE : 0;
}

static int run(struct job *job)
{
	const struct plan *plan = &job->plan;
	int rc, err;

	err = regalloc_open(plan->device, 0, &job->ra);
	if (err)
		return fail(plan->device ? plan->device : "/dev/regalloc", err);

	err = regalloc_limits(job->ra, plan->reserve, plan->limit);
	if (!err)
		err = cache_open(job->ra, &job->cache);
	if (err) {
		rc = fail("cannot begin", err);
	} else {
		job->end = now_seconds() + plan->seconds;
		rc = read_all_watched(job);
		err = cache_close(job->cache);
		if (err)
			rc = fail("cannot release", err);
	}

	err = regalloc_close(job->ra);
	return err ? fail("cannot close", err) : rc;
}

static void end_on_signals(void)
{
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = SA_RESTART,
	};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Returns the place of the first file in @argv. */
static int parse(int argc, char **argv, struct plan *plan)
{
	const struct setting settings[] = {
		{ "passes", .number = &plan->passes, .min = 1, .max = 1000 },
		{ "random", .number = &plan->random, .max = 1U << 30 },
		{ "threads", .number = &plan->threads, .min = 1, .max = 256 },
		{ "limit", .bytes = &plan->limit, .min = 1,
		  .max = UINT64_MAX / 2 },
		{ "reserve", .bytes = &plan->reserve, .max = UINT64_MAX / 2 },
		{ "seconds", .number = &plan->seconds, .min = 1, .max = 86400 },
		{ "name", .text = &plan->name },
		{ "device", .text = &plan->device },
		{ 0 },
	};
	int first = options_parse(argc, argv, usage, settings);

	if (first == argc)
		options_refuse(usage);
	return first;
}

int main(int argc, char **argv)
{
	struct job job = {
		.plan = {
			.passes = 2, .random = 2000, .threads = 4, .name = "",
		},
	};
	int first = parse(argc, argv, &job.plan);
	int rc = EXIT_FAILURE;

	job.files = calloc(argc - first, sizeof(*job.files));
	if (!job.files)
		return fail("cannot begin", -ENOMEM);

	end_on_signals();
	while (job.nr_files < (uint32_t)(argc - first)) {
		struct file *f = &job.files[job.nr_files];

		if (file_open(f, argv[first + job.nr_files]))
			goto out;
		job.nr_files++;
		job.bytes += f->bytes;
	}
	rc = run(&job);
out:
	while (job.nr_files)
		file_close(&job.files[--job.nr_files]);
	free(job.files);
	return rc;
}
