// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole way of a request through the worker, into a real container made by
 * clone(2), with a shim that is played.
 *
 *   test = worker ── socketpair ── test = upcalld
 *      └─ handler in the container's namespaces, writes what it sees to out/
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "become.h"
#include "failing.h"
#include "fake-entry.h"
#include "fault.h"
#include "filter.h"
#include "guard.h"
#include "hands.h"
#include "leader.h"
#include "listen.h"
#include "packet.h"
#include "report.h"
#include "request-life.h"
#include "request.h"
#include "spawn.h"

#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)
#define OWN_NS                                                                                    \
	(1u << UPCALL_NS_USER | 1u << UPCALL_NS_PID | 1u << UPCALL_NS_MNT | 1u << UPCALL_NS_NET | \
	 1u << UPCALL_NS_UTS | 1u << UPCALL_NS_IPC)
#define ID_FIRST 200000

enum worker_step fault_step;

static struct hands hands = { .listener = { .fd = -1 },
			      .dns_fd = -1,
			      .probe_fd = -1,
			      .null_fd = -1,
			      .proc_fd = -1 };
static int broker_fd;
static pid_t leader;
static unsigned long leader_namespaces = NAMESPACES;
static uint32_t own_ns = OWN_NS;
static bool has_user_ns = true;
static int leader_ids = 0;   /* first id inside */
static bool leader_is_bound; /* no new privileges, few capabilities */
static char out[] = "/tmp/upcall-enter-XXXXXX";
static char boundary[64], boundary_name[32];
static uint64_t boundary_id;
static bool cgroups_are_ours; /* mounted by us */

/* ------------------------------------------------------------------ fixture */

static void file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void map_put(const char *name)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", leader, name);
	snprintf(text, sizeof(text), "%d %d 1000", leader_ids, ID_FIRST);
	file_put(path, text);
}

/* CAP_KILL is 5, CAP_SETPCAP 8. */
static int leader_settle(void)
{
	uid_t id = (uid_t)leader_ids;

	for (int i = 0; leader_is_bound && i < 64; i++)
		if (i != 5 && prctl(PR_CAPBSET_READ, i) == 1 && prctl(PR_CAPBSET_DROP, i) < 0)
			return -1;
	if (leader_is_bound && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0 ? -1 : 0;
}

static void without_user_ns(void)
{
	leader_namespaces &= ~(unsigned long)CLONE_NEWUSER;
	own_ns &= ~(1u << UPCALL_NS_USER);
}

static void leader_start(void)
{
	int ready = eventfd(0, EFD_CLOEXEC), settled = eventfd(0, EFD_CLOEXEC);
	uint64_t go = 1;
	char path[128], pid[16];

	leader = (pid_t)syscall(SYS_clone, leader_namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
	assert_true(leader >= 0);
	if (leader == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* or what is in a connection that is closed would stay */
		close(broker_fd);
		close(hands.connections[0].watch.fd);
		if (read(ready, &go, sizeof(go)) == sizeof(go) && leader_settle() == 0 &&
		    write(settled, &go, sizeof(go)) == sizeof(go))
			for (;;)
				pause();
		_exit(1);
	}
	if (leader_namespaces & CLONE_NEWUSER) {
		map_put("uid_map");
		map_put("gid_map");
	}
	snprintf(path, sizeof(path), "%s/cgroup.procs", boundary);
	snprintf(pid, sizeof(pid), "%d", leader);
	file_put(path, pid);
	assert_int_equal(write(ready, &go, sizeof(go)), sizeof(go));
	assert_int_equal(read(settled, &go, sizeof(go)), sizeof(go));
	close(ready);
	close(settled);
}

/* A chroot has /proc and /dev, and often nothing in /sys. */
static const char *cgroups_find(void)
{
	static const char *const places[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	char path[64];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", places[i]);
		if (access(path, F_OK) == 0)
			return places[i];
	}
	(void)mkdir("/sys/fs", 0755);
	(void)mkdir(places[1], 0755);
	if (mount("cgroup2", places[1], "cgroup2", 0, NULL) < 0)
		fail_msg("no cgroup2 to be found or mounted: %s", strerror(errno));
	cgroups_are_ours = true;
	return places[1];
}

/* The kernel makes none for who is in a chroot. */
static bool user_namespaces_work(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static int group_setup(void **state)
{
	const char *cgroups;
	struct stat status;
	int sockets[2];

	(void)state;
	if (geteuid() != 0)
		return 0;
	fake_reset();
	if (!mkdtemp(out) || chmod(out, 0777) < 0)
		return -1;
	cgroups = cgroups_find();
	snprintf(boundary_name, sizeof(boundary_name), "test-%d", getpid());
	snprintf(boundary, sizeof(boundary), "%s/%s", cgroups, boundary_name);
	if (mkdir(boundary, 0755) < 0 || stat(boundary, &status) < 0)
		return -1;
	boundary_id = status.st_ino;
	hands.null_fd = guard_null_open();
	hands.proc_fd = guard_proc_open();
	hands.dns_path = UPCALL_DNS_PATH;
	hands.probe_path = UPCALL_PROBE_PATH;
	if (hands.null_fd < 0 || hands.proc_fd < 0 || spawn_init() < 0 || leader_init() < 0 ||
	    become_init() < 0 || filter_init() < 0 || guard_process() < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -1;
	broker_fd = sockets[1];
	if (connection_add(&hands, sockets[0]) < 0)
		return -1;
	has_user_ns = user_namespaces_work();
	if (!has_user_ns)
		without_user_ns();
	leader_start();
	return 0;
}

static int group_teardown(void **state)
{
	char command[64];

	(void)state;
	if (geteuid() != 0)
		return 0;
	/* run after a set-up that failed, too: kill(0) would be us and who started us */
	if (leader > 0 && kill(leader, SIGKILL) == 0)
		waitpid(leader, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", out);
	if (system(command) != 0)
		return -1;
	/* fails where a leaf was left */
	if (rmdir(boundary) < 0)
		return -1;
	return cgroups_are_ours ? umount("/sys/fs/cgroup") : 0;
}

/* ------------------------------------------------------------------ a request */

static char script[2048];
static char argv_bytes[2200];

/* The kernel's words: /bin/sh -c TEXT, in the directory `out`. */
static void info_set(enum upcall_class class, const char *text)
{
	size_t size;

	snprintf(script, sizeof(script), "cd %s; %s", out, text);
	size = sizeof("sh") + sizeof("-c") + strlen(script) + 1;
	memcpy(argv_bytes, "sh\0-c", 6);
	memcpy(argv_bytes + 6, script, strlen(script) + 1);
	fake_info = (struct tags){
		.id = 99,
		.class = class,
		.path = { "/bin/sh", 7 },
		.argv = { argv_bytes, size },
		.envp = { "A=1\0PATH=/usr/bin:/bin", 23 },
	};
}

static struct worker_request request_of(enum worker_handler handler)
{
	struct tags place;
	struct worker_request request = {
		.protocol = WORKER_PROTOCOL,
		.class = fake_info.class,
		.id = 99,
		.container = FAKE_CONTAINER,
		.start_time = FAKE_START_TIME,
		.cgroup_id = boundary_id,
		.leader = (uint32_t)leader,
		.own_ns = own_ns,
		.handler = handler,
		.run_ms = 10000,
	};
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", leader);
	fake_place(pid, &place);
	memcpy(request.ns, place.ns, sizeof(request.ns));
	request.net_cookie = place.net_cookie;
	strcpy(request.cgroup, boundary_name);
	strcpy(request.container_name, "test");
	return request;
}

/* Whose pidfd comes with a request. */
static pid_t pidfd_of;

static void fds_put(int socket, const void *data, size_t size, const int *fds, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))] = { 0 };
	struct iovec vector = { (void *)data, size };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	assert_int_equal(sendmsg(socket, &message, 0), size);
}

/* With an upcall fd that the caller has made, and which is closed. */
static void request_put_fd(const struct worker_request *request, int upcall_fd)
{
	int fds[2] = { upcall_fd, (int)syscall(SYS_pidfd_open, pidfd_of ? pidfd_of : leader, 0) };

	fds_put(broker_fd, request, sizeof(*request), fds, 2);
	close(fds[0]);
	close(fds[1]);
}

static void request_put(const struct worker_request *request)
{
	request_put_fd(request, eventfd(0, EFD_CLOEXEC));
}

/* The worker's loop until there is a result. */
static struct worker_result request_serve(const struct worker_request *request)
{
	struct worker_result result = { 0 };
	int64_t limit = loop_now_ms() + 20000;

	request_put(request);
	while (recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT) != sizeof(result)) {
		assert_true(loop_now_ms() < limit);
		loop_run(&hands.loop, loop_now_ms() + 20);
		request_expire(&hands);
	}
	assert_int_equal(result.id, 99);
	assert_null(hands.requests);
	return result;
}

static void assert_nothing_left(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/upcall-99", boundary);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* the leader only */
}

static void leaf_remove_by_hand(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/upcall-99", boundary);
	(void)rmdir(path);
}

static char *output(const char *name)
{
	static char text[8192];
	char path[64];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", out, name);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	size = fread(text, 1, sizeof(text) - 1, file);
	text[size] = '\0';
	fclose(file);
	unlink(path);
	return text;
}

static void require_root(void)
{
	if (geteuid() != 0)
		skip();
	fake_reset();
	fault_step = WORKER_STEP_NONE;
}

static void require_user_namespaces(void)
{
	require_root();
	if (!has_user_ns)
		skip();
}

/* -------------------------------------------------------------------- become */

static void assert_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

/* Root inside is nobody's root outside. */
static void assert_owner(const char *name)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", out, name);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, ID_FIRST);
	assert_int_equal(status.st_gid, ID_FIRST);
}

