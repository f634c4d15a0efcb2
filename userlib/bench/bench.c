// SPDX-License-Identifier: MIT
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/options.h"
#include "bench.h"

static const char usage[] =
"usage: bench WORKLOAD BACKEND [OPTION...]\n"
"workloads: pair hostpair wave kept given versions burst open zero regions warm\n"
"backends: none locked malloc regalloc mmap madvise memfd dmabuf fifo first-fit\n"
"	--label NAME	the allocator's name in the rows; default BACKEND\n"
"	--class BYTES	of a piece (65536)\n"
"	--total BYTES	of a wave (67108864)\n"
"	--threads N	(1)\n"
"	--repeat N	take the minimum of N (3)\n"
"	--give-back	ask for memory to be returned after each wave\n";

static const struct {
	const char *name;
	int (*run)(const struct plan *plan);
} workloads[] = {
	{ "pair", pair_run },
	{ "hostpair", pair_run },
	{ "wave", wave_run },
	{ "kept", kept_run },
	{ "given", given_run },
	{ "versions", versions_run },
	{ "burst", burst_run },
	{ "open", open_run },
	{ "zero", zero_run },
	{ "regions", regions_run },
	{ "warm", warm_run },
};

static const struct backend *const backends[] = {
	&backend_none,	   &backend_locked,  &backend_malloc,
	&backend_regalloc, &backend_mmap,    &backend_madvise,
	&backend_memfd,	   &backend_dmabuf,  &backend_fifo,
	&backend_first_fit,
};

static const struct backend *find_backend(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	options_refuse(usage);
}

static void parse(int argc, char **argv, struct plan *plan)
{
	static const struct option options[] = {
		{ "label", required_argument, NULL, 'l' },
		{ "class", required_argument, NULL, 'c' },
		{ "total", required_argument, NULL, 't' },
		{ "threads", required_argument, NULL, 'n' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "give-back", no_argument, NULL, 'g' },
		{ 0 },
	};
	int opt, i = 0;

	while ((opt = getopt_long(argc, argv, "", options, &i)) != -1) {
		const char *name = options[i].name;

		if (opt == 'l')
			plan->label = optarg;
		else if (opt == 'c')
			plan->bytes = options_number(name, optarg, PAGE, 1U << 18);
		else if (opt == 't')
			plan->total = options_number(name, optarg, 1U << 20,
						     UINT64_C(1) << 40);
		else if (opt == 'n')
			plan->threads = options_number(name, optarg, 1, 64);
		else if (opt == 'r')
			plan->repeat = options_number(name, optarg, 1, 1000);
		else if (opt == 'g')
			plan->give_back = true;
		else
			options_refuse(usage);
	}
	if (optind != argc - 2)
		options_refuse(usage);

	plan->workload = argv[optind];
	plan->backend = find_backend(argv[optind + 1]);
	if (!plan->label)
		plan->label = plan->backend->name;
}

int main(int argc, char **argv)
{
	struct plan plan = {
		.bytes = 64 * 1024,
		.total = 64 << 20,
		.threads = 1,
		.repeat = 3,
	};

	parse(argc, argv, &plan);
	for (size_t i = 0; i < ARRAY_SIZE(workloads); i++) {
		int err;

		if (strcmp(workloads[i].name, plan.workload))
			continue;
		err = workloads[i].run(&plan);
		if (err)
			fprintf(stderr, "bench: %s of %llu, %s: %s\n",
				plan.workload, (unsigned long long)plan.bytes,
				plan.label, regalloc_strerror(err));
		return err ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	options_refuse(usage);
}
