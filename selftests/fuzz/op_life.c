// SPDX-License-Identifier: GPL-2.0-only
/* Processes and files. */
#include <sys/prctl.h>

#include "player.h"

/*
 * The next few operations are done by a child, which then exits or is killed.
 * The model is in memory that both share; views are each process's own.
 */
int op_fork(struct player *p, const struct op *op)
{
	uint32_t left = p->nr_ops - p->next, n = 1 + op->arg[0] % 8;
	bool killed = op->arg[1] % 2;
	int status;
	pid_t pid;

	if (p->is_child || !left)
		return FUZZ_SKIPPED;
	if (n > left)
		n = left;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		p->is_child = true;
		while (n--)
			player_step(p);
		fflush(stdout);
		if (killed)
			raise(SIGKILL);
		_exit(0);
	}
	status = rt_child_status(pid);
	if (status == FAIL_STATUS)
		_exit(status);
	if (status != (killed ? 128 + SIGKILL : 0))
		fail("the child ended with %d", status);
	p->next += n;
	return 0;
}

/* A close that is not the last one. */
int op_dup_close(struct player *p, const struct op *op)
{
	int fd = dup(p->c.fd);

	if (fd < 0 || close(fd))
		fail("dup and close: %s", strerror(errno));
	return 0;
}

/* Windows without a descriptor: everything is still there. */
static void linger(struct player *p)
{
	player_close_fds(p);
	player_check_all(p);
	if (p->m->alone && (rt_stat("nr_clients") != 1 ||
			    rt_stat("live_bytes") != p->m->live_bytes))
		fail("a mapped client has %" PRIu64 " bytes live, not %" PRIu64,
		     rt_stat("live_bytes"), p->m->live_bytes);
}

int op_reopen(struct player *p, const struct op *op)
{
	if (p->is_child)
		return FUZZ_SKIPPED;
	if (op->arg[0] % 2)
		linger(p);
	player_close(p);
	if (p->m->alone &&
	    !rt_wait_until(!rt_stat("charged_bytes") && !rt_stat("nr_clients"),
			   RT_DEADLINE))
		fail("after close, %" PRIu64 " bytes charged, %" PRIu64 " clients",
		     rt_stat("charged_bytes"), rt_stat("nr_clients"));
	player_open(p);
	return 0;
}