static const char *own_oom_score(void)
{
	static char text[2][16];
	static int turn;
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	ssize_t size;

	assert_true(fd >= 0);
	turn = !turn;
	size = read(fd, text[turn], sizeof(text[turn]) - 1);
	close(fd);
	assert_true(size > 0);
	text[turn][size] = '\0';
	return text[turn];
}

static void test_become(void **state)
{
	const char *before = own_oom_score();
	struct worker_request request;
	struct worker_result result;
	char expected[128], *status;

	(void)state;
	require_user_namespaces();
	info_set(UPCALL_CLASS_KEY,
		 "cat /proc/self/status >status; pwd -P >cwd; env -i /bin/true;"
		 "cat /proc/self/limits >limits; cat /proc/self/oom_score_adj >oom;"
		 "ls /proc/self/fd >fds; tr '\\0' '\\n' </proc/self/environ >environ;"
		 "readlink /proc/self/ns/* >ns; cat /proc/self/stat >stat; umask >umask;"
		 "echo $0 >argv");
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_SERVED);
	assert_int_equal(fake->attached, 1);
	assert_int_equal(fake->completed, 0);
	assert_owner("status");
	status = output("status");
	assert_non_null(status);
	assert_line(status, "Uid:\t0\t0\t0\t0\n");
	assert_line(status, "Gid:\t0\t0\t0\t0\n");
	assert_line(status, "Groups:\t \n");
	assert_line(status, "CapInh:\t0000000000000000\n");
	assert_line(status, "CapAmb:\t0000000000000000\n");
	assert_line(status, "NoNewPrivs:\t0\n");
	assert_line(status, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	assert_string_equal(output("environ"), "A=1\nPATH=/usr/bin:/bin\n");
	assert_string_equal(output("umask"), "0022\n");
	assert_string_equal(output("oom"), "1000\n");
	assert_string_equal(own_oom_score(), before);
	assert_line(output("limits"), "Max core file size        1                    1 ");
	/* 3 is the directory that ls reads */
	assert_string_equal(output("fds"), "0\n1\n2\n3\n");
	assert_string_equal(output("argv"), "sh\n");
	for (int i = 0; i < UPCALL_NS_COUNT; i++) {
		static char ns[1024];

		if (i == 0)
			strcpy(ns, output("ns"));
		snprintf(expected, sizeof(expected), "[%u]\n", request.ns[i]);
		assert_line(ns, expected);
	}
	assert_nothing_left();
	output("cwd");
	output("stat");
}

/* Another leader for one test. */
static void leader_replace(int ids, bool bound)
{
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	leader_ids = ids;
	leader_is_bound = bound;
	leader_start();
}

