// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * interleave SEED COUNT PATH LEADER CGROUP STRANGER CGROUP
 *
 * At least COUNT upcalls are raised by several tasks of the container that LEADER
 * leads, and of that of STRANGER, which a rule would have adopted, through the module
 * of tests/kmod, while several brokers do to whatever upcall they find whatever can be
 * done to it, right or wrong, at random moments: claim, complete, attach and end, attach
 * and die, cancel, close, deny, give back, leave to the table to decide again, leave
 * alone until a deadline, drain; and tasks and handlers are killed, and the stranger is
 * registered and unregistered.
 *
 * The tasks run in the cgroups CGROUP, directories, not in ours: a handler's upcall
 * is known by its cgroup, and these are nobody's. PATH is a program for upcalls
 * that are given back. SEED decides what each process does, as far as a machine
 * can be made to do the same again; 0 takes one of the clock. It is printed.
 *
 * Exit status 0 if no call failed in a way that it must not, each write has
 * returned, and what has been raised has been answered. A line on stderr for each
 * that is otherwise.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "interleave.h"

#define RAISER_DEVICE "/dev/upcall-raiser"
#define BROKERS	      6
#define IDLE_MAX_MS   60000

struct shared *shared;
int device, raiser;
const char *helper_path;
unsigned int count_wanted;
pid_t stranger_leader;

static pid_t process_start(const struct crew *crew)
{
	pid_t pid = child_start();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (crew)
		raisers_run(crew);
	broker_run();
	_exit(1);
}

static int process_ended_well(pid_t pid, const char *what)
{
	int status = -1;

	if (waitpid(pid, &status, 0) == pid && !status)
		return 1;
	fprintf(stderr, "interleave: %s ended with %#x\n", what, (unsigned int)status);
	return 0;
}

static unsigned int queue_count(void)
{
	struct upcall_list_entry entry;

	return queue_read(device, &entry, 1);
}

/* What the helper's side of a native one has to clean up may take its time. */
static int raiser_is_idle(void)
{
	char text[200] = "";
	int fd = open(RAISER_DEVICE, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		die(RAISER_DEVICE);
	close(fd);
	return strstr(text, " live=0 ") != NULL;
}

static int all_ended(void)
{
	unsigned int ms;

	for (ms = 0; ms < IDLE_MAX_MS; ms += 50) {
		if (!queue_count() && raiser_is_idle())
			return 1;
		pause_us(50000);
	}
	fprintf(stderr, "interleave: %u upcalls have not ended, or a cleanup has not run\n",
		queue_count());
	return 0;
}

static void said(void)
{
	unsigned int i;

	printf("raises %u kills %u unexpected %u", atomic_load(&shared->raises),
	       atomic_load(&shared->kills), atomic_load(&shared->unexpected));
	for (i = 0; i < ACTION_COUNT; i++)
		printf(" %s %u", action_names[i], atomic_load(&shared->actions[i]));
	putchar('\n');
}

static void devices_open(void)
{
	device = device_open();
	raiser = open(RAISER_DEVICE, O_WRONLY | O_CLOEXEC);
	if (raiser < 0)
		die(RAISER_DEVICE);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("memory");
}

int main(int argc, char **argv)
{
	struct crew crews[] = { { .size = RAISERS_MAX }, { .size = 6 } };
	pid_t brokers[BROKERS], raisers[2];
	int good = 1, i;
	__u64 seed;

	if (argc != 8) {
		fprintf(stderr,
			"usage: interleave SEED COUNT PATH LEADER CGROUP STRANGER CGROUP\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 10);
	if (!seed)
		seed = (__u64)time(NULL) * 1000003 + (__u64)getpid();
	random_begin(seed);
	printf("seed %llu\n", seed);
	fflush(stdout);
	count_wanted = (unsigned int)strtoul(argv[2], NULL, 10);
	helper_path = argv[3];
	for (i = 0; i < 2; i++) {
		crews[i].leader = (pid_t)strtol(argv[4 + 2 * i], NULL, 10);
		crews[i].cgroup = argv[5 + 2 * i];
	}
	stranger_leader = crews[1].leader;
	devices_open();
	for (i = 0; i < BROKERS; i++)
		brokers[i] = process_start(NULL);
	for (i = 0; i < 2; i++)
		raisers[i] = process_start(&crews[i]);
	for (i = 0; i < 2; i++)
		good &= process_ended_well(raisers[i], "who raises");
	good &= all_ended();
	atomic_store(&shared->stop, 1);
	for (i = 0; i < BROKERS; i++)
		good &= process_ended_well(brokers[i], "a broker");
	good &= all_ended();
	if (atomic_load(&shared->stranger))
		stranger_toggle();
	said();
	return good && !atomic_load(&shared->unexpected) ? 0 : 1;
}
