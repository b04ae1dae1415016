// SPDX-License-Identifier: GPL-2.0-or-later
/* upcallctl doctor: the kernel's half */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "doctor.h"
#include "drained.h"
#include "text.h"

#define MODULE	  "/sys/module/upcall_shim"
#define DEVICE	  "/dev/upcall"
#define SHIM_UNIT "upcalld-shim.socket"
/* PID 1 holds the device open through the unit; udev starts it again. */
#define RELOAD                                       \
	"upcallctl drain; systemctl stop " SHIM_UNIT \
	" && modprobe -r upcall_shim && modprobe upcall_shim"

#define WHY_NO_MODULE "without it every upcall is the kernel's own, as without upcalld"

static const struct finding_kind module_missing = { "module-missing", WHY_NO_MODULE };
static const struct finding_kind module_not_built = { "module-not-built", WHY_NO_MODULE };
static const struct finding_kind module_not_loaded = { "module-not-loaded", WHY_NO_MODULE };
static const struct finding_kind module_version = {
	"module-version", "daemon and module are made for each other; others may not work together"
};
static const struct finding_kind kernel_no_ftrace = { "kernel-no-ftrace",
						      "the module hooks the kernel with ftrace" };
static const struct finding_kind ftrace_disabled = {
	"ftrace-disabled", "the module hooks the kernel with ftrace and cannot be loaded without"
};
static const struct finding_kind kernel_lockdown = {
	"kernel-lockdown", "a kernel in lockdown loads no module whose signature it does not trust"
};
static const struct finding_kind device_missing = {
	"device-missing", "the daemon takes upcalls and answers them through it"
};
static const struct finding_kind device_stale = {
	"device-stale", "the module cannot put its device there, and this one may be another's"
};
static const struct finding_kind device_mode = {
	"device-mode", "who opens it decides over upcalls; only root has business there"
};
static const struct finding_kind hook_missing = { "hook-missing",
						  "the module is loaded, but sees no upcall" };

static const struct finding_kind module_drained = {
	"module-drained", "whatever a policy would offer to upcalld is refused until that is undone"
};

static bool is_loaded(const struct doctor *doctor)
{
	return doctor_exists(doctor, MODULE);
}

/* ------------------------------------------------------------------ module */

/* By what modprobe(8) looks at. */
static bool is_built(const struct doctor *doctor)
{
	char path[DOCTOR_PATH];

	(void)snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", doctor->release);
	return doctor_grep(doctor, path, "/upcall_shim.ko", /* within= */ true) == 1;
}

/*
 * As Debian and Ubuntu name kernels: what is behind the ABI's number, as in 6.1.0-56-cloud-amd64,
 * or behind the release that it is built for, as in 6.12.118+deb13-cloud-amd64. "": another's.
 */
