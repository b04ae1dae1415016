// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "oci-seccomp.h"

#define ARGS_MAX    6 /* of a system call */
#define ERRNO_MAX   4095
#define ARCH_PREFIX "SCMP_ARCH_"
#define ARCH_SIZE   32

static void cleanup_context(scmp_filter_ctx *context)
{
	seccomp_release(*context);
}

/* ----------------------------------------------------------------- actions */

enum with_errno {
	WITHOUT_ERRNO,
	ACTION_ERRNO,
	ACTION_TRACE
};

static const struct {
	const char *name;
	uint32_t action;
	enum with_errno errno_as;
} actions[] = {
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, WITHOUT_ERRNO },
	{ "SCMP_ACT_ERRNO", 0, ACTION_ERRNO },
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, WITHOUT_ERRNO },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, WITHOUT_ERRNO },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, WITHOUT_ERRNO },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, WITHOUT_ERRNO },
	{ "SCMP_ACT_TRACE", 0, ACTION_TRACE },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, WITHOUT_ERRNO },
};

/* What `errno_key` of *object says; EPERM, if nothing. */
static int read_errno(json_object *object, const char *errno_key, uint32_t *ret,
		      char reason[OCI_REASON_SIZE])
{
	json_object *value;
	int64_t number;
	int r;

	*ret = EPERM;
	r = oci_json_get(object, errno_key, json_type_int, &value, reason);
	if (r < 0 || !value)
		return r;
	number = json_object_get_int64(value);
	if (number < 0 || number > ERRNO_MAX)
		return oci_bad(reason, "%s: not from 0 to %d", errno_key, ERRNO_MAX);
	*ret = (uint32_t)number;
	return 0;
}

static int read_action(json_object *object, const char *key, const char *errno_key, uint32_t *ret,
		       char reason[OCI_REASON_SIZE])
{
	json_object *value;
	const char *name;
	uint32_t number;
	int r;

	r = oci_json_get(object, key, json_type_string, &value, reason);
	if (r >= 0 && !value)
		r = oci_bad(reason, "%s: missing", key);
	if (r >= 0)
		r = read_errno(object, errno_key, &number, reason);
	if (r < 0)
		return r;
	name = json_object_get_string(value);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name))
			continue;
		*ret = actions[i].action;
		if (actions[i].errno_as == ACTION_ERRNO)
			*ret = SCMP_ACT_ERRNO(number);
		else if (actions[i].errno_as == ACTION_TRACE)
			*ret = SCMP_ACT_TRACE(number);
		return 0;
	}
	return oci_bad(reason, "%s: no action that a filter can do alone: %.64s", key, name);
}

/* --------------------------------------------------------------- arguments */

static const struct {
	const char *name;
	enum scmp_compare op;
} operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

static int read_operator(json_object *arg, enum scmp_compare *ret, char reason[OCI_REASON_SIZE])
{
	json_object *value;
	int r = oci_json_get(arg, "op", json_type_string, &value, reason);

	if (r < 0)
		return r;
	for (size_t i = 0; value && i < sizeof(operators) / sizeof(operators[0]); i++)
		if (!strcmp(operators[i].name, json_object_get_string(value))) {
			*ret = operators[i].op;
			return 0;
		}
	return oci_bad(reason, "op: missing, or none");
}

/* json-c gives the nearest of what does not fit; less than 0 is nothing to compare with. */
static int read_u64(json_object *object, const char *key, uint64_t *ret,
		    char reason[OCI_REASON_SIZE])
{
	json_object *value;
	int r = oci_json_get(object, key, json_type_int, &value, reason);

	*ret = 0;
	if (r < 0 || !value)
		return r;
	if (json_object_get_int64(value) < 0)
		return oci_bad(reason, "%s: less than 0", key);
	*ret = json_object_get_uint64(value);
	return 0;
}

static int read_arg(json_object *arg, struct scmp_arg_cmp *ret, char reason[OCI_REASON_SIZE])
{
	uint64_t index, value, second;
	int r;

	if (!json_object_is_type(arg, json_type_object))
		return oci_bad(reason, "args: no objects");
	r = read_u64(arg, "index", &index, reason);
	if (r >= 0)
		r = read_u64(arg, "value", &value, reason);
	if (r >= 0)
		r = read_u64(arg, "valueTwo", &second, reason);
	if (r >= 0)
		r = read_operator(arg, &ret->op, reason);
	if (r < 0)
		return r;
	if (index >= ARGS_MAX)
		return oci_bad(reason, "index: not less than %d", ARGS_MAX);
	ret->arg = (unsigned int)index;
	ret->datum_a = value;
	ret->datum_b = second;
	return 0;
}