static void test_bound_leader(void **state)
{
	struct worker_request request;
	struct worker_result result;
	char *status;

	(void)state;
	require_root();
	leader_replace(0, true);
	info_set(UPCALL_CLASS_KEY, "cat /proc/self/status >status");
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	leader_replace(0, false);
	assert_int_equal(result.outcome, WORKER_SERVED);
	status = output("status");
	assert_line(status, "CapBnd:\t0000000000000020\n");
	assert_line(status, "CapPrm:\t0000000000000020\n");
	assert_line(status, "CapEff:\t0000000000000020\n");
	assert_line(status, "NoNewPrivs:\t1\n");
}

/* Where there is no root inside, the leader's ids; never an unmapped one. */
static void test_no_root_inside(void **state)
{
	struct worker_request request;
	struct worker_result result;
	char *status;

	(void)state;
	require_user_namespaces();
	leader_replace(500, false);
	info_set(UPCALL_CLASS_KEY, "cat /proc/self/status >status");
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	leader_replace(0, false);
	assert_int_equal(result.outcome, WORKER_SERVED);
	status = output("status");
	assert_line(status, "Uid:\t500\t500\t500\t500\n");
	assert_line(status, "CapEff:\t0000000000000000\n");
	assert_line(status, "CapPrm:\t0000000000000000\n");
}

static void test_program(void **state)
{
	struct worker_request request;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo $0 >argv");
	request = request_of(WORKER_BECOME);
	strcpy(request.program, "/bin/bash");
	assert_int_equal(request_serve(&request).outcome, WORKER_SERVED);
	assert_string_equal(output("argv"), "/bin/bash\n");
}

static void test_core(void **state)
{
	struct worker_request request;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_CORE, "cat >core");
	fake->core = true;
	request = request_of(WORKER_BECOME);
	assert_int_equal(request_serve(&request).outcome, WORKER_SERVED);
	assert_string_equal(output("core"), "core");
}

static void test_host(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "cat /proc/self/status >status");
	request = request_of(WORKER_BECOME);
	request.run_in = WORKER_RUN_IN_HOST;
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_SERVED);
	assert_line(output("status"), "Uid:\t0\t0\t0\t0\n");
}

