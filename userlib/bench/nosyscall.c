// SPDX-License-Identifier: MIT
/*
 * 10,000 pairs without a system call:
 *
 *	nosyscall strict BYTES	under strict seccomp, which kills a process that
 *				makes one; exit code 0: survived, 1: killed
 *	nosyscall count BYTES	print how many there were, seen by ptrace; it
 *				stops counting at 1000
 *
 * 2 means that something else went wrong. The client has had a pair before, so
 * that its region is open. Set decay_ms long: the library may call the kernel
 * once in that time, to say that a region may have become empty.
 */
#include <inttypes.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <regalloc.h>

#define PAIRS 10000
#define WARM_UP 100
#define MANY 1000
#define EXIT_TROUBLE 2

static int fail(const char *what)
{
	perror(what);
	return EXIT_TROUBLE;
}

static bool pairs(struct regalloc *ra, uint64_t bytes, uint32_t count)
{
	struct regalloc_slice s;

	for (uint32_t i = 0; i < count; i++)
		if (regalloc_alloc(ra, bytes, 0, &s) ||
		    regalloc_release(ra, s.handle))
			return false;
	return true;
}

/* Strict seccomp allows this one, but not exit_group(). */
static void leave(int code)
{
	syscall(SYS_exit, code);
	__builtin_unreachable();
}

static void strict_child(struct regalloc *ra, uint64_t bytes)
{
	if (!pairs(ra, bytes, WARM_UP) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		leave(EXIT_TROUBLE);
	leave(pairs(ra, bytes, PAIRS) ? EXIT_SUCCESS : EXIT_TROUBLE);
}

/* Between the two signals there is nothing but pairs and a call of kill(). */
static void counted_child(struct regalloc *ra, uint64_t bytes)
{
	pid_t self = getpid();
	bool done;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) ||
	    !pairs(ra, bytes, WARM_UP))
		leave(EXIT_TROUBLE);
	kill(self, SIGUSR1);
	done = pairs(ra, bytes, PAIRS);
	kill(self, SIGUSR2);
	leave(done ? EXIT_SUCCESS : EXIT_TROUBLE);
}

static int strict(struct regalloc *ra, uint64_t bytes)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		strict_child(ra, bytes);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return fail("fork");

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_TROUBLE;
}

/* Counts the stops of @pid at system calls, up to @max or a stop for @sig. */
static int stops_until(pid_t pid, int sig, uint64_t max, uint64_t *stops)
{
	int status;

	for (*stops = 0; *stops < max; ++*stops) {
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return EXIT_TROUBLE;
		if (WSTOPSIG(status) == sig)
			return 0;
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL))
			return fail("ptrace");
	}
	return 0;
}

static int count(struct regalloc *ra, uint64_t bytes)
{
	uint64_t stops;
	pid_t pid = fork();
	int rc;

	if (!pid)
		counted_child(ra, bytes);
	if (pid < 0)
		return fail("fork");

	rc = stops_until(pid, SIGUSR1, 1, &stops);
	if (!rc && ptrace(PTRACE_SYSCALL, pid, NULL, NULL))
		rc = fail("ptrace");
	if (!rc)
		rc = stops_until(pid, SIGUSR2, 2 * (MANY + 1), &stops);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (!rc)
		/* Two stops for each, and kill() was the last. */
		printf("%" PRIu64 "\n", stops / 2 - 1);
	return rc;
}

int main(int argc, char **argv)
{
	struct regalloc *ra;
	uint64_t bytes;
	int err;

	if (argc != 3)
		return EXIT_TROUBLE;
	bytes = strtoull(argv[2], NULL, 10);
	err = regalloc_open(NULL, 0, &ra);
	if (err) {
		fprintf(stderr, "nosyscall: %s\n", regalloc_strerror(err));
		return EXIT_TROUBLE;
	}
	if (!strcmp(argv[1], "strict"))
		return strict(ra, bytes);
	if (!strcmp(argv[1], "count"))
		return count(ra, bytes);
	return EXIT_TROUBLE;
}