static const char *kernel_flavour(const char *release)
{
	const char *flavour = strchr(release, '-');

	if (flavour && !memchr(release, '+', (size_t)(flavour - release)))
		flavour = flavour[1] >= '0' && flavour[1] <= '9' ? strchr(flavour + 1, '-') : NULL;
	if (!flavour || flavour[1 + strspn(flavour + 1, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return "";
	return flavour + 1;
}

/* The headers of this kernel, and what brings those of the next one. */
static char *headers_command(const struct doctor *doctor)
{
	const char *flavour = kernel_flavour(doctor->release);
	char format[256];

	(void)snprintf(
		format, sizeof(format),
		"apt install linux-headers-{}%s%.64s && dkms autoinstall -k {} && modprobe upcall_shim",
		*flavour ? " linux-headers-" : "", flavour);
	return doctor_command(format, doctor->release);
}

static void find_not_built(struct doctor *doctor)
{
	static const char *const dkms[] = { "dkms", "status", "-m", "upcall-shim", NULL };
	char output[4096], path[DOCTOR_PATH];
	cleanup_free char *mend = NULL;

	if (doctor->capture(dkms, output, sizeof(output)) != 0 || !*output) {
		found(doctor, &module_missing, "",
		      "apt install upcall-shim-dkms && modprobe upcall_shim",
		      "the kernel module upcall_shim is not installed");
		return;
	}
	(void)snprintf(path, sizeof(path), "/lib/modules/%s/build/Makefile", doctor->release);
	mend = doctor_exists(doctor, path) ?
		       doctor_command("dkms autoinstall -k {} && modprobe upcall_shim",
				      doctor->release) :
		       headers_command(doctor);
	found(doctor, &module_not_built, "", mend,
	      "upcall_shim is not built for the kernel that runs, %s%s", doctor->release,
	      doctor_exists(doctor, path) ? "" : ": its headers are missing");
}

/* What would stop modprobe. */
static void find_obstacles(struct doctor *doctor)
{
	char line[64];

	if (!doctor_exists(doctor, "/proc/sys/kernel/ftrace_enabled")) {
		found(doctor, &kernel_no_ftrace, "", doctor_kernel_command(doctor),
		      "the kernel that runs has no dynamic ftrace");
		return;
	}
	doctor_line(doctor, "/proc/sys/kernel/ftrace_enabled", line, sizeof(line));
	if (!strcmp(line, "0"))
		found(doctor, &ftrace_disabled, "", "sysctl kernel.ftrace_enabled=1",
		      "kernel.ftrace_enabled is 0");
	doctor_line(doctor, "/sys/kernel/security/lockdown", line, sizeof(line));
	if (strstr(line, "[integrity]") || strstr(line, "[confidentiality]"))
		found(doctor, &kernel_lockdown, "",
		      "mokutil --import /var/lib/dkms/mok.pub && reboot",
		      "the kernel is in lockdown and upcall_shim is not loaded: its signature may not be trusted");
}

/* The note of another load of the module says nothing about this one. */
static bool is_drained(const struct doctor *doctor)
{
	char line[32];
	struct stat st;
	uint64_t number;

	doctor_line(doctor, DRAINED_NOTE, line, sizeof(line));
	return text_number(line, 0, UINT64_MAX, &number) >= 0 &&
	       doctor_stat(doctor, DRAINED_MODULE, &st) && number == st.st_ino;
}

void check_module(struct doctor *doctor)
{
	char version[64];

	if (!is_loaded(doctor)) {
		find_obstacles(doctor);
		if (is_built(doctor))
			found(doctor, &module_not_loaded, "", "modprobe upcall_shim",
			      "the kernel module upcall_shim is not loaded");
		else
			find_not_built(doctor);
		return;
	}
	doctor_line(doctor, MODULE "/version", version, sizeof(version));
	if (strcmp(version, UPCALL_VERSION) != 0)
		found(doctor, &module_version, "", RELOAD,
		      "upcall_shim %s is loaded, and this is upcallctl " UPCALL_VERSION, version);
	if (is_drained(doctor))
		found(doctor, &module_drained, "", "upcallctl drain --undo",
		      "'upcallctl drain' has been run, and not been undone");
}

/* ------------------------------------------------------------------ device */

/*
 * A node that somebody makes by hand stays when the module goes, and its number is
 * another's then: only the module makes a good one.
 */
void check_device(struct doctor *doctor)
{
	bool loaded = is_loaded(doctor), exists;
	struct stat st;

	exists = doctor_stat(doctor, DEVICE, &st);
	if (!loaded && exists)
		found(doctor, &device_stale, DEVICE, "rm -r " DEVICE,
		      DEVICE " exists, and upcall_shim is not loaded");
	else if (loaded && !(exists && S_ISCHR(st.st_mode)))
		found(doctor, &device_missing, DEVICE, "rm -rf " DEVICE "; " RELOAD,
		      DEVICE " is no device, and upcall_shim is loaded");
	else if (loaded && (st.st_uid != 0 || (st.st_mode & (S_IRWXG | S_IRWXO))))
		found(doctor, &device_mode, DEVICE,
		      "chown root:root " DEVICE " && chmod 600 " DEVICE,
		      DEVICE " has mode %04o and belongs to uid %u", st.st_mode & 07777U,
		      st.st_uid);
}

/* -------------------------------------------------------------------- hook */

/*
 * The module does not load without its hook, and ftrace cannot be switched off
 * under it. So this is for what nobody has thought of; where tracefs cannot be
 * read, that it is loaded has to do.
 */
void check_hook(struct doctor *doctor)
{
	static const char *const places[] = { "/sys/kernel/tracing/enabled_functions",
					      "/sys/kernel/debug/tracing/enabled_functions" };
	int hooked = -1;

	if (!is_loaded(doctor))
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && hooked < 0; i++)
		hooked = doctor_grep(doctor, places[i], "call_usermodehelper_exec ",
				     /* within= */ false);
	if (hooked == 0)
		found(doctor, &hook_missing, "", RELOAD,
		      "no hook is on call_usermodehelper_exec(), and upcall_shim is loaded");
}
