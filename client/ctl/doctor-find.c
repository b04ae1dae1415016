// SPDX-License-Identifier: GPL-2.0-or-later
/* What the checks share: findings, and files of the machine. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "doctor.h"
#include "policy.h"
#include "process.h"
#include "text.h"

static void add(struct doctor *doctor, struct finding finding)
{
	struct finding *longer =
		reallocarray(doctor->findings, doctor->count + 1, sizeof(*doctor->findings));

	if (longer)
		doctor->findings = longer;
	if (!longer || !finding.subject || !finding.what || !finding.mend) {
		doctor->no_memory = true;
		free(finding.subject);
		free(finding.what);
		free(finding.mend);
		return;
	}
	longer[doctor->count++] = finding;
}

/* As people and terminals may see it: names in it may be anybody's. */
static char *shown(const char *text)
{
	size_t room = 4 * strlen(text) + 1;
	char *copy = malloc(room);

	if (copy)
		text_show(text, strlen(text), copy, room);
	return copy;
}

/* A name that had to be escaped to be shown would be another one in a command. */
static char *checked_command(const char *command)
{
	cleanup_free char *copy = shown(command);

	if (!copy)
		return NULL;
	return strdup(strcmp(copy, command) == 0 ? command : "");
}

static void __attribute__((format(printf, 6, 0)))
add_finding(struct doctor *doctor, const struct finding_kind *kind, bool note, const char *subject,
	    const char *mend, const char *what, va_list args)
{
	struct finding finding = { .kind = kind, .note = note };
	cleanup_free char *text = NULL;

	if (vasprintf(&text, what, args) < 0)
		text = NULL;
	finding.subject = strdup(subject);
	finding.what = text ? shown(text) : NULL;
	finding.mend = mend ? checked_command(mend) : NULL;
	add(doctor, finding);
}

void found(struct doctor *doctor, const struct finding_kind *kind, const char *subject,
	   const char *mend, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	add_finding(doctor, kind, /* note= */ false, subject, mend, what, args);
	va_end(args);
}

void noted(struct doctor *doctor, const struct finding_kind *kind, const char *subject,
	   const char *mend, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	add_finding(doctor, kind, /* note= */ true, subject, mend, what, args);
	va_end(args);
}

/* No shell finds a meaning in these. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-:@%+,="

static void put_quoted(FILE *out, const char *word)
{
	if (*word && word[strspn(word, PLAIN)] == '\0') {
		(void)fputs(word, out);
		return;
	}
	(void)fputc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			(void)fputs("'\\''", out);
		else
			(void)fputc(*word, out);
	(void)fputc('\'', out);
}

char *doctor_command(const char *format, const char *word)
{
	char *command = NULL;
	size_t size;
	FILE *out = open_memstream(&command, &size);

	if (!out)
		return NULL;
	while (*format) {
		if (strncmp(format, "{}", 2) == 0) {
			put_quoted(out, word);
			format += 2;
		} else {
			(void)fputc(*format++, out);
		}
	}
	if (fclose(out) == 0)
		return command;
	free(command);
	return NULL;
}

bool is_found_about(const struct doctor *doctor, const char *subject)
{
	for (size_t i = 0; i < doctor->count; i++)
		if (!strcmp(doctor->findings[i].subject, subject))
			return true;
	return false;
}

bool is_found(const struct doctor *doctor, const struct finding_kind *kind)
{
	for (size_t i = 0; i < doctor->count; i++)
		if (doctor->findings[i].kind == kind)
			return true;
	return false;
}

/* ------------------------------------------------------------------- files */

static const char *below_root(const struct doctor *doctor, const char *path, char *out, size_t room)
{
	(void)snprintf(out, room, "%s%s", doctor->root, path);
	return out;
}

bool doctor_stat(const struct doctor *doctor, const char *path, struct stat *ret)
{
	char full[2 * DOCTOR_PATH];

	return stat(below_root(doctor, path, full, sizeof(full)), ret) == 0;
}

bool doctor_lstat(const struct doctor *doctor, const char *path, struct stat *ret)
{
	char full[2 * DOCTOR_PATH];

	return lstat(below_root(doctor, path, full, sizeof(full)), ret) == 0;
}

bool doctor_exists(const struct doctor *doctor, const char *path)
{
	struct stat st;

	return doctor_stat(doctor, path, &st);
}

void doctor_line(const struct doctor *doctor, const char *path, char *out, size_t room)
{
	char full[2 * DOCTOR_PATH];

	if (read_line(below_root(doctor, path, full, sizeof(full)), out, room) < 0)
		out[0] = '\0';
}

int doctor_grep(const struct doctor *doctor, const char *path, const char *text, bool within)
{
	char full[2 * DOCTOR_PATH];
	cleanup_file FILE *file = fopen(below_root(doctor, path, full, sizeof(full)), "re");
	cleanup_free char *line = NULL;
	size_t room = 0;

	if (!file)
		return -1;
	while (getline(&line, &room, file) >= 0)
		if (within ? strstr(line, text) != NULL : !strncmp(line, text, strlen(text)))
			return 1;
	return ferror(file) ? -1 : 0;
}

const char *doctor_kernel_command(const struct doctor *doctor)
{
#define KERNEL(name) "apt install linux-image-" name " && reboot"
	static const struct {
		const char *machine;
		const char *command;
	} kernels[] = {
		{ "x86_64", KERNEL("amd64") },	      { "aarch64", KERNEL("arm64") },
		{ "ppc64le", KERNEL("powerpc64le") }, { "s390x", KERNEL("s390x") },
		{ "riscv64", KERNEL("riscv64") },     { "armv7l", KERNEL("armmp") },
	};
#undef KERNEL

	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (!strcmp(kernels[i].machine, doctor->machine))
			return kernels[i].command;
	return "apt list 'linux-image-*'";
}

bool doctor_wants(const struct doctor *doctor, uint32_t class)
{
	for (size_t i = 0; doctor->config && i < doctor->config->count; i++) {
		const struct policy *policy = &doctor->config->policies[i];

		for (size_t n = 0; n < policy->rules_count; n++)
			if (policy->rules[n].class == class &&
			    policy->rules[n].handler != HANDLER_NATIVE &&
			    policy->rules[n].handler != HANDLER_DENY)
				return true;
	}
	return false;
}
