/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * upcall - the kernel's upcalls as events and objects
 *
 * Two faces, one purpose each:
 *
 *  - The generic netlink family "upcall" carries events, never commands. Each
 *    time an upcall enters the state OFFERED, one UPCALL_CMD_OFFERED message is
 *    unicast to the one subscribed socket. The event is a doorbell: a lost one
 *    loses nothing, because the kernel holds the queue (UPCALL_IOC_LIST) and
 *    the device polls readable as long as anything is OFFERED; after a read(2),
 *    which never has data, only from the next one on. Monitors
 *    (UPCALL_IOC_MONITOR) get one UPCALL_CMD_DECIDED for each upcall that is not
 *    offered, or that the broker gave back; there is no multicast group.
 *
 *  - /dev/upcall carries authority, as ioctls. UPCALL_IOC_CLAIM gives an upcall
 *    fd: whoever holds it may answer that one upcall, in whatever namespaces
 *    and with whatever credentials. It is passed on with SCM_RIGHTS.
 *
 * Rules of this ABI: sizes are bytes, times are nanoseconds of CLOCK_BOOTTIME
 * unless the name says otherwise, process and thread numbers are those of the
 * initial pid namespace, uids and gids those of the initial user namespace.
 * Text is opaque bytes; nothing that a requester can write is authority. Unknown
 * flag bits and reserved fields that are not zero are refused with EINVAL.
 * upcall.yaml describes the same netlink family; a test compares the two.
 */
#ifndef _UAPI_LINUX_UPCALL_H
#define _UAPI_LINUX_UPCALL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define UPCALL_ABI_VERSION 3

#define UPCALL_GENL_NAME    "upcall"
#define UPCALL_GENL_VERSION 1
#define UPCALL_DEVICE	    "/dev/upcall"

/* What kind of upcall; decided by kernel code addresses, never by a path. */
enum upcall_class {
	UPCALL_CLASS_CORE = 0,
	UPCALL_CLASS_KEY,
	UPCALL_CLASS_MODULE,
	UPCALL_CLASS_RELEASE_AGENT,
	UPCALL_CLASS_OTHER,

	/* private: */
	__UPCALL_CLASS_COUNT
};
#define UPCALL_CLASS_COUNT __UPCALL_CLASS_COUNT

/*
 * Where an upcall is in its life. NATIVE, DEAD, DONE and AGAIN are endings; an
 * upcall reaches exactly one of them.
 */
enum upcall_state {
	UPCALL_STATE_NEW = 0,
	UPCALL_STATE_OFFERED,	/* waits for a CLAIM */
	UPCALL_STATE_CLAIMED,	/* somebody holds an upcall fd */
	UPCALL_STATE_ATTACHING, /* a process is becoming the helper; never left early */
	UPCALL_STATE_RUNNING,	/* the helper runs, its exit is watched */
	UPCALL_STATE_DONE,	/* answered, refused or failed */
	UPCALL_STATE_NATIVE,	/* given back to the kernel's own usermodehelper */
	UPCALL_STATE_DEAD,	/* the requester was killed */
	UPCALL_STATE_AGAIN,	/* to be decided once more, see UPCALL_IOC_AGAIN */

	/* private: */
	__UPCALL_STATE_COUNT
};
#define UPCALL_STATE_COUNT __UPCALL_STATE_COUNT

/* What the table says of one class of a container's upcalls. */
enum upcall_verdict {
	UPCALL_VERDICT_NATIVE = 0, /* as if upcalld were not there */
	UPCALL_VERDICT_OFFER,	   /* ask the broker; fails closed */
	UPCALL_VERDICT_DENY,	   /* refuse at once, in the kernel */

	/* private: */
	__UPCALL_VERDICT_COUNT
};

/* Whose upcall it is. */
enum upcall_scope {
	UPCALL_SCOPE_HOST = 0,	   /* initial pid and user namespace, not registered */
	UPCALL_SCOPE_CONTAINER,	   /* UPCALL_A_CONTAINER names the entry */
	UPCALL_SCOPE_UNREGISTERED, /* neither */
	UPCALL_SCOPE_KTHREAD,	   /* a kernel thread's, with no domain that is registered */
	UPCALL_SCOPE_AMBIGUOUS,	   /* several entries match and none is nearer */
};

