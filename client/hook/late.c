// SPDX-License-Identifier: GPL-2.0-or-later
#include "late.h"
#include "report.h"

void late_state(int status, const char *phase, unsigned int milliseconds, const char *meaning)
{
	limit_says(status, "%s: standard input has not ended, or cannot be read, within %u ms; %s",
		   phase, milliseconds, meaning);
}

void late_config(int status, const char *phase, const char *id, const char *path,
		 const char *meaning)
{
	limit_says(status, "%s %s: %s has not been read in time; %s", phase, id, path, meaning);
}

void late_answer(int status, const char *phase, const char *id, unsigned int milliseconds,
		 const char *meaning)
{
	limit_says(status, "%s %s: upcalld has not answered within %u ms; %s", phase, id,
		   milliseconds, meaning);
}
