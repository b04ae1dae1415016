// SPDX-License-Identifier: GPL-2.0-or-later
/* upcallctl doctor: the table of checks */
#include <errno.h>
#include <stdlib.h>

#include "doctor.h"
#include "text.h"

/* ORDER: the policies first, they say what is wanted; units before the daemon, which starts some. */
static check_fn *const checks[] = {
	check_policy_owners, /* owners and modes of policies and their directories */
	check_own_config,    /* errors in upcalld.conf, its owner and mode */
	check_policies,	     /* errors in policies */
	check_device,	     /* /dev/upcall; what is wrongly there goes before the module comes */
	check_module,	     /* the kernel module: there, loaded, of this version; what it needs */
	check_hook,	     /* the hook in the kernel */
	check_cores,	     /* core_pattern and core_pipe_limit */
	check_suid_dumpable, /* fs.suid_dumpable */
	check_modprobe,	     /* kernel.modprobe */
	check_helpers,	     /* what the kernel lets its helpers do */
	check_units,	     /* units of systemd */
	check_daemon,	     /* the daemon, over its control socket */
	check_policies_read, /* what was changed since the daemon has read them */
	check_state,	     /* /run/upcalld */
	check_containers,    /* containers that are registered */
	check_host_handlers, /* handlers on the host */
	check_unused,	     /* policies that are nobody's */
};

int doctor_run(struct doctor *doctor)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](doctor);
	return doctor->no_memory ? -ENOMEM : 0;
}

void doctor_clear(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		free(doctor->findings[i].subject);
		free(doctor->findings[i].what);
		free(doctor->findings[i].mend);
	}
	free(doctor->findings);
	free(doctor->daemon_error);
	upcall_list_free(doctor->entries);
	upcall_daemon_free(doctor->daemon);
	config_unref(doctor->config);
	strv_free(doctor->directories);
}