/* What raised it. */
enum upcall_context {
	UPCALL_CONTEXT_TASK = 0,
	UPCALL_CONTEXT_KTHREAD,
	UPCALL_CONTEXT_WORKQUEUE,
};

/* Who asked for a key: request_key(2), or the kernel on its own account. */
enum upcall_origin {
	UPCALL_ORIGIN_SYSCALL = 0,
	UPCALL_ORIGIN_KERNEL,
};

/* UPCALL_A_WAIT: what the caller waits for (the kernel's UMH_* values). */
#define UPCALL_WAIT_EXEC     0x01
#define UPCALL_WAIT_PROC     0x02
#define UPCALL_WAIT_KILLABLE 0x04

/* Namespaces, as bit numbers of masks and indices of arrays in this ABI. */
enum upcall_ns {
	UPCALL_NS_PID = 0,
	UPCALL_NS_MNT,
	UPCALL_NS_NET,
	UPCALL_NS_USER,
	UPCALL_NS_UTS,
	UPCALL_NS_IPC,
	UPCALL_NS_CGROUP,
	UPCALL_NS_TIME,

	/* private: */
	__UPCALL_NS_COUNT
};
#define UPCALL_NS_COUNT __UPCALL_NS_COUNT

/* Generic netlink: messages. */
enum upcall_cmd {
	UPCALL_CMD_UNSPEC = 0,
	UPCALL_CMD_OFFERED, /* event; attributes: enum upcall_attr */
	UPCALL_CMD_DECIDED, /* the same, to monitors; it has no id, generation, depth, parent */

	/* private: */
	__UPCALL_CMD_MAX
};
#define UPCALL_CMD_MAX (__UPCALL_CMD_MAX - 1)

/*
 * The tags of an upcall: the payload of an event, and what UPCALL_IOC_INFO
 * returns. UPCALL_IOC_TAGS returns those that describe a process. An attribute
 * that does not apply, or could not be had, is absent.
 */
enum upcall_attr {
	UPCALL_A_UNSPEC = 0,
	UPCALL_A_PAD,
	UPCALL_A_ID,		 /* u64, never reused while the module is loaded */
	UPCALL_A_GENERATION,	 /* u32, grows each time the upcall is queued again */
	UPCALL_A_CLASS,		 /* u32, enum upcall_class */
	UPCALL_A_WAIT,		 /* u32, UPCALL_WAIT_* */
	UPCALL_A_PATH,		 /* string: what the kernel would execute */
	UPCALL_A_ARGV,		 /* binary: each argument with its NUL, argv[0] first */
	UPCALL_A_ENVP,		 /* binary: each NAME=VALUE with its NUL */
	UPCALL_A_TID,		 /* u32 */
	UPCALL_A_TGID,		 /* u32 */
	UPCALL_A_START_TIME,	 /* u64, ns: of the thread group's leader */
	UPCALL_A_COMM,		 /* string */
	UPCALL_A_UID,		 /* u32, real uid */
	UPCALL_A_GID,		 /* u32, real gid */
	UPCALL_A_NS,		 /* nest of enum upcall_ns_attr: the task's namespaces */
	UPCALL_A_CGROUP_ID,	 /* u64, cgroup v2 id */
	UPCALL_A_SCOPE,		 /* u32, enum upcall_scope */
	UPCALL_A_CONTEXT,	 /* u32, enum upcall_context */
	UPCALL_A_DEPTH,		 /* u32, 0: not raised by a handler */
	UPCALL_A_PARENT,	 /* u64, id of the upcall whose handler raised this one */
	UPCALL_A_CONTAINER,	 /* u64, id of the table entry that matched */
	UPCALL_A_KEY,		 /* nest of enum upcall_key_attr; class key */
	UPCALL_A_CORE,		 /* nest of enum upcall_core_attr; class core */
	UPCALL_A_RELEASE_CGROUP, /* string, path; class release-agent, see upcall(4) */
	UPCALL_A_HELPER,	 /* nest of enum upcall_helper_attr; UPCALL_IOC_TAGS */
	UPCALL_A_VERDICT,	 /* u32, enum upcall_verdict: NATIVE or DENY; DECIDED only */
	UPCALL_A_LOST,		 /* u32, events this monitor lost before, modulo 2^32; the same */
	UPCALL_A_ADOPTION,	 /* nest of enum upcall_adoption_attr; scope UNREGISTERED */

