// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Containers that die with upcalls in flight, from a seed
 *
 * collapse SEED COUNT LIMIT-MS CGROUP
 *
 * COUNT containers, one after the other, below the directory CGROUP: an init in
 * namespaces of its own. Two request_key(2) are raised in each, by a task of its pid
 * namespace and by one of the host's that has entered the others, and its cgroup if the
 * module knows of that; else, where handlers are to join, by a second of the former: the
 * keys of who only stands around are not for them. In turn, when they
 * are offered, claimed, while handlers of theirs join and attach, run, or end, it dies:
 * by SIGKILL for its init, by cgroup.kill, or by the first while its network namespace
 * is kept until all is over. Then they are cancelled, as upcalld does that sees the
 * death.
 *
 * Exit status 0 if nobody had an answer and everything was gone in LIMIT-MS, but for
 * nine and one in a hundred, which a busy machine may have kept for five times that: who
 * asked, the handlers, the module's entry, and the cgroup, which is removed. The last line
 * says how many upcalls were in which state when it died, and what took longest.
 */
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "shim.h"

#define UPCALLS	  2
#define LIST_ROOM 64
#define BUSY	  5	/* times the limit */
#define STAGE_MS  60000 /* until a stage is reached; nothing has to be quick */
#define TOO_LATE  126
#define ANSWERED  1
#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)

enum stage {
	QUEUED,
	ACCEPTED,
	JOINING,
	RUNNING,
	FINISHING,
	STAGE_COUNT
};

enum death {
	INIT,
	CGROUP,
	KEPT,
	DEATH_COUNT
};

static struct container {
	unsigned int number;
	enum stage stage;
	enum death death;
	char cgroup[200];
	pid_t init;
	int pidfd;
	int kept;
	__u64 id;
	int claims[UPCALLS];
	pid_t children[2 * UPCALLS]; /* who asks, and the handlers; 0: has ended */
} container;

static int device;
static unsigned int limit_ms, met[16], late, longest_ms;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "collapse: container %u, stage %d, death %d: %s: %s\n", container.number,
		container.stage, container.death, what, strerror(errno));
	exit(1);
}

static void pause_to_ms(unsigned int most)
{
	const struct timespec pause = { .tv_nsec = random() % (most * 1000000L) };

	nanosleep(&pause, NULL);
}

static pid_t child_start(void)
{
	unsigned int seed = (unsigned int)random();
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		srandom(seed);
	}
	return pid;
}

static void file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

/* ------------------------------------------------------------------ upcalls */

/* Those of the container: how many, of which so many in @state. */
static unsigned int upcalls_read(struct upcall_list_entry *own, unsigned int state,
				 unsigned int *in_state)
{
	struct upcall_list_entry all[LIST_ROOM];
	unsigned int count = queue_read(device, all, LIST_ROOM), found = 0;

	*in_state = 0;
	for (unsigned int i = 0; i < count && found < UPCALLS; i++) {
		if (all[i].container != container.id)
			continue;
		*in_state += all[i].state == state;
		own[found++] = all[i];
	}
	return found;
}

static void upcalls_wait(unsigned int state, struct upcall_list_entry *own)
{
	unsigned int in_state;

	for (unsigned int ms = 0; ms < STAGE_MS; ms++) {
		upcalls_read(own, state, &in_state);
		if (in_state == UPCALLS)
			return;
		pause_ms(1);
	}
	fail("a stage is never reached");
}

static void upcalls_cancel(void)
{
	struct upcall_list_entry own[UPCALLS];
	unsigned int in_state, count = upcalls_read(own, 0, &in_state);

	for (unsigned int i = 0; i < count; i++) {
		struct upcall_ref ref = { .id = own[i].id, .generation = own[i].generation };

		if (ioctl(device, UPCALL_IOC_CANCEL, &ref) && errno != ESTALE && errno != ENOENT &&
		    errno != EBUSY)
			fail("CANCEL");
	}
}

/* ---------------------------------------------------------------- container */

