/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What upcalld and upcall-worker say to each other
 *
 * A SOCK_SEQPACKET unix socket, one request or one result a packet, host byte
 * order, both ends from the same package: WORKER_PROTOCOL must be equal, a
 * packet of any other size or version ends the connection.
 *
 * Request: struct worker_request with SCM_RIGHTS of two fds, in this order: the
 * upcall fd, the leader's pidfd. With `filter` there is one more, the last: a file of
 * the instructions of a seccomp filter, struct sock_filter. They belong to the receiver then;
 * upcalld has closed its own copies by the time the packet is answered.
 * Result: struct worker_result, exactly one for each request whose connection
 * lives. The worker answers the kernel itself (ATTACH or COMPLETE), so a lost
 * result costs a record, never an upcall.
 *
 * A visit is an administrator's command in a container, entered as a handler
 * enters it. Its request has three fds, or four: a witness (UPCALL_IOC_WITNESS), the
 * leader's pidfd, and the channel, a SOCK_SEQPACKET socket whose other end is the
 * visitor's. One packet of his lies in it already: the command's arguments, each
 * with its NUL, the first an absolute path in the container (a probe's is only its
 * name), and SCM_RIGHTS of
 * what becomes its fds 0, 1 and 2, each a unix stream socket. The result goes into
 * the channel, not to upcalld. If the visitor's end is closed before, everything
 * of the visit is killed.
 */
#ifndef UPCALL_WORKER_H
#define UPCALL_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "upcall.h"

#define WORKER_PROTOCOL 5
/* Instance sockets; %s is the container's name. */
#define WORKER_SOCKET_FORMAT "/run/upcalld/worker/%s"

/*
 * A worker that is told to end (SIGTERM) takes nothing new. What runs has this long to end by
 * itself, with a result. Then a handler of the container's that has the upcall is left alone;
 * all others are killed, and looked for as long as a tracer may hold them.
 */
#define WORKER_FINISH_MS  2000
#define WORKER_CLEANUP_MS 5000
/* Both, at most; and when one that has not ended by then is killed, as the unit says, too. */
#define WORKER_END_MS  (WORKER_FINISH_MS + WORKER_CLEANUP_MS)
#define WORKER_KILL_MS (WORKER_END_MS + 3000)

#define WORKER_PATH_LEN 1024
/* Bytes of a visit's arguments, and how many there are. */
#define WORKER_VISIT_SIZE 65536
#define WORKER_VISIT_ARGS 1024
/* Visits of one container at a time: handlers need its worker, too. */
#define WORKER_VISITS 8

enum worker_handler {
	WORKER_BECOME = 0,     /* ATTACH, then execute `program` */
	WORKER_ANSWER_PROGRAM, /* `program` prints the payload, the host side instantiates */
	WORKER_ANSWER_DNS,     /* the same with the dns builtin */
	WORKER_VISIT,	       /* no upcall: execute what the channel says */
	WORKER_PROBE,	       /* the same with a program of ours, that raises an upcall */
};

static inline bool worker_is_visit(uint32_t handler)
{
	return handler == WORKER_VISIT || handler == WORKER_PROBE;
}

enum worker_run_in {
	WORKER_RUN_IN_CONTAINER = 0,
	WORKER_RUN_IN_HOST,
};

/* Is what runs a program of the container's? Ours have filters of their own. */
static inline bool worker_runs_theirs(uint32_t handler, uint32_t run_in)
{
	return run_in == WORKER_RUN_IN_CONTAINER && handler != WORKER_ANSWER_DNS &&
	       handler != WORKER_PROBE;
}

