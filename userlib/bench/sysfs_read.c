// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include "sysfs_read.h"

#define DIR "/sys/class/misc/regalloc/"

static glob_t files;

int sysfs_find(void)
{
	if (glob(DIR "*_bytes", 0, NULL, &files) ||
	    glob(DIR "nr_*", GLOB_APPEND, NULL, &files) ||
	    glob(DIR "*_closed", GLOB_APPEND, NULL, &files) ||
	    glob(DIR "*_opened", GLOB_APPEND, NULL, &files) ||
	    glob(DIR "*_failures", GLOB_APPEND, NULL, &files) ||
	    glob(DIR "*_events", GLOB_APPEND, NULL, &files) ||
	    glob(DIR "class_*/nr_*", GLOB_APPEND, NULL, &files))
		return -ENOENT;
	return 0;
}

static int read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;
	char text[64];

	if (fd < 0)
		return -errno;

	if (read(fd, text, sizeof(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int sysfs_read_all(void)
{
	for (size_t i = 0; i < files.gl_pathc; i++) {
		int err = read_file(files.gl_pathv[i]);

		if (err)
			return err;
	}
	return 0;
}

int sysfs_read_live(void)
{
	return read_file(DIR "live_bytes");
}
