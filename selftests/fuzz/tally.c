// SPDX-License-Identifier: GPL-2.0-only
#include "../regalloc_test.h"
#include "kselftest.h"
#include "op.h"
#include "tally.h"

static const struct {
	int result;
	const char *name;
} results[] = {
	{ 0, "ok" },
	{ FUZZ_SKIPPED, "skipped" },
	{ -EINVAL, "EINVAL" },
	{ -E2BIG, "E2BIG" },
	{ -EFAULT, "EFAULT" },
	{ -ENOTTY, "ENOTTY" },
	{ -ENOMEM, "ENOMEM" },
	{ -ETIMEDOUT, "ETIMEDOUT" },
	{ -EINTR, "EINTR" },
	{ -EBUSY, "EBUSY" },
	{ -ESTALE, "ESTALE" },
	{ -ENOENT, "ENOENT" },
	{ FUZZ_SIGBUS, "SIGBUS" },
	{ FUZZ_SIGSEGV, "SIGSEGV" },
};

#define NR_RESULTS	ARRAY_SIZE(results)

/* The last column is for what is none of them. */
static uint64_t (*tally)[NR_RESULTS + 1];

static unsigned int column(int result)
{
	unsigned int i = 0;

	while (i < NR_RESULTS && results[i].result != result)
		i++;
	return i;
}

void tally_init(void)
{
	tally = mmap(NULL, OP_NR_KINDS * sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		rt_die("no memory for the tally");
}

void tally_add(unsigned int kind, int result)
{
	rt_add(&tally[kind][column(result)], 1);
}

uint64_t tally_total(void)
{
	uint64_t sum = 0;
	unsigned int kind, i;

	for (kind = 0; kind < OP_NR_KINDS; kind++)
		for (i = 0; i <= NR_RESULTS; i++)
			sum += tally[kind][i];
	return sum;
}

void tally_print(void)
{
	unsigned int kind, i;

	for (kind = 0; kind < OP_NR_KINDS; kind++) {
		printf("# %-16s", op_name(kind));
		for (i = 0; i <= NR_RESULTS; i++)
			if (tally[kind][i])
				printf(" %s %" PRIu64,
				       i < NR_RESULTS ? results[i].name : "other",
				       tally[kind][i]);
		putchar('\n');
	}
}

bool tally_all_succeeded(void)
{
	bool all = true;
	unsigned int kind;

	for (kind = 0; kind < OP_NR_KINDS; kind++) {
		if (tally[kind][column(op_success(kind))])
			continue;
		printf("# %s never gave %s\n", op_name(kind),
		       tally_result_name(op_success(kind)));
		all = false;
	}
	return all;
}

int tally_signal(int sig)
{
	switch (sig) {
	case 0:
		return 0;
	case SIGBUS:
		return FUZZ_SIGBUS;
	case SIGSEGV:
		return FUZZ_SIGSEGV;
	default:
		rt_die("signal %d", sig);
	}
}

const char *tally_result_name(int result)
{
	unsigned int i = column(result);

	return i < NR_RESULTS ? results[i].name : strerror(-result);
}
