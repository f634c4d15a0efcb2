/* SPDX-License-Identifier: MIT */
/*
 * How far a long task is, on standard output. A terminal has one line that is drawn
 * again and again; a file or a pipe gets a line every few seconds.
 */
#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

#include <stdbool.h>

/**
 * progress_show() - show a line of progress, if it is time for one
 * @event: a terminal shows this line at once
 * @format: as for printf(), without a line feed
 *
 * Any thread may call it.
 */
void __attribute__((format(printf, 2, 3)))
progress_show(bool event, const char *format, ...);

/* End the line that is drawn, if there is one. To be called before other output. */
void progress_end(void);

#endif /* EXAMPLES_PROGRESS_H */