	/* private: */
	__UPCALL_A_MAX
};
#define UPCALL_A_MAX (__UPCALL_A_MAX - 1)

/* Namespace inode numbers, as in /proc/PID/ns; NET_COOKIE is never reused. */
enum upcall_ns_attr {
	UPCALL_NS_A_UNSPEC = 0,
	UPCALL_NS_A_PAD,
	UPCALL_NS_A_PID,	/* u32 */
	UPCALL_NS_A_MNT,	/* u32 */
	UPCALL_NS_A_NET,	/* u32 */
	UPCALL_NS_A_USER,	/* u32 */
	UPCALL_NS_A_UTS,	/* u32 */
	UPCALL_NS_A_IPC,	/* u32 */
	UPCALL_NS_A_CGROUP,	/* u32 */
	UPCALL_NS_A_TIME,	/* u32 */
	UPCALL_NS_A_NET_COOKIE, /* u64 */

	/* private: */
	__UPCALL_NS_A_MAX
};
#define UPCALL_NS_A_MAX (__UPCALL_NS_A_MAX - 1)

enum upcall_key_attr {
	UPCALL_KEY_A_UNSPEC = 0,
	UPCALL_KEY_A_PAD,
	UPCALL_KEY_A_SERIAL,	  /* s32: the key under construction */
	UPCALL_KEY_A_TYPE,	  /* string */
	UPCALL_KEY_A_DESCRIPTION, /* string */
	UPCALL_KEY_A_ORIGIN,	  /* u32, enum upcall_origin */
	UPCALL_KEY_A_NET,	  /* u32: namespace of the key's domain tag, if it has one */
	UPCALL_KEY_A_NET_COOKIE,  /* u64: the same */

	/* private: */
	__UPCALL_KEY_A_MAX
};
#define UPCALL_KEY_A_MAX (__UPCALL_KEY_A_MAX - 1)

enum upcall_core_attr {
	UPCALL_CORE_A_UNSPEC = 0,
	UPCALL_CORE_A_SIGNAL,	 /* u32 */
	UPCALL_CORE_A_DUMP_MODE, /* u32, as PR_GET_DUMPABLE */

	/* private: */
	__UPCALL_CORE_A_MAX
};
#define UPCALL_CORE_A_MAX (__UPCALL_CORE_A_MAX - 1)

/*
 * What a helper that takes a process's place may be. Ids are those inside the
 * process's user namespace: 0 where that is mapped, else the process's effective
 * id; absent where neither is.
 */
enum upcall_helper_attr {
	UPCALL_HELPER_A_UNSPEC = 0,
	UPCALL_HELPER_A_PAD,
	UPCALL_HELPER_A_UID,	      /* u32 */
	UPCALL_HELPER_A_GID,	      /* u32 */
	UPCALL_HELPER_A_BSET,	      /* u64: its capability bounding set */
	UPCALL_HELPER_A_NO_NEW_PRIVS, /* u32: 0 or 1 */
	UPCALL_HELPER_A_SECCOMP,      /* u32: its seccomp mode, 0: none */
	UPCALL_HELPER_A_CGROUP1,      /* u32, 1: in other cgroups of version 1 than the caller */
	UPCALL_HELPER_A_FROZEN,	      /* u32, 1: what is born in its cgroup is frozen */

	/* private: */
	__UPCALL_HELPER_A_MAX
};
#define UPCALL_HELPER_A_MAX (__UPCALL_HELPER_A_MAX - 1)

