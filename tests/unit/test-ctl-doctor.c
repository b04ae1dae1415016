// SPDX-License-Identifier: GPL-2.0-or-later
/* What upcallctl doctor finds on machines with one fault each, and on a healthy one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "doctor.h"
#include "fake-daemon.h"
#include "text.h"

#define RELEASE "6.1.0-test"

static char root[64];
static const char *release = RELEASE;
static const char *dkms;	/* what dkms prints; NULL: there is none */
static const char *unit_states; /* of every unit */
static const char *machine;	/* by uname(2) */
static bool by_root;
static char whats[4096]; /* what was found last, a line each */

static int fake_capture(const char *const argv[], char *out, size_t room)
{
	const char *text = !strcmp(argv[0], "dkms") ? dkms : unit_states;

	if (!text)
		return -1;
	snprintf(out, room, "%s", text);
	return 0;
}

static void put(const char *path, const char *text, mode_t mode)
{
	char full[256];
	FILE *file;

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(full, sizeof(full), "%s%.*s", root, (int)(slash - path), path);
		(void)mkdir(full, 0755);
	}
	snprintf(full, sizeof(full), "%s%s", root, path);
	(void)unlink(full);
	if (!text)
		return;
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(full, mode), 0);
}

/* But for the device and the daemon, which no test can make. */
static int machine_make(void **state)
{
	char path[128];

	strcpy(root, "/tmp/upcall-doctor-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	dkms = NULL;
	unit_states = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n";
	put("/sys/module/upcall_shim/version", UPCALL_VERSION "\n", 0444);
	put("/sys/kernel/tracing/enabled_functions", "call_usermodehelper_exec (1) R I\n", 0444);
	put("/lib/modules/" RELEASE "/modules.dep", "updates/dkms/upcall_shim.ko.xz:\n", 0644);
	put("/proc/sys/kernel/ftrace_enabled", "1\n", 0644);
	put("/proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump\n", 0644);
	put("/proc/sys/kernel/core_pipe_limit", "16\n", 0644);
	put("/proc/sys/kernel/modprobe", "/sbin/modprobe\n", 0644);
	put("/proc/sys/kernel/usermodehelper/bset", "4294967295\t511\n", 0644);
	put("/proc/sys/fs/suid_dumpable", "2\n", 0644);
	machine = "x86_64";
	by_root = false;
	put("/run/systemd/system/x", "", 0644);
	put("/etc/upcalld.d/x", "", 0644);
	snprintf(path, sizeof(path), "%s/run/upcalld", root);
	return mkdir(path, 0755);
}

static int machine_free(void **state)
{
	char command[128];

	sprintf(command, "rm -rf '%s'", root);
	return system(command);
}

/* "id id ", notes with a '?' behind. What a test cannot make is left out. */
static const char *ids(char *mends, size_t room)
{
	static char out[1024];
	struct doctor doctor = { .root = root,
				 .release = release,
				 .machine = machine,
				 .capture = fake_capture,
				 .by_root = by_root };
	size_t used = 0;

	*mends = '\0';
	whats[0] = '\0';
	assert_int_equal(strv_append(&doctor.directories, "/etc/upcalld.d", 14), 0);
	assert_int_equal(doctor_run(&doctor), 0);
	out[0] = '\0';
	for (size_t i = 0; i < doctor.count; i++) {
		const struct finding *finding = &doctor.findings[i];

		print_message("%s: %s: %s\n", finding->kind->id, finding->what, finding->mend);
		if (!strcmp(finding->kind->id, "device-missing") ||
		    !strcmp(finding->kind->id, "daemon-unreachable"))
			continue;
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%s ", finding->kind->id,
					 finding->note ? "?" : "");
		snprintf(mends + strlen(mends), room - strlen(mends), "%s\n", finding->mend);
		snprintf(whats + strlen(whats), sizeof(whats) - strlen(whats), "%s\n",
			 finding->what);
	}
	doctor_clear(&doctor);
	return out;
}

