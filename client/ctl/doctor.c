// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl doctor: what is wrong, why it matters, and what mends it
 *
 * It only looks. What it says that follows from something else that it has
 * found, it leaves out; so what is mended may let something else appear.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture.h"
#include "doctor.h"
#include "json.h"
#include "simple.h"

/* ---------------------------------------------------------------- printing */

static unsigned int count_faults(const struct doctor *doctor)
{
	unsigned int faults = 0;

	for (size_t i = 0; i < doctor->count; i++)
		faults += !doctor->findings[i].note;
	return faults;
}

static void print_json(const struct doctor *doctor)
{
	json_open(NULL, '{');
	json_bool("healthy", count_faults(doctor) == 0);
	json_open("findings", '[');
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		json_open(NULL, '{');
		json_string("id", finding->kind->id);
		json_string("severity", finding->note ? "note" : "fault");
		json_string("subject", finding->subject);
		json_string("what", finding->what);
		json_string("why", finding->kind->why);
		json_string("mend", finding->mend);
		json_close('}');
	}
	json_close(']');
	json_close('}');
}

static void print_text(const struct doctor *doctor)
{
	unsigned int faults = count_faults(doctor);

	/* first: "healthy" would be read before it */
	if (!doctor->by_root)
		puts("not asked by root: the daemon, the hook and what else only root sees are left out");
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		printf("%s %s: %s\n      why:  %s\n      mend: %s\n",
		       finding->note ? "note " : "fault", finding->kind->id, finding->what,
		       finding->kind->why,
		       *finding->mend ? finding->mend : "by hand: a name is not fit for a command");
	}
	if (faults)
		printf("%u faults, %zu notes\n", faults, doctor->count - faults);
	else
		printf("healthy, %zu notes\n", doctor->count);
}

/* -------------------------------------------------------------------- verb */

static int run(const struct verb *verb, int argc, char **argv)
{
	struct doctor doctor = { .root = "", .capture = capture, .by_root = geteuid() == 0 };
	struct utsname kernel;
	struct simple arguments;
	int r, status;

	status = simple_arguments(verb, argc, argv, /* with_name= */ false, &arguments);
	if (status >= 0)
		return status;
	r = uname(&kernel) < 0 ? -errno : config_directories(&doctor.directories);
	if (r >= 0) {
		doctor.release = kernel.release;
		doctor.machine = kernel.machine;
		r = doctor_run(&doctor);
	}
	if (r < 0) {
		doctor_clear(&doctor);
		return failed(verb, r, "cannot look");
	}
	if (arguments.json)
		print_json(&doctor);
	else
		print_text(&doctor);
	status = finish_output(verb);
	if (status == STATUS_OK && count_faults(&doctor))
		status = STATUS_FAILED;
	doctor_clear(&doctor);
	return status;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.arguments = "[--json]",
	.summary = "Find what is wrong: what, why it matters, and the command that mends it",
	.details =
		"It only looks and changes nothing. Status 0: healthy, perhaps with notes; 1: something\n"
		"is wrong. The names of findings stay the same from version to version.\n\n",
	.example = "upcallctl doctor --json",
	.run = run,
};