/*
 * Which container nobody has registered that a rule of UPCALL_IOC_ADOPT is about.
 * Without LEADER none can be registered for it, and what would be offered is refused:
 * the task is in no pid namespace but the initial one, or that namespace's init is
 * dying or in another cgroup.
 */
enum upcall_adoption_attr {
	UPCALL_ADOPTION_A_UNSPEC = 0,
	UPCALL_ADOPTION_A_PAD,
	UPCALL_ADOPTION_A_CGROUP_ID,  /* u64: the cgroup that the rule's pattern fits */
	UPCALL_ADOPTION_A_LEADER,     /* u32: init of the task's outermost pid namespace */
	UPCALL_ADOPTION_A_START_TIME, /* u64, ns: the leader's */

	/* private: */
	__UPCALL_ADOPTION_A_MAX
};
#define UPCALL_ADOPTION_A_MAX (__UPCALL_ADOPTION_A_MAX - 1)

/* ------------------------------------------------------------------ ioctls */

#define UPCALL_IOC_MAGIC 0xD5

/* Module version as text, with its NUL. */
#define UPCALL_VERSION_LEN 32
/* A container's name with its NUL: at most UID-NAME, 11 + 63 bytes. */
#define UPCALL_NAME_LEN 96
/* A key type's name with its NUL, as in the kernel. */
#define UPCALL_KEY_TYPE_LEN 32
#define UPCALL_KEY_RULES    16
/* A pattern of UPCALL_IOC_ADOPT with its NUL, and how many there may be. */
#define UPCALL_PATTERN_LEN 256
#define UPCALL_ADOPTIONS   256
/* Smaller ids are no entry's. */
#define UPCALL_CONTAINER_FIRST 16

/*
 * What a module may have beside its ABI version; a bit each. A broker does without
 * what is not said here.
 */
#define UPCALL_FEATURE_COUNTERS (1ULL << 0) /* UPCALL_IOC_COUNTERS */
#define UPCALL_FEATURE_ADOPTION (1ULL << 1) /* UPCALL_IOC_ADOPT, UPCALL_IOC_AGAIN */
#define UPCALL_FEATURE_OWNERS	(1ULL << 2) /* UPCALL_CONTAINER_OWNED */
#define UPCALL_FEATURE_SHARED	(1ULL << 3) /* UPCALL_CONTAINER_SHARED */

struct upcall_version {
	__u32 abi; /* UPCALL_ABI_VERSION of the module */
	__u32 reserved;
	__u64 features; /* UPCALL_FEATURE_* */
	char version[UPCALL_VERSION_LEN];
};

/* One upcall in one generation; any other generation gives ESTALE. */
struct upcall_ref {
	__u64 id;
	__u32 generation;
	__u32 error; /* DENY and CANCEL: errno that the requester's refusal is made of */
};

/*
 * CLAIM: the helper is killed, and its requester answered, run_ms after ATTACH;
 * the module's parameters bound that. 0: no earlier than they say.
 */
struct upcall_claim {
	__u64 id;
	__u32 generation;
	__u32 run_ms; /* milliseconds */
};

struct upcall_subscribe {
	__s32 netlink_fd; /* NETLINK_GENERIC socket of the initial network namespace, bound */
	__u32 flags;	  /* 0 */
};

struct upcall_list_entry {
	__u64 id;
	__u64 container; /* 0: none */
	__u64 age_ns;
	__u64 deadline_ns; /* from now to the deadline of its state; 0: due, or none is set */
	__u32 generation;
	__u32 state;   /* enum upcall_state */
	__u32 class;   /* enum upcall_class */
	__u32 handler; /* tgid of an attached handler, or 0 */
};

/* Upcalls that have not ended, oldest first, with ids above `after`. */
struct upcall_list {
	__u64 entries; /* pointer to struct upcall_list_entry[room] */
	__u64 after;
	__u32 room;
	__u32 count; /* out: how many were written; less than room: the end */
};

