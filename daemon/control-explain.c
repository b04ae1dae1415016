// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Methods that say why: a container, a process, an upcall
 *
 * Whose a process is, the shim decides from kernel objects; it is asked, and what
 * it says is passed on. Nothing here is read from /proc/PID.
 */
#include <errno.h>
#include <string.h>

#include "control-dict.h"
#include "control.h"
#include "daemon.h"
#include "memory.h"
#include "outlook.h"
#include "owner.h"
#include "policy.h"
#include "process.h"
#include "shim.h"

#define STRICT_PARAMETER "/sys/module/upcall_shim/parameters/strict"

/* ----------------------------------------------------------------- outlook */

static int append_rule(sd_bus_message *reply, const struct outlook *outlook)
{
	const struct rule *rule = outlook->rule;
	char section[RULE_SECTION_SIZE] = "";
	int ret;

	if (rule)
		rule_section_name(rule, section);
	ret = append_escaped(reply, "section", section);
	if (ret >= 0)
		ret = append_escaped(reply, "handler", outlook_handler_name(outlook));
	if (ret >= 0)
		ret = append_text(reply, "run-in", outlook_run_in_name(outlook));
	if (ret >= 0)
		ret = append_u32(reply, "runtime-max-sec", rule ? rule->run_sec : 0);
	if (ret >= 0)
		ret = append_u32(reply, "max-concurrent", rule ? rule->max_concurrent : 0);
	return ret < 0 ? ret : append_strv(reply, "allow", rule ? rule->allow : NULL);
}

