// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: -lkeyutils */
#include <keyutils.h>
#include <stdio.h>

int main(void)
{
	puts(keyutils_version_string[0] ? "compiled for the guest" : "no keyutils");
	return 0;
}