/*
 * What has become of the upcalls of a class since the module was loaded. Those that
 * nobody looks at are not counted: what is raised in no task or without a path, and
 * while nobody monitors PID 1's, the broker's, and all while nothing is registered,
 * there are no rules for that, and strict is off.
 *
 * OFFERED = DONE + FAILED + OVERDUE + GIVEN_BACK + KILLED + AGAIN + those that have not
 * ended.
 * While upcalls end, what is read may have some more of the latter than there are.
 */
enum upcall_count {
	UPCALL_COUNT_NATIVE = 0, /* left to the kernel by the table */
	UPCALL_COUNT_DENIED,	 /* refused by the table */
	UPCALL_COUNT_REFUSED, /* to be offered, but nobody can wait, no room, too deep, draining */
	UPCALL_COUNT_OFFERED, /* came into the queue */
	UPCALL_COUNT_DONE,    /* answered */
	UPCALL_COUNT_FAILED,  /* ended with an error of the broker's, or at ATTACH */
	UPCALL_COUNT_OVERDUE, /* ended by a deadline of the module's */
	UPCALL_COUNT_GIVEN_BACK, /* left to the kernel by the broker */
	UPCALL_COUNT_KILLED,	 /* the requester was */
	UPCALL_COUNT_REQUEUED,	 /* no ending: offered once more, after a claim was given up */
	UPCALL_COUNT_AGAIN,	 /* left to the table to decide once more, by the broker */

	/* private: */
	__UPCALL_COUNT_COUNT
};
#define UPCALL_COUNT_COUNT __UPCALL_COUNT_COUNT

/*
 * Counters of one class. Where the module knows fewer than the caller has room
 * for, `count` says so; where it knows more, the rest is not told.
 */
struct upcall_counters {
	__u64 values; /* pointer to __u64[count], indexed by enum upcall_count */
	__u32 class;  /* enum upcall_class */
	__u32 count;  /* in: room; out: how many were written */
};

/*
 * Attributes (enum upcall_attr) as one run of bytes. UPCALL_IOC_INFO on the
 * device takes id and generation, on an upcall fd both are ignored. Where
 * `size` is too small, EMSGSIZE, and `size` says what is needed.
 */
struct upcall_info {
	__u64 id;
	__u32 generation;
	__u32 size; /* in: room; out: bytes written */
	__u64 buffer;
};

/*
 * Tags of a process; pid 0 is the caller. All fd kinds; on an upcall fd, or a
 * witness, another pid than 0 needs a caller in the initial pid namespace (EPERM).
 */
struct upcall_tags {
	__u32 pid;  /* thread group id in the initial pid namespace */
	__u32 size; /* as in struct upcall_info */
	__u64 buffer;
};

struct upcall_key_rule {
	char type[UPCALL_KEY_TYPE_LEN];
	__u32 verdict; /* enum upcall_verdict */
};

/* A key's verdict is that of the rule with its type, else verdict[CLASS_KEY]. */
struct upcall_policy {
	__u32 verdict[UPCALL_CLASS_COUNT];
	__u32 key_rules;
	struct upcall_key_rule key_rule[UPCALL_KEY_RULES];
};

enum upcall_container_state {
	UPCALL_CONTAINER_LIVE = 0,
	/* Its leader has died, or left one of ns[]: everything is DENY until it is empty. */
	UPCALL_CONTAINER_TOMBSTONE,
};

/*
 * UPCALL_FEATURE_ADOPTION: it has no boundary, even if its leader has a cgroup namespace,
 * whose root may hold others', too. cgroup_id is 0 then (EINVAL).
 */
#define UPCALL_CONTAINER_UNBOUNDED 0x01
/*
 * UPCALL_FEATURE_OWNERS: only if it is of user `owner`, EPERM: who made, on the host, the user
 * namespace that its leader is in or one above it, and those of which the leader's pid, mount,
 * network and cgroup namespace are, where these are not the host's.
 */
#define UPCALL_CONTAINER_OWNED 0x02
/*
 * UPCALL_FEATURE_SHARED: nobody has named cgroup_id, which is not 0 (EINVAL), so others may be
 * in it. Told by ADD and NEXT of what ADD has found itself; given to ADD, it is to be taken so.
 */