static void test_files(void **state)
{
	static const struct {
		const char *path;
		const char *text; /* NULL: there is no such file */
		const char *ids;
		const char *mend; /* in one of the commands */
	} cases[] = {
		{ "/nothing", NULL, "", "" },
		{ "/sys/module/upcall_shim/version", "0.0.1\n", "module-version ", "modprobe -r" },
		{ "/sys/kernel/tracing/enabled_functions", "schedule (1)\n", "hook-missing ",
		  "modprobe -r" },
		{ "/sys/kernel/tracing/enabled_functions", NULL, "", "" },
		{ "/proc/sys/kernel/core_pattern", "core\n", "core-pattern-file? ",
		  "apt install systemd-coredump" },
		{ "/proc/sys/kernel/core_pipe_limit", "0\n", "core-pipe-limit? ", "=16" },
		{ "/proc/sys/fs/suid_dumpable", "1\n", "suid-dumpable ", "=2" },
		{ "/proc/sys/kernel/modprobe", "/tmp/x\n", "modprobe-path ", "=/sbin/modprobe" },
		{ "/proc/sys/kernel/modprobe", "\n", "modprobe-off? ", "=/sbin/modprobe" },
		{ "/proc/sys/kernel/modprobe", NULL, "", "" },
		{ "/proc/sys/kernel/usermodehelper/bset", "0\t0\n", "usermodehelper-bset ",
		  "reboot" },
		{ "/boot/config-" RELEASE,
		  "CONFIG_STATIC_USERMODEHELPER=y\nCONFIG_STATIC_USERMODEHELPER_PATH=\"\"\n",
		  "usermodehelper-off ", "reboot" },
		{ "/boot/config-" RELEASE,
		  "CONFIG_STATIC_USERMODEHELPER=y\nCONFIG_STATIC_USERMODEHELPER_PATH=\"/sbin/h\"\n",
		  "usermodehelper-static? ", "" },
		{ "/etc/upcalld.d/a.conf", "[Match]\nName=a\n[Nope]\nX=1\n[Core]\nY=1\n",
		  "policy-bad policy-bad ", "editor /etc/upcalld.d/a.conf && " },
		{ "/etc/upcalld.conf", "[Daemon]\nIdleExitSec=9\nRequireShim=yes\n", "", "" },
		{ "/etc/upcalld.conf", "[Daemon]\nIdleExitSec=x\n[Nope]\n",
		  "daemon-config-bad daemon-config-bad ", "editor /etc/upcalld.conf && " },
		{ "/run/upcalld.conf.d/a.conf", "IdleExitSec=1\n", "daemon-config-bad ",
		  "editor /run/upcalld.conf.d/a.conf && " },
		{ "/etc/upcalld.d/a.conf", "[Match]\nName=a\n[Core]\nRunIn=host\nHandler=/none\n",
		  "handler-missing ", "editor /etc/upcalld.d/a.conf" },
	};
	char mends[4096], before[4096], full[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *file;
		size_t size = 0;

		snprintf(full, sizeof(full), "%s%s", root, cases[i].path);
		file = fopen(full, "r");
		if (file) {
			size = fread(before, 1, sizeof(before) - 1, file);
			fclose(file);
		}
		before[size] = '\0';
		print_message("%s: %s\n", cases[i].path, cases[i].text ?: "none");
		put(cases[i].path, cases[i].text, 0644);
		assert_string_equal(ids(mends, sizeof(mends)), cases[i].ids);
		assert_non_null(strstr(mends, cases[i].mend));
		put(cases[i].path, file ? before : NULL, 0644);
	}
}

static void remove_module(void)
{
	put("/sys/module/upcall_shim/version", NULL, 0);
	char path[128];

	snprintf(path, sizeof(path), "%s/sys/module/upcall_shim", root);
	assert_int_equal(rmdir(path), 0);
}

