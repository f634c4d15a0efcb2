// SPDX-License-Identifier: MIT
#include "bench.h"

static struct regalloc *client;

static int client_open(uint64_t bytes, uint32_t count)
{
	(void)bytes;
	(void)count;
	return regalloc_open(NULL, 0, &client);
}

static int client_alloc(uint64_t bytes, struct piece *out)
{
	return regalloc_alloc(client, bytes, 0, out);
}

static int client_release(const struct piece *p)
{
	return regalloc_release(client, p->handle);
}

static int client_give_back(void)
{
	return regalloc_trim(client);
}

static int client_held(uint64_t *bytes)
{
	struct regalloc_stats stats;
	int err = regalloc_stats(client, &stats);

	if (!err)
		*bytes = stats.charged_bytes;
	return err;
}

struct regalloc *backend_regalloc_client(void)
{
	return client;
}

const struct backend backend_regalloc = {
	.name = "regalloc",
	.threads = true,
	.open = client_open,
	.alloc = client_alloc,
	.release = client_release,
	.give_back = client_give_back,
	.held = client_held,
};
