// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands
 *
 * A process that becomes the kernel's helper gets the kernel's arguments and
 * environment and nothing else. One that only prints an answer is told the key's
 * type and description, as opaque text of bounded size.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "command.h"

#define DNS_NAME "upcall-dns"

static char *text_copy(const char *prefix, struct tags_text text)
{
	size_t size = strlen(prefix);
	char *copy = malloc(size + text.size + 1);

	if (!copy)
		return NULL;
	memcpy(copy, prefix, size);
	memcpy(copy + size, text.data ? text.data : "", text.size);
	copy[size + text.size] = '\0';
	return copy;
}

/* No arguments at all would make envp[0] the program's name (CVE-2021-4034). */
static int arguments_complete(struct command *command)
{
	if (command->argv[0])
		return 0;
	free(command->argv);
	command->argv = calloc(2, sizeof(*command->argv));
	if (!command->argv)
		return -ENOMEM;
	command->argv[0] = command->path;
	return 0;
}

/* argv[0] is there; what else there was is the host's. */
static int release_arguments(const struct tags *tags, struct command *command)
{
	const char **argv = calloc(3, sizeof(*argv));

	command->owned[1] = text_copy("", tags->release_cgroup);
	if (!argv || !command->owned[1]) {
		free(argv);
		return -ENOMEM;
	}
	argv[0] = command->argv[0];
	argv[1] = command->owned[1];
	free(command->argv);
	command->argv = argv;
	return command->path[0] == '/' ? 0 : -ENOEXEC;
}

static int become_build(const struct worker_request *request, const struct tags *tags,
			struct command *command)
{
	int ret;

	command->owned[0] = text_copy("", tags->path);
	if (!command->owned[0])
		return -ENOMEM;
	command->path = request->program[0] != '\0' ? request->program : command->owned[0];
	ret = tags_strv(tags->argv, &command->argv);
	if (ret == 0)
		ret = tags_strv(tags->envp, &command->envp);
	if (ret == 0)
		ret = arguments_complete(command);
	if (ret < 0)
		return ret;
	if (request->program[0] != '\0')
		command->argv[0] = request->program;
	/* what has a path to a release agent on the host has another in the container */
	if (tags->class == UPCALL_CLASS_RELEASE_AGENT && request->run_in == WORKER_RUN_IN_CONTAINER)
		return release_arguments(tags, command);
	return command->path[0] == '/' ? 0 : -ENOEXEC;
}

static int answer_build(const struct worker_request *request, const struct tags *tags,
			struct command *command)
{
	if (!tags->key.present)
		return -EBADMSG;
	command->owned[0] = text_copy("", tags->key.description);
	command->owned[1] = text_copy("UPCALL_KEY_TYPE=", tags->key.type);
	command->owned[2] = text_copy("UPCALL_KEY_DESCRIPTION=", tags->key.description);
	command->argv = calloc(3, sizeof(*command->argv));
	command->envp = calloc(3, sizeof(*command->envp));
	if (!command->owned[0] || !command->owned[1] || !command->owned[2] || !command->argv ||
	    !command->envp)
		return -ENOMEM;
	command->path = request->handler == WORKER_ANSWER_DNS ? NULL : request->program;
	command->argv[0] = command->path ? command->path : DNS_NAME;
	/* to a program of others' it might look like an option: they have the variable */
	if (!command->path)
		command->argv[1] = command->owned[0];
	command->envp[0] = command->owned[1];
	command->envp[1] = command->owned[2];
	return 0;
}

int command_build(const struct worker_request *request, const struct tags *tags,
		  struct command *ret)
{
	struct command command = COMMAND_NULL;
	int error;

	if (request->handler == WORKER_BECOME)
		error = become_build(request, tags, &command);
	else
		error = answer_build(request, tags, &command);
	if (error < 0) {
		command_clear(&command);
		return error;
	}
	*ret = command;
	return 0;
}

void command_clear(struct command *command)
{
	for (size_t i = 0; i < sizeof(command->owned) / sizeof(command->owned[0]); i++)
		free(command->owned[i]);
	free(command->argv);
	free(command->envp);
	*command = COMMAND_NULL;
}