static void test_endings(void **state)
{
	static const struct {
		const char *desc, *script, *program;
		uint32_t run_ms;
		enum worker_outcome outcome;
		int status;
	} cases[] = {
		{ "exit status", "exit 3", "", 10000, WORKER_HANDLER_FAILED, 3 << 8 },
		{ "signal", "kill -9 $$", "", 10000, WORKER_HANDLER_KILLED, 9 },
		{ "no such program", "", "/nonexistent", 10000, WORKER_EXEC_FAILED, 127 << 8 },
		{ "not executable", "", "/etc/passwd", 10000, WORKER_EXEC_FAILED, 127 << 8 },
		{ "timeout", "sleep 100 & sleep 100", "", 200, WORKER_HANDLER_TIMEOUT, 9 },
		{ "leaves a child", "setsid sleep 100 & exit 0", "", 10000, WORKER_SERVED, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct worker_request request;
		struct worker_result result;

		require_root();
		info_set(UPCALL_CLASS_KEY, cases[i].script);
		request = request_of(WORKER_BECOME);
		request.run_ms = cases[i].run_ms;
		strcpy(request.program, cases[i].program);
		result = request_serve(&request);
		if (result.outcome != cases[i].outcome || result.wait_status != cases[i].status)
			fail_msg("%s: outcome %u, status %d, step %u, error %d", cases[i].desc,
				 result.outcome, result.wait_status, result.step, result.error);
		assert_int_equal(fake->attached, 1);
		assert_int_equal(fake->completed, 0);
		assert_true(result.duration_us < 5000000);
		assert_nothing_left();
	}
}

/* Somebody caught a child of ours, and has its end of the pipe. */
static void test_reports_are_few(void **state)
{
	struct request request = {
		.hands = &hands,
		.wire = { .handler = WORKER_BECOME, .run_ms = 1000 },
		.upcall = WATCH_NULL,
	};
	int report_read, report_write;

	(void)state;
	require_root();
	assert_int_equal(report_open(&report_read, &report_write), 0);
	assert_int_equal(loop_watch(&hands.loop, &request.handler.report, report_read, POLLIN,
				    request_on_handler_report),
			 0);
	assert_int_equal(report_send(report_write, REPORT_ATTACHED, WORKER_STEP_ATTACH, 0), 0);
	request_on_handler_report(&request.handler.report, POLLIN);
	assert_true(request.attached);
	assert_int_not_equal(request.handler.report.fd, -1);
	request.deadline_ms = 1;
	for (int i = 0; i < 100; i++)
		assert_int_equal(report_send(report_write, REPORT_ATTACHED, WORKER_STEP_ATTACH, 0),
				 0);
	request_on_handler_report(&request.handler.report, POLLIN);
	assert_int_equal(request.deadline_ms, 1);
	assert_int_equal(request.handler.report.fd, -1);
	close(report_write);
}

/* ------------------------------------------------------------------- refusals */

static void assert_refused(const struct worker_request *request, enum worker_step step, int error)
{
	struct worker_result result = request_serve(request);

	if (result.outcome != WORKER_ENTRY_FAILED || result.step != step)
		fail_msg("outcome %u, step %u instead of %u, error %d", result.outcome, result.step,
			 step, result.error);
	if (error)
		assert_int_equal(result.error, error);
	assert_int_equal(fake->completed, 1);
	assert_true(fake->complete_error == EKEYREJECTED || fake->complete_error == EIO);
	assert_true(result.duration_us < 1000000);
	assert_nothing_left();
	assert_null(output("ran"));
}

/* What the kernel half says of the leader is an obstacle. */
static void assert_leader_refused(enum worker_step step, int error)
{
	struct worker_request request;

	info_set(UPCALL_CLASS_KEY, "touch ran");
	request = request_of(WORKER_BECOME);
	assert_refused(&request, step, error);
}

static void test_no_usable_id(void **state)
{
	(void)state;
	require_root();
	fake->no_id = true;
	assert_leader_refused(WORKER_STEP_STATUS, EPERM);
	fake_reset();
	fake->overflow_id = true;
	assert_leader_refused(WORKER_STEP_STATUS, EPERM);
}

/* A pidfd of somebody else leads to namespaces that are not the registered ones. */
static void test_pidfd_of_another(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	pidfd_of = getpid();
	result = request_serve(&request);
	pidfd_of = 0;
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_true(result.step == WORKER_STEP_SETNS || result.step == WORKER_STEP_VERIFY);
	assert_int_equal(fake->attached, 0);
	assert_null(output("ran"));
	assert_nothing_left();
}

static void test_cgroup1_elsewhere(void **state)
{
	(void)state;
	require_root();
	fake->cgroup1 = true;
	assert_leader_refused(WORKER_STEP_CGROUP, EOPNOTSUPP);
}

static void leader_move(const char *below)
{
	char path[128], pid[16];

	snprintf(path, sizeof(path), "%s%s/cgroup.procs", boundary, below);
	snprintf(pid, sizeof(pid), "%d", leader);
	file_put(path, pid);
}

static void assert_served_in(const char *cgroup)
{
	struct worker_request request;
	char *where;

	info_set(UPCALL_CLASS_KEY, "cat /proc/self/cgroup >where");
	request = request_of(WORKER_BECOME);
	assert_int_equal(request_serve(&request).outcome, WORKER_SERVED);
	where = output("where");
	assert_non_null(where);
	assert_line(where, cgroup);
	assert_nothing_left();
}

/* What the worker keeps open of the last upcall is not where the next one goes. */
static void test_leader_moves(void **state)
{
	char path[128], home[64], below[64];

	(void)state;
	require_root();
	snprintf(home, sizeof(home), "/%s/upcall-99\n", boundary_name);
	snprintf(below, sizeof(below), "/%s/below/upcall-99\n", boundary_name);
	snprintf(path, sizeof(path), "%s/below", boundary);
	for (int i = 0; i < 2; i++) {
		assert_served_in(home);
		assert_int_equal(mkdir(path, 0755), 0);
		leader_move("/below");
		assert_served_in(below);
		assert_served_in(below);
		leader_move("");
		/* and made anew in the next turn, it is another one of that name */
		assert_int_equal(rmdir(path), 0);
	}
}

/* A boundary that the leader is not in is no boundary of its container. */
static void test_leader_elsewhere(void **state)
{
	struct worker_request request;
	struct stat status;
	char path[128];

	(void)state;
	require_root();
	snprintf(path, sizeof(path), "%s/below", boundary);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(stat(path, &status), 0);
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	snprintf(request.cgroup, sizeof(request.cgroup), "%s/below", boundary_name);
	request.cgroup_id = status.st_ino;
	assert_refused(&request, WORKER_STEP_CGROUP, EKEYREJECTED);
	assert_int_equal(rmdir(path), 0);
}

/* */
static void each_step(void)
{
	for (int step = WORKER_STEP_REQUEST; step <= WORKER_STEP_EXEC; step++) {
		struct worker_request request;
		struct worker_result result;

		require_root();
		info_set(UPCALL_CLASS_KEY, "echo >ran");
		request = request_of(WORKER_BECOME);
		fault_step = (enum worker_step)step;
		if (step < WORKER_STEP_EXEC) {
			assert_refused(&request, (enum worker_step)step, EIO);
			assert_int_equal(fake->attached, 0);
			continue;
		}
		result = request_serve(&request);
		assert_int_equal(result.outcome, WORKER_EXEC_FAILED);
		assert_null(output("ran"));
	}
}

static void test_each_step(void **state)
{
	(void)state;
	each_step();
}

/* Who enters is a sibling of the child that was forked; everything else is the same. */
static void test_without_user_namespace(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	without_user_ns();
	leader_replace(0, false);
	info_set(UPCALL_CLASS_KEY, "exit 3");
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_HANDLER_FAILED);
	assert_int_equal(result.wait_status, 3 << 8);
	assert_int_equal(fake->attached, 1);
	assert_int_not_equal(result.handler_pid, 0);
	assert_nothing_left();
	/* its failure may be heard of before its birth: its status is its own all the same */
	for (int i = 0; i < 20; i++) {
		require_root();
		info_set(UPCALL_CLASS_KEY, "");
		request = request_of(WORKER_BECOME);
		strcpy(request.program, "/nonexistent");
		result = request_serve(&request);
		assert_int_equal(result.outcome, WORKER_EXEC_FAILED);
		assert_int_equal(result.wait_status, 127 << 8);
	}
	each_step();
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	fake->wrong_ns = 1u << UPCALL_NS_PID;
	assert_refused(&request, WORKER_STEP_VERIFY, EKEYREJECTED);
	if (has_user_ns) {
		leader_namespaces |= CLONE_NEWUSER;
		own_ns |= 1u << UPCALL_NS_USER;
		leader_replace(0, false);
	}
}

/* A connection that the worker has given up is the daemon's to make anew. */
static void connect_again(void)
{
	int sockets[2];

	if (connection_is_any(&hands))
		return;
	close(broker_fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	broker_fd = sockets[1];
	assert_int_equal(connection_add(&hands, sockets[0]), 0);
}

/* Has the worker taken what was sent, and nothing of it left? */
static bool is_over(void)
{
	struct pollfd unread = { .fd = hands.connections[0].watch.fd, .events = POLLIN };

	if (!connection_is_any(&hands))
		return true;
	return !hands.requests && poll(&unread, 1, 0) == 0;
}

/*
 * The number-th call of the worker fails, and that of each child that has not made
 * so many before it was forked. The number of calls that the worker made.
 */
static unsigned long call_fails(unsigned long number)
{
	struct worker_request request;
	struct worker_result result;
	struct pollfd upcall = { .events = POLLIN };
	int64_t limit = loop_now_ms() + 20000;
	int ends[2];

	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	request_put_fd(&request, ends[1]);
	failing_set(number, 0);
	while (!is_over()) {
		if (loop_now_ms() > limit)
			fail_msg("call %lu (%s): no end", number, failing_name());
		failing_arm(true);
		loop_run(&hands.loop, loop_now_ms() + 20);
		request_expire(&hands);
		failing_arm(false);
	}
	(void)!recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT);
	connect_again();
	/* nobody keeps the upcall: if it was not answered, the kernel offers it again */
	upcall.fd = ends[0];
	if (poll(&upcall, 1, 1000) != 1 || !(upcall.revents & POLLHUP))
		fail_msg("call %lu (%s): the upcall is kept", number, failing_name());
	close(ends[0]);
	return failing_count();
}

