/* SPDX-License-Identifier: MIT */
/*
 * A file that is read through the cache, and what an ordinary read of it gave.
 */
#ifndef EXAMPLES_FILE_H
#define EXAMPLES_FILE_H

#include <stdint.h>

#define FILE_HASH_BYTES 32

/**
 * struct file - a file to read
 * @path: its name
 * @fd: open with O_DIRECT
 * @bytes: its size
 * @hash: SHA-256 of an ordinary read
 * @sums: of each block in that read
 */
struct file {
	const char *path;
	int fd;
	uint64_t bytes;
	unsigned char hash[FILE_HASH_BYTES];
	uint64_t *sums;
};

/**
 * file_open() - open a file for the cache, and read it once without
 * @f: where to store it
 * @path: its name, which stays the caller's
 *
 * Returns 0, or a negative errno after a message that says what was wrong.
 */
int file_open(struct file *f, const char *path);

/**
 * file_close() - done with a file
 * @f: from file_open()
 */
void file_close(struct file *f);

/* How many blocks a file has, of which the last may be short. */
uint64_t file_nr_blocks(const struct file *f);

/* Bytes of the file in one block of it. */
uint32_t file_block_length(const struct file *f, uint64_t block);

/* A quick sum of the bytes of a block. */
uint64_t file_sum(const void *data, uint32_t length);

#endif /* EXAMPLES_FILE_H */
