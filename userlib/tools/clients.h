/* SPDX-License-Identifier: MIT */
/* Who holds what: the clients, as far as this process may see them. */
#ifndef TOOLS_CLIENTS_H
#define TOOLS_CLIENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Numbers that a client has, in the order in which they are shown. */
enum client_number {
	CLIENT_ID, CLIENT_CHARGED, CLIENT_LIVE, CLIENT_SPARE, CLIENT_PINNED,
	CLIENT_RESERVE, CLIENT_LIMIT, CLIENT_MAP, CLIENT_REGIONS, CLIENT_IDLE,
	CLIENT_HOLE,
	NR_CLIENT_NUMBERS
};

/* The limit of a client that has none. */
#define NO_LIMIT UINT64_MAX

/**
 * struct client - one open file description of the device
 * @numbers: from fdinfo
 * @pids: the processes that have a descriptor of it
 * @nr_pids: how many
 * @command: the name of the first one
 */
struct client {
	uint64_t numbers[NR_CLIENT_NUMBERS];
	pid_t *pids;
	size_t nr_pids;
	char command[64];
};

struct clients {
	struct client *list;
	size_t nr;
};

/* Looks at the descriptors of all processes that it may look at. */
void clients_read(struct clients *clients);

void clients_free(struct clients *clients);

/* The largest @number first; equal ones in the order in which they were opened. */
void clients_sort(struct clients *clients, enum client_number number);

#endif /* TOOLS_CLIENTS_H */
