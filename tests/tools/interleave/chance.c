// SPDX-License-Identifier: GPL-2.0-or-later
/* What each process does is up to its seed. */
#include <time.h>
#include <unistd.h>

#include "interleave.h"

static __u64 random_state;

void random_begin(__u64 seed)
{
	random_state = seed;
}

/* splitmix64 */
__u64 random_next(void)
{
	__u64 z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

unsigned int random_below(unsigned int bound)
{
	return (unsigned int)(random_next() % bound);
}

void pause_us(unsigned int us)
{
	const struct timespec pause = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L };

	nanosleep(&pause, NULL);
}

void pause_at_random(void)
{
	static const unsigned int most_us[] = { 1, 1, 1, 2000, 20000, 120000 };

	pause_us(random_below(most_us[random_below(6)]));
}

pid_t child_start(void)
{
	__u64 seed = random_next();
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		random_state = seed;
	return pid;
}
