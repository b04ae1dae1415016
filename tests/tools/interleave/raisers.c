// SPDX-License-Identifier: GPL-2.0-or-later
/* Who raises upcalls, inside the containers. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interleave.h"

static void raise_once(void)
{
	static const char *const modes[] = { "exec", "proc", "exec-killable", "proc-killable",
					     "no-wait" };
	/* those that nobody waits for are refused at once: few */
	unsigned int mode = random_below(20) ? random_below(4) : 4;
	char text[300];
	int length;

	length = snprintf(text, sizeof(text), "%s process 1 %s exit 3", modes[mode], helper_path);
	atomic_fetch_add(&shared->raises, 1);
	if (write(raiser, text, (size_t)length) == length)
		return;
	fprintf(stderr, "interleave: raise: %s\n", strerror(errno));
	atomic_fetch_add(&shared->unexpected, 1);
	_exit(1);
}

/* Inside the container, in all of its namespaces. */
static void raiser_run(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (atomic_load(&shared->raises) < count_wanted) {
		raise_once();
		/* or most would fall into the moments in which all are refused */
		pause_us(random_below(20000));
	}
	_exit(0);
}

/* setns(2) to a pid namespace is for children: @place is ours already. */
static pid_t raiser_start(void)
{
	pid_t pid = child_start();

	if (!pid)
		raiser_run();
	return pid;
}

void raisers_run(const struct crew *crew)
{
	pid_t pids[RAISERS_MAX], ended;
	unsigned int i;

	container_enter(crew->leader, crew->cgroup);
	for (i = 0; i < crew->size; i++)
		pids[i] = raiser_start();
	while (atomic_load(&shared->raises) < count_wanted) {
		pause_us(random_below(120000));
		i = random_below(crew->size);
		kill(pids[i], SIGKILL);
		atomic_fetch_add(&shared->kills, 1);
		/* it may be one that cannot be killed and waits for its deadline */
		ended = waitpid(pids[i], NULL, random_below(2) ? WNOHANG : 0);
		if (ended == pids[i])
			pids[i] = raiser_start();
	}
	while (wait(NULL) > 0)
		;
	_exit(0);
}
