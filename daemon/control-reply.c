// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "control-dict.h"
#include "control.h"
#include "daemon.h"
#include "host.h"
#include "lane.h"
#include "policy.h"
#include "process.h"
#include "shim.h"
#include "step.h"
#include "text.h"

#define KEY_RUN_PARAMETER "/sys/module/upcall_shim/parameters/key_run_ms"

static const char *const ns_names[UPCALL_NS_COUNT] = {
	[UPCALL_NS_PID] = "pid",       [UPCALL_NS_MNT] = "mnt",	  [UPCALL_NS_NET] = "net",
	[UPCALL_NS_USER] = "user",     [UPCALL_NS_UTS] = "uts",	  [UPCALL_NS_IPC] = "ipc",
	[UPCALL_NS_CGROUP] = "cgroup", [UPCALL_NS_TIME] = "time",
};

static void cleanup_strv_(char ***strv)
{
	*strv = strv_free(*strv);
}
#define cleanup_strv cleanup_with(cleanup_strv_)

int control_append_namespaces(sd_bus_message *reply, const uint32_t ns[UPCALL_NS_COUNT],
			      uint32_t mask)
{
	int ret;

	ret = open_value(reply, "namespaces", "a{su}");
	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'a', "{su}");
	for (unsigned int i = 0; i < UPCALL_NS_COUNT && ret >= 0; i++)
		if (ns[i] && (mask & (1U << i)))
			ret = sd_bus_message_append(reply, "{su}", ns_names[i], ns[i]);
	if (ret >= 0)
		ret = sd_bus_message_close_container(reply);
	return ret < 0 ? ret : close_value(reply);
}

static int warn_waiting(char ***warnings, const struct container *container)
{
	static const char text[] =
		"the module is not loaded: nothing is redirected until it is: modprobe upcall_shim";

	return container_waits(container) ? strv_append(warnings, text, strlen(text)) : 0;
}

#define INSIDE (1U << UPCALL_NS_USER | 1U << UPCALL_NS_PID | 1U << UPCALL_NS_MNT)

/* The kernel takes tasks without any of these for the host's, see kernel-shim/match.c. */
static int warn_host(char ***warnings, const struct container *container)
{
	static const char text[] =
		"its leader has the host's users, processes and mounts, so it is the host's itself, and no handler can be run where it is: register one that has mounts of its own";

	return container->own_ns && !(container->own_ns & INSIDE) ?
		       strv_append(warnings, text, strlen(text)) :
		       0;
}

/* What refuses it everything and how that ends, in a command. */
static int warn_refused(char ***warnings, const struct container *container)
{
	char text[256];

	if (!container->refused)
		return 0;
	(void)snprintf(text, sizeof(text),
		       "%s; all its upcalls are refused; to end that: upcallctl unregister %s",
		       container->refused, container->name);
	return strv_append(warnings, text, strlen(text));
}

/* Milliseconds, or UINT64_MAX if the module does not say. */
static uint64_t key_run_ms(void)
{
	char line[32];
	uint64_t ms;

	if (read_line(KEY_RUN_PARAMETER, line, sizeof(line)) < 0 ||
	    text_number(line, 0, UINT32_MAX, &ms) < 0)
		return UINT64_MAX;
	return ms;
}

/* The module ends earlier than that whom request_key(2) waits for. */
static int warn_key_time(char ***warnings, const struct policy *policy)
{
	const uint64_t ms = key_run_ms();
	char section[RULE_SECTION_SIZE], text[256];
	int ret = 0;

	for (size_t i = 0; policy && i < policy->rules_count && ret >= 0; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->class != UPCALL_CLASS_KEY || rule->handler != HANDLER_PROGRAM ||
		    (uint64_t)rule->run_sec * 1000 <= ms)
			continue;
		rule_section_name(rule, section);
		(void)snprintf(text, sizeof(text),
			       "%s RuntimeMaxSec=%u is more than request_key(2) waits for: %" PRIu64
			       " ms, key_run_ms in upcall-shim(7)",
			       section, rule->run_sec, ms);
		ret = strv_append(warnings, text, strlen(text));
	}
	return ret;
}

