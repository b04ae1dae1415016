// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A minimal broker and handler, for tests of the module by itself
 *
 * shim-client VERB ARG…, one verb a process:
 *   add NAME PID POLICY [CGROUP-ID [shared]]
 *                     register; POLICY is CLASS=VERDICT,… with verdicts native,
 *                     offer, deny
 *   policy ID POLICY                 another one
 *   del ID | containers | list | tags PID
 *   serve N [ACTION [RUN-MS]]
 *                     answer N upcalls, claimed for that time (0: the longest):
 *                     run (attach and execute the kernel's own argv, the
 *                     default), native, again, adopt=NAME (register whom the
 *                     offer tells of, and again), deny=ERRNO, cancel=ERRNO,
 *                     complete=ERRNO, drop (claim and close), hang (attach and
 *                     sleep), instantiate (attach, give the key a payload, and
 *                     sleep)
 *   listen N          subscribe, which fails if another does, and be told of N offers; says
 *                     "listening" with the ids of those that wait, "event ID" each,
 *                     and "closed" when it has closed the device; stays until killed
 *   stall             claim one upcall and hold it until killed
 *   gone NAME PID     says "ready", waits for PID's death and then for the end of NAME's
 *                     entry; prints the milliseconds between the two
 *   drain 0|1
 *   adopt [PATTERN POLICY]...
 *                     these rules instead of all others
 *   counters CLASS    by number; "NAME VALUE" each
 *   version           of the module
 * Exit status 1 with a line on stderr if the kernel said no.
 */
#include "shim-client.h"

const char *const class_names[] = { "core", "key", "module", "release-agent", "other" };

static int verb_version(int device, char **argv)
{
	struct upcall_version version;

	(void)argv;
	if (ioctl(device, UPCALL_IOC_VERSION, &version))
		die("version");
	printf("%s abi=%u\n", version.version, version.abi);
	return 0;
}

static const struct verb verbs[] = {
	{ "add", verb_add },	   { "policy", verb_policy },
	{ "del", verb_del },	   { "containers", verb_containers },
	{ "list", verb_list },	   { "tags", verb_tags },
	{ "serve", verb_serve },   { "drain", verb_drain },
	{ "stall", verb_stall },   { "counters", verb_counters },
	{ "gone", verb_gone },	   { "adopt", verb_adopt },
	{ "listen", verb_listen }, { "version", verb_version },
};

int main(int argc, char **argv)
{
	return verb_run(verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
}
