/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of the upper layers: a domain of their own with two clients, and
 * room for two regions. Spares stay open for a minute if nobody needs them.
 */
#ifndef REGALLOC_KUNIT_DOMAIN_ENV_H
#define REGALLOC_KUNIT_DOMAIN_ENV_H

#include <kunit/test.h>

#include "../client.h"

#define OF_64K		4	/* 64 slices in a region */
#define OF_128K		5	/* 32 */
#define OF_256K		6	/* 16 */
#define SLICES		16
#define REGION		REGALLOC_REGION_BYTES
#define ENV_DECAY_MS	60000

/**
 * struct domain_env - what test->priv points to
 * @domain: of the clients
 * @a: a client
 * @b: another one
 * @handles: for the tests to use
 */
struct domain_env {
	struct regalloc_domain domain;
	struct regalloc_client *a;
	struct regalloc_client *b;
	u64 handles[4 * SLICES];
};

/* To be used as init and exit of a suite. All clients go with it. */
int domain_env_init(struct kunit *test);
void domain_env_exit(struct kunit *test);

/* Allocate from a new region, and see that it succeeds. */
void domain_env_open(struct kunit *test, struct regalloc_client *client,
		     unsigned int class, unsigned int count, u64 *handles);
/* Open a region of which all slices are live; @handle: that of one of them. */
void domain_env_open_full(struct kunit *test, struct regalloc_client *client,
			  unsigned int class, u64 *handle);
/* Open a region in which nothing is live. */
void domain_env_open_spare(struct kunit *test, struct regalloc_client *client,
			   unsigned int class);
/* Release a slice as a process that is killed before it says so. */
int domain_env_release_and_die(struct regalloc_client *client, u64 handle);
/* How many regions are charged to the client. */
u64 domain_env_regions(const struct regalloc_client *client);
/* Whether releases of the client have to do this. */
bool domain_env_attends(const struct regalloc_client *client, u32 bit);

#endif /* REGALLOC_KUNIT_DOMAIN_ENV_H */