#define UPCALL_CONTAINER_SHARED 0x04

/*
 * One registered container. ADD reads name, flags, owner, leader, start_time (0: any),
 * cgroup_id and policy, and fills in the rest. cgroup_id is the inode number of
 * its boundary in cgroup2, and nobody else is to be in that; 0 means the root of the
 * leader's cgroup namespace, where that is not the initial one nor its root that of all,
 * and the leader has a user or pid namespace of its own: others may be in it, so a task
 * there counts if it is in the former of these that it has, too. Else none.
 *
 * ADD fails with: ESRCH no such process, or another one than start_time says;
 * EINVAL a kernel thread, or all of its namespaces are the initial ones;
 * EEXIST name taken, or the process leads another entry; ENOENT no such cgroup;
 * ENOTUNIQ no cgroup given where its tasks can outlive the leader, or a shared one and neither
 * a user nor a pid namespace of its own; ENOSPC table full.
 */
struct upcall_container {
	__u64 id;
	char name[UPCALL_NAME_LEN];
	__u32 flags; /* UPCALL_CONTAINER_*; what is told is _SHARED or 0 */
	__u32 state; /* enum upcall_container_state */
	__u32 leader;
	__u32 pending; /* upcalls that have not ended */
	__u64 start_time;
	__u64 cgroup_id;
	__u64 net_cookie;
	__u32 ns[UPCALL_NS_COUNT]; /* inode numbers, indexed by enum upcall_ns */
	__u32 own_ns;		   /* mask: which of them are not the initial ones */
	__u32 owner;		   /* a uid, with UPCALL_CONTAINER_OWNED; else 0 */
	struct upcall_policy policy;
};

/*
 * A rule for the upcalls of tasks in other pid or user namespaces than the initial
 * ones that no container owns. The pattern is a path from the root of cgroup2 with
 * its leading slash, in which "*" stands for any text and "?" for any character
 * within one component. A task is meant whose cgroup, or one above it, has a path
 * that fits as a whole; or that of the init of its outermost pid namespace. So what is
 * below, which a container may have made, never decides.
 */
struct upcall_adoption {
	char pattern[UPCALL_PATTERN_LEN];
	struct upcall_policy policy;
};

/*
 * ADOPT replaces all rules; the first that fits decides. An upcall of which it says
 * OFFER has UPCALL_A_ADOPTION, so that the broker can register the container.
 * EINVAL flags, a pattern without a leading slash, with an empty component, "[",
 * "]", "\" or no NUL, or a bad policy; E2BIG more than UPCALL_ADOPTIONS.
 */
struct upcall_adopt {
	__u64 adoptions; /* pointer to struct upcall_adoption[count] */
	__u32 count;
	__u32 flags; /* 0 */
};

/*
 * ATTACH makes the calling process the usermode helper: what the kernel's own
 * helper process would be given (the pipe of a core dump as fd 0, the session
 * keyring of a key request) is given to the caller. In the same step its
 * capability sets are cut to `capabilities`: bounding, permitted and effective
 * set keep nothing else, the inheritable and the ambient one are emptied.
 *
 * Fails, with nothing changed, with: ESTALE the claim was revoked; EBUSY
 * already attached; EINVAL flags; EPERM a thread group of several, shared
 * files, overridden credentials, not of the upcall's container, or a key
 * whose authority may not enter a container; EBADF a core dump's, and fd 0 or
 * fd 3 is open; else what the kernel's own set-up failed with: the upcall has
 * ended then.
 */
struct upcall_attach {
	__u32 flags; /* 0 */
	__u32 reserved;
	__u64 capabilities; /* the caller's sets are cut to these; no set ever grows */
};

/*
 * COMPLETE ends the upcall without a process. error 0: it has been served by
 * other means. Else a positive errno; the requester gets what the class makes
 * of it (docs/protocol.md): a key is rejected with it for some seconds.
 */
struct upcall_complete {
	__u32 error;
	__u32 reserved;
};

