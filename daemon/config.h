/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policy files: NAME.conf in upcalld.d
 *
 * Directories, later ones win where names are equal: /usr/lib/upcalld.d,
 * /run/upcalld.d, /etc/upcalld.d. Files are sorted by name over all three; the
 * first whose [Match] fits a container decides alone for it. Files in NAME.conf.d,
 * in the same directories and with the same rule, refine NAME.conf: what they
 * set replaces, lists grow. A symbolic link to /dev/null masks a file. Files
 * belong to root and nobody else may write them.
 *
 *   file     = *( line LF )              at most 1 MiB, a line at most 4096 bytes
 *   line     = blank / comment / section / setting
 *   comment  = ("#" / ";") *any          a line of its own; no continuation lines
 *   section  = "[" name "]"              each at most once in a file
 *   name     = "Match" / "Core" / "Key" / "Key " TYPE / "Module" / "Release-Agent" / "Other"
 *   setting  = KEY "=" value             blanks around both are dropped; NUL and
 *                                        other control characters are refused
 *
 *   [Match]         at least one of these; all have to fit
 *     Name=GLOB…    of the container; several lines add up
 *     User=NAME…    who has registered it: names in /etc/passwd, numbers, or * for all but
 *                   root. Without it, root's only. Not beside Cgroup=.
 *     Cgroup=PATTERN… path of its cgroup from the root of cgroup2, or of one above it: /a/b, with *
 *                   and ? within a component. It has to be the host's own: no folder
 *                   that anybody but root may write to. Containers there that nobody
 *                   has registered are registered at their first upcall.
 *   [Core] [Key] [Key TYPE] [Release-Agent] [Other]
 *     Handler=      native, deny, an absolute path (no arguments), or dns (in
 *                   [Key] and [Key TYPE]); without it, the kernel's own program and
 *                   arguments. [Core] in a container has to name it.
 *     RunIn=        container (default) or host
 *     RuntimeMaxSec= 1 to 3600; default 300 for [Core], else 30; what answers
 *                   (dns, Answer=yes) has 20, which is the most for it
 *     MaxConcurrent= 1 to 64, default 4; for each container and section
 *     Answer=       yes: the program prints the key's payload instead of
 *                   instantiating it; [Key] and [Key TYPE] with a program only
 *   [Module]
 *     Allow=GLOB…   modules or requests (net-pf-*) that may be loaded, by the
 *                   kernel's own modprobe; several lines add up; without it, none
 *     Handler=      native or deny, instead of Allow=
 *
 * A list with an empty value is emptied. Everything else that is unknown,
 * doubled or out of range is an error, FILE:LINE: reason, and the whole set is
 * not taken.
 */
#ifndef UPCALLD_CONFIG_H
#define UPCALLD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upcall.h"

#define CONFIG_FILE_MAX	   (1024 * 1024)
#define CONFIG_LINE_MAX	   4096
#define CONFIG_PROGRAM_MAX 1023
#define CONFIG_ERROR_SIZE  512
#define CONFIG_FILES_MAX   4096

enum handler_kind {
	HANDLER_KERNEL = 0, /* what the kernel would execute */
	HANDLER_NATIVE,
	HANDLER_DENY,
	HANDLER_DNS,
	HANDLER_PROGRAM,
};

/* One section other than [Match]. */
struct rule {
	uint32_t class;			    /* enum upcall_class */
	char key_type[UPCALL_KEY_TYPE_LEN]; /* "": every type */
	enum handler_kind handler;
	char *program; /* HANDLER_PROGRAM only */
	bool answer;
	bool in_host;
	unsigned int run_sec;
	unsigned int max_concurrent;
	char **allow; /* class module */

	/* for messages and checks while it is read */
	char *file; /* where the section is first */
	unsigned int line;
	uint32_t set; /* mask of settings, over all files */
	bool bad;     /* a line of it was refused */
};

