// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets of policy files (daemon/config-load.c)
 *
 * The input is files, as @DIRECTORY/NAME, with a, b and c as the directories. What is
 * kept of a set with a bad file denies wherever that file might have decided. Of two
 * files with one name the first is written: the set has never seen the other.
 */
#include <errno.h>

#include "config.h"
#include "directory.h"
#include "fuzz.h"
#include "policy.h"
#include "sections.h"
#include "text.h"

#define BAD_LINE "\n[Nonsense]\n"

static const char *const names[] = { "a", "db", "web-1", "0.x_y" };
#define NAMES (sizeof(names) / sizeof(names[0]))

static char directories[3][80];
static char *const search[] = { directories[0], directories[1], directories[2], NULL };

static int load(bool keep_bad, struct config **config)
{
	char error[CONFIG_ERROR_SIZE] = "";
	int ret = config_load(search, keep_bad, config, error);

	property(ret == 0 || ret == -EINVAL);
	property((ret == 0) == (*error == '\0'));
	for (const char *at = error; *at; at++)
		property(*at >= ' ' && *at <= '~');
	property(!ret == !*error && (ret == 0 || keep_bad) == (*config != NULL));
	return ret;
}

static void check_denies(const struct policy *policy)
{
	struct upcall_policy kernel;

	property(policy && policy->bad);
	policy_to_kernel(policy, &kernel);
	for (size_t i = 0; i < UPCALL_CLASS_COUNT; i++)
		property(kernel.verdict[i] == UPCALL_VERDICT_DENY);
}

/* A set that is whole: spoil one of its files. Whom it decided for is refused everything. */
static void check_spoiled(const struct section *section, const struct config *good)
{
	cleanup_free char *longer = malloc(section->size + sizeof(BAD_LINE));
	struct config *config = NULL;
	char file[160];

	property(longer);
	memcpy(longer, section->data, section->size);
	memcpy(longer + section->size, BAD_LINE, sizeof(BAD_LINE));
	property(directory_write(section->name, longer, section->size + strlen(BAD_LINE)) == 0);
	(void)load(true, &config);
	(void)snprintf(file, sizeof(file), "%s/%s", directory_path(), section->name);
	for (size_t i = 0; i < NAMES; i++) {
		const struct policy *before =
			policy_select(good, &(struct policy_subject){ .name = names[i] });

		if (before && !strcmp(before->file, file))
			check_denies(policy_select(config,
						   &(struct policy_subject){ .name = names[i] }));
	}
	config_unref(config);
	(void)directory_write(section->name, section->data, section->size);
}

static void check_same(const struct config *a, const struct config *b)
{
	property(a->count == b->count);
	for (size_t i = 0; i < a->count; i++)
		property(!b->policies[i].bad && !strcmp(a->policies[i].file, b->policies[i].file) &&
			 a->policies[i].rules_count == b->policies[i].rules_count);
}

/* What is bad matches somebody, and denies. */
static void check_kept(const struct config *kept)
{
	bool bad = false;

	for (size_t i = 0; i < kept->count; i++) {
		property(policy_has_match(&kept->policies[i]) && kept->policies[i].file);
		bad |= kept->policies[i].bad || kept->policies[i].doubtful;
		if (kept->policies[i].bad)
			check_denies(&kept->policies[i]);
	}
	property(bad);
}

/* ---------------------------------------------------------------- observed */

struct listener {
	struct config_observer observer;
	bool told;
};

static void on_error(struct config_observer *observer, const char *file, unsigned int line,
		     const char *reason)
{
	((struct listener *)observer)->told = true;
	property(*file && *reason);
	for (const char *at = reason; *at; at++)
		property(*at >= ' ' && *at <= '~');
}

/* Who reads on after an error comes to the same set. */
static void check_observed(const struct config *kept, bool bad)
{
	struct listener listener = { .observer.error = on_error };
	struct config *config = NULL;

	property(config_observe(search, &listener.observer, &config) == 0);
	property(listener.told == bad && config->count == kept->count);
	for (size_t i = 0; i < kept->count; i++) {
		const struct policy *a = &kept->policies[i], *b = &config->policies[i];

		property(a->bad == b->bad && !strcmp(a->file, b->file));
		property(strv_count(a->names) == strv_count(b->names));
		for (size_t n = 0; n < strv_count(a->names); n++)
			property(!strcmp(a->names[n], b->names[n]));
	}
	config_unref(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *strict = NULL, *kept = NULL;
	struct sections sections;
	bool written[SECTIONS_MAX] = { false };

	for (int i = 0; !directories[i % 3][0] && i < 3; i++)
		(void)snprintf(directories[i], sizeof(directories[i]), "%s/%c", directory_path(),
			       "abc"[i]);
	sections_split(data, size, &sections);
	for (size_t i = 1; i < sections.count; i++)
		written[i] = directory_add(sections.entries[i].name, sections.entries[i].data,
					   sections.entries[i].size) == 0;
	if (load(false, &strict) == 0) {
		property(load(true, &kept) == 0);
		check_same(strict, kept);
		for (size_t i = 1; i < sections.count; i++)
			if (written[i])
				check_spoiled(&sections.entries[i], strict);
	} else {
		property(load(true, &kept) == -EINVAL);
		check_kept(kept);
	}
	check_observed(kept, strict == NULL);
	config_unref(strict);
	config_unref(kept);
	directory_clear();
	return 0;
}
