// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * UPCALL_IOC_INFO and UPCALL_IOC_TAGS (daemon/common/shim-fd.c)
 *
 * The first four bytes are the size that the ioctl says, the rest is what it writes,
 * as far as there is room. Whatever it says, nothing outside its answer is read.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "fuzz.h"
#include "shim-fd.h"

int __wrap_ioctl(int fd, unsigned long command, ...);

static const uint8_t *answer;
static size_t answer_size;
static uint32_t answer_says;

static int answer_into(uint64_t buffer, uint32_t *size)
{
	uint32_t room = *size;

	*size = answer_says;
	if (answer_size > room) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy((void *)(uintptr_t)buffer, answer, answer_size);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long command, ...)
{
	va_list args;
	void *argument;

	va_start(args, command);
	argument = va_arg(args, void *);
	va_end(args);
	if (command == UPCALL_IOC_INFO) {
		struct upcall_info *info = argument;

		return answer_into(info->buffer, &info->size);
	}
	if (command == UPCALL_IOC_TAGS) {
		struct upcall_tags *tags = argument;

		return answer_into(tags->buffer, &tags->size);
	}
	errno = ENOTTY;
	return -1;
}

static void check_text(const struct shim_info *info, struct tags_text text)
{
	const char *buffer = info->buffer;

	property(!text.size ||
		 (text.data >= buffer && text.data + text.size <= buffer + answer_says));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shim_info info = SHIM_INFO_NULL;
	struct tags tags;

	if (size < sizeof(answer_says))
		return 0;
	memcpy(&answer_says, data, sizeof(answer_says));
	answer = data + sizeof(answer_says);
	answer_size = size - sizeof(answer_says);
	/* the kernel half says how much it wrote, or how much there is */
	if (answer_says < answer_size)
		answer_size = answer_says;
	if (shim_info(0, 1, 0, &info) == 0) {
		property(info.buffer && info.tags.class < UPCALL_CLASS_COUNT);
		check_text(&info, info.tags.path);
		check_text(&info, info.tags.argv);
		check_text(&info, info.tags.key.description);
	} else {
		property(!info.buffer);
	}
	shim_info_clear(&info);
	if (shim_tags(0, 1, &tags) == 0)
		property(!tags.path.data && !tags.comm.data && !tags.argv.data &&
			 !tags.key.description.data && !tags.key.present);
	return 0;
}
