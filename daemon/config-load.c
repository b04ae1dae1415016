// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of policies from directories
 *
 * Which there are is decided first, by names alone; then each is parsed and refined.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config-files.h"
#include "config-parser.h"
#include "text.h"

int config_directories(char ***ret)
{
	return files_directories("/upcalld.d", ret);
}

/* --------------------------------------------------------------- policies */

/* One file into the policy. 1: done; 0: masked or not there. */
static int add_file(char *const *directories, const char *below, const char *name, void *target,
		    struct listener *listener)
{
	cleanup_free char *path = NULL, *data = NULL;
	struct policy *policy = target;
	struct bytes bytes = { 0 };
	int ret;

	ret = files_find(directories, below, name, &path, &bytes, listener);
	data = bytes.data;
	if (ret == 0 || ret == -ENOMEM)
		return ret;
	policy->match_bad |= ret < 0;
	if (ret > 0)
		ret = policy_parse(policy, path, bytes.data, bytes.size, listener->error);
	policy->anybody |= ret == -EINVAL && !policy->match_whole;
	if (!*below)
		policy->file = take_ptr(path);
	return ret < 0 ? ret : 1;
}

/* -EINVAL: it may say something about whom it matches, or cannot be read. */
static int leave_match(char *const *directories, const char *below, const char *name, void *policy,
		       struct listener *listener)
{
	cleanup_free char *path = NULL, *data = NULL;
	struct bytes bytes = { 0 };
	int ret;

	ret = files_find(directories, below, name, &path, &bytes, listener);
	data = bytes.data;
	if (ret > 0 && memmem(bytes.data, bytes.size, "[Match", 6))
		ret = -EINVAL;
	return ret;
}

/* Patterns of cgroups that were read stay: who is there and is not registered is refused, too. */
static int match_everybody(struct policy *policy)
{
	policy->everybody = true;
	policy->names = strv_free(policy->names);
	return strv_append(&policy->names, "*", 1);
}

/*
 * What can be said of a policy that could not be read: whom it matches, if that is
 * known for sure, with `whole` or because no file that refines says anything of it; else
 * it might match anybody. Read again quietly: what is wrong has been told.
 */
static int make_bad(char *const *directories, const char *name, struct policy *policy, bool whole)
{
	char ignored[CONFIG_ERROR_SIZE];
	struct listener quiet = { ignored, NULL };

	policy->bad = true;
	/* whoever is taken by such a Cgroup= is no user's, and would go by the next file */
	if (policy_has_match(policy) && !(policy->users && policy->cgroups) &&
	    (whole || (!policy->anybody &&
		       files_refine(directories, name, policy, &quiet, leave_match) > 0)))
		return 0;
	return match_everybody(policy);
}

/* 1: there is a policy; 0: none; -EINVAL: there is one, and it is bad. */
static int load_policy(char *const *directories, const char *name, struct policy *policy,
		       bool keep_bad, struct listener *listener)
{
	bool whole;
	int ret, more;

	policy->observer = listener->observer;
	policy->lenient = keep_bad;
	ret = add_file(directories, "", name, policy, listener);
	if (ret != 0 && !config_is_end(listener->observer, ret)) {
		more = files_refine(directories, name, policy, listener, add_file);
		ret = more < 0 ? more : ret;
	}
	whole = ret > 0;
	if (ret != 0 && !config_is_end(listener->observer, ret)) {
		more = policy_check(policy, listener->error);
		ret = more < 0 ? more : ret;
	}
	policy->observer = NULL;
	if (ret == -EINVAL && keep_bad && make_bad(directories, name, policy, whole) < 0)
		return -ENOMEM;
	/* said, and no more: a user who has gone since is no reason to refuse anybody anything */
	return ret > 0 && policy->doubtful ? -EINVAL : ret;
}

/* -------------------------------------------------------------------- set */

struct config *config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config)
		config->refs = 1;
	return config;
}

struct config *config_ref(struct config *config)
{
	config->refs++;
	return config;
}

struct config *config_unref(struct config *config)
{
	if (!config || --config->refs)
		return NULL;
	for (size_t i = 0; i < config->count; i++)
		policy_clear(&config->policies[i]);
	free(config->policies);
	free(config);
	return NULL;
}

static void cleanup_config_(struct config **config)
{
	*config = config_unref(*config);
}