static int append_outlook(sd_bus_message *reply, const struct outlook *outlook)
{
	int ret;

	ret = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (ret >= 0)
		ret = append_text(reply, "class", class_name(outlook->class));
	if (ret >= 0)
		ret = append_escaped(reply, "key-type", outlook->key_type);
	if (ret >= 0)
		ret = append_text(reply, "verdict", outlook_verdict_name(outlook->verdict));
	if (ret >= 0)
		ret = append_rule(reply, outlook);
	if (ret >= 0)
		ret = append_text(reply, "reason", outlook->reason);
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

static bool module_is_strict(void)
{
	char line[8];

	return read_line(STRICT_PARAMETER, line, sizeof(line)) >= 0 && *line == 'Y';
}

static int append_all(sd_bus_message *reply, const struct outlook *outlooks, size_t count)
{
	int ret = sd_bus_message_open_container(reply, 'a', "a{sv}");

	for (size_t i = 0; i < count && ret >= 0; i++)
		ret = append_outlook(reply, &outlooks[i]);
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

/*
 * has_policy: it is a container's, or will be, whose policy this is; or NULL for none. by_root:
 * root has registered that one.
 */
static int append_outlooks(sd_bus_message *reply, uint32_t scope, bool has_policy, bool by_root,
			   const struct policy *policy)
{
	bool strict = !by_root && module_is_strict();
	struct outlook outlooks[OUTLOOK_MAX];
	size_t count;

	count = outlook(scope, strict, has_policy, policy, outlooks);
	return append_all(reply, outlooks, count);
}

/* --------------------------------------------------------------- container */

static int append_last(sd_bus_message *reply, const struct daemon *daemon, const char *name)
{
	const struct remembered *last = memory_of_container(daemon->records.memory, name);
	int ret;

	ret = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (ret >= 0 && last)
		ret = control_append_record(reply, &last->record, last->at);
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

static struct container *find_container(struct registry *registry, const char *name)
{
	struct container *container = registry_by_name(registry, name);

	if (container)
		return container;
	if (registry->shim_fd >= 0)
		registry_sweep(registry);
	return registry_tombstone(registry, name);
}

/* What has a tombstone is refused everything. */
static int append_container_outlooks(sd_bus_message *reply, const struct container *container)
{
	static const struct policy refused = { .bad = true };

	return append_outlooks(reply, UPCALL_SCOPE_CONTAINER, true, !container->uid,
			       container->registry ? container->policy : &refused);
}

int control_describe(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	cleanup_message sd_bus_message *reply = NULL;
	struct control_link *link = userdata;
	struct daemon *daemon = link->control->daemon;
	struct failure failure = FAILURE_NULL;
	const struct container *container;
	char room[UPCALL_NAME_LEN];
	const char *name;
	int ret;

	if (!control_is_user(link, error))
		return -EPERM;
	ret = sd_bus_message_read(call, "s", &name);
	if (ret < 0)
		return ret;
	name = control_name(link, name, room);
	container = find_container(&daemon->registry, name);
	if (!container || !control_may_see(link, container)) {
		registry_no_such(name, &failure);
		return control_reply_failure(error, &failure);
	}
	ret = sd_bus_message_new_method_return(call, &reply);
	if (ret >= 0)
		ret = control_append_container(reply, container);
	if (ret >= 0)
		ret = append_container_outlooks(reply, container);
	if (ret >= 0)
		ret = append_last(reply, daemon, container->name);
	return ret < 0 ? ret : sd_bus_send(NULL, reply, NULL);
}

/* ----------------------------------------------------------------- process */

static int append_process(sd_bus_message *reply, const struct tags *tags,
			  const struct container *container, const struct policy *policy)
{
	int ret;

	ret = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (ret >= 0)
		ret = append_u32(reply, "pid", tags->tgid);
	if (ret >= 0)
		ret = append_text(reply, "scope", outlook_scope_name(tags->scope));
	if (ret >= 0)
		ret = append_text(reply, "container", container ? container->name : "");
	if (ret >= 0)
		ret = append_text(reply, "policy", policy ? policy->file : "");
	if (ret >= 0)
		ret = control_append_namespaces(reply, tags->ns, UINT32_MAX);
	if (ret >= 0)
		ret = append_u64(reply, "cgroup-id", tags->cgroup_id);
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

/* Nobody's, where a policy says that its containers are, and none that can be registered. */
static int append_refused(sd_bus_message *reply)
{
	struct outlook outlooks[OUTLOOK_MAX];

	return append_all(reply, outlooks, outlook_refused(outlooks));
}

static int ask_shim(const struct daemon *daemon, int pidfd, struct tags *tags,
		    struct failure *failure)
{
	uint32_t pid;
	int ret;

	if (daemon->shim_fd < 0)
		return failure_set(failure, -ENODEV, "NoShim", "%s", daemon->shim_error);
	ret = pidfd_pid(pidfd, &pid);
	if (ret == -EBADF)
		return failure_set(failure, ret, "BadArgument", "what was sent is no pidfd");
	if (ret >= 0)
		ret = shim_tags(daemon->shim_fd, pid, tags);
	/* ORDER: after the look-up, so that the pid was still its */
	if (ret >= 0 && !pidfd_alive(pidfd))
		ret = -ESRCH;
	if (ret == -ESRCH)
		return failure_set(failure, ret, "NoSuchProcess", "the process has ended");
	if (ret < 0)
		return failure_set(failure, ret, "Failed", "the kernel does not tell: %s",
				   strerror(-ret));
	return 0;
}

int control_explain_process(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	cleanup_message sd_bus_message *reply = NULL;
	struct control_link *link = userdata;
	struct daemon *daemon = link->control->daemon;
	struct failure failure = FAILURE_NULL;
	const struct policy *policy = NULL;
	const struct container *container;
	struct tags tags = { 0 };
	bool adopted = false;
	int pidfd, ret;

	if (!control_is_allowed(link, error))
		return -EPERM;
	ret = sd_bus_message_read(call, "h", &pidfd);
	if (ret < 0)
		return ret;
	if (ask_shim(daemon, pidfd, &tags, &failure) < 0)
		return control_reply_failure(error, &failure);
	container = owner_of(&daemon->registry, &tags).container;
	if (container)
		policy = container->policy;
	else if (tags.adoption.present)
		adopted = registry_may_adopt(&daemon->registry, &tags.adoption, &policy);
	ret = sd_bus_message_new_method_return(call, &reply);
	if (ret >= 0)
		ret = append_process(reply, &tags, container, policy);
	if (ret >= 0)
		ret = tags.adoption.present && !adopted ?
			      append_refused(reply) :
			      append_outlooks(reply, tags.scope, container || adopted,
					      container && !container->uid, policy);
	return ret < 0 ? ret : sd_bus_send(NULL, reply, NULL);
}