/* A-56 for the hands: whatever fails, the handler has run, or the requester was told that it did
 * not. */
static void each_call(void)
{
	unsigned long calls, number = 0;

	do {
		bool ran;

		require_root();
		calls = call_fails(++number);
		ran = output("ran");
		if (fake->completed > 1 || (fake->completed && ran))
			fail_msg("call %lu (%s): answered twice", number, failing_name());
		/* nobody else would remove it */
		if (!strcmp(failing_name(), "unlinkat"))
			leaf_remove_by_hand();
		assert_nothing_left();
	} while (number < calls + 60);
	print_message("%lu calls\n", calls);
	/* else the counting itself is broken */
	assert_true(calls > 20);
}

static void test_each_call(void **state)
{
	(void)state;
	each_call();
}

#define REFUSED(step, error, change)                     \
	do {                                             \
		struct worker_request request;           \
		require_root();                          \
		info_set(UPCALL_CLASS_KEY, "echo >ran"); \
		request = request_of(WORKER_BECOME);     \
		change;                                  \
		assert_refused(&request, step, error);   \
	} while (0)

static void test_refused(void **state)
{
	(void)state;
	REFUSED(WORKER_STEP_REQUEST, EINVAL, request.run_ms = 0);
	REFUSED(WORKER_STEP_INFO, EKEYREJECTED, fake_info.id = 98);
	REFUSED(WORKER_STEP_INFO, EKEYREJECTED, fake_info.class = UPCALL_CLASS_OTHER);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.leader = (uint32_t)getpid());
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.start_time++);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.container++);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.net_cookie++);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.ns[UPCALL_NS_UTS]++);
	REFUSED(WORKER_STEP_LEADER, EKEYREJECTED, request.ns[UPCALL_NS_TIME]++);
	REFUSED(WORKER_STEP_CGROUP, EKEYREJECTED, request.cgroup_id++);
	REFUSED(WORKER_STEP_CGROUP, 0, (request.cgroup_id++, strcpy(request.cgroup, "../proc")));
	REFUSED(WORKER_STEP_CGROUP, ENOENT,
		(request.cgroup_id++, strcpy(request.cgroup, "nonexistent")));
	REFUSED(WORKER_STEP_FORK, ENOEXEC, (fake_info.path = (struct tags_text){ "sh", 2 }));
	REFUSED(WORKER_STEP_VERIFY, EKEYREJECTED, fake->wrong_cgroup = true);
	for (int i = 0; i < UPCALL_NS_COUNT; i++)
		if (own_ns & 1u << i)
			REFUSED(WORKER_STEP_VERIFY, EKEYREJECTED, fake->wrong_ns = 1u << i);
	REFUSED(WORKER_STEP_ATTACH, EPERM, fake->attach_error = EPERM);
}

/* A file that somebody else answers for: nothing is asked of it. */
static void test_no_upcall_fd(void **state)
{
	const int fds[] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };
	struct worker_request request;
	int sockets[2];
	char byte;

	(void)state;
	require_root();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(connection_add(&hands, sockets[0]), 0);
	fake->no_upcall = true;
	info_set(UPCALL_CLASS_KEY, "touch ran");
	request = request_of(WORKER_BECOME);
	fds_put(sockets[1], &request, sizeof(request), fds, 2);
	assert_int_equal(loop_run(&hands.loop, loop_now_ms() + 1000), 1);
	assert_int_equal(recv(sockets[1], &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(fake->completed, 0);
	assert_null(hands.requests);
	assert_null(output("ran"));
	close(sockets[1]);
	close(fds[0]);
	close(fds[1]);
}

/* In the leader's pid namespace: connects, and stays until the pipe is closed. */
static void inside_connect(const struct sockaddr_un *address, socklen_t size, int pipe_fd)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char byte;

	if (connect(fd, (const struct sockaddr *)address, size) < 0 || read(pipe_fd, &byte, 1) != 0)
		_exit(1);
	_exit(0);
}

/* Root, but not of the host. */
static void test_peer_inside(void **state)
{
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), pipe_fds[2], fd, status;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);
	pid_t pid;

	(void)state;
	require_root();
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pipe_fds[1]);
		if (setns((int)syscall(SYS_pidfd_open, leader, 0), CLONE_NEWPID) < 0)
			_exit(1);
		pid = fork();
		if (pid == 0)
			inside_connect(&address, size, pipe_fds[0]);
		_exit(waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1);
	}
	/* cppcheck-suppress nullPointer ; accept4() needs no address to fill */
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(connection_add(&hands, fd), -EPERM);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(listener);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Each request has a result, else upcalld would take us to hang. */
static void test_no_room(void **state)
{
	struct worker_result result = { 0 };
	struct worker_request request;
	unsigned int watched;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "touch ran");
	request = request_of(WORKER_BECOME);
	watched = hands.loop.count;
	hands.loop.count = WATCH_MAX;
	request_start(&hands, hands.next_connection_id, &request, eventfd(0, EFD_CLOEXEC),
		      eventfd(0, EFD_CLOEXEC), -1);
	hands.loop.count = watched;
	assert_int_equal(recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT), sizeof(result));
	assert_int_equal(result.id, 99);
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_int_equal(result.error, ENOSPC);
	assert_int_equal(fake->completed, 1);
	assert_null(hands.requests);
	assert_null(output("ran"));
}

static void test_revoked(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	fake->attach_error = ESTALE;
	request = request_of(WORKER_BECOME);
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_GONE);
	assert_null(output("ran"));
}

/* Writing asks for it; it is done a moment later. */
static void frozen_await(void)
{
	int64_t limit = loop_now_ms() + 20000;
	char path[128], text[128];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.events", boundary);
	do {
		assert_true(loop_now_ms() < limit);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		size = read(fd, text, sizeof(text) - 1);
		assert_true(size > 0);
		text[size] = '\0';
		close(fd);
	} while (!strstr(text, "frozen 1"));
}

