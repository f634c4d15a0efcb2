// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a program on a terminal of 24 lines and 80 columns:
 *
 *	terminal EXPECT SEND COMMAND [ARGUMENT...]
 *
 * When the program has written EXPECT it gets SEND: keys, or SIGTERM if that is
 * "TERM". Prints all that it writes. Ends as the program does, with 128 + N if that
 * died of signal N; and with 99 if the terminal is left in another state than it had
 * before, or if EXPECT does not come.
 */
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#define FAILED		99
#define SECONDS		60

static char output[1 << 20];

static void send(int fd, pid_t pid, const char *what)
{
	if (!strcmp(what, "TERM"))
		kill(pid, SIGTERM);
	else if (write(fd, what, strlen(what)) < 0)
		exit(FAILED);
}

/* Reads until the program closes the terminal. Returns whether @expect came. */
static bool talk(int fd, pid_t pid, const char *expect, const char *what)
{
	size_t length = 0;
	bool sent = false;
	ssize_t n;

	while (length < sizeof(output) - 1) {
		n = read(fd, output + length, sizeof(output) - 1 - length);
		if (n <= 0)
			break;
		length += n;
		if (!sent && strstr(output, expect)) {
			send(fd, pid, what);
			sent = true;
		}
	}
	fwrite(output, 1, length, stdout);
	return sent;
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	struct termios before = { 0 }, after = { 0 };
	int fd, slave, status;
	bool sent;
	pid_t pid;

	if (argc < 4)
		return FAILED;
	/* Ends us, and so the program, if it waits without end. */
	alarm(SECONDS);
	if (openpty(&fd, &slave, NULL, NULL, &size) || tcgetattr(fd, &before))
		return FAILED;
	pid = fork();
	if (!pid) {
		close(fd);
		login_tty(slave);
		execvp(argv[3], argv + 3);
		_exit(FAILED);
	}
	close(slave);
	sent = talk(fd, pid, argv[1], argv[2]);
	if (waitpid(pid, &status, 0) != pid || tcgetattr(fd, &after) || !sent ||
	    memcmp(&before, &after, sizeof(before)))
		return FAILED;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	       WEXITSTATUS(status);
}