/* On /dev/upcall. Opening needs CAP_SYS_ADMIN in the initial user namespace. */
#define UPCALL_IOC_VERSION   _IOR(UPCALL_IOC_MAGIC, 0x00, struct upcall_version)
#define UPCALL_IOC_SUBSCRIBE _IOW(UPCALL_IOC_MAGIC, 0x01, struct upcall_subscribe)
#define UPCALL_IOC_LIST	     _IOWR(UPCALL_IOC_MAGIC, 0x02, struct upcall_list)
#define UPCALL_IOC_CLAIM     _IOW(UPCALL_IOC_MAGIC, 0x03, struct upcall_claim) /* returns fd */
#define UPCALL_IOC_NATIVE    _IOW(UPCALL_IOC_MAGIC, 0x04, struct upcall_ref)
#define UPCALL_IOC_DENY	     _IOW(UPCALL_IOC_MAGIC, 0x05, struct upcall_ref)
#define UPCALL_IOC_DRAIN     _IOW(UPCALL_IOC_MAGIC, 0x06, __u32) /* 1: offer nothing */
/*
 * Ends an upcall whatever its state: the requester is refused, the claim is
 * revoked, the attached handler is killed. EBUSY: a process is attaching, which
 * is never interrupted and takes no time.
 */
#define UPCALL_IOC_CANCEL _IOW(UPCALL_IOC_MAGIC, 0x07, struct upcall_ref)
/*
 * From now until this file is closed the socket is sent UPCALL_CMD_DECIDED. A
 * monitor that does not read loses events, and nobody waits for it. EBUSY: this
 * file monitors already; EUSERS: eight others do.
 */
#define UPCALL_IOC_MONITOR _IOW(UPCALL_IOC_MAGIC, 0x08, struct upcall_subscribe)
/*
 * A witness: an fd that answers UPCALL_IOC_TAGS, by the rules of an upcall fd, and
 * nothing else. For whoever enters a container without an upcall and has to be
 * told by the kernel where it has arrived.
 */
#define UPCALL_IOC_WITNESS  _IO(UPCALL_IOC_MAGIC, 0x09) /* returns fd */
#define UPCALL_IOC_COUNTERS _IOWR(UPCALL_IOC_MAGIC, 0x0a, struct upcall_counters)
/*
 * Of an OFFERED one that has UPCALL_A_ADOPTION: the table decides once more, now that
 * its container is registered. If it is not, the upcall is refused.
 */
#define UPCALL_IOC_AGAIN	    _IOW(UPCALL_IOC_MAGIC, 0x0b, struct upcall_ref)
#define UPCALL_IOC_CONTAINER_ADD    _IOWR(UPCALL_IOC_MAGIC, 0x10, struct upcall_container)
#define UPCALL_IOC_CONTAINER_POLICY _IOW(UPCALL_IOC_MAGIC, 0x11, struct upcall_container)
#define UPCALL_IOC_CONTAINER_DEL    _IOW(UPCALL_IOC_MAGIC, 0x12, __u64)
/* In: id; out: the entry with the lowest id above it, ENOENT at the end. */
#define UPCALL_IOC_CONTAINER_NEXT _IOWR(UPCALL_IOC_MAGIC, 0x13, struct upcall_container)
#define UPCALL_IOC_ADOPT	  _IOW(UPCALL_IOC_MAGIC, 0x14, struct upcall_adopt)

/* On both. */
#define UPCALL_IOC_INFO _IOWR(UPCALL_IOC_MAGIC, 0x20, struct upcall_info)
#define UPCALL_IOC_TAGS _IOWR(UPCALL_IOC_MAGIC, 0x21, struct upcall_tags)

/* On an upcall fd; poll: POLLHUP once the requester has gone or the claim is revoked. */
#define UPCALL_IOC_ATTACH   _IOW(UPCALL_IOC_MAGIC, 0x30, struct upcall_attach)
#define UPCALL_IOC_COMPLETE _IOW(UPCALL_IOC_MAGIC, 0x31, struct upcall_complete)

#endif /* _UAPI_LINUX_UPCALL_H */
