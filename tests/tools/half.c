// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process whose main thread ends while another one lives
 *
 * The main thread ends once /gate/half exists; the other one executes /bin/sleep,
 * and so takes its place, once /gate/exec does.
 */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

static void wait_for(const char *path)
{
	const struct timespec pause = { .tv_nsec = 20000000 };

	while (access(path, F_OK))
		nanosleep(&pause, NULL);
}

static void *other(void *arg)
{
	(void)arg;
	wait_for("/gate/exec");
	execl("/bin/sleep", "sleep", "2147483647", (char *)NULL);
	_exit(1);
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, other, NULL))
		return 1;
	wait_for("/gate/half");
	pthread_exit(NULL);
}