/* The first error is the one that is told. */
static int load_into(struct config *config, char *const *directories, char *const *names,
		     bool keep_bad, struct listener *listener)
{
	int worst = 0;

	config->policies = calloc(strv_count(names) + 1, sizeof(*config->policies));
	if (!config->policies)
		return -ENOMEM;
	for (; names && *names; names++) {
		char ignored[CONFIG_ERROR_SIZE];
		struct listener later = { ignored, listener->observer };
		struct policy *policy = &config->policies[config->count];
		int ret;

		ret = load_policy(directories, *names, policy, keep_bad, worst ? &later : listener);
		if (ret == 0) {
			policy_clear(policy);
			continue;
		}
		config->count++;
		if (ret < 0)
			worst = ret;
		if (ret < 0 && (!keep_bad || ret != -EINVAL))
			return ret;
	}
	return worst;
}

/* The module takes so many of all files together. */
static int check_cgroups(const struct config *config, struct listener *listener)
{
	size_t count = 0;

	for (size_t i = 0; i < config->count; i++) {
		const struct policy *policy = &config->policies[i];

		count += strv_count(policy->cgroups);
		if (count > UPCALL_ADOPTIONS)
			return files_say(
				listener, policy->file ?: "",
				"more patterns of Cgroup= than 256, which all files together may have");
	}
	return 0;
}

/* A directory that cannot be read may hold a file for anybody. */
static int deny_all(struct config *config)
{
	config->policies = calloc(1, sizeof(*config->policies));
	if (!config->policies)
		return -ENOMEM;
	config->count = 1;
	config->policies[0].bad = true;
	config->policies[0].file = strdup("");
	if (!config->policies[0].file)
		return -ENOMEM;
	return match_everybody(&config->policies[0]);
}

static int load_checked(struct config *config, char *const *directories, char *const *names,
			bool keep_bad, struct listener *listener)
{
	int ret = load_into(config, directories, names, keep_bad, listener);

	return ret < 0 ? ret : check_cgroups(config, listener);
}

static int load_all(char *const *directories, bool keep_bad, struct config **ret,
		    struct listener *listener)
{
	cleanup_with(cleanup_config_) struct config *config = config_new();
	cleanup_strv char **names = NULL;
	int result;

	*listener->error = '\0';
	if (!config)
		return -ENOMEM;
	result = files_names(directories, "", &names, listener);
	if (result >= 0)
		result = load_checked(config, directories, names, keep_bad, listener);
	else if (result == -EINVAL && keep_bad && deny_all(config) < 0)
		return -ENOMEM;
	if (result < 0 && !(keep_bad && result == -EINVAL))
		return result;
	*ret = take_ptr(config);
	return result;
}

int config_load(char *const *directories, bool keep_bad, struct config **ret,
		char error[CONFIG_ERROR_SIZE])
{
	struct listener listener = { error, NULL };

	return load_all(directories, keep_bad, ret, &listener);
}

int config_observe(char *const *directories, struct config_observer *observer, struct config **ret)
{
	char error[CONFIG_ERROR_SIZE];
	struct listener listener = { error, observer };

	return load_all(directories, /* keep_bad= */ true, ret, &listener) == -ENOMEM ? -ENOMEM : 0;
}

/* Does the file refine another, as NAME.conf.d/FILE? */
static bool is_refinement(const char *path)
{
	static const char ending[] = FILES_SUFFIX ".d";
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;

	return size >= strlen(ending) && !strncmp(slash - strlen(ending), ending, strlen(ending));
}

int config_observe_file(const char *path, struct config_observer *observer)
{
	char error[CONFIG_ERROR_SIZE];
	struct listener listener = { error, observer };
	struct policy policy = { .observer = observer, .file = strdup(path) };
	cleanup_free char *data = NULL;
	struct bytes bytes = { 0 };
	int ret;

	if (!policy.file)
		return -ENOMEM;
	ret = files_read(path, /* owned= */ false, &bytes, &listener);
	data = bytes.data;
	if (ret == -ENOENT)
		ret = files_say(&listener, path, strerror(ENOENT));
	if (ret > 0) {
		ret = policy_parse(&policy, path, bytes.data, bytes.size, error);
		if (ret != -ENOMEM && !is_refinement(path))
			ret = policy_check(&policy, error);
	}
	policy_clear(&policy);
	return ret == -ENOMEM ? -ENOMEM : 0;
}