struct rule {
	uint32_t action;
	unsigned int count;
	bool any; /* of the comparisons is enough: several are of one argument */
	struct scmp_arg_cmp args[ARGS_MAX];
};

static int read_args(json_object *entry, struct rule *rule, char reason[OCI_REASON_SIZE])
{
	json_object *args;
	unsigned int seen = 0;
	int r;

	r = oci_json_get(entry, "args", json_type_array, &args, reason);
	if (r < 0 || !args)
		return r;
	if (json_object_array_length(args) > ARGS_MAX)
		return oci_bad(reason, "args: more than %d", ARGS_MAX);
	for (size_t i = 0; i < json_object_array_length(args); i++) {
		struct scmp_arg_cmp *arg = &rule->args[rule->count++];

		r = read_arg(json_object_array_get_idx(args, i), arg, reason);
		if (r < 0)
			return r;
		rule->any |= seen & (1U << arg->arg);
		seen |= 1U << arg->arg;
	}
	return 0;
}

/* ------------------------------------------------------------------- rules */

static int add_rule(scmp_filter_ctx context, const struct rule *rule, int number)
{
	int r = 0;

	if (!rule->any)
		return seccomp_rule_add_array(context, rule->action, number, rule->count,
					      rule->args);
	for (unsigned int i = 0; i < rule->count && r >= 0; i++)
		r = seccomp_rule_add_array(context, rule->action, number, 1, &rule->args[i]);
	return r;
}

static bool allows(uint32_t action)
{
	return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG;
}

/*
 * A name that our libseccomp does not know has no rule, as with the runtime, unless that was built
 * with a newer one: then ours must not allow what that refuses.
 */
static int add_name(scmp_filter_ctx context, const struct rule *rule, json_object *name,
		    bool default_allows, char reason[OCI_REASON_SIZE])
{
	const char *text = json_object_get_string(name);
	int number, r;

	if (!json_object_is_type(name, json_type_string))
		return oci_bad(reason, "names: no strings");
	number = seccomp_syscall_resolve_name(text);
	if (number == __NR_SCMP_ERROR && default_allows && !allows(rule->action))
		return oci_bad(reason,
			       "names: %.64s: to be refused, and libseccomp does not know it",
			       text);
	if (number == __NR_SCMP_ERROR)
		return 0;
	r = add_rule(context, rule, number);
	if (r < 0)
		return oci_bad(reason, "names: %.64s: libseccomp: %s", text, strerror(-r));
	return 0;
}

static int add_entry(scmp_filter_ctx context, json_object *entry, uint32_t default_action,
		     char reason[OCI_REASON_SIZE])
{
	struct rule rule = { 0 };
	json_object *names;
	int r;

	if (!json_object_is_type(entry, json_type_object))
		return oci_bad(reason, "no object");
	r = read_action(entry, "action", "errnoRet", &rule.action, reason);
	if (r >= 0)
		r = oci_json_get(entry, "names", json_type_array, &names, reason);
	if (r >= 0 && !names)
		r = oci_bad(reason, "names: missing");
	/* libseccomp takes no rule that says what is done anyway */
	if (r < 0 || rule.action == default_action)
		return r;
	r = read_args(entry, &rule, reason);
	for (size_t i = 0; i < json_object_array_length(names) && r >= 0; i++)
		r = add_name(context, &rule, json_object_array_get_idx(names, i),
			     allows(default_action), reason);
	return r;
}

static int add_entries(scmp_filter_ctx context, json_object *seccomp, uint32_t default_action,
		       char reason[OCI_REASON_SIZE])
{
	char within[OCI_REASON_SIZE];
	json_object *entries;
	int r;

	r = oci_json_get(seccomp, "syscalls", json_type_array, &entries, reason);
	for (size_t i = 0; r >= 0 && entries && i < json_object_array_length(entries); i++) {
		r = add_entry(context, json_object_array_get_idx(entries, i), default_action,
			      within);
		if (r < 0)
			return oci_bad(reason, "syscalls[%zu].%.150s", i, within);
	}
	return r;
}

/* ----------------------------------------------------------- architectures */

/* SCMP_ARCH_X86_64 is x86_64 to libseccomp. */
static uint32_t arch_of(const char *name)
{
	char text[ARCH_SIZE];
	size_t size = strlen(name);

	if (strncmp(name, ARCH_PREFIX, strlen(ARCH_PREFIX)) != 0 || size >= sizeof(text))
		return 0;
	for (size_t i = strlen(ARCH_PREFIX); i <= size; i++)
		text[i - strlen(ARCH_PREFIX)] =
			name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
	return seccomp_arch_resolve_name(text);
}

