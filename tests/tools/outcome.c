// SPDX-License-Identifier: GPL-2.0-or-later
/* outcome exit N | signal N | hang: a helper that ends as it is told, or does not. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int number = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;

	if (argc > 1 && !strcmp(argv[1], "exit"))
		return number;
	if (argc > 1 && !strcmp(argv[1], "signal"))
		raise(number);
	while (argc > 1 && !strcmp(argv[1], "hang"))
		pause();
	return 2;
}