static void test_frozen(void **state)
{
	struct worker_request request;
	char path[128];

	(void)state;
	require_root();
	snprintf(path, sizeof(path), "%s/cgroup.freeze", boundary);
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	file_put(path, "1");
	frozen_await();
	assert_refused(&request, WORKER_STEP_CGROUP, EBUSY);
	file_put(path, "0");
}

static void test_leader_dead(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	info_set(UPCALL_CLASS_KEY, "echo >ran");
	request = request_of(WORKER_BECOME);
	kill(leader, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)leader, NULL, WEXITED | WNOWAIT), 0);
	/* a zombie: it has the pid still, and no namespaces any more */
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_null(output("ran"));
	waitpid(leader, NULL, 0);
	leader_start();
}

/* --------------------------------------------------------------------- answers */

static void answer_info_set(const char *type, const char *description)
{
	info_set(UPCALL_CLASS_KEY, "");
	fake_info.key = (struct tags_key){
		.present = true,
		.serial = FAKE_SERIAL,
		.type = { type, strlen(type) },
		.description = { description, strlen(description) },
	};
}

static void program_put(const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/answer", out);
	file = fopen(path, "we");
	fprintf(file, "#!/bin/sh\ncd %s\n%s\n", out, text);
	fclose(file);
	chmod(path, 0755);
}

static struct worker_result answer_serve(const char *text)
{
	struct worker_request request = request_of(WORKER_ANSWER_PROGRAM);

	program_put(text);
	snprintf(request.program, sizeof(request.program), "%s/answer", out);
	return request_serve(&request);
}

static void test_answer(void **state)
{
	struct worker_result result;

	(void)state;
	require_root();
	answer_info_set("dns_resolver", "server.example");
	result = answer_serve("tr '\\0' '\\n' </proc/self/environ >environ; echo $#$* >arg;"
			      "ls /proc/self/fd >fds; echo ttl=42; echo 192.0.2.1,192.0.2.2;"
			      "sleep 100 &");
	assert_int_equal(result.error, 0);
	assert_int_equal(result.outcome, WORKER_SERVED);
	assert_int_equal(fake->attached, 1);
	assert_int_equal(fake->instantiated, 1);
	assert_int_equal(fake->completed, 0);
	assert_int_equal(fake->timeout, 42);
	assert_string_equal(fake->payload, "192.0.2.1");
	assert_string_equal(output("arg"), "0\n"); /* it could look like an option */
	assert_string_equal(output("environ"), "UPCALL_KEY_TYPE=dns_resolver\n"
					       "UPCALL_KEY_DESCRIPTION=server.example\n");
	assert_string_equal(output("fds"), "0\n1\n2\n3\n");
	assert_nothing_left();
}

/* Others have used up the quota of keys: of our uid, then of the container's. */
static void test_keys_used_up(void **state)
{
	(void)state;
	require_root();
	assert_int_equal(guard_process(), 0);
	assert_true(fake->session_revoked);
	fake->keys_error = EDQUOT;
	assert_int_equal(guard_process(), 0);
	/* one that is alive is somebody's */
	fake->session_revoked = false;
	assert_int_equal(guard_process(), -EDQUOT);
	fake->keys_error = ENOMEM;
	assert_int_equal(guard_process(), -ENOMEM);

	answer_info_set("dns_resolver", "server.example");
	assert_int_equal(answer_serve("echo 192.0.2.1").step, WORKER_STEP_LIMITS);
	fake->keys_error = EDQUOT;
	assert_int_equal(answer_serve("echo 192.0.2.1").outcome, WORKER_SERVED);
	assert_nothing_left();
}

