// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"

static void print_words(const struct command *c)
{
	const struct option *o;

	printf("\t%s) words=\"%s", c->name, c->words ? c->words : "");
	for (o = option_names; o->name; o++)
		if (strchr(c->options, o->val))
			printf(" --%s", o->name);
	printf("\" ;;\n");
}

void completion_command(const struct options *opts, char **operands)
{
	const struct command *c;

	(void)opts;
	if (strcmp(operands[0], "bash"))
		fail(EXIT_USAGE, "completion is for bash, not for '%s'",
		     operands[0]);
	printf("_regallocctl() {\n"
	       "\tlocal words=\n"
	       "\tcase ${COMP_WORDS[1]} in\n");
	for (c = commands; c->name; c++)
		print_words(c);
	printf("\tesac\n"
	       "\t[ \"$COMP_CWORD\" -gt 1 ] || words=\"--help --version");
	for (c = commands; c->name; c++)
		printf(" %s", c->name);
	printf("\"\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$2\")\n"
	       "}\n"
	       "complete -F _regallocctl regallocctl\n");
}
