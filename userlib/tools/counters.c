// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "counters.h"
#include "file.h"

const struct counter_info total_info[NR_TOTALS] = {
	[BUDGET] = { "budget_bytes", "budget_bytes", false,
		     "What all clients together may hold." },
	[CHARGED] = { "charged_bytes", "charged_bytes", false,
		      "Memory that exists for clients." },
	[PEAK] = { "peak_charged_bytes", "peak_charged_bytes", false,
		   "The most that has ever been charged." },
	[LIVE] = { "live_bytes", "live_bytes", false, "Slices in use." },
	[IDLE] = { "idle_bytes", "idle_bytes", false,
		   "Memory of free slices beside slices in use." },
	[SPARE] = { "spare_bytes", "spare_bytes", false,
		    "Memory of open regions without a slice in use." },
	[PINNED] = { "pinned_bytes", "pinned_bytes", false,
		     "Removed memory that something still works on." },
	[HOLE] = { "hole_bytes", "hole_bytes", false,
		   "Places without memory in open regions." },
	[MAP] = { "map_bytes", "map_bytes", false,
		  "Slice maps, which are not charged." },
	[CLIENTS] = { "nr_clients", "clients", false,
		      "Open file descriptions of the device." },
	[REGIONS] = { "nr_regions", "regions", false, "Open regions." },
	[OPENED] = { "regions_opened", "regions_opened_total", true,
		     "Regions opened." },
	[CLOSED] = { "regions_closed", "regions_closed_total", true,
		     "Regions closed." },
	[PUNCHED] = { "punched_bytes", "punched_bytes_total", true,
		      "Memory removed from regions that stayed open." },
	[FILLED] = { "filled_bytes", "filled_bytes_total", true,
		     "Memory added to regions that were open." },
	[FAILURES] = { "alloc_failures", "alloc_failures_total", true,
		       "Allocations for which there was no memory." },
	[PRESSURE] = { "pressure_events", "pressure_events_total", true,
		       "Times that a client was asked for memory." },
};

const struct counter_info class_info[NR_OF_CLASS] = {
	[CLASS_REGIONS] = { "nr_regions", "class_regions", false,
			    "Open regions of a size class." },
	[CLASS_SLICES] = { "nr_slices", "class_slices", false,
			   "Slices that these regions have." },
	[CLASS_LIVE] = { "nr_live_slices", "class_live_slices", false,
			 "Slices of them that are in use." },
};

void counters_read_totals(struct counters *c)
{
	char path[128];

	for (int i = 0; i < NR_TOTALS; i++) {
		snprintf(path, sizeof(path), SYSFS_DIR "%s",
			 total_info[i].file);
		c->total[i] = file_number(path);
	}
}

void counters_read(struct counters *c)
{
	char path[128];

	counters_read_totals(c);
	for (int class = 0; class < REGALLOC_NR_CLASSES; class++) {
		for (int i = 0; i < NR_OF_CLASS; i++) {
			snprintf(path, sizeof(path), SYSFS_DIR "class_%lu/%s",
				 class_bytes(class), class_info[i].file);
			c->of_class[class][i] = file_number(path);
		}
	}
}
