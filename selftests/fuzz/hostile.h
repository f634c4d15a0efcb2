/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client that lies: one process scribbles over the map window while another
 * one calls the device. Only that client may suffer.
 */
#ifndef FUZZ_HOSTILE_H
#define FUZZ_HOSTILE_H

#include <stdint.h>
#include <sys/types.h>

/* Both processes go on until hostile_stop(). */
pid_t hostile_start(uint64_t seed);
void hostile_stop(pid_t pid);

#endif /* FUZZ_HOSTILE_H */
