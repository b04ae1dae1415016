// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a handler takes from its container's leader (daemon/worker/leader.c)
 *
 * The input is the leader's files and what the kernel half says of it. However they read: a handler
 * has no power that usermodehelper/bset has not, no id that stands for "nobody knows", the leader's
 * whole label or none, and nothing is open that was not handed over.
 */
#include <errno.h>
#include <unistd.h>

#include "fuzz.h"
#include "leader.h"
#include "sections.h"
#include "shim-fd.h"

static const struct worker_request request = { .leader = 1, .own_ns = 1, .ns = { 4026532000u } };

static uint64_t helper_bounding;

/*
 * The kernel half says that it is who was registered, and of its helpers what is in
 * the section "helper": two ids, the bounding set, four numbers. A negative id: none.
 */
int shim_tags(int fd, uint32_t pid, struct tags *ret)
{
	const struct section *file = fake_files_find("helper");
	long long numbers[7] = { 0 };
	char text[128];
	int found;

	*ret = (struct tags){ .tgid = request.leader, .ns = { 4026532000u } };
	if (!file)
		return 0;
	(void)snprintf(text, sizeof(text), "%.*s", (int)(file->size < 128 ? file->size : 127),
		       file->data);
	found = sscanf(text, "%lld %lld %llx %lld %lld %lld %lld", &numbers[0], &numbers[1],
		       (unsigned long long *)&numbers[2], &numbers[3], &numbers[4], &numbers[5],
		       &numbers[6]);
	ret->helper = (struct tags_helper){
		.present = found > 0,
		.has_uid = numbers[0] >= 0,
		.has_gid = numbers[1] >= 0,
		.uid = (uint32_t)numbers[0],
		.gid = (uint32_t)numbers[1],
		.bounding = (uint64_t)numbers[2],
		.no_new_privs = numbers[3] != 0,
		.seccomp = (uint32_t)numbers[4],
		.cgroup1 = numbers[5] != 0,
		.frozen = numbers[6] != 0,
	};
	helper_bounding = ret->helper.bounding;
	return 0;
}

static void check_label(const struct leader *leader)
{
	const struct section *file = fake_files_find(
		leader->label_kind == LABEL_SELINUX ? "attr/current" : "attr/apparmor/current");
	size_t size = strnlen(leader->label, sizeof(leader->label));

	property(size < sizeof(leader->label));
	property((leader->label_kind == LABEL_NONE) == (size == 0));
	if (leader->label_kind == LABEL_NONE)
		return;
	property(file && size <= file->size && !memcmp(file->data, leader->label, size));
	/* not the beginning of a longer one, which may be another one's name */
	property(size == file->size || strchr("\n ", file->data[size]));
}

static void check_leader(const struct leader *leader)
{
	/* as much as there is */
	static const struct worker_request of_host = { .class = UPCALL_CLASS_KEY,
						       .handler = WORKER_BECOME };
	struct leader host;
	enum worker_step step;

	property(leader->root_fd >= 0);
	property(leader->uid != UINT32_MAX && leader->gid != UINT32_MAX);
	property(leader->uid != 65534 && leader->gid != 65534);
	property(leader_read_host(&of_host, &host, &step) == 0);
	property((leader->capabilities & ~host.capabilities) == 0);
	property((leader->capabilities & ~helper_bounding) == 0);
	leader_clear(&host);
	check_label(leader);
}

static int read_leader(bool ours, struct leader *ret)
{
	enum worker_step step = WORKER_STEP_COUNT;
	int result = leader_read(&request, -1, ours, ret, &step);

	property(step > WORKER_STEP_NONE && step < WORKER_STEP_COUNT);
	property(result == 0 || ret->root_fd == -1);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leader strict = LEADER_NULL, ours = LEADER_NULL;
	struct sections files;
	int before, after, ret;

	sections_split(data, size, &files);
	fake_files_arm(&files);
	if (leader_init() < 0) {
		fake_files_disarm();
		return 0;
	}
	before = dup(STDIN_FILENO);
	close(before);
	ret = read_leader(false, &strict);
	if (ret == 0) {
		check_leader(&strict);
		property(fake_files_find("helper"));
	}
	/* what stops a program of the container's is all that ours may pass by */
	property(read_leader(true, &ours) == 0 || ret < 0);
	fake_files_disarm();
	leader_clear(&strict);
	leader_clear(&ours);
	after = dup(STDIN_FILENO);
	close(after);
	property(before == after);
	return 0;
}