/* One NAME.conf with what refines it. */
struct policy {
	char *file;
	char **names;	 /* of containers; NULL: whatever they are */
	char **cgroups;	 /* patterns of paths; NULL: wherever they are */
	char **runtimes; /* of who made them; NULL: whoever did */
	char **users;	 /* who registered them, as numbers, or "*"; NULL: root */
	struct rule *rules;
	size_t rules_count;
	bool match_whole; /* all of [Match] was read, also if what follows was not */
	bool match_bad;	  /* a line of [Match] was refused, or is not known */
	bool bad;	  /* could not be read: its containers get DENY */
	bool anybody;	  /* an error left unknown whom it matches */
	bool everybody;	  /* so it has to be taken for: all */
	bool lenient;	  /* while it is read: it is not bad for a user who is not known */
	bool doubtful;	  /* there is one in it: he is nobody */
	struct config_observer *observer; /* while it is read, or NULL */
};

/* Does it say whom it matches? */
static inline bool policy_has_match(const struct policy *policy)
{
	return policy->names || policy->cgroups || policy->runtimes || policy->users;
}

/*
 * Who wants to know more than the first error. With an observer, reading goes on
 * after an error, to find the next ones; what only follows from one is not told.
 */
struct config_observer {
	/* line 0: of the file as a whole */
	void (*error)(struct config_observer *observer, const char *file, unsigned int line,
		      const char *reason);
	/*
	 * A line that was taken, in the order in which they refine each other; section
	 * is the index of the policy's rule + 1, or 0 for [Match]. May be NULL.
	 */
	void (*setting)(struct config_observer *observer, const struct policy *policy,
			size_t section, const char *file, unsigned int line, const char *name,
			const char *value);
};

/* A whole set, immutable. Upcalls under way keep the one that they began with. */
struct config {
	unsigned int refs;
	struct policy *policies;
	size_t count;
};

/* Does any policy say where its containers are? */
bool config_has_cgroups(const struct config *config);

/* ---- one file; errors are printable ASCII, the rest as \xNN ---- */

/*
 * Add what `text` says to the policy. -EINVAL: `error` says FILE:LINE: reason,
 * and the policy is to be thrown away. -ENOMEM.
 */
int policy_parse(struct policy *policy, const char *file, const char *text, size_t size,
		 char error[CONFIG_ERROR_SIZE]);
/* What only the whole policy tells; the same returns. */
int policy_check(struct policy *policy, char error[CONFIG_ERROR_SIZE]);
void policy_clear(struct policy *policy);

/* ---- the set ---- */

/*
 * Read all directories (NULL-terminated, the last one wins). -EINVAL with
 * `error`: something is bad and, if !keep_bad, nothing is returned. With
 * keep_bad there is always a set (except -ENOMEM): a bad file's containers get
 * DENY there; where it is not even known which they are, all that no earlier
 * file matches. `error` is "" if nothing is bad.
 */
int config_load(char *const *directories, bool keep_bad, struct config **ret,
		char error[CONFIG_ERROR_SIZE]);
/* Where policies are, if nobody says otherwise; for strv_free(). */
int config_directories(char ***ret);

/*
 * config_load() with keep_bad, and everything told. 0, also if all is bad, as
 * what was told says; or -ENOMEM.
 */
int config_observe(char *const *directories, struct config_observer *observer, struct config **ret);
/*
 * One file, wherever it is and whoever owns it. What refines another (a file in
 * NAME.conf.d) is not checked as a whole.
 */
int config_observe_file(const char *path, struct config_observer *observer);
/* An empty set: everything native. NULL: no memory. */
struct config *config_new(void);
struct config *config_ref(struct config *config);
/* Takes NULL, returns NULL. */
struct config *config_unref(struct config *config);

/* ---- for who shows a set ---- */

#define CONFIG_TITLE_SIZE (UPCALL_KEY_TYPE_LEN + 16)

struct setting_value {
	const char *name;
	bool list;			    /* its values are what the observer was told */
	char value[CONFIG_PROGRAM_MAX + 1]; /* in effect: what was set, or the default */
};

/* "Key user" */
void rule_title(const struct rule *rule, char out[CONFIG_TITLE_SIZE]);
/* The index-th setting that means something in the rule. False: there are no more. */
bool rule_setting(const struct rule *rule, size_t index, struct setting_value *ret);

#endif