static void test_no_module(void **state)
{
	char mends[4096];

	remove_module();
	assert_string_equal(ids(mends, sizeof(mends)), "module-not-loaded ");
	put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n", 0444);
	assert_string_equal(ids(mends, sizeof(mends)), "kernel-lockdown module-not-loaded ");
	put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n", 0444);
	put("/proc/sys/kernel/ftrace_enabled", "0\n", 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "ftrace-disabled module-not-loaded ");
	put("/proc/sys/kernel/ftrace_enabled", NULL, 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "kernel-no-ftrace module-not-loaded ");
	put("/proc/sys/kernel/ftrace_enabled", "1\n", 0644);
	put("/dev/upcall", "", 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "device-stale module-not-loaded ");
}

/* By its directory's number: another load of the module has another. */
static void test_drained(void **state)
{
	char mends[4096], path[128], number[32];
	struct stat st;

	snprintf(path, sizeof(path), "%s/sys/module/upcall_shim", root);
	assert_int_equal(stat(path, &st), 0);
	snprintf(number, sizeof(number), "%ju\n", (uintmax_t)st.st_ino);
	put("/run/upcalld/drained", number, 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "module-drained ");
	assert_string_equal(mends, "upcallctl drain --undo\n");
	snprintf(number, sizeof(number), "%ju\n", (uintmax_t)st.st_ino + 1);
	put("/run/upcalld/drained", number, 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "");
	put("/run/upcalld/drained", "\n", 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "");
}

static void test_not_built(void **state)
{
	char mends[4096];

	remove_module();
	put("/lib/modules/" RELEASE "/modules.dep", "kernel/fs/nfs.ko:\n", 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "module-missing ");
	dkms = "";
	assert_string_equal(ids(mends, sizeof(mends)), "module-missing ");
	dkms = "upcall-shim/0.1.0: added\n";
	assert_string_equal(ids(mends, sizeof(mends)), "module-not-built ");
	assert_non_null(strstr(mends, "apt install linux-headers-" RELEASE " && dkms"));
	put("/lib/modules/" RELEASE "/build/Makefile", "", 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "module-not-built ");
	assert_string_equal(mends, "dkms autoinstall -k " RELEASE " && modprobe upcall_shim\n");
}

/* This kernel's headers, and where its flavour can be told, those of the next one. */
static void test_headers(void **state)
{
	static const struct {
		const char *release;
		const char *packages;
	} cases[] = {
		{ "6.1.0-56-amd64", "linux-headers-6.1.0-56-amd64 linux-headers-amd64" },
		{ "6.1.0-56-cloud-amd64",
		  "linux-headers-6.1.0-56-cloud-amd64 linux-headers-cloud-amd64" },
		{ "6.1.0-56-686-pae", "linux-headers-6.1.0-56-686-pae linux-headers-686-pae" },
		{ "6.1.0-0.deb11.21-rt-arm64",
		  "linux-headers-6.1.0-0.deb11.21-rt-arm64 linux-headers-rt-arm64" },
		{ "6.12.118+deb13-cloud-amd64",
		  "linux-headers-6.12.118+deb13-cloud-amd64 linux-headers-cloud-amd64" },
		{ "6.8.0-31-generic", "linux-headers-6.8.0-31-generic linux-headers-generic" },
		{ "6.1.192-my-own", "linux-headers-6.1.192-my-own" },
		{ "6.1.192-1", "linux-headers-6.1.192-1" },
		{ "6.1.0-56-", "linux-headers-6.1.0-56-" },
		{ "6.1.0-56-{}", "linux-headers-'6.1.0-56-{}'" },
		{ "7.3.4", "linux-headers-7.3.4" },
	};
	char mends[4096], begin[256];

	remove_module();
	dkms = "upcall-shim/0.1.0: added\n";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		release = cases[i].release;
		assert_string_equal(ids(mends, sizeof(mends)), "module-not-built ");
		snprintf(begin, sizeof(begin), "apt install %s && dkms ", cases[i].packages);
		assert_memory_equal(mends, begin, strlen(begin));
	}
	release = RELEASE;
}

