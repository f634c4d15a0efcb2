/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parameters of the module. They can be written before there is a domain; what
 * is written afterwards has its effect at once. The module's parameter lock
 * protects them.
 */
#ifndef REGALLOC_PARAMS_H
#define REGALLOC_PARAMS_H

#include <linux/types.h>

struct regalloc_domain;

u64 regalloc_params_ram_bytes(void);
int regalloc_params_attach(struct regalloc_domain *domain);
void regalloc_params_detach(void);

#endif /* REGALLOC_PARAMS_H */
