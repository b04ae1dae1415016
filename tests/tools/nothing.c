// SPDX-License-Identifier: GPL-2.0-or-later
/* Does nothing: what it costs to execute any program at all. */
int main(void)
{
	return 0;
}
