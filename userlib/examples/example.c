// SPDX-License-Identifier: MIT
/* Takes one slice, writes to it and gives it back. */
#include <stdio.h>
#include <string.h>
#include <regalloc.h>

int main(void)
{
	struct regalloc_slice slice;
	struct regalloc *ra = NULL;
	int err = regalloc_open(NULL, 0, &ra);

	if (!err)
		err = regalloc_alloc(ra, 60000, 0, &slice);
	if (!err) {
		strcpy(slice.addr, "hello");
		printf("%s from %llu bytes\n", (char *)slice.addr,
		       (unsigned long long)slice.bytes);
		err = regalloc_release(ra, slice.handle);
	}
	if (err)
		fprintf(stderr, "example: %s\n", regalloc_strerror(err));
	regalloc_close(ra);
	return err ? 1 : 0;
}
