/* SPDX-License-Identifier: MIT */
/* A terminal as a screen with keys, put back as it was however we end. */
#ifndef TOOLS_TERMINAL_H
#define TOOLS_TERMINAL_H

#include <stdbool.h>

/* Takes the terminal. Returns whether there is one. */
bool terminal_start(void);

/* Puts it back, if it has been taken. */
void terminal_end(void);

void terminal_size(int *rows, int *columns);

/**
 * terminal_show() - show a text
 * @text: lines; those that have no room are left out
 * @bottom: the last line of the screen
 */
void terminal_show(const char *text, const char *bottom);

/**
 * terminal_key() - wait for a key
 * @seconds: how long at most
 *
 * A signal that ends programs ends this one. Returns 0 if no key was pressed.
 */
int terminal_key(double seconds);

#endif /* TOOLS_TERMINAL_H */
