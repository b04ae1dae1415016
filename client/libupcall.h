/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libupcall - talk to upcalld, the broker of the kernel's upcalls
 *
 * A container that is registered gets its upcalls (core dumps, key requests,
 * ...) answered inside it, as the administrator's files in /etc/upcalld.d say.
 * Registering changes nothing by itself. A minimal runtime needs three calls:
 *
 *	struct upcall_connection *connection;
 *	int r = upcall_connect(&connection);
 *	if (r >= 0)
 *		r = upcall_register(connection, "web", pidfd, NULL, NULL);
 *	if (r < 0)
 *		fprintf(stderr, "%s\n", upcall_error(connection, r));
 *	upcall_close(connection);
 *
 * Functions return 0, or a negative errno; those with a meaning of their own:
 *
 *	-EINVAL	      a name or an argument that is none
 *	-ENOENT	      no such container, no such cgroup, no such upcall
 *	-EALREADY     the upcall has ended
 *	-EBUSY	      not at this moment: ask again; of what has to have ended: it has not
 *	-ESRCH	      no such process
 *	-EEXIST	      the name is taken
 *	-ENXIO	      the process is in no container: all its namespaces are the host's
 *	-ENOEXEC      the process is a kernel thread
 *	-ENOTUNIQ     the container needs a cgroup: its tasks can outlive its first process
 *	-EPERM	      not allowed: root's, or another user's, or no policy lets the user
 *	-EDQUOT	      too many containers
 *	-ENODEV	      the kernel module is missing
 *	-ENOTCONN     upcalld cannot be reached (any more)
 *	-ECONNABORTED upcalld has hung up while we connected, as it has too many: ask again
 *	-ETIMEDOUT    upcalld did not answer within 30 seconds
 *	-EBADMSG      upcalld answered what this library does not understand
 *	-EOPNOTSUPP   upcalld is older than this library, and knows no such call
 *
 * A connection is used by one thread at a time. Calls block until answered.
 */
#ifndef LIBUPCALL_H
#define LIBUPCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct upcall_connection;

/* --- connection --- */

/*
 * Connects to the daemon's socket, /run/upcalld/control; who is not root, to that of
 * upcalld-users, /run/upcalld/users, if it is there. The environment variable UPCALLD_SOCKET
 * names another one, but not in a set-user-id program. *ret is written, and to be closed by
 * the caller, also on failure (NULL only after -ENOMEM), so that upcall_error() can say why.
 */
int upcall_connect(struct upcall_connection **ret);

/* Takes NULL; returns NULL. */
struct upcall_connection *upcall_close(struct upcall_connection *connection);

/*
 * What went wrong in the last call on this connection, as a sentence for the
 * administrator. `error` is what the call returned. Never NULL; valid until the
 * next call on the connection. connection may be NULL.
 */
const char *upcall_error(const struct upcall_connection *connection, int error);

/* --- containers --- */

struct upcall_namespace {
	const char *type; /* "net", ... */
	uint32_t inode;	  /* as in /proc/PID/ns */
};

/*
 * A registered container. Allocated by the library only; later versions append
 * fields. Strings and arrays are never NULL, and belong to the entry.
 */
struct upcall_entry {
	const char *name;
	uint64_t id;
	const char *state; /* "live"; "waiting": for the module; "tombstone": refused all */
	uint32_t leader;   /* pid of the first process */
	uint32_t uid;	   /* who registered it */
	const char *cgroup;
	const char *policy; /* file that matched, "" for none */
	const char *runtime;
	uint32_t pending; /* upcalls that have not ended */
	uint64_t served;
	uint64_t failed;
	uint64_t since;				   /* microseconds since the epoch */
	const struct upcall_namespace *namespaces; /* its own ones; the last has type NULL */
	const char *const *labels;		   /* ends with NULL */
	const char *const *warnings;		   /* ends with NULL */
	const char *worker;			   /* "none", "starting", "connected" */
	uint32_t seccomp_filter; /* instructions of what it was registered with; 0: none */
	bool cgroup_derived;	 /* nobody has named the cgroup: others may be in it */
};