struct worker_request {
	uint32_t protocol;   /* WORKER_PROTOCOL */
	uint32_t class;	     /* enum upcall_class */
	uint64_t id;	     /* of the upcall; of a visit: drawn, with the highest bit set */
	uint64_t container;  /* table id: what TAGS must say of the leader */
	uint64_t start_time; /* of the leader, as registered */
	uint64_t net_cookie; /* of the leader's network namespace, as registered */
	uint64_t cgroup_id;  /* the boundary, 0: none, handlers live below the worker's cgroup */
	uint32_t leader;     /* pid in the initial pid namespace */
	uint32_t ns[UPCALL_NS_COUNT]; /* the leader's namespaces, as registered */
	uint32_t own_ns;	      /* mask of those to join */
	uint32_t handler;	      /* enum worker_handler */
	uint32_t run_in;	      /* enum worker_run_in */
	uint32_t run_ms;	      /* handler's time limit from ATTACH or start; 0 is refused */
	uint32_t alone;		      /* 1: its section has MaxConcurrent=1; else 0 */
	uint32_t filter; /* 1: the container's seccomp filter comes with it, and is applied; 0: its
			    leader's are */
	char container_name[UPCALL_NAME_LEN];
	char cgroup[WORKER_PATH_LEN];  /* boundary below /sys/fs/cgroup, "" with cgroup_id 0 */
	char program[WORKER_PATH_LEN]; /* absolute, in the container; "": the kernel's own path */
};

/* The fds that go with a request, in this order; -1: not with this one. */
struct worker_fds {
	int upcall; /* a visit's: a witness */
	int pidfd;  /* of the leader */
	int channel;
	int filter;
};

#define WORKER_FDS_NULL ((struct worker_fds){ -1, -1, -1, -1 })

/* How it went; `error` and `wait_status` say more. Also the words of the record. */
enum worker_outcome {
	WORKER_SERVED = 0,	/* handler ran and ended with exit status 0, or answered */
	WORKER_HANDLER_FAILED,	/* exit status not 0: wait_status */
	WORKER_HANDLER_KILLED,	/* by a signal: wait_status */
	WORKER_HANDLER_TIMEOUT, /* over run_ms, killed with its cgroup */
	WORKER_EXEC_FAILED,	/* attached, but the program could not be executed: error */
	WORKER_BAD_ANSWER,	/* what it printed is no payload of that type */
	WORKER_ENTRY_FAILED,	/* nothing ran: step and error */
	WORKER_GONE,		/* requester killed or claim revoked meanwhile */
	WORKER_HANDLER_OOM,	/* killed because its cgroup had no memory left: wait_status */
};

/* The entry sequence, in its order; the record names the one that failed. */
enum worker_step {
	WORKER_STEP_NONE = 0,
	WORKER_STEP_REQUEST, /* the request itself */
	WORKER_STEP_INFO,    /* UPCALL_IOC_INFO */
	WORKER_STEP_LEADER,  /* the leader is who was registered */
	WORKER_STEP_ROOT,    /* opening the leader's root */
	WORKER_STEP_STATUS,  /* reading the leader's capabilities, label, seccomp mode */
	WORKER_STEP_SECCOMP, /* filters that cannot be learned or applied */
	WORKER_STEP_CGROUP,  /* leaf cgroup */
	WORKER_STEP_FORK,
	WORKER_STEP_GROUPS, /* clearing supplementary groups */
	WORKER_STEP_SETNS,
	WORKER_STEP_VERIFY, /* namespaces and cgroup joined, by TAGS */
	WORKER_STEP_CHROOT,
	WORKER_STEP_LABEL,
	WORKER_STEP_IDS,
	WORKER_STEP_CAPS,
	WORKER_STEP_NNP,    /* no_new_privs */
	WORKER_STEP_LIMITS, /* session, umask, signals, rlimits, oom score */
	WORKER_STEP_FDS,
	WORKER_STEP_PIDNS, /* birth in the container's pid namespace */
	WORKER_STEP_ATTACH,
	WORKER_STEP_EXEC,
	WORKER_STEP_READ, /* the answer */
	WORKER_STEP_INSTANTIATE,

	/* private: */
	WORKER_STEP_COUNT
};

struct worker_result {
	uint32_t protocol;
	uint32_t outcome; /* enum worker_outcome */
	uint64_t id;
	uint32_t step;	      /* enum worker_step */
	int32_t error;	      /* positive errno, or 0 */
	int32_t wait_status;  /* as waitpid(2) */
	uint32_t handler_pid; /* pid in the initial pid namespace, or 0 */
	uint64_t duration_us; /* from the request to the end */
};

#endif
