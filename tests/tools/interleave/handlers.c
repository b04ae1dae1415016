// SPDX-License-Identifier: GPL-2.0-or-later
/* Who attaches to upcalls: runs, hangs, dies, or is killed. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interleave.h"

static void handler_remember(pid_t pid)
{
	atomic_store(&shared->handlers[random_below(HANDLERS)], pid);
}

/* The child: alone with its files, as ATTACH wants it. */
static void handler_run(int upcall, int hang)
{
	struct upcall_attach attach = { .capabilities = random_next() };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pause_at_random();
	if (!allowed(ioctl(upcall, UPCALL_IOC_ATTACH, &attach), "ATTACH"))
		_exit(126);
	/* a second time it is refused, whoever tries */
	if (!ioctl(upcall, UPCALL_IOC_ATTACH, &attach)) {
		unexpected("ATTACH twice");
	}
	if (hang)
		pause_us(10000000);
	pause_at_random();
	if (!random_below(8))
		raise(SIGKILL);
	if (!random_below(8))
		execl(helper_path, helper_path, "exit", "5", (char *)NULL);
	_exit((int)random_below(4));
}

pid_t handler_start(int upcall, int hang)
{
	pid_t pid = child_start();

	if (!pid)
		handler_run(upcall, hang);
	handler_remember(pid);
	return pid;
}

/* Its number may become anybody's now. */
static void handler_forget(pid_t pid)
{
	for (int i = 0; i < HANDLERS; i++) {
		int expected = pid;

		atomic_compare_exchange_strong(&shared->handlers[i], &expected, 0);
	}
}

void handlers_reap(int flags)
{
	siginfo_t ended;

	for (;;) {
		ended.si_pid = 0;
		if (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT | flags) || !ended.si_pid)
			return;
		/* ORDER: forgotten while it is a zombie, whose number is nobody else's */
		handler_forget(ended.si_pid);
		waitpid(ended.si_pid, NULL, 0);
	}
}

void handler_kill(void)
{
	pid_t pid = atomic_exchange(&shared->handlers[random_below(HANDLERS)], 0);

	if (pid > 0)
		kill(pid, SIGKILL);
}