/* What of the host matters for this container: cores, if its policy wants them. */
static int append_warnings(sd_bus_message *reply, const struct container *container)
{
	cleanup_strv char **warnings = NULL;
	struct upcall_policy kernel;
	struct host host;
	int ret = 0;

	policy_to_kernel(container->policy, &kernel);
	if (kernel.verdict[UPCALL_CLASS_CORE] == UPCALL_VERDICT_OFFER) {
		host_read(&host);
		ret = host_warnings(&host, &warnings);
	}
	if (ret >= 0)
		ret = warn_waiting(&warnings, container);
	if (ret >= 0)
		ret = warn_host(&warnings, container);
	if (ret >= 0)
		ret = warn_refused(&warnings, container);
	if (ret >= 0)
		ret = warn_key_time(&warnings, container->policy);
	return ret < 0 ? ret : append_strv(reply, "warnings", warnings);
}

/* A cgroup's name is any bytes but "/", a newline and NUL; D-Bus wants text. */
static int append_cgroup(sd_bus_message *reply, const struct container *container)
{
	char shown[4 * CGROUP_PATH_MAX + 1] = "";

	if (container->cgroup)
		text_show(container->cgroup, strlen(container->cgroup), shown, sizeof(shown));
	return append_text(reply, "cgroup", shown);
}

static const char *state_name(const struct container *container)
{
	if (container_waits(container))
		return "waiting";
	return container->registry ? "live" : "tombstone";
}

static int append_identity(sd_bus_message *reply, const struct container *container)
{
	int ret;

	ret = append_text(reply, "name", container->name);
	if (ret >= 0)
		ret = append_u64(reply, "id", container->id);
	if (ret >= 0)
		ret = append_text(reply, "state", state_name(container));
	if (ret >= 0)
		ret = append_u32(reply, "leader", container->leader);
	if (ret >= 0)
		ret = append_u32(reply, "uid", container->uid);
	if (ret >= 0)
		ret = append_cgroup(reply, container);
	if (ret >= 0)
		ret = append_bool(reply, "cgroup-derived", container->cgroup_derived);
	if (ret >= 0)
		ret = control_append_namespaces(reply, container->ns, container->own_ns);
	if (ret >= 0)
		ret = append_text(reply, "runtime", container->runtime);
	if (ret >= 0)
		ret = append_u32(reply, "seccomp-filter", container->filter);
	return ret < 0 ? ret : append_strv(reply, "labels", container->labels);
}

static const char *worker_state(const struct lane *lane)
{
	if (!lane)
		return "none";
	if (worker_link_is_open(&lane->worker))
		return "connected";
	return lane->launch ? "starting" : "none";
}

static int append_business(sd_bus_message *reply, const struct container *container)
{
	const struct lane *lane = container->lane;
	int ret;

	ret = append_text(reply, "policy", container->policy ? container->policy->file : "");
	if (ret >= 0)
		ret = append_u32(reply, "pending",
				 lane ? lane->waiting_count + lane->active_count : 0);
	if (ret >= 0)
		ret = append_u64(reply, "served", container->served);
	if (ret >= 0)
		ret = append_u64(reply, "failed", container->failed);
	if (ret >= 0)
		ret = append_u64(reply, "since", container->since);
	if (ret >= 0)
		ret = append_text(reply, "worker", worker_state(lane));
	return ret < 0 ? ret : append_warnings(reply, container);
}

