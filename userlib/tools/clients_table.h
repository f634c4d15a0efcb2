/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_CLIENTS_TABLE_H
#define TOOLS_CLIENTS_TABLE_H

#include <stdbool.h>

#include "clients.h"
#include "table.h"

/**
 * clients_table() - a table of clients
 * @clients: a line for each, in this order
 * @json: for programs to read, with all numbers
 *
 * The caller frees it with scols_unref_table().
 */
struct libscols_table *clients_table(const struct clients *clients, bool json);

/* The number that is in the column of this name. Ends the program if none is. */
enum client_number clients_column(const char *name);

/* The column to the right of it, or the first one. */
enum client_number clients_column_next(enum client_number number);

/* The name of a column of numbers, as people read it. */
const char *clients_column_name(enum client_number number);

#endif /* TOOLS_CLIENTS_TABLE_H */
