// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "client.h"

/* The errors that regalloc.h documents, and what to do about them. */
static const char *documented(int err)
{
	switch (err) {
	case 0:
		return "success";
	case EINVAL:
		return "invalid argument: size not 1 byte to 256 KiB, or no first byte of a slice";
	case ENOMEM:
		return "no memory: the budget is used up with no spare, or the system has none";
	case ESTALE:
		return "stale: this slice has been released already";
	case ENOENT:
		return "not found: no device (module not loaded?), or never a slice of this client";
	case EACCES:
	case EPERM:
		return "no permission to use the device: see the owner and mode of /dev/regalloc";
	case ENOTTY:
		return "not a regalloc device";
	case ENXIO:
	case ENODEV:
		return "no driver behind the device node: the regalloc module is not loaded";
	case ETIMEDOUT:
		return "timed out: no memory became free while waiting for it";
	case EBUSY:
		return "busy: the reserves of all clients would exceed the budget";
	case EINTR:
		return "interrupted by a signal";
	case EFAULT:
		return "bad address: memory given as an argument cannot be read or written";
	case E2BIG:
		return "the kernel module is older than this library";
	case EMFILE:
	case ENFILE:
		return "too many open files";
	default:
		return NULL;
	}
}

const char *regalloc_strerror(int err)
{
	/* Through unsigned, because INT_MIN has no counterpart. */
	int positive = err < 0 ? (int)-(unsigned int)err : err;
	const char *text = documented(positive);

	if (!text)
		text = strerrordesc_np(positive);
	return text ? text : "unknown error";
}