static _Noreturn void init_run(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static bool has_boundary(void)
{
	return container.number % 2;
}

static void container_add(void)
{
	struct upcall_container add = { .leader = (__u32)container.init };
	struct stat cgroup;

	snprintf(add.name, sizeof(add.name), "collapse-%u", container.number);
	add.policy.verdict[UPCALL_CLASS_KEY] = UPCALL_VERDICT_OFFER;
	if (stat(container.cgroup, &cgroup))
		fail(container.cgroup);
	/* without, nothing but its pid namespace says whether it has ended */
	if (has_boundary())
		add.cgroup_id = cgroup.st_ino;
	if (ioctl(device, UPCALL_IOC_CONTAINER_ADD, &add))
		fail("CONTAINER_ADD");
	container.id = add.id;
}

static void container_make(const char *below)
{
	struct clone_args how = { .flags = NAMESPACES | CLONE_PIDFD | CLONE_INTO_CGROUP,
				  .pidfd = (unsigned long)&container.pidfd,
				  .exit_signal = SIGCHLD };
	char path[64];
	int cgroup;

	snprintf(container.cgroup, sizeof(container.cgroup), "%s/%u", below, container.number);
	if (mkdir(container.cgroup, 0755))
		fail(container.cgroup);
	cgroup = open(container.cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
	how.cgroup = (unsigned int)cgroup;
	container.init = (pid_t)syscall(SYS_clone3, &how, sizeof(how));
	if (container.init < 0)
		fail("clone3");
	if (!container.init)
		init_run();
	close(cgroup);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", container.init);
	file_write(path, "0 0 1");
	container_add();
}

/* ---------------------------------------------------------------- requester */

static _Noreturn void request(const char *who)
{
	char text[64];

	snprintf(text, sizeof(text), "collapse:%u:%s", container.number, who);
	_exit(syscall(SYS_request_key, "user", text, "collapse", KEY_SPEC_PROCESS_KEYRING) < 0 ?
		      0 :
		      ANSWERED);
}

/* Ends as its child, which is in the pid namespace that this one has entered, does. */
static _Noreturn void child_follow(pid_t child)
{
	int status = 0;

	if (waitpid(child, &status, 0) != child)
		fail("wait");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 0);
}

static void inside_ask(const char *who)
{
	pid_t child;

	container_enter(container.init, container.cgroup);
	child = child_start();
	if (!child)
		request(who);
	child_follow(child);
}

/* Not in the pid namespace, or it would end with that. */
static void outside_ask(void)
{
	if (has_boundary())
		cgroup_enter(container.cgroup);
	if (setns(container.pidfd, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET))
		fail("enter");
	request("outside");
}

/* ----------------------------------------------------------------- handlers */

static _Noreturn void attach_and_run(int claim)
{
	struct upcall_attach attach = { 0 };

	if (container.stage == JOINING)
		pause_to_ms(8);
	if (ioctl(claim, UPCALL_IOC_ATTACH, &attach)) {
		/* EPERM: of a container that has died it is not any more */
		if (errno != ESTALE && errno != EPERM)
			fail("ATTACH");
		_exit(TOO_LATE);
	}
	if (container.stage == FINISHING) {
		pause_to_ms(8);
		_exit(0);
	}
	for (;;)
		pause();
}

static void handler_run(int claim)
{
	pid_t child;

	if (container.stage == JOINING)
		pause_to_ms(4);
	if (setns(container.pidfd, NAMESPACES)) {
		if (errno != ESRCH)
			fail("join");
		_exit(TOO_LATE);
	}
	/* ENOMEM: there is no init in it any more */
	child = fork();
	if (child < 0 && errno == ENOMEM)
		_exit(TOO_LATE);
	if (child < 0)
		fail("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		attach_and_run(claim);
	}
	child_follow(child);
}

/* ------------------------------------------------------------------- stages */

static void claim_all(void)
{
	struct upcall_list_entry own[UPCALLS];

	upcalls_wait(UPCALL_STATE_OFFERED, own);
	for (int i = 0; i < UPCALLS; i++) {
		struct upcall_claim claim = { .id = own[i].id, .generation = own[i].generation };

		container.claims[i] = ioctl(device, UPCALL_IOC_CLAIM, &claim);
		if (container.claims[i] < 0)
			fail("CLAIM");
	}
}

static void handlers_start(void)
{
	claim_all();
	for (int i = 0; i < UPCALLS; i++) {
		container.children[UPCALLS + i] = child_start();
		if (!container.children[UPCALLS + i])
			handler_run(container.claims[i]);
	}
}

static void stage_reach(void)
{
	struct upcall_list_entry own[UPCALLS];

	switch (container.stage) {
	case QUEUED:
		upcalls_wait(UPCALL_STATE_OFFERED, own);
		break;
	case ACCEPTED:
		claim_all();
		break;
	case RUNNING:
		handlers_start();
		upcalls_wait(UPCALL_STATE_RUNNING, own);
		break;
	default:
		handlers_start();
		pause_to_ms(container.stage == JOINING ? 16 : 30);
	}
}

static void states_count(void)
{
	struct upcall_list_entry own[UPCALLS];
	unsigned int in_state, count = upcalls_read(own, 0, &in_state);

	for (unsigned int i = 0; i < count; i++)
		met[own[i].state % 16]++;
	/* the others have ended */
	met[0] += UPCALLS - count;
}

/* -------------------------------------------------------------------- death */

static void container_kill(void)
{
	char path[220];

	switch (container.death) {
	case CGROUP:
		snprintf(path, sizeof(path), "%s/cgroup.kill", container.cgroup);
		file_write(path, "1");
		break;
	case KEPT:
		snprintf(path, sizeof(path), "/proc/%d/ns/net", container.init);
		container.kept = open(path, O_RDONLY | O_CLOEXEC);
		if (container.kept < 0)
			fail(path);
		/* fall through */
	default:
		if (kill(container.init, SIGKILL))
			fail("kill");
	}
}

/* True: none is left. */
static bool children_reap(void)
{
	bool all = true;

	for (int i = 0; i < 2 * UPCALLS; i++) {
		pid_t *child = &container.children[i];
		int status;

		if (!*child)
			continue;
		if (waitpid(*child, &status, WNOHANG) != *child) {
			all = false;
			continue;
		}
		if (i < UPCALLS && WIFEXITED(status) && WEXITSTATUS(status) == ANSWERED)
			fail("who asked had an answer");
		*child = 0;
	}
	return all;
}

static bool init_reap(void)
{
	if (container.init && waitpid(container.init, NULL, WNOHANG) == container.init)
		container.init = 0;
	return !container.init;
}

static bool entry_is_gone(void)
{
	struct upcall_container entry = { .id = container.id - 1 };

	if (!ioctl(device, UPCALL_IOC_CONTAINER_NEXT, &entry))
		return entry.id != container.id;
	if (errno != ENOENT)
		fail("CONTAINER_NEXT");
	return true;
}

static bool cgroup_remove(void)
{
	if (container.cgroup[0] && !rmdir(container.cgroup))
		container.cgroup[0] = '\0';
	return !container.cgroup[0];
}

static bool everything_is_gone(void)
{
	/* upcalld does, too, as soon as the pidfd tells it */
	if (!init_reap())
		return false;
	upcalls_cancel();
	return children_reap() && cgroup_remove() && entry_is_gone();
}

static void death_wait(void)
{
	struct timespec died;
	unsigned int ms;

	clock_gettime(CLOCK_MONOTONIC, &died);
	while (!everything_is_gone()) {
		if (ms_since(&died) > BUSY * limit_ms)
			fail(container.init	 ? "its init stays" :
			     !children_reap()	 ? "who asks, or a handler, stays" :
			     container.cgroup[0] ? "its cgroup stays" :
						   "its entry stays");
		pause_ms(1);
	}
	ms = ms_since(&died);
	late += ms > limit_ms;
	if (ms > longest_ms)
		longest_ms = ms;
}

static void container_forget(void)
{
	for (int i = 0; i < UPCALLS; i++)
		if (container.claims[i] > 0)
			close(container.claims[i]);
	if (container.kept > 0)
		close(container.kept);
	close(container.pidfd);
}

static void one_container(unsigned int number, const char *below)
{
	memset(&container, 0, sizeof(container));
	container.number = number;
	container.stage = (enum stage)(number % STAGE_COUNT);
	container.death = (enum death)(number % DEATH_COUNT);
	container_make(below);
	container.children[0] = child_start();
	if (!container.children[0])
		inside_ask("inside");
	container.children[1] = child_start();
	if (!container.children[1] && !has_boundary() && container.stage >= JOINING)
		inside_ask("another");
	if (!container.children[1])
		outside_ask();
	stage_reach();
	states_count();
	container_kill();
	death_wait();
	container_forget();
}

int main(int argc, char **argv)
{
	unsigned int count;

	if (argc != 5)
		usage("SEED COUNT LIMIT-MS CGROUP");
	srandom((unsigned int)strtoul(argv[1], NULL, 10));
	count = (unsigned int)strtoul(argv[2], NULL, 10);
	limit_ms = (unsigned int)strtoul(argv[3], NULL, 10);
	device = device_open();
	for (unsigned int i = 0; i < count; i++)
		one_container(i, argv[4]);
	printf("offered %u claimed %u attaching %u running %u ended %u longest-ms %u late %u\n",
	       met[UPCALL_STATE_OFFERED], met[UPCALL_STATE_CLAIMED], met[UPCALL_STATE_ATTACHING],
	       met[UPCALL_STATE_RUNNING], met[0], longest_ms, late);
	if (late > 9 + count / 100)
		fail("too many took longer than they may");
	return 0;
}