/* Debian's names of machines are not uname's. */
static void test_machines(void **state)
{
	static const struct {
		const char *machine;
		const char *mend;
	} cases[] = {
		{ "x86_64", "apt install linux-image-amd64 && reboot\n" },
		{ "aarch64", "apt install linux-image-arm64 && reboot\n" },
		{ "sparc", "apt list 'linux-image-*'\n" },
	};
	char mends[4096];

	put("/boot/config-" RELEASE,
	    "CONFIG_STATIC_USERMODEHELPER=y\nCONFIG_STATIC_USERMODEHELPER_PATH=\"\"\n", 0644);
	put("/proc/sys/kernel/ftrace_enabled", NULL, 0644);
	remove_module();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *second;

		machine = cases[i].machine;
		assert_string_equal(ids(mends, sizeof(mends)),
				    "kernel-no-ftrace module-not-loaded usermodehelper-off ");
		assert_int_equal(strncmp(mends, cases[i].mend, strlen(cases[i].mend)), 0);
		second = strstr(mends, "modprobe upcall_shim\n");
		assert_non_null(second);
		assert_string_equal(strchr(second, '\n') + 1, cases[i].mend);
	}
}

/* Cores and modules that a policy wants make faults of notes. */
static void test_wanted(void **state)
{
	char mends[4096];

	put("/etc/upcalld.d/a.conf", "[Match]\nName=a\n[Core]\nHandler=/x\n[Module]\nAllow=x\n",
	    0644);
	put("/proc/sys/kernel/core_pattern", "core\n", 0644);
	put("/proc/sys/kernel/modprobe", "\n", 0644);
	put("/usr/lib/sysctl.d/50-coredump.conf", "", 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "core-pattern-file modprobe-off ");
	assert_non_null(strstr(mends, "sysctl -p /usr/lib/sysctl.d/50-coredump.conf"));
	put("/etc/upcalld.d/a.conf", "[Match]\nName=a\n[Core]\nHandler=deny\n", 0644);
	assert_string_equal(ids(mends, sizeof(mends)), "core-pattern-file? modprobe-off? ");
}

/* Four units; the two sockets have to be active, one of them enabled. */
static void test_units(void **state)
{
	static const struct {
		const char *states;
		const char *ids;
		const char *mend;
	} cases[] = {
		{ "LoadState=masked\nActiveState=inactive\nUnitFileState=masked-runtime\n",
		  "unit-masked unit-masked unit-masked unit-masked ",
		  "systemctl unmask --runtime upcalld.socket && systemctl restart upcalld.socket\n" },
		{ "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n",
		  "unit-missing unit-missing unit-missing unit-missing ", "--reinstall upcalld" },
		{ "LoadState=loaded\nActiveState=failed\nUnitFileState=enabled\n",
		  "unit-failed unit-failed unit-failed unit-failed ", "reset-failed" },
		{ "LoadState=loaded\nActiveState=inactive\nUnitFileState=static\n",
		  "unit-inactive unit-inactive ", "systemctl restart upcalld-shim.socket\n" },
		{ "LoadState=loaded\nActiveState=active\nUnitFileState=disabled\n",
		  "unit-disabled ", "systemctl enable upcalld.socket\n" },
	};
	char mends[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unit_states = cases[i].states;
		assert_string_equal(ids(mends, sizeof(mends)), cases[i].ids);
		assert_non_null(strstr(mends, cases[i].mend));
	}
	/* no systemd */
	put("/run/systemd/system/x", NULL, 0666);
	char path[128];

	snprintf(path, sizeof(path), "%s/run/systemd/system", root);
	assert_int_equal(rmdir(path), 0);
	assert_string_equal(ids(mends, sizeof(mends)), "");
}

/* Somebody's own daemon, of another version. */
static void test_standalone(void **state)
{
	struct fake_daemon fake = { 0 };
	char mends[4096];

	unit_states = "LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n";
	fake_daemon_start(&fake);
	assert_string_equal(ids(mends, sizeof(mends)), "daemon-version ");
	fake_daemon_stop(&fake);
	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
	assert_string_equal(ids(mends, sizeof(mends)),
			    "unit-inactive unit-disabled unit-inactive ");
}

static void set_mode(const char *path, mode_t mode)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(chmod(full, mode), 0);
}