static void test_answer_bad(void **state)
{
	static const struct {
		const char *desc, *text;
		enum worker_outcome outcome;
	} cases[] = {
		{ "not an address", "echo localhost", WORKER_BAD_ANSWER },
		{ "nothing", "true", WORKER_BAD_ANSWER },
		{ "too much", "head -c 100000 /dev/zero", WORKER_BAD_ANSWER },
		{ "failed after printing", "echo 192.0.2.1; exit 2", WORKER_HANDLER_FAILED },
		{ "killed after printing", "echo 192.0.2.1; kill -9 $$", WORKER_HANDLER_KILLED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct worker_result result;

		require_root();
		answer_info_set("dns_resolver", "server.example");
		result = answer_serve(cases[i].text);
		if (result.outcome != cases[i].outcome)
			fail_msg("%s: outcome %u, step %u, error %d", cases[i].desc, result.outcome,
				 result.step, result.error);
		assert_int_equal(fake->attached, 0);
		assert_int_equal(fake->completed, 1);
		assert_int_equal(fake->complete_error, ENOKEY);
		assert_nothing_left();
	}
}

static void test_answer_timeout(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	answer_info_set("dns_resolver", "server.example");
	program_put("echo 192.0.2.1; sleep 100");
	request = request_of(WORKER_ANSWER_PROGRAM);
	snprintf(request.program, sizeof(request.program), "%s/answer", out);
	request.run_ms = 300;
	result = request_serve(&request);
	assert_int_equal(result.outcome, WORKER_HANDLER_TIMEOUT);
	assert_int_equal(fake->attached, 0);
	assert_int_equal(fake->complete_error, ETIMEDOUT);
	assert_nothing_left();
}

static void test_answer_each_step(void **state)
{
	(void)state;
	for (int step = WORKER_STEP_REQUEST; step <= WORKER_STEP_INSTANTIATE; step++) {
		struct worker_result result;

		if (step == WORKER_STEP_ATTACH) /* not of the table here */
			continue;
		require_root();
		answer_info_set("dns_resolver", "server.example");
		fault_step = (enum worker_step)step;
		result = answer_serve("echo 192.0.2.1");
		if (result.outcome == WORKER_SERVED || (int)result.step != step)
			fail_msg("step %d: outcome %u, step %u, error %d", step, result.outcome,
				 result.step, result.error);
		assert_int_equal(fake->instantiated, 0);
		/* one ending, whoever had it */
		assert_int_equal(fake->completed + fake->attached, 1);
		assert_nothing_left();
	}
}

static void test_dns(void **state)
{
	struct worker_request request;
	struct worker_result result;

	(void)state;
	require_root();
	answer_info_set("dns_resolver", "a:192.0.2.7"); /* a minimal root has no hosts file */
	request = request_of(WORKER_ANSWER_DNS);
	result = request_serve(&request);
	assert_int_equal(result.error, 0);
	assert_int_equal(result.outcome, WORKER_SERVED);
	assert_string_equal(fake->payload, "192.0.2.7");
	assert_nothing_left();
}

/* -------------------------------------------------------------------- visits */

/* A visitor: the other ends of what the command has, and of the channel. */
struct visitor {
	int channel;
	int fds[3];
};

static uint64_t visit_id = 99;
static enum worker_handler visit_handler = WORKER_VISIT;

static void visitor_come(struct visitor *visitor, const char *arguments, size_t size, bool file)
{
	int sockets[2], theirs[3];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
		visitor->fds[i] = sockets[0];
		theirs[i] = sockets[1];
	}
	if (file) {
		int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_true(dup3(directory, theirs[1], O_CLOEXEC) >= 0);
		close(directory);
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	visitor->channel = sockets[0];
	fds_put(visitor->channel, arguments, size, theirs, 3);
	for (int i = 0; i < 3; i++)
		close(theirs[i]);
	/* the broker's part */
	{
		struct worker_request request = request_of(visit_handler);
		int fds[3] = { eventfd(0, EFD_CLOEXEC), (int)syscall(SYS_pidfd_open, leader, 0),
			       sockets[1] };

		request.class = UPCALL_CLASS_OTHER;
		request.id = visit_id;
		request.run_ms = 600000; /* longer than any test waits */
		fds_put(broker_fd, &request, sizeof(request), fds, 3);
		for (int i = 0; i < 3; i++)
			close(fds[i]);
	}
}

static void visitor_go(struct visitor *visitor)
{
	close(visitor->channel);
	for (int i = 0; i < 3; i++)
		close(visitor->fds[i]);
}

static void hands_turn(int64_t limit)
{
	assert_true(loop_now_ms() < limit);
	loop_run(&hands.loop, loop_now_ms() + 20);
	request_expire(&hands);
}

static struct worker_result visit_serve(const struct visitor *visitor)
{
	struct worker_result result = { 0 };
	int64_t limit = loop_now_ms() + 20000;

	while (recv(visitor->channel, &result, sizeof(result), MSG_DONTWAIT) != sizeof(result))
		hands_turn(limit);
	assert_int_equal(result.id, 99);
	assert_null(hands.requests);
	/* upcalld is told nothing: it asked for nothing */
	assert_int_equal(recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT), -1);
	return result;
}

#define SHELL(text) "/bin/sh\0-c\0" text, sizeof("/bin/sh\0-c\0" text)

