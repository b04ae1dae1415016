// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adoption.h"
#include "cleanup.h"
#include "journal.h"
#include "policy.h"
#include "shim.h"
#include "text.h"

/* ------------------------------------------------------------------- rules */

static void offer_key_type(struct upcall_policy *all, const struct upcall_key_rule *rule)
{
	for (uint32_t i = 0; i < all->key_rules; i++)
		if (!strcmp(all->key_rule[i].type, rule->type))
			return;
	if (all->key_rules == UPCALL_KEY_RULES) {
		all->verdict[UPCALL_CLASS_KEY] = UPCALL_VERDICT_OFFER;
		return;
	}
	all->key_rule[all->key_rules] = *rule;
	all->key_rule[all->key_rules++].verdict = UPCALL_VERDICT_OFFER;
}

/*
 * Whatever any policy would not leave to the kernel. Which one a container has depends on
 * its name and on whose its cgroup is, too, of which the module knows nothing; registered,
 * it has its own, and the table decides.
 */
static void offer_what_any_names(const struct config *config, struct upcall_policy *all)
{
	struct upcall_policy one;

	for (size_t i = 0; i < config->count; i++) {
		policy_to_kernel(&config->policies[i], &one);
		for (uint32_t class = 0; class < UPCALL_CLASS_COUNT; class ++)
			if (one.verdict[class] != UPCALL_VERDICT_NATIVE)
				all->verdict[class] = UPCALL_VERDICT_OFFER;
		for (uint32_t k = 0; k < one.key_rules; k++)
			if (one.key_rule[k].verdict != UPCALL_VERDICT_NATIVE)
				offer_key_type(all, &one.key_rule[k]);
	}
}

static uint32_t fill(struct upcall_adoption *adoptions, const struct config *config)
{
	struct upcall_policy all = { 0 };
	uint32_t count = 0;

	offer_what_any_names(config, &all);
	for (size_t i = 0; i < config->count; i++) {
		char **pattern = config->policies[i].cgroups;

		for (; pattern && *pattern; pattern++) {
			text_copy(adoptions[count].pattern, UPCALL_PATTERN_LEN, *pattern,
				  strlen(*pattern));
			adoptions[count++].policy = all;
		}
	}
	return count;
}

/* Patterns may be among what could not be read, or are more than there is room for. */
static bool is_unsure(const struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->count; i++) {
		count += strv_count(config->policies[i].cgroups);
		if (config->policies[i].everybody || count > UPCALL_ADOPTIONS)
			return true;
	}
	return false;
}

void adoption_tell(int shim_fd, const struct upcall_version *shim, const struct config *config)
{
	cleanup_free struct upcall_adoption *adoptions = NULL;
	int ret;

	if (!(shim->features & UPCALL_FEATURE_ADOPTION)) {
		if (config_has_cgroups(config))
			journal_log(
				LOG_ERR,
				"The module upcall_shim %s is too old for Cgroup= in [Match]: upcalls of containers that nobody registers are the kernel's own",
				shim->version);
		return;
	}
	if (is_unsure(config)) {
		journal_log(
			LOG_ERR,
			"Policies cannot be read, or have too many Cgroup= in [Match]: of containers that nobody registers, the kernel goes on as it was told before, if it was");
		return;
	}
	adoptions = calloc(UPCALL_ADOPTIONS, sizeof(*adoptions));
	ret = adoptions ? shim_adopt(shim_fd, adoptions, fill(adoptions, config)) : -ENOMEM;
	if (ret < 0)
		journal_log(
			LOG_ERR,
			"The kernel does not take Cgroup= of [Match]; of containers that nobody registers, it goes on as it was told before, if it was: %s",
			strerror(-ret));
}

/* ------------------------------------------------------------------- names */

static char name_char(char c)
{
	c = (char)tolower((unsigned char)c);
	return isalnum((unsigned char)c) || strchr("_.-", c) ? c : '_';
}

static size_t without_ending(const char *last)
{
	static const char *const endings[] = { ".scope", ".service", ".slice" };
	size_t size = strlen(last);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t ending = strlen(endings[i]);

		if (size > ending && !strcmp(last + size - ending, endings[i]))
			return size - ending;
	}
	return size;
}

void adoption_name(const char *path, char name[ADOPTION_NAME_SIZE])
{
	const char *last = strrchr(path, '/');
	size_t size, out = 0;

	last = last ? last + 1 : path;
	size = without_ending(last);
	for (size_t i = 0; i < size && out < ADOPTION_NAME_SIZE - 1; i++)
		if (out || isalnum((unsigned char)last[i]))
			name[out++] = name_char(last[i]);
	name[out] = '\0';
	if (!out)
		text_copy(name, ADOPTION_NAME_SIZE, "adopted", strlen("adopted"));
}

void adoption_name_other(char name[ADOPTION_NAME_SIZE], uint32_t leader)
{
	char ending[16];
	int size = snprintf(ending, sizeof(ending), "-%u", leader);

	name[ADOPTION_NAME_SIZE - 1 - size] = '\0';
	text_copy(name + strlen(name), (size_t)size + 1, ending, (size_t)size);
}