static void test_modes(void **state)
{
	char mends[4096];

	if (geteuid() != 0)
		skip();
	put("/etc/upcalld.d/a b.conf", "[Match]\nName=a\n", 0664);
	put("/etc/upcalld.d/a b.conf.d/x.conf", "[Core]\nHandler=deny\n", 0646);
	set_mode("/etc/upcalld.d", 0777);
	set_mode("/run/upcalld", 0775);
	assert_string_equal(ids(mends, sizeof(mends)),
			    "policy-directory-mode policy-mode policy-mode state-directory ");
	assert_non_null(strstr(mends, "chmod go-w '/etc/upcalld.d/a b.conf' &&"));
	set_mode("/etc/upcalld.d", 0755);
	set_mode("/etc/upcalld.d/a b.conf", 0644);
	set_mode("/etc/upcalld.d/a b.conf.d/x.conf", 0644);
	set_mode("/run/upcalld", 0755);
	assert_string_equal(ids(mends, sizeof(mends)), "");
	set_mode("/run/upcalld", 0000);
	put("/run/upcalld/x", NULL, 0);
	machine_free(state);
	assert_non_null(strstr(ids(mends, sizeof(mends)), "state-directory "));
}

/* Names of cgroups may be a user's choice, and root copies the command. */
static void test_tombstone(void **state)
{
	static const struct {
		const char *cgroup;
		const char *mends;
		bool derived;
	} cases[] = {
		{ "/web", "systemctl restart upcalld.service\n"
			  "echo 1 >/sys/fs/cgroup/web/cgroup.kill\n" },
		{ "user.slice/c;x 'y'/$(z)", "systemctl restart upcalld.service\n"
					     "echo 1 >/sys/fs/cgroup/'user.slice/c;x '\\''y'\\''/"
					     "$(z)'/cgroup.kill\n" },
		{ "machine.slice/nspawn@my\\x2dct.service",
		  "systemctl restart upcalld.service\n"
		  "echo 1 >/sys/fs/cgroup/'machine.slice/nspawn@my\\x2dct.service'/cgroup.kill\n" },
		{ "", "systemctl restart upcalld.service\nupcallctl unregister c0\n" },
		/* it may be who asks us */
		{ "/session", "systemctl restart upcalld.service\nupcallctl unregister c0\n",
		  true },
	};
	char mends[4096];

	by_root = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .containers = 1,
					    .cgroup = cases[i].cgroup,
					    .cgroup_derived = cases[i].derived };

		fake_daemon_start(&fake);
		assert_string_equal(ids(mends, sizeof(mends)), "daemon-version tombstone ");
		fake_daemon_stop(&fake);
		assert_string_equal(mends, cases[i].mends);
		/* it may hold what is the host's */
		if (i == 2)
			assert_non_null(strstr(whats, "the command kills everything there"));
	}
	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
}

/* The fake's containers are led by process 4711. */
static void test_seccomp(void **state)
{
	static const struct {
		const char *status;
		const char *scope;
		const char *handler;
		const char *ids;
	} cases[] = {
		{ "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n", "3\n", "",
		  "container-seccomp? " },
		{ "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n", "2\n", "", "" },
		{ "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n", NULL, "", "" },
		{ "Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n", "3\n", "", "" },
		{ "Name:\tx\nSeccomp:\t2\n", "3\n", "RunIn=host\n", "" },
		{ "Name:\tx\nSeccomp:\t2\n", "3\n", "Handler=dns\n", "" },
		{ NULL, "3\n", "", "" },
	};
	char mends[4096], policy[128], expected[128];

	by_root = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_daemon fake = { .containers = 1 };

		put("/proc/4711/status", cases[i].status, 0444);
		put("/proc/sys/kernel/yama/ptrace_scope", cases[i].scope, 0444);
		snprintf(policy, sizeof(policy), "[Match]\nName=c*\n[Key]\n%s", cases[i].handler);
		put("/etc/upcalld.d/c.conf", policy, 0644);
		fake_daemon_start(&fake);
		snprintf(expected, sizeof(expected), "daemon-version config-stale %s",
			 cases[i].ids);
		assert_string_equal(ids(mends, sizeof(mends)), expected);
		fake_daemon_stop(&fake);
	}
	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
}