int control_append_container(sd_bus_message *reply, const struct container *container)
{
	int ret;

	ret = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (ret >= 0)
		ret = append_identity(reply, container);
	if (ret >= 0)
		ret = append_business(reply, container);
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

/* ------------------------------------------------------------------ upcalls */

int control_append_facts(sd_bus_message *reply, const struct facts *facts)
{
	int ret;

	ret = append_u64(reply, "id", facts->id);
	if (ret >= 0)
		ret = append_u32(reply, "generation", facts->generation);
	if (ret >= 0)
		ret = append_text(reply, "class", class_name(facts->class));
	if (ret >= 0)
		ret = append_escaped(reply, "key-type", facts->key_type);
	if (ret >= 0)
		ret = append_u32(reply, "requester", facts->tgid);
	return ret < 0 ? ret : append_escaped(reply, "comm", facts->comm);
}

static int append_outcome(sd_bus_message *reply, const struct record *record)
{
	int ret;

	ret = append_text(reply, "result", record_result_name(record->result));
	if (ret >= 0)
		ret = append_text(reply, "reason", record->reason);
	if (ret >= 0)
		ret = append_text(reply, "step", record->step ? step_name(record->step) : NULL);
	if (ret >= 0)
		ret = append_text(reply, "error", record_error(record));
	if (ret >= 0)
		ret = append_u32(reply, "wait-status", (uint32_t)record->wait_status);
	return ret < 0 ? ret : append_u64(reply, "duration", record->duration_us);
}

int control_append_decided(sd_bus_message *reply, const struct record *record)
{
	int ret;

	ret = append_text(reply, "container", record->container);
	if (ret >= 0)
		ret = append_text(reply, "rule", record->rule);
	if (ret >= 0)
		ret = append_escaped(reply, "policy", record->policy);
	if (ret >= 0)
		ret = append_escaped(reply, "section", record->section);
	if (ret >= 0)
		ret = append_escaped(reply, "handler", record->handler);
	return ret < 0 ? ret : append_text(reply, "run-in", record->run_in);
}

int control_append_record(sd_bus_message *reply, const struct record *record, uint64_t at)
{
	int ret;

	ret = control_append_facts(reply, record->facts);
	if (ret >= 0)
		ret = control_append_decided(reply, record);
	if (ret >= 0)
		ret = append_outcome(reply, record);
	return ret < 0 ? ret : append_u64(reply, "at", at);
}

/* ------------------------------------------------------------------ status */

static int append_shim(sd_bus_message *reply, const struct daemon *daemon, bool root)
{
	const char *config_error = daemon->config_error;
	int ret;

	ret = append_text(reply, "version", UPCALL_VERSION);
	if (ret >= 0)
		ret = append_bool(reply, "shim", daemon->shim_fd >= 0);
	if (ret >= 0)
		ret = append_text(reply, "shim-version", daemon->shim.version);
	if (ret >= 0)
		ret = append_text(reply, "shim-error", daemon->shim_error);
	if (ret >= 0)
		ret = append_bool(reply, "standalone", daemon->options->standalone);
	if (ret >= 0)
		ret = append_u64(reply, "config-read", daemon->config_read);
	if (!root && *config_error)
		config_error = "some file has errors; root is told which";
	return ret < 0 ? ret : append_text(reply, "config-error", config_error);
}

static const char *const count_names[UPCALL_COUNT_COUNT] = {
	[UPCALL_COUNT_NATIVE] = "native",   [UPCALL_COUNT_DENIED] = "denied",
	[UPCALL_COUNT_REFUSED] = "refused", [UPCALL_COUNT_OFFERED] = "offered",
	[UPCALL_COUNT_DONE] = "done",	    [UPCALL_COUNT_FAILED] = "failed",
	[UPCALL_COUNT_OVERDUE] = "overdue", [UPCALL_COUNT_GIVEN_BACK] = "given-back",
	[UPCALL_COUNT_KILLED] = "killed",   [UPCALL_COUNT_REQUEUED] = "requeued",
	[UPCALL_COUNT_AGAIN] = "again",
};

static int append_class(sd_bus_message *reply, int shim_fd, uint32_t class)
{
	uint64_t values[UPCALL_COUNT_COUNT];
	int count, ret = 0;

	count = shim_endings(shim_fd, class, values, UPCALL_COUNT_COUNT);
	for (int i = 0; i < count && ret >= 0; i++)
		ret = sd_bus_message_append(reply, "(sst)", class_name(class), count_names[i],
					    values[i]);
	return ret;
}

/* Nothing of a module that does not count, which an older one does not. */
static int append_shim_counters(sd_bus_message *reply, const struct daemon *daemon)
{
	int ret;

	ret = open_value(reply, "upcalls", "a(sst)");
	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'a', "(sst)");
	if (daemon->shim_fd >= 0 && daemon->shim.features & UPCALL_FEATURE_COUNTERS)
		for (uint32_t class = 0; class < UPCALL_CLASS_COUNT && ret >= 0; class ++)
			ret = append_class(reply, daemon->shim_fd, class);
	if (ret >= 0)
		ret = sd_bus_message_close_container(reply);
	return ret < 0 ? ret : close_value(reply);
}

