/* SPDX-License-Identifier: MIT */
/*
 * One of the processes of sqlite_load: a client, a database and a load on it.
 */
#ifndef EXAMPLES_WORKER_H
#define EXAMPLES_WORKER_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct plan - what to do; from the command line
 * @builtin: with SQLite's own cache
 * @cache_bytes: most that each process has for it, or 0
 * @reserve: bytes of the budget to keep for each process
 * @page_bytes: of the database
 * @rows: items in it
 * @rounds: how often to do everything
 * @seconds: when to end, or 0
 * @idle_ms: do nothing for so long after each round
 * @processes: how many
 * @db: name of the database
 * @device: the device, or NULL
 */
struct plan {
	bool builtin;
	uint64_t cache_bytes;
	uint64_t reserve;
	uint32_t page_bytes;
	uint32_t rows;
	uint32_t rounds;
	uint32_t seconds;
	uint32_t idle_ms;
	uint32_t processes;
	const char *db;
	const char *device;
};

/**
 * worker_run() - do all of it, and say how it went
 * @plan: what to do
 * @number: which of the processes this is
 *
 * To be called in a process that has used neither SQLite nor the device yet.
 *
 * Returns 0, or another number after a message.
 */
int worker_run(const struct plan *plan, uint32_t number);

#endif /* EXAMPLES_WORKER_H */