static int add_arch(scmp_filter_ctx context, json_object *name, char reason[OCI_REASON_SIZE])
{
	uint32_t arch = json_object_is_type(name, json_type_string) ?
				arch_of(json_object_get_string(name)) :
				0;
	int r;

	if (!arch)
		return oci_bad(reason, "architectures: one that libseccomp does not know");
	r = seccomp_arch_add(context, arch);
	if (r < 0 && r != -EEXIST)
		return oci_bad(reason, "architectures: %.64s: libseccomp: %s",
			       json_object_get_string(name), strerror(-r));
	return 0;
}

static int add_archs(scmp_filter_ctx context, json_object *seccomp, char reason[OCI_REASON_SIZE])
{
	json_object *archs;
	int r;

	r = oci_json_get(seccomp, "architectures", json_type_array, &archs, reason);
	for (size_t i = 0; r >= 0 && archs && i < json_object_array_length(archs); i++)
		r = add_arch(context, json_object_array_get_idx(archs, i), reason);
	return r;
}

/* ------------------------------------------------------------------ filter */

static int export(scmp_filter_ctx context, struct oci_filter *ret, char reason[OCI_REASON_SIZE])
{
	cleanup_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	cleanup_free void *code = NULL;
	struct stat status;

	if (fd < 0 || seccomp_export_bpf(context, fd) < 0 || fstat(fd, &status) < 0)
		return oci_bad(reason, "libseccomp makes no filter of it");
	if ((uint64_t)status.st_size > BPF_MAXINSNS * sizeof(struct sock_filter))
		return oci_bad(reason, "more than the %d instructions that Linux takes",
			       BPF_MAXINSNS);
	code = malloc((size_t)status.st_size);
	if (!code || pread(fd, code, (size_t)status.st_size, 0) != status.st_size)
		return oci_bad(reason, "out of memory");
	ret->size = (size_t)status.st_size;
	ret->code = take_ptr(code);
	return 0;
}

static int translate(json_object *seccomp, struct oci_filter *ret, char reason[OCI_REASON_SIZE])
{
	cleanup_with(cleanup_context) scmp_filter_ctx context = NULL;
	uint32_t default_action;
	int r;

	r = read_action(seccomp, "defaultAction", "defaultErrnoRet", &default_action, reason);
	if (r < 0)
		return r;
	context = seccomp_init(default_action);
	if (!context)
		return oci_bad(reason, "out of memory");
	r = add_archs(context, seccomp, reason);
	if (r >= 0)
		r = add_entries(context, seccomp, default_action, reason);
	return r < 0 ? r : export(context, ret, reason);
}

/* Crun takes what that says instead of linux.seccomp. */
#define BPF_ANNOTATION "run.oci.seccomp_bpf_data"

static int refuse_annotation(json_object *object, char reason[OCI_REASON_SIZE])
{
	json_object *annotations = NULL;

	if (json_object_object_get_ex(object, "annotations", &annotations) &&
	    json_object_is_type(annotations, json_type_object) &&
	    json_object_object_get_ex(annotations, BPF_ANNOTATION, NULL))
		return oci_bad(reason, "annotations: " BPF_ANNOTATION " is another filter");
	return 0;
}

int oci_seccomp(const char *config, size_t size, struct oci_filter *ret,
		char reason[OCI_REASON_SIZE])
{
	cleanup_with(cleanup_json) json_object *object = NULL;
	json_object *linux_part = NULL, *seccomp = NULL;
	char within[OCI_REASON_SIZE];
	int r;

	*ret = OCI_FILTER_NULL;
	r = oci_json_parse(config, size, &object, reason);
	if (r >= 0)
		r = refuse_annotation(object, reason);
	if (r >= 0)
		r = oci_json_get(object, "linux", json_type_object, &linux_part, reason);
	if (r >= 0 && linux_part)
		r = oci_json_get(linux_part, "seccomp", json_type_object, &seccomp, reason);
	if (r < 0 || !seccomp)
		return r;
	r = translate(seccomp, ret, within);
	return r < 0 ? oci_bad(reason, "linux.seccomp.%.170s", within) : 0;
}

void oci_filter_clear(struct oci_filter *filter)
{
	free(filter->code);
	*filter = OCI_FILTER_NULL;
}
