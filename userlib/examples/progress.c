// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "progress.h"
#include "sysfs.h"

#define DRAW_SECONDS 0.05
#define LINE_SECONDS 5

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static double last_shown;
static bool drawn;

static void draw(const char *format, va_list args)
{
	printf("\r");
	vprintf(format, args);
	printf("\033[K");
	drawn = true;
}

void progress_show(bool event, const char *format, ...)
{
	bool terminal = isatty(STDOUT_FILENO);
	double now = now_seconds();
	va_list args;

	va_start(args, format);
	pthread_mutex_lock(&lock);
	if (!last_shown)
		last_shown = now;
	if (terminal && (event || now - last_shown >= DRAW_SECONDS)) {
		draw(format, args);
		last_shown = now;
	} else if (!terminal && now - last_shown >= LINE_SECONDS) {
		vprintf(format, args);
		printf("\n");
		last_shown = now;
	}
	fflush(stdout);
	pthread_mutex_unlock(&lock);
	va_end(args);
}

void progress_end(void)
{
	pthread_mutex_lock(&lock);
	if (drawn)
		printf("\n");
	drawn = false;
	last_shown = now_seconds();
	fflush(stdout);
	pthread_mutex_unlock(&lock);
}