static void test_visit(void **state)
{
	struct worker_result result;
	struct visitor visitor;
	char text[4096] = "";

	(void)state;
	require_root();
	visitor_come(&visitor,
		     SHELL("read a; echo $a; env; grep -E '^(CapInh|CapAmb|Uid|Groups)' "
			   "/proc/self/status; ls /proc/self/fd; echo words >&2; exit 7"),
		     false);
	assert_int_equal(write(visitor.fds[0], "hello\n", 6), 6);
	result = visit_serve(&visitor);
	if (result.outcome != WORKER_HANDLER_FAILED)
		fail_msg("outcome %u, step %u, error %d", result.outcome, result.step,
			 result.error);
	assert_int_equal(WEXITSTATUS(result.wait_status), 7);
	assert_true(result.handler_pid > 0);
	assert_true(recv(visitor.fds[1], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_line(text, "hello\n");
	assert_line(text, "HOME=/\n");
	assert_line(text, "PATH=/sbin:/bin:/usr/sbin:/usr/bin\n");
	assert_line(text, "Uid:\t0\t0\t0\t0\n");
	assert_line(text, "Groups:\t \n");
	assert_line(text, "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n");
	/* 3 is the directory that ls reads */
	assert_line(text, "0\n1\n2\n3\n");
	assert_null(strstr(text, "\n4\n"));
	memset(text, 0, sizeof(text));
	assert_true(recv(visitor.fds[2], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(text, "words\n");
	/* there was no upcall to answer */
	assert_int_equal(fake->attached, 0);
	assert_int_equal(fake->completed, 0);
	assert_nothing_left();
	visitor_go(&visitor);
}

static void test_visit_endings(void **state)
{
	static const struct {
		const char *desc;
		const char *arguments;
		size_t size;
		bool file;
		enum worker_outcome outcome;
		enum worker_step step;
		int error;
	} cases[] = {
		{ "well", SHELL("exit 0"), false, WORKER_SERVED, WORKER_STEP_NONE, 0 },
		{ "by a signal", SHELL("kill -9 $$"), false, WORKER_HANDLER_KILLED,
		  WORKER_STEP_NONE, 0 },
		{ "with children left", SHELL("sleep 100 & exit 0"), false, WORKER_SERVED,
		  WORKER_STEP_NONE, 0 },
		{ "no such program", "/nowhere", 9, false, WORKER_EXEC_FAILED, WORKER_STEP_EXEC,
		  ENOENT },
		{ "no path", "sh", 3, false, WORKER_ENTRY_FAILED, WORKER_STEP_REQUEST, EBADMSG },
		{ "no end", "/bin/sh", 7, false, WORKER_ENTRY_FAILED, WORKER_STEP_REQUEST,
		  EBADMSG },
		{ "a directory of the host", SHELL("exit 0"), true, WORKER_ENTRY_FAILED,
		  WORKER_STEP_REQUEST, ENOTSOCK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct worker_result result;
		struct visitor visitor;

		require_root();
		visitor_come(&visitor, cases[i].arguments, cases[i].size, cases[i].file);
		result = visit_serve(&visitor);
		if (result.outcome != cases[i].outcome || result.step != cases[i].step ||
		    result.error != cases[i].error)
			fail_msg("%s: outcome %u, step %u, error %d", cases[i].desc, result.outcome,
				 result.step, result.error);
		assert_nothing_left();
		visitor_go(&visitor);
	}
}

/* Each step of the table is a visit's, too, but the one that takes an upcall. */
static void test_visit_each_step(void **state)
{
	(void)state;
	for (int step = WORKER_STEP_REQUEST; step <= WORKER_STEP_EXEC; step++) {
		struct worker_result result;
		struct visitor visitor;

		if (step == WORKER_STEP_ATTACH)
			continue;
		require_root();
		fault_step = (enum worker_step)step;
		visitor_come(&visitor, SHELL("exit 0"), false);
		result = visit_serve(&visitor);
		if (result.outcome != WORKER_ENTRY_FAILED || (int)result.step != step)
			fail_msg("step %d: outcome %u, step %u, error %d", step, result.outcome,
				 result.step, result.error);
		assert_nothing_left();
		visitor_go(&visitor);
	}
}

static void test_visit_place(void **state)
{
	struct worker_result result;
	struct visitor visitor;

	(void)state;
	for (int i = 0; i < 2; i++) {
		require_root();
		fake->wrong_cgroup = i == 0;
		fake->wrong_ns = i == 1 ? 1u << UPCALL_NS_NET : 0;
		visitor_come(&visitor, SHELL("exit 0"), false);
		result = visit_serve(&visitor);
		assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
		assert_int_equal(result.step, WORKER_STEP_VERIFY);
		visitor_go(&visitor);
	}
}

/* Whoever watched has gone: so does what he had started, all of it. */
static void test_visitor_gone(void **state)
{
	int64_t limit = loop_now_ms() + 20000;
	struct visitor visitor;
	char byte;

	(void)state;
	require_root();
	visitor_come(&visitor, SHELL("sleep 100 & echo; sleep 100"), false);
	while (recv(visitor.fds[1], &byte, 1, MSG_DONTWAIT) != 1)
		hands_turn(limit);
	visitor_go(&visitor);
	while (hands.requests)
		hands_turn(limit);
	assert_nothing_left();
}

/* Handlers need the worker, too. */
static void test_visits_many(void **state)
{
	struct visitor visitors[WORKER_VISITS + 1];
	int64_t limit = loop_now_ms() + 20000;
	struct worker_result result;
	char byte;

	(void)state;
	require_root();
	for (int i = 0; i <= WORKER_VISITS; i++) {
		visit_id = 1000 + (uint64_t)i;
		visitor_come(&visitors[i], SHELL("echo; sleep 100"), false);
		while (i < WORKER_VISITS && recv(visitors[i].fds[1], &byte, 1, MSG_DONTWAIT) != 1)
			hands_turn(limit);
	}
	visit_id = 99;
	while (recv(visitors[WORKER_VISITS].channel, &result, sizeof(result), MSG_DONTWAIT) < 0)
		hands_turn(limit);
	assert_int_equal(result.outcome, WORKER_ENTRY_FAILED);
	assert_int_equal(result.step, WORKER_STEP_REQUEST);
	assert_int_equal(result.error, EUSERS);
	assert_int_equal(hands.request_count, WORKER_VISITS);
	for (int i = 0; i <= WORKER_VISITS; i++)
		visitor_go(&visitors[i]);
	while (hands.requests)
		hands_turn(limit);
	assert_nothing_left();
}

static struct worker_result probe_serve(struct visitor *visitor, const char *arguments, size_t size)
{
	struct worker_result result;

	visit_handler = WORKER_PROBE;
	visitor_come(visitor, arguments, size, false);
	visit_handler = WORKER_VISIT;
	result = visit_serve(visitor);
	assert_nothing_left();
	return result;
}

#define PROBE(text) "upcall-probe\0" text, sizeof("upcall-probe\0" text)

/* What raises upcalls: our own, from memory, without any power. */
static void test_probe(void **state)
{
	struct worker_result result;
	struct visitor visitor;
	char text[512] = "";

	(void)state;
	/* else the sibling looks where it was born, and the fake shim looks into /proc, which its
	 * filter forbids */
	require_user_namespaces();
#ifdef UPCALL_SANITIZE
	/* a sanitizer looks for itself in /proc, and takes the crash for its own */
	skip();
#endif
	result = probe_serve(&visitor, PROBE("module"));
	if (result.outcome != WORKER_SERVED)
		fail_msg("outcome %u, step %u, error %d", result.outcome, result.step,
			 result.error);
	assert_true(recv(visitor.fds[1], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_int_equal(strtol(text, NULL, 10), EAFNOSUPPORT);
	visitor_go(&visitor);

	result = probe_serve(&visitor, PROBE("core"));
	assert_int_equal(result.outcome, WORKER_HANDLER_KILLED);
	assert_int_equal(WTERMSIG(result.wait_status), SIGILL);
	visitor_go(&visitor);

	result = probe_serve(&visitor, PROBE("nonsense"));
	assert_int_equal(result.outcome, WORKER_HANDLER_FAILED);
	/* its status is 2, if no sanitizer at its end finds fault with being inside */
	assert_true(recv(visitor.fds[2], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_line(text, "usage: upcall-probe core | key TYPE DESCRIPTION | module\n");
	visitor_go(&visitor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_become),
		cmocka_unit_test(test_leader_moves),
		cmocka_unit_test(test_no_usable_id),
		cmocka_unit_test(test_pidfd_of_another),
		cmocka_unit_test(test_cgroup1_elsewhere),
		cmocka_unit_test(test_bound_leader),
		cmocka_unit_test(test_no_root_inside),
		cmocka_unit_test(test_leader_elsewhere),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_core),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_endings),
		cmocka_unit_test(test_reports_are_few),
		cmocka_unit_test(test_without_user_namespace),
		cmocka_unit_test(test_each_step),
		cmocka_unit_test(test_each_call),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_no_upcall_fd),
		cmocka_unit_test(test_peer_inside),
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_leader_dead),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_keys_used_up),
		cmocka_unit_test(test_answer_bad),
		cmocka_unit_test(test_answer_timeout),
		cmocka_unit_test(test_answer_each_step),
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_visit),
		cmocka_unit_test(test_visit_endings),
		cmocka_unit_test(test_visit_each_step),
		cmocka_unit_test(test_visit_place),
		cmocka_unit_test(test_visitor_gone),
		cmocka_unit_test(test_visits_many),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
