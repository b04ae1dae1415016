// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registry after a restart (daemon/registry-restore.c)
 *
 * @NAME is a state file; @kernel is the kernel's table, a line "NAME live" or "NAME
 * tombstone" for each entry. Afterwards files, table and registry agree, and another
 * restart changes nothing. Process 1 plays every leader: what else runs on this
 * machine is nobody's business.
 */
#include <errno.h>
#include <fcntl.h>

#include "directory.h"
#include "fake-shim.h"
#include "fuzz.h"
#include "registry.h"
#include "sections.h"
#include "state.h"
#include "text.h"

static void gone(struct registry_watcher *watcher, struct container *container,
		 enum registry_reason reason)
{
}

static void was_gone(struct registry_watcher *watcher, const char *name)
{
	property(text_is_name(name));
}

static struct registry_watcher watcher = { gone, was_gone };

static void add_entry(const char *line, size_t size)
{
	struct upcall_container *entry = &fake_shim.containers[fake_shim.containers_count];
	size_t name = 0;

	while (name < size && line[name] != ' ')
		name++;
	if (fake_shim.containers_count >= FAKE_CONTAINERS || !name)
		return;
	*entry = (struct upcall_container){
		.id = fake_shim.next_id++,
		.leader = 1,
		.start_time = fake_shim.process.start_time,
	};
	text_copy(entry->name, sizeof(entry->name), line, name);
	if (memmem(line, size, "tombstone", 9))
		entry->state = UPCALL_CONTAINER_TOMBSTONE;
	/* the kernel takes no name twice */
	for (unsigned int i = 0; i < fake_shim.containers_count; i++)
		if (!strcmp(fake_shim.containers[i].name, entry->name))
			return;
	fake_shim.containers_count++;
}

static void fill_table(const struct section *table)
{
	const char *at = table->data, *end = at + table->size;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at)) ?: end;

		add_entry(at, (size_t)(stop - at));
		at = stop + (stop < end);
	}
}

static const struct upcall_container *kernel_entry(uint64_t id)
{
	for (unsigned int i = 0; i < fake_shim.containers_count; i++)
		if (fake_shim.containers[i].id == id)
			return &fake_shim.containers[i];
	return NULL;
}

/* One with a name that cannot be listed is refused everything, and not listed. */
static size_t kernel_listable(void)
{
	size_t count = 0;

	for (unsigned int i = 0; i < fake_shim.containers_count; i++)
		count += text_plain(fake_shim.containers[i].name, UPCALL_NAME_LEN);
	return count;
}

static void check_agreement(struct registry *registry)
{
	struct container *container;
	char **files = NULL;
	size_t live = 0, dead = 0;

	list_for_each_entry(container, &registry->containers, link) {
		property(registry_by_name(registry, container->name) == container);
		property(registry_by_id(registry, container->id) == container);
		property(kernel_entry(container->id) &&
			 kernel_entry(container->id)->state == UPCALL_CONTAINER_LIVE);
		property(container->pidfd >= 0 && container->leader == 1);
		live++;
	}
	list_for_each_entry(container, &registry->tombstones, link) {
		property(kernel_entry(container->id));
		dead++;
	}
	property(live == registry->count && dead == registry->tombstones_count);
	property(live + dead == kernel_listable());
	property(state_names(registry->state_fd, &files) == 0);
	property(strv_count(files) == live);
	for (char **file = files; file && *file; file++)
		property(registry_by_name(registry, *file));
	strv_free(files);
}

static void restore(struct ev_loop *loop, struct registry *registry)
{
	struct config *config = config_new();

	property(config);
	registry_init(registry, loop, config, &watcher, FAKE_SHIM_FD, state_open(directory_path()));
	property(registry->state_fd >= 0 && registry_restore(registry) == 0);
	check_agreement(registry);
	config_unref(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ev_loop *loop;
	struct registry registry;
	struct sections sections;
	size_t count;

	if (!loop)
		loop = ev_loop_new(EVFLAG_AUTO);
	fake_shim_reset();
	fake_shim.only_pid = 1;
	sections_split(data, size, &sections);
	close(state_open(directory_path()));
	for (size_t i = 1; i < sections.count; i++) {
		char name[SECTION_NAME_SIZE + 16];

		(void)snprintf(name, sizeof(name), "containers/%s", sections.entries[i].name);
		if (!strcmp(sections.entries[i].name, "kernel"))
			fill_table(&sections.entries[i]);
		else if (sections.entries[i].name[0] && !strchr(sections.entries[i].name, '/'))
			(void)directory_write(name, sections.entries[i].data,
					      sections.entries[i].size);
	}
	restore(loop, &registry);
	count = registry.count;
	registry_close(&registry);
	restore(loop, &registry);
	property(registry.count == count);
	registry_close(&registry);
	directory_clear();
	return 0;
}