/* By the time of change; whatever is in a policy's place counts, nothing else does. */
static void test_unread(void **state)
{
	struct timespec now;
	struct fake_daemon before = { 0 }, after = { 0 };
	char mends[4096];

	put("/etc/upcalld.d/c.conf.d/1.conf", "[Core]\nHandler=deny\n", 0644);
	put("/etc/upcalld.d/c.conf", "[Match]\nName=c\n", 0644);
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	before.config_read = (uint64_t)(now.tv_sec - 3600) * 1000000;
	after.config_read = (uint64_t)(now.tv_sec + 3600) * 1000000;
	fake_daemon_start(&before);
	assert_string_equal(ids(mends, sizeof(mends)),
			    "daemon-version policy-unread? policy-unread? ");
	assert_non_null(strstr(mends, "\nupcallctl reload\n"));
	assert_non_null(strstr(whats, "/etc/upcalld.d/c.conf.d/1.conf was changed"));
	fake_daemon_stop(&before);
	fake_daemon_start(&after);
	assert_string_equal(ids(mends, sizeof(mends)), "daemon-version ");
	fake_daemon_stop(&after);
	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
}

/* Between what was before and what comes: times of files are as coarse as the clock's tick. */
static uint64_t read_now(void)
{
	struct timespec now;

	usleep(20000);
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	usleep(20000);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void link_to(const char *target, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	(void)unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

/* What no file that is there can tell: one has gone, or another one is in its place. */
static void test_unread_gone(void **state)
{
	struct fake_daemon fake = { 0 };
	char mends[4096];

	put("/etc/upcalld.d/c.conf", "[Match]\nName=c\n", 0644);
	put("/etc/upcalld.d/c.conf.d/1.conf", "[Core]\nHandler=deny\n", 0644);
	put("/srv/b", "[Match]\nName=b\n", 0644);
	link_to("../../srv/b", "/etc/upcalld.d/b.conf");
	fake.config_read = read_now();
	fake_daemon_start(&fake);
	assert_string_equal(ids(mends, sizeof(mends)), "daemon-version ");
	put("/etc/upcalld.d/c.conf.d/1.conf", NULL, 0);
	assert_string_equal(ids(mends, sizeof(mends)), "daemon-version policy-unread? ");
	assert_non_null(strstr(whats,
			       "/etc/upcalld.d/c.conf.d was changed after the policies had "
			       "been read: a file may have been added, removed or renamed\n"));
	/* and of its directory there is nothing more to say */
	link_to("../../srv/b", "/etc/upcalld.d/b.conf");
	assert_string_equal(ids(mends, sizeof(mends)),
			    "daemon-version policy-unread? policy-unread? ");
	assert_non_null(strstr(whats, "/etc/upcalld.d/b.conf was changed"));
	assert_null(strstr(whats, "/etc/upcalld.d was changed"));
	fake_daemon_stop(&fake);

	fake.config_read = read_now();
	fake_daemon_start(&fake);
	put("/etc/upcalld.d/b.conf", NULL, 0);
	assert_string_equal(ids(mends, sizeof(mends)), "daemon-version policy-unread? ");
	assert_non_null(strstr(whats, "/etc/upcalld.d was changed"));
	fake_daemon_stop(&fake);
	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
}

/* The command shows what keeps it from being used. */
static void test_unused(void **state)
{
	struct fake_daemon nobody = { 0 }, one = { .containers = 1 };
	struct fake_daemon users = { .listed = "1000-c7", .listed_uid = 1000 };
	char mends[4096];

	by_root = true;
	put("/etc/upcalld.d/web.conf", "[Match]\nName=c*\n", 0644);
	fake_daemon_start(&nobody);
	assert_string_equal(ids(mends, sizeof(mends)), "daemon-version policy-unused? ");
	assert_string_equal(strchr(mends, '\n') + 1, "upcallctl register --help\n");
	fake_daemon_stop(&nobody);
	put("/etc/upcalld.d/all.conf", "[Match]\nName=*\n", 0644);
	fake_daemon_start(&one);
	assert_string_equal(ids(mends, sizeof(mends)),
			    "daemon-version config-stale policy-unused? ");
	assert_non_null(strstr(mends, "\nupcallctl config c0\n"));
	fake_daemon_stop(&one);
	/* a user's is another one than root's of that name */
	put("/etc/upcalld.d/alice.conf", "[Match]\nUser=1000\n", 0644);
	put("/etc/upcalld.d/users.conf", "[Match]\nUser=*\n", 0644);
	fake_daemon_start(&users);
	(void)ids(mends, sizeof(mends));
	assert_non_null(strstr(mends, "\nupcallctl config --user 1000 c7\n"));
	fake_daemon_stop(&users);
	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
}

/* Who may write in a directory of policies may name a file. */
static void test_names(void **state)
{
	char mends[4096];

	if (geteuid() != 0)
		skip();
	put("/etc/upcalld.d/a';reboot;'.conf", "[Match]\nName=a\n", 0664);
	assert_string_equal(ids(mends, sizeof(mends)), "policy-mode ");
	assert_string_equal(mends, "chown root:root '/etc/upcalld.d/a'\\'';reboot;'\\''.conf' && "
				   "chmod go-w '/etc/upcalld.d/a'\\'';reboot;'\\''.conf' && "
				   "upcallctl reload\n");
}

/* A name that a terminal would obey is shown and not used. */
static void test_controls(void **state)
{
	char mends[4096];

	if (geteuid() != 0)
		skip();
	put("/etc/upcalld.d/a\033]0;x\007.conf", "[Match]\nName=a\n[Nope]\n", 0644);
	put("/etc/upcalld.d/b\302\233m.conf", "[Match]\nName=b\n", 0664);
	put("/proc/sys/kernel/core_pattern", "a\033\\\n", 0644);
	assert_string_equal(ids(mends, sizeof(mends)),
			    "policy-mode policy-bad core-pattern-file? ");
	assert_string_equal(mends, "\n\napt install systemd-coredump\n");
	assert_null(strpbrk(whats, "\033\007\302\233"));
	assert_non_null(strstr(whats, "/etc/upcalld.d/a\\x1b]0;x\\x07.conf:3: unknown section"));
	assert_non_null(strstr(whats, "/etc/upcalld.d/b\\xc2\\x9bm.conf has mode 0664"));
	assert_non_null(strstr(whats, "kernel.core_pattern is 'a\\x1b\\', no pipe"));
}

/* What a shell takes from it is the word. */
static void test_command(void **state)
{
	static const char *const words[] = { "/etc/upcalld.d/a.conf",
					     "",
					     "a b",
					     "'",
					     "a'b'",
					     "\\x2d\\",
					     "$(echo x)`echo x`${x}",
					     "a;b&c|d>e<f",
					     "\"*?[a]#~!",
					     "a\nb",
					     "{}",
					     "\303\244" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *command = doctor_command("printf '%s|' {} x{}", words[i]);
		char taken[128] = "", expected[128];
		FILE *shell = popen(command, "r"); /* lint: it is what is tested */

		assert_non_null(shell);
		taken[fread(taken, 1, sizeof(taken) - 1, shell)] = '\0';
		assert_int_equal(pclose(shell), 0);
		snprintf(expected, sizeof(expected), "%s|x%s|", words[i], words[i]);
		assert_string_equal(taken, expected);
		free(command);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, machine_make, machine_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files),   TEST(test_no_module),   TEST(test_not_built),
		TEST(test_wanted),  TEST(test_units),	    TEST(test_standalone),
		TEST(test_modes),   TEST(test_tombstone),   TEST(test_names),
		TEST(test_command), TEST(test_controls),    TEST(test_machines),
		TEST(test_drained), TEST(test_seccomp),	    TEST(test_unused),
		TEST(test_unread),  TEST(test_unread_gone), TEST(test_headers),
	};

	setenv("UPCALLD_SOCKET", "/nonexistent/control", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
