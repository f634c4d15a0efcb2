// SPDX-License-Identifier: MIT
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

/* The other screen, no cursor, no line goes on in the next one; and back. */
#define TAKE "\033[?1049h\033[?25l\033[?7l"
#define RESTORE "\033[?7h\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

static bool taken;
static struct termios saved;
static sigset_t unblocked;
/* The signal that ends us. */
static atomic_int caught;

/* A change of the size only ends the wait for a key. */
static void catch(int signal)
{
	if (signal != SIGWINCH)
		caught = signal;
}

void terminal_end(void)
{
	if (!taken)
		return;
	taken = false;
	fputs(RESTORE, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
}

/* Signals come while we wait for a key, and never else. */
static void catch_signals(void)
{
	static const int signals[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, 0
	};
	struct sigaction action = { .sa_handler = catch };
	sigset_t blocked;

	sigemptyset(&blocked);
	for (const int *signal = signals; *signal; signal++) {
		sigaddset(&blocked, *signal);
		sigaction(*signal, &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
}

bool terminal_start(void)
{
	struct termios raw;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	taken = true;
	atexit(terminal_end);
	catch_signals();
	raw = saved;
	raw.c_lflag &= ~(ICANON | ECHO);
	/* A stopped program would leave the screen to the shell as it is. */
	raw.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	fputs(TAKE, stdout);
	return true;
}

void terminal_size(int *rows, int *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	/* A serial line does not know. */
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row ||
	    !size.ws_col)
		return;
	*rows = size.ws_row;
	*columns = size.ws_col;
}

void terminal_show(const char *text, const char *bottom)
{
	int rows, columns;

	terminal_size(&rows, &columns);
	fputs(HOME, stdout);
	for (int row = 1; row < rows; row++) {
		int length = strcspn(text, "\n");

		printf(CLEAR_LINE "%.*s\n", length, text);
		text += length;
		text += *text == '\n';
	}
	printf(CLEAR_REST "%.*s", columns, bottom);
	fflush(stdout);
}

/* As if we had never caught it, with the terminal put back. */
static _Noreturn void end_by(int signal)
{
	terminal_end();
	sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	raise(signal);
	_exit(EXIT_FAILURE);
}

int terminal_key(double seconds)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct timespec wait = { seconds, (seconds - (time_t)seconds) * 1e9 };
	unsigned char key;

	ppoll(&input, 1, &wait, &unblocked);
	if (caught)
		end_by(caught);
	if (!input.revents)
		return 0;
	/* Whoever closes the terminal wants no more of it. */
	return read(STDIN_FILENO, &key, 1) == 1 ? key : 'q';
}
