// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an OCI runtime gives its hooks: an id of a few harmless bytes and a process number, or
 * a reason; and of the id a name that fits, or none.
 */
#include <errno.h>
#include <stdbool.h>

#include "fuzz.h"
#include "oci-state.h"

static bool is_harmless(const char *id)
{
	for (; *id; id++)
		if (!((*id >= 'a' && *id <= 'z') || (*id >= 'A' && *id <= 'Z') ||
		      (*id >= '0' && *id <= '9') || strchr("+-._", *id)))
			return false;
	return true;
}

static void check_name(const char *id)
{
	char name[OCI_NAME_SIZE];
	int ret = oci_name("oci-", id, name);

	property(ret == 0 || (ret == -ENAMETOOLONG && strlen(id) + 4 >= OCI_NAME_SIZE));
	if (ret < 0)
		return;
	property(!strncmp(name, "oci-", 4) && strlen(name) < OCI_NAME_SIZE);
	property(!strncmp(name + 4, id, strlen(name) - 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_copy(data, size);
	char reason[OCI_REASON_SIZE] = "";
	struct oci_state state;
	int ret = oci_state_parse(text, size, &state, reason);

	property(ret == 0 || ret == -EBADMSG);
	property((ret == 0) == (reason[0] == '\0'));
	if (ret < 0)
		return 0;
	property(state.id[0] && strlen(state.id) <= OCI_ID_MAX && is_harmless(state.id));
	property(state.pid >= 0);
	check_name(state.id);
	return 0;
}
