// SPDX-License-Identifier: MIT
#include <time.h>

#include "clock.h"

double clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

void clock_sleep_until(double seconds)
{
	time_t whole = seconds;
	struct timespec until = { whole, (seconds - whole) * 1e9 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}
