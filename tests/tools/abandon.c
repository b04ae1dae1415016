// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requesters that are killed while nobody answers, from a seed
 *
 * abandon SEED COUNT LIMIT-MS LEADER CGROUP
 *
 * Twelve tasks in the container of LEADER, below CGROUP, each raise an upcall whose
 * requester may be killed: by tests/kmod in the mode proc-killable, by request_key(2),
 * for a module, and by dumping core. A broker leaves them offered, claims and holds
 * them, or has a handler attached that hangs: none has an answer before its deadline,
 * but for who dumps core, who is answered when the handler is there, and hangs in its
 * pipe. COUNT times one of the tasks, after a random time, gets SIGKILL, and the time
 * to its end is taken. Another takes its place.
 *
 * Exit status 0 if they were gone in LIMIT-MS, but for one in ten, which a busy
 * machine may have kept for five times that; nobody had an answer; and each handler
 * was killed, or came too late, not later than that after the last of the tasks; a
 * core's has ended by itself, as what it reads has. At the first that is there for
 * longer it gives up. "late" says how many were there for more than LIMIT-MS, "held"
 * and "ran" how many upcalls had a holder and a handler.
 */
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

#define RAISER_DEVICE "/dev/upcall-raiser"
#define REQUESTERS    12
#define HELD_MAX      256
#define LIST_ROOM     64
#define FAMILY	      8 /* ATM, of which nobody has loaded anything */
#define TOO_LATE      126
#define BUSY	      5 /* times the limit */

enum kind {
	OTHER,
	KEY,
	MODULE,
	CORE,
	KIND_COUNT
};

static const char *const kinds[KIND_COUNT] = { "other", "key", "module", "core" };
/* Whose each place is. More than two modules at once are refused. */
static const enum kind places[REQUESTERS] = {
	OTHER, KEY, MODULE, CORE, OTHER, KEY, MODULE, CORE, OTHER, KEY, OTHER, KEY,
};

/* What all processes share. */
static struct {
	atomic_uint killed[KIND_COUNT];
	atomic_uint longest_ms[KIND_COUNT];
	atomic_uint late;
	atomic_uint held;
	atomic_uint ran;
	atomic_uint wrong;
	atomic_bool stop;
} * shared;

static int device, raiser;
static unsigned int count_wanted, limit_ms;
static pid_t leader;
static const char *cgroup;

static void wrong(const char *what)
{
	fprintf(stderr, "abandon: %s\n", what);
	atomic_fetch_add(&shared->wrong, 1);
}

