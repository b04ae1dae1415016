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
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

#define RAISER_DEVICE "/dev/upcall-raiser"
#define RAISERS_MAX   18
#define BROKERS	      6
#define HANDLERS      64 /* that may hang at once; a killer takes one of these */
#define LIST_ROOM     64
#define IDLE_MAX_MS   60000

/* What all processes share. */
static struct {
	atomic_uint raises;
	atomic_uint kills;
	atomic_uint unexpected;
	atomic_uint actions[16];
	atomic_ullong stranger; /* the id of its entry; 0: it has none */
	atomic_int handlers[HANDLERS];
	atomic_bool stop;
} * shared;

static int device, raiser;
static const char *helper_path;
static unsigned int count_wanted;
static pid_t stranger_leader;
static __u64 random_state;

/* ------------------------------------------------------------------ chance */

/* splitmix64: any seed will do, and each process has one of its own. */
static __u64 random_next(void)
{
	__u64 z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static unsigned int random_below(unsigned int bound)
{
	return (unsigned int)(random_next() % bound);
}

static void pause_us(unsigned int us)
{
	const struct timespec pause = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L };

	nanosleep(&pause, NULL);
}

/* Mostly none; sometimes long enough for a deadline. */
static void pause_at_random(void)
{
	static const unsigned int most_us[] = { 1, 1, 1, 2000, 20000, 120000 };

	pause_us(random_below(most_us[random_below(6)]));
}

/* A child with a seed of its own. */
static pid_t child_start(void)
{
	__u64 seed = random_next();
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		random_state = seed;
	return pid;
}

/* ------------------------------------------------------------- expectation */

/*
 * Who comes too late is told so, and some of the module's init() functions fail; all
 * else is a failure of ours, or of the module.
 */
static int allowed(long ret, const char *what)
{
	if (ret >= 0 || errno == ESTALE || errno == ENOENT || errno == EBUSY || errno == ENOMEM)
		return ret >= 0;
	fprintf(stderr, "interleave: %s: %s\n", what, strerror(errno));
	atomic_fetch_add(&shared->unexpected, 1);
	return 0;
}

/* -------------------------------------------------------------------- queue */

static int upcall_pick(struct upcall_list_entry *ret)
{
	struct upcall_list_entry entries[LIST_ROOM];
	unsigned int count = queue_read(device, entries, LIST_ROOM);

	if (count)
		*ret = entries[random_below(count)];
	return count > 0;
}

/* One of the stranger's, while it is nobody's. */
static int adoptable_pick(struct upcall_list_entry *ret)
{
	struct upcall_list_entry entries[LIST_ROOM];
	unsigned int count = queue_read(device, entries, LIST_ROOM), i;

	for (i = 0; i < count; i++) {
		*ret = entries[i];
		if (!ret->container && ret->state == UPCALL_STATE_OFFERED)
			return 1;
	}
	return 0;
}

static __u32 some_errno(void)
{
	/* also those that have side effects, which no requester may see */
	static const __u32 numbers[] = { 0, EKEYREJECTED, ENOENT, EACCES, EIO, ETIMEDOUT, 4095 };

	return numbers[random_below(7)];
}

/* ----------------------------------------------------------------- handlers */

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
		fprintf(stderr, "interleave: ATTACH twice\n");
		atomic_fetch_add(&shared->unexpected, 1);
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

static pid_t handler_start(int upcall, int hang)
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

static void handlers_reap(int flags)
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

/* ------------------------------------------------------------------ brokers */

enum action {
	ACTION_COMPLETE,
	ACTION_CLOSE,
	ACTION_STALL,
	ACTION_RUN,
	ACTION_HANG,
	ACTION_RACE,
	ACTION_TWICE,
	ACTION_NATIVE,
	ACTION_DENY,
	ACTION_CANCEL,
	ACTION_AGAIN,
	ACTION_LEAVE,
	ACTION_DRAIN,
	ACTION_KILL_HANDLER,
	ACTION_ADOPT,
	ACTION_COUNT
};

static const char *const action_names[ACTION_COUNT] = {
	"complete", "close",  "stall", "run",	"hang",	 "race",	 "twice", "native",
	"deny",	    "cancel", "again", "leave", "drain", "kill-handler", "adopt",
};

/* In hundredths. Processes cost most, so they are few. */
static const unsigned int action_weights[ACTION_COUNT] = { 17, 10, 3, 12, 6, 5, 4, 5,
							   8,  8,  5, 4,  4, 7, 2 };

static enum action action_pick(void)
{
	unsigned int at = random_below(100), action = 0;

	while (action + 1 < ACTION_COUNT && at >= action_weights[action])
		at -= action_weights[action++];
	return action;
}

static int claim(const struct upcall_list_entry *entry)
{
	struct upcall_claim claim = {
		.id = entry->id,
		.generation = entry->generation,
		.run_ms = random_below(3) ? random_below(200) : 0,
	};
	int upcall = ioctl(device, UPCALL_IOC_CLAIM, &claim);

	return allowed(upcall, "CLAIM") ? upcall : -1;
}

static void complete(int upcall)
{
	struct upcall_complete complete = { .error = some_errno() };

	allowed(ioctl(upcall, UPCALL_IOC_COMPLETE, &complete), "COMPLETE");
}

