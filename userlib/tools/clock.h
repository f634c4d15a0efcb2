/* SPDX-License-Identifier: MIT */
/* Seconds on a clock that only goes forward. */
#ifndef TOOLS_CLOCK_H
#define TOOLS_CLOCK_H

double clock_seconds(void);

/* Sleeps until that clock shows @seconds. */
void clock_sleep_until(double seconds);

#endif /* TOOLS_CLOCK_H */