/* What registering may say; zero what you do not want to say. Beyond these limits: -EINVAL. */
struct upcall_register_options {
	const char *cgroup; /* boundary, below /sys/fs/cgroup; default: the leader's own */
	/*
	 * What made the container: 1 to 64 printable ASCII characters. It is shown, and chooses
	 * the policy, together with the name, where one has Runtime=. "adopted", which is for who
	 * is not registered, is refused: -EINVAL.
	 */
	const char *runtime;
	/* Up to 16, of 1 to 128 such characters; shown, and nothing else. Ends with NULL. */
	const char *const *labels;
	/*
	 * The seccomp filter that its programs run under, as instructions of classic BPF (struct
	 * sock_filter of <linux/filter.h>), which seccomp_export_bpf(3) writes; NULL: those that
	 * its first process has when one is run, as an ordinary user's are in any case. 1 to 4096
	 * of 8 bytes each; one that answers errno 0 is refused.
	 */
	const void *seccomp_filter;
	size_t seccomp_filter_size; /* bytes */
	void *reserved[3];	    /* NULL */
};

/*
 * Registers the container that the process lives in, under a name of
 * [a-z0-9][a-z0-9_.-]{0,62}; an ordinary user's is called UID-NAME, which he may say, too.
 * pidfd is not consumed. options may be NULL. If ret is not NULL, it gets the container as
 * registered, for upcall_entry_free().
 */
int upcall_register(struct upcall_connection *connection, const char *name, int pidfd,
		    const struct upcall_register_options *options, struct upcall_entry **ret);
int upcall_unregister(struct upcall_connection *connection, const char *name);
/*
 * The same, but only if its leader is dead and its cgroup empty; else -EBUSY, and it stays
 * registered. So a container that has the name by now is not forgotten for one that had it.
 */
int upcall_unregister_ended(struct upcall_connection *connection, const char *name);

/* Every container that the caller may see, as an array that ends with NULL. */
int upcall_list(struct upcall_connection *connection, struct upcall_entry ***ret);

/* Both take NULL and return NULL. */
struct upcall_entry *upcall_entry_free(struct upcall_entry *entry);
struct upcall_entry **upcall_list_free(struct upcall_entry **entries);

/*
 * Has the container's worker run a command inside, entered as a handler enters it.
 * probe: a program of ours instead. The channel is not consumed. What lies in it, and what comes
 * back, are packets of proto/worker.h, for programs of the same package only: use 'upcallctl exec'.
 */
int upcall_visit(struct upcall_connection *connection, const char *name, int channel,
		 uint32_t seconds, bool probe);

/*
 * For upcalld-users: what the user says comes through the channel from now on, a stream socket,
 * and no fds. -EDQUOT: he has too many connections. The channel is not consumed.
 */
int upcall_relay(struct upcall_connection *connection, uint32_t uid, int channel);

/* --- upcalls --- */

/*
 * An upcall that has not ended. Allocated by the library only; later versions
 * append fields. Strings are never NULL.
 */
struct upcall_pending {
	uint64_t id;
	uint32_t generation;	/* grows each time that the kernel offers it again */
	const char *class_name; /* "core", "key", "module", "release-agent", "other" */
	const char *key_type;	/* class "key" */
	const char *container;	/* "" if it is none that is registered */
	const char *state;	/* "offered", "claimed", "attaching", "running" */
	const char *waits_for;	/* "quota", "worker", or "" */
	const char *handler;	/* as in the record; "" if none was chosen yet */
	const char *run_in;
	uint32_t pid;	    /* of the handler that is attached, or 0 */
	uint32_t requester; /* pid of who asked */
	const char *comm;   /* how that one calls itself */
	uint64_t age;	    /* microseconds since it was raised */
	uint64_t left;	    /* microseconds until it is ended if nobody answers */
};

/* Oldest first, as an array that ends with NULL. */
int upcall_list_pending(struct upcall_connection *connection, struct upcall_pending ***ret);
struct upcall_pending **upcall_list_pending_free(struct upcall_pending **upcalls); /* takes NULL */

/*
 * Ends an upcall, whatever it is doing: its requester is refused, and a handler
 * that is attached is killed. -EBUSY lasts for microseconds.
 */
int upcall_cancel(struct upcall_connection *connection, uint64_t id);

/* --- why --- */

/*
 * How an upcall went, or goes. Allocated by the library only; later versions
 * append fields. Strings are never NULL; "" is nothing.
 */
