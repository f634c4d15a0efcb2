/* SPDX-License-Identifier: MIT */
/*
 * Watches the module's counters in sysfs from a thread of its own, while the
 * program does its work.
 */
#ifndef EXAMPLES_SYSFS_H
#define EXAMPLES_SYSFS_H

#include <stdint.h>

#define SYSFS_DIR "/sys/class/misc/regalloc/"

/**
 * struct sample - the counters at one moment
 * @seconds: since the watch began
 * @charged_bytes: regions of all clients
 * @live_bytes: slices of all clients
 * @budget_bytes: what @charged_bytes must never exceed
 */
struct sample {
	double seconds;
	uint64_t charged_bytes;
	uint64_t live_bytes;
	uint64_t budget_bytes;
};

struct watch;

/**
 * watch_start() - start looking
 * @hz: how often a second
 * @fn: called with each sample, from the watching thread
 * @arg: for @fn
 * @out: where to store the watch, which watch_stop() ends
 *
 * Returns 0 or a negative errno; -ENOENT if the module is not loaded.
 */
int watch_start(unsigned int hz, void (*fn)(const struct sample *, void *),
		void *arg, struct watch **out);

/**
 * watch_stop() - take a last sample and end the watch
 * @w: from watch_start()
 *
 * Returns 0, or the error that kept it from looking.
 */
int watch_stop(struct watch *w);

/* Seconds on a clock that only goes forward. */
double now_seconds(void);

#endif /* EXAMPLES_SYSFS_H */
