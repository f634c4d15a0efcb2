/* SPDX-License-Identifier: MIT */
/* What the module counts for the whole machine, from sysfs. */
#ifndef TOOLS_COUNTERS_H
#define TOOLS_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/regalloc.h>

enum total {
	BUDGET, CHARGED, PEAK, LIVE, IDLE, SPARE, PINNED, HOLE, MAP, CLIENTS,
	REGIONS, OPENED, CLOSED, PUNCHED, FILLED, FAILURES, PRESSURE, NR_TOTALS
};

enum of_class { CLASS_REGIONS, CLASS_SLICES, CLASS_LIVE, NR_OF_CLASS };

/**
 * struct counter_info - about one number
 * @file: in the directory of the device, or in that of a class
 * @metric: what it is called in metrics
 * @only_grows: since the module was loaded
 * @help: what it means
 */
struct counter_info {
	const char *file;
	const char *metric;
	bool only_grows;
	const char *help;
};

extern const struct counter_info total_info[NR_TOTALS];
extern const struct counter_info class_info[NR_OF_CLASS];

/**
 * struct counters - all numbers, read one after the other
 * @total: of the machine
 * @of_class: of each size class
 */
struct counters {
	uint64_t total[NR_TOTALS];
	uint64_t of_class[REGALLOC_NR_CLASSES][NR_OF_CLASS];
};

/* Reads the totals. Ends the program if that fails. */
void counters_read_totals(struct counters *c);

/* Reads all of them, which costs the kernel a little more. */
void counters_read(struct counters *c);

/* Bytes of a slice of this class. */
static inline unsigned long class_bytes(int class)
{
	return REGALLOC_MIN_SLICE_BYTES << class;
}

#endif /* TOOLS_COUNTERS_H */
