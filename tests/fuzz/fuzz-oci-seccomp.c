// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The seccomp filter of a bundle: none, or one that Linux would take; or a reason. One that
 * answers errno 0 is not ours to refuse here: upcalld does.
 */
#include <errno.h>

#include "fuzz.h"
#include "oci-seccomp.h"
#include "seccomp-code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_copy(data, size);
	char reason[OCI_REASON_SIZE] = "";
	struct oci_filter filter;
	size_t at;
	int ret = oci_seccomp(text, size, &filter, reason);

	property(ret == 0 || ret == -EBADMSG);
	property((ret == 0) == (reason[0] == '\0'));
	property((filter.size > 0) == (filter.code != NULL));
	if (ret < 0)
		property(!filter.code);
	if (!filter.code)
		return 0;
	property(filter.size % sizeof(struct sock_filter) == 0);
	ret = seccomp_code_check(filter.code, filter.size / sizeof(struct sock_filter), &at);
	property(ret == 0 || ret == -EPERM);
	oci_filter_clear(&filter);
	return 0;
}