static pid_t child_start(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* ------------------------------------------------------------------ broker */

/* Of a core, which is more than a pipe holds: it ends with who writes. */
static void core_read(void)
{
	struct pollfd core = { .fd = STDIN_FILENO };
	char some[4096];

	/* POLLHUP is always told */
	if (poll(&core, 1, -1) < 0)
		wrong("poll a core");
	while (read(STDIN_FILENO, some, sizeof(some)) > 0)
		;
	_exit(0);
}

/* The child: alone with its files, as ATTACH wants it. */
static void handler_run(int upcall, unsigned int class)
{
	struct upcall_attach attach = { 0 };

	if (class == UPCALL_CLASS_CORE) {
		/* what a core's init() puts there must find no other */
		upcall = fcntl(upcall, F_DUPFD_CLOEXEC, 100);
		close(STDIN_FILENO);
		close(3);
	}
	if (ioctl(upcall, UPCALL_IOC_ATTACH, &attach)) {
		if (errno != ESTALE)
			wrong("ATTACH");
		_exit(TOO_LATE);
	}
	atomic_fetch_add(&shared->ran, 1);
	if (class == UPCALL_CLASS_CORE)
		core_read();
	for (;;)
		pause();
}

/* True: there is none. */
static bool handlers_reap(void)
{
	pid_t ended;
	int status;

	while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
		if (status && status != SIGKILL && status != W_EXITCODE(TOO_LATE, 0))
			wrong("a handler ended in another way");
	return ended < 0;
}

static void hold(int upcall)
{
	static int held[HELD_MAX];
	static unsigned int next;

	/* nobody's any more: there are fewer tasks than places */
	if (held[next])
		close(held[next]);
	held[next] = upcall;
	next = (next + 1) % HELD_MAX;
	atomic_fetch_add(&shared->held, 1);
}

static void offered_act(const struct upcall_list_entry *entry)
{
	struct upcall_claim claim = { .id = entry->id, .generation = entry->generation };
	int upcall;

	/* left alone until the next look, mostly */
	if (random() % 8)
		return;
	upcall = ioctl(device, UPCALL_IOC_CLAIM, &claim);
	if (upcall < 0) {
		if (errno != ESTALE && errno != ENOENT)
			wrong("CLAIM");
		return;
	}
	if (random() % 2) {
		hold(upcall);
		return;
	}
	if (!child_start())
		handler_run(upcall, entry->class);
	close(upcall);
}

static void broker_run(void)
{
	struct upcall_list_entry entries[LIST_ROOM];
	struct timespec stopped;

	while (!atomic_load(&shared->stop)) {
		unsigned int count = queue_read(device, entries, LIST_ROOM);

		for (unsigned int i = 0; i < count; i++)
			if (entries[i].state == UPCALL_STATE_OFFERED)
				offered_act(&entries[i]);
		handlers_reap();
		pause_ms(10);
	}
	clock_gettime(CLOCK_MONOTONIC, &stopped);
	while (!handlers_reap()) {
		if (ms_since(&stopped) > BUSY * limit_ms) {
			wrong("a handler was not killed");
			break;
		}
		pause_ms(10);
	}
	_exit(0);
}

/* -------------------------------------------------------------- requesters */

static void request(enum kind kind)
{
	static const char command[] = "proc-killable process 1 /nowhere/helper";
	char text[100];

	switch (kind) {
	case OTHER:
		if (write(raiser, command, strlen(command)) < 0)
			wrong("raise");
		break;
	case KEY:
		snprintf(text, sizeof(text), "abandoned:%d", (int)getpid());
		syscall(SYS_request_key, "user", text, "abandoned", KEY_SPEC_PROCESS_KEYRING);
		break;
	case MODULE:
		socket(FAMILY, SOCK_STREAM, 0);
		break;
	default:
		/* entering the container has forbidden it */
		prctl(PR_SET_DUMPABLE, 1);
		abort();
	}
	wrong(kinds[kind]);
	wrong("who asked had an answer");
	_exit(1);
}

static pid_t requester_start(int self)
{
	pid_t pid = child_start();

	if (!pid)
		request(places[self]);
	return pid;
}

/* False: it was there for too long. */
static bool requester_kill(int self, pid_t pid)
{
	enum kind kind = places[self];
	struct timespec killed;
	unsigned int ms;

	clock_gettime(CLOCK_MONOTONIC, &killed);
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die("wait");
	ms = ms_since(&killed);
	atomic_fetch_add(&shared->killed[kind], 1);
	if (ms > atomic_load(&shared->longest_ms[kind]))
		atomic_store(&shared->longest_ms[kind], ms);
	if (ms > limit_ms)
		atomic_fetch_add(&shared->late, 1);
	if (ms <= BUSY * limit_ms)
		return true;
	fprintf(stderr, "abandon: %s was there for %u ms after its SIGKILL\n", kinds[kind], ms);
	wrong("too long");
	return false;
}

static void requesters_run(void)
{
	pid_t pids[REQUESTERS];
	bool good = true;

	container_enter(leader, cgroup);
	for (int i = 0; i < REQUESTERS; i++)
		pids[i] = requester_start(i);
	for (unsigned int count = 0; good && count < count_wanted; count++) {
		int self = (int)(random() % REQUESTERS);

		pause_ms((unsigned int)random() % 12);
		good = requester_kill(self, pids[self]);
		pids[self] = requester_start(self);
	}
	for (int i = 0; i < REQUESTERS; i++)
		requester_kill(i, pids[i]);
	_exit(0);
}

/* --------------------------------------------------------------------- main */

/* Each has a seed of its own. */
static pid_t process_start(void (*run)(void), unsigned int seed)
{
	pid_t pid = child_start();

	if (pid)
		return pid;
	srandom(seed);
	run();
	_exit(1);
}

static void process_ended(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, 0) != pid || status)
		wrong("a process of ours has failed");
}

static void said(void)
{
	unsigned int late = atomic_load(&shared->late);

	if (late * 10 > count_wanted)
		wrong("too many were there for longer than they may");
	for (int i = 0; i < KIND_COUNT; i++)
		printf("%s %u longest-ms %u ", kinds[i], atomic_load(&shared->killed[i]),
		       atomic_load(&shared->longest_ms[i]));
	printf("late %u held %u ran %u\n", late, atomic_load(&shared->held),
	       atomic_load(&shared->ran));
}

int main(int argc, char **argv)
{
	pid_t broker, requesters;
	unsigned int seed;

	if (argc != 6)
		usage("SEED COUNT LIMIT-MS LEADER CGROUP");
	seed = (unsigned int)strtoul(argv[1], NULL, 10);
	count_wanted = (unsigned int)strtoul(argv[2], NULL, 10);
	limit_ms = (unsigned int)strtoul(argv[3], NULL, 10);
	leader = (pid_t)strtol(argv[4], NULL, 10);
	cgroup = argv[5];
	device = device_open();
	raiser = open(RAISER_DEVICE, O_WRONLY | O_CLOEXEC);
	if (raiser < 0)
		die(RAISER_DEVICE);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("memory");
	broker = process_start(broker_run, seed);
	requesters = process_start(requesters_run, seed + 1);
	process_ended(requesters);
	atomic_store(&shared->stop, true);
	process_ended(broker);
	said();
	return atomic_load(&shared->wrong) ? 1 : 0;
}