static int append_counters(sd_bus_message *reply, const struct daemon *daemon)
{
	struct counters counters;
	int ret;

	daemon_counters(daemon, &counters);
	ret = append_u32(reply, "containers", (uint32_t)daemon->registry.count);
	if (ret >= 0)
		ret = append_u32(reply, "pending", (uint32_t)queue_pending(&daemon->queue));
	if (ret >= 0)
		ret = append_u64(reply, "served", counters.served);
	if (ret >= 0)
		ret = append_u64(reply, "failed", counters.failed);
	if (ret >= 0)
		ret = append_u64(reply, "refused", counters.refused);
	if (ret >= 0)
		ret = append_u64(reply, "enobufs", counters.enobufs);
	return ret < 0 ? ret : append_u64(reply, "bad-sender", counters.bad_sender);
}

/* No names: anybody may ask for the status. */
static int warn_of_refused(char ***warnings, const struct registry *registry)
{
	const struct container *container;
	char text[256];
	size_t count = 0;

	list_for_each_entry(container, &registry->tombstones, link)
		count += container->refused != NULL;
	if (!count)
		return 0;
	(void)snprintf(
		text, sizeof(text),
		"all upcalls of %zu containers are refused, because their leader has moved or their registration is lost: upcallctl list --output NAME,WARNINGS shows them, upcallctl unregister NAME ends it",
		count);
	return strv_append(warnings, text, strlen(text));
}

static int warn_of_waiting(char ***warnings, const struct registry *registry)
{
	const struct container *container;
	char text[128];
	size_t count = 0;

	list_for_each_entry(container, &registry->containers, link)
		count += container_waits(container);
	if (!count)
		return 0;
	(void)snprintf(text, sizeof(text),
		       "%zu containers wait for the module: nothing of them is redirected", count);
	return strv_append(warnings, text, strlen(text));
}

static int append_host(sd_bus_message *reply, const struct registry *registry)
{
	cleanup_strv char **warnings = NULL;
	struct host host;
	int ret;

	host_read(&host);
	ret = host_warnings(&host, &warnings);
	if (ret >= 0)
		ret = warn_of_refused(&warnings, registry);
	if (ret >= 0)
		ret = warn_of_waiting(&warnings, registry);
	if (ret >= 0)
		ret = append_text(reply, "core-pattern", host.core_pattern);
	if (ret >= 0)
		ret = append_u32(reply, "core-pipe-limit", host.core_pipe_limit);
	return ret < 0 ? ret : append_strv(reply, "warnings", warnings);
}

int control_append_status(sd_bus_message *reply, const struct daemon *daemon, bool root)
{
	int ret;

	ret = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (ret >= 0)
		ret = append_shim(reply, daemon, root);
	if (ret >= 0)
		ret = append_counters(reply, daemon);
	if (ret >= 0)
		ret = append_shim_counters(reply, daemon);
	if (ret >= 0)
		ret = append_host(reply, &daemon->registry);
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}
