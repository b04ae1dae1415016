// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * State files (daemon/state.c)
 *
 * What is read is written again with the same lines, so nothing is lost, added
 * or read as another value; only their order may differ.
 */
#include <errno.h>

#include "cgroup.h"
#include "fuzz.h"
#include "state.h"
#include "text.h"

static void check_text(const char *text, size_t max)
{
	property(!text || (*text && strlen(text) <= max));
	for (; text && *text; text++)
		property(*text != '\n');
}

static void check_bounds(const struct container *container)
{
	property(text_is_name(container->name));
	property(container->pidfd == -1 && !container->registry && !container->lane);
	property((container->cgroup_id == 0) == (container->cgroup == NULL));
	property(strv_count(container->labels) <= STATE_LABELS_MAX);
	for (char **label = container->labels; label && *label; label++)
		property(text_plain(*label, STATE_LABEL_LEN));
	property(!container->runtime || text_plain(container->runtime, STATE_RUNTIME_LEN));
	check_text(container->cgroup, CGROUP_PATH_MAX);
}

/* The lines of one are lines of the other. */
static void check_lines(const char *lines, const char *size_of, size_t size)
{
	const char *end = lines + size;

	while (lines < end) {
		const char *stop = memchr(lines, '\n', (size_t)(end - lines));

		property(stop && memmem(size_of, size, lines, (size_t)(stop - lines) + 1));
		lines = stop + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *copy = fuzz_copy(data, size);
	cleanup_free char *out = malloc(size + 1);
	struct container *container = NULL, *again = NULL;
	int ret = state_parse(copy, size, &container);

	if (ret < 0) {
		property(ret == -EBADMSG && !container);
		return 0;
	}
	check_bounds(container);
	property(out && state_format(container, out, size + 1) == (int)size);
	check_lines(out, copy, size);
	property(state_parse(out, size, &again) == 0);
	container_free(container);
	container_free(again);
	return 0;
}