struct upcall_record {
	uint64_t id;
	uint32_t generation;
	const char *class_name;
	const char *key_type;
	uint32_t requester;
	const char *comm;
	const char *container;
	const char *rule;    /* by what its container was found */
	const char *policy;  /* file that decided */
	const char *section; /* of it */
	const char *handler;
	const char *run_in;
	const char *result; /* as in the journal's record, or "pending" */
	const char *reason; /* for a pending one, its state */
	const char *step;   /* of entering the container, that failed */
	const char *error;
	uint32_t wait_status; /* as of waitpid(2) */
	uint32_t pid;	      /* of the handler that is attached, while it is pending */
	uint64_t duration;    /* microseconds */
	uint64_t at;	      /* microseconds since the epoch: of its end, or of the event */
};

/* A pending one, or one of the last that upcalld remembers. -ENOENT, -EALREADY: it is neither. */
int upcall_explain(struct upcall_connection *connection, uint64_t id, struct upcall_record **ret);
struct upcall_record *upcall_record_free(struct upcall_record *record); /* takes NULL */

/* What would happen to upcalls of a class. The same rules. */
struct upcall_outlook {
	const char *class_name;
	const char *key_type; /* "" in class "key": every type that has none of its own */
	const char *verdict;  /* the kernel's: "native", "offer", "deny" */
	const char *section;
	const char *handler;
	const char *run_in;
	uint32_t runtime_max_sec;
	uint32_t max_concurrent;
	const char *const *allow; /* modules; ends with NULL */
	const char *reason;
};

struct upcall_outlook **upcall_outlook_free(struct upcall_outlook **outlook); /* takes NULL */

/*
 * One container, what would happen to its upcalls (ends with NULL), and how the
 * last one that is remembered ended (id 0: none is). All three are to be freed.
 */
int upcall_describe(struct upcall_connection *connection, const char *name,
		    struct upcall_entry **ret, struct upcall_outlook ***ret_outlook,
		    struct upcall_record **ret_last);

/* Whose task a process is: the kernel's answer. The same rules. */
struct upcall_process {
	uint32_t pid;
	const char *scope; /* "host", "container", "unregistered", "kthread", "ambiguous" */
	const char *container;
	const char *policy;
	const struct upcall_namespace *namespaces; /* the last has type NULL */
	uint64_t cgroup_id;
};

/* pidfd is not consumed. Both are to be freed. */
int upcall_explain_process(struct upcall_connection *connection, int pidfd,
			   struct upcall_process **ret, struct upcall_outlook ***ret_outlook);
struct upcall_process *upcall_process_free(struct upcall_process *process); /* takes NULL */

/* --- events --- */

enum upcall_event {
	UPCALL_EVENT_OFFERED = 0, /* what is known of it then, `at` included */
	UPCALL_EVENT_ENDED,
};

/* From here on upcalld tells this connection of all upcalls that it has a part in. */
int upcall_monitor(struct upcall_connection *connection);

/*
 * Waits for the next one, to be freed with upcall_record_free(). -ENOBUFS: too many
 * were left unread, and there are no more.
 */
int upcall_next_event(struct upcall_connection *connection, enum upcall_event *event,
		      struct upcall_record **ret);

/* --- daemon --- */

/* How many upcalls of a class the kernel module saw end so, since it was loaded: upcall(4). */
struct upcall_tally {
	const char *class_name; /* NULL: the end */
	const char *ending;	/* "native", "denied", "done"...; a later module may know more */
	uint64_t count;
};

/* Allocated by the library only; later versions append fields. Strings are never NULL. */
struct upcall_daemon {
	const char *version;
	bool shim; /* the kernel module is there and works with this daemon */
	const char *shim_version;
	const char *shim_error; /* what is missing and what to do about it, "" if nothing */
	uint32_t containers;
	uint32_t pending;
	uint64_t served;
	uint64_t failed;
	uint64_t refused;
	uint64_t enobufs;    /* times that events were lost and the queue was read again */
	uint64_t bad_sender; /* messages that did not come from the kernel */
	const char *core_pattern;
	uint32_t core_pipe_limit;
	const char *const *warnings; /* ends with NULL */
	bool standalone;	     /* runs without systemd */
	const char *config_error;    /* why the last configuration was not taken, "" if it was */
	uint64_t config_read; /* microseconds since the epoch: when the one in force was read */
	const struct upcall_tally *upcalls; /* empty if there is no module, or it does not count */
};

int upcall_status(struct upcall_connection *connection, struct upcall_daemon **ret);
struct upcall_daemon *upcall_daemon_free(struct upcall_daemon *daemon); /* takes NULL */

/* Reads the configuration again. If it is bad, -EINVAL, and the old one stays. */
int upcall_reload(struct upcall_connection *connection);

#ifdef __cplusplus
}
#endif

#endif