/* Its own holder and another one at once: two children that attach, or one and an answer. */
static void claim_race(int upcall)
{
	handler_start(upcall, 0);
	if (random_below(2))
		handler_start(upcall, 0);
	pause_at_random();
	if (random_below(2))
		complete(upcall);
}

static void claim_act(const struct upcall_list_entry *entry, enum action action)
{
	int upcall = claim(entry), second;

	if (upcall < 0)
		return;
	if (action == ACTION_TWICE) {
		second = claim(entry);
		if (second >= 0) {
			fprintf(stderr, "interleave: CLAIM twice\n");
			atomic_fetch_add(&shared->unexpected, 1);
			close(second);
		}
	}
	pause_at_random();
	switch (action) {
	case ACTION_COMPLETE:
	case ACTION_TWICE:
		complete(upcall);
		break;
	case ACTION_STALL:
		pause_us(300000);
		complete(upcall);
		break;
	case ACTION_RUN:
	case ACTION_HANG:
		handler_start(upcall, action == ACTION_HANG);
		break;
	case ACTION_RACE:
		claim_race(upcall);
		break;
	default:
		break;
	}
	close(upcall);
}

static void drain(void)
{
	__u32 on = 1, off = 0;

	allowed(ioctl(device, UPCALL_IOC_DRAIN, &on), "DRAIN");
	pause_us(random_below(5000));
	allowed(ioctl(device, UPCALL_IOC_DRAIN, &off), "DRAIN off");
}

static void handler_kill(void)
{
	pid_t pid = atomic_exchange(&shared->handlers[random_below(HANDLERS)], 0);

	if (pid > 0)
		kill(pid, SIGKILL);
}

static void again(void)
{
	struct upcall_list_entry entry;
	struct upcall_ref ref = { 0 };

	if (!adoptable_pick(&entry))
		return;
	pause_at_random();
	ref.id = entry.id;
	ref.generation = entry.generation;
	allowed(ioctl(device, UPCALL_IOC_AGAIN, &ref), "AGAIN");
}

/* Two brokers may be at it: the later one finds the name taken, or the entry gone. */
static void stranger_toggle(void)
{
	__u64 id = atomic_exchange(&shared->stranger, 0);
	struct upcall_container container = {
		.name = "stranger",
		.leader = (__u32)stranger_leader,
		.policy.verdict[UPCALL_CLASS_OTHER] = UPCALL_VERDICT_OFFER,
	};

	if (id)
		allowed(ioctl(device, UPCALL_IOC_CONTAINER_DEL, &id), "CONTAINER_DEL");
	else if (!ioctl(device, UPCALL_IOC_CONTAINER_ADD, &container))
		atomic_store(&shared->stranger, container.id);
	else if (errno != EEXIST)
		allowed(-1, "CONTAINER_ADD");
}

static void ref_act(const struct upcall_list_entry *entry, enum action action)
{
	struct upcall_ref ref = { .id = entry->id, .generation = entry->generation };

	if (action != ACTION_NATIVE)
		ref.error = some_errno();
	if (action == ACTION_NATIVE)
		allowed(ioctl(device, UPCALL_IOC_NATIVE, &ref), "NATIVE");
	else if (action == ACTION_DENY)
		allowed(ioctl(device, UPCALL_IOC_DENY, &ref), "DENY");
	else
		allowed(ioctl(device, UPCALL_IOC_CANCEL, &ref), "CANCEL");
}

static void act(enum action action)
{
	struct upcall_list_entry entry;

	atomic_fetch_add(&shared->actions[action], 1);
	if (action == ACTION_DRAIN) {
		drain();
	} else if (action == ACTION_KILL_HANDLER) {
		handler_kill();
	} else if (action == ACTION_AGAIN) {
		again();
	} else if (action == ACTION_ADOPT) {
		stranger_toggle();
	} else if (upcall_pick(&entry)) {
		pause_at_random();
		if (action == ACTION_NATIVE || action == ACTION_DENY || action == ACTION_CANCEL)
			ref_act(&entry, action);
		else if (action != ACTION_LEAVE)
			claim_act(&entry, action);
	}
}

static void broker_run(void)
{
	struct pollfd ready = { .fd = device, .events = POLLIN };

	while (!atomic_load(&shared->stop)) {
		poll(&ready, 1, 20);
		act(action_pick());
		handlers_reap(WNOHANG);
	}
	handlers_reap(0);
	_exit(0);
}

/* ------------------------------------------------------------------ raisers */

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

struct crew {
	pid_t leader;
	const char *cgroup;
	unsigned int size;
};

/* Keeps the tasks going, and kills one now and then. */
static void raisers_run(const struct crew *crew)
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

/* --------------------------------------------------------------------- main */

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

	if (argc != 8) {
		fprintf(stderr,
			"usage: interleave SEED COUNT PATH LEADER CGROUP STRANGER CGROUP\n");
		return 2;
	}
	random_state = strtoull(argv[1], NULL, 10);
	if (!random_state)
		random_state = (__u64)time(NULL) * 1000003 + (__u64)getpid();
	printf("seed %llu\n", random_state);
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
