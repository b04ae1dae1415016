/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libupcall and upcall-keeper say to each other
 *
 * A container's fd is one end of a SOCK_SEQPACKET unix socket, whose other end its
 * keeper has. Both sides are of the same package, host byte order.
 *
 * Many may have copies of the fd, so nothing is answered on it: a request brings one
 * end of a socket pair of its own (SCM_RIGHTS, the first fd), the conversation, and
 * its answer comes there. More fds are the request's arguments. Who lets the
 * conversation go before it is over has changed his mind.
 *
 * upcall-keeper starts with its end as fd 0, and as fd 1 the conversation in which
 * KEEPER_CREATE lies.
 */
#ifndef UPCALL_KEEPER_H
#define UPCALL_KEEPER_H

#include <stdint.h>

#define KEEPER_PROTOCOL	 1
#define KEEPER_TEXT_LEN	 1024
#define KEEPER_FDS	 12
#define KEEPER_ARGUMENTS 2

enum keeper_op {
	/*
	 * text: name; numbers: flags, 1 if the asker writes the maps of ids. If he does, the first
	 * answer has the keeper's pidfd, and what he sends next says that they are written.
	 */
	KEEPER_CREATE = 1,
	/*
	 * The answer has what leads into the container, see enum keeper_nsfd, and as its last fd a
	 * socket. There come two more such requests: one with the first process's pidfd, and after
	 * that, one without, that the first process itself has sent. Those two have one answer, for
	 * which it waits.
	 */
	KEEPER_FORK,
	KEEPER_ROOT,	  /* answer: fd */
	KEEPER_SOCKET,	  /* numbers: domain, type, protocol; answer: fd */
	KEEPER_NAMESPACE, /* argument: a namespace */
	/* arguments: a directory; its cgroup.kill, that who asks has opened to write to */
	KEEPER_CGROUP,
	KEEPER_FREEZE,	/* numbers: 1 to freeze, 0 to thaw */
	KEEPER_INFO,	/* answer: see enum keeper_info_bit; text: the container's name */
	KEEPER_FSOPEN,	/* text: type; numbers: flags; answer: fd */
	KEEPER_FSMOUNT, /* argument: of fsopen; numbers: flags, attributes; answer: fd */
	KEEPER_MOUNT,	/* argument: of fsmount; text: path */
	KEEPER_KEYRING, /* answer: value is the serial number */
};

struct keeper_request {
	uint32_t protocol;
	uint32_t op;
	uint32_t numbers[3];
	char text[KEEPER_TEXT_LEN]; /* ends with NUL */
};

struct keeper_answer {
	int32_t error; /* negative errno, or 0 */
	uint32_t value;
	int32_t keyring; /* KEEPER_FORK: for its session, or 0 */
	char text[64];
};

/* KEEPER_FORK: bits of value. The first ones have an fd each, in this order. */
enum keeper_nsfd {
	KEEPER_NSFD_CGROUP = 1 << 0, /* directory */
	KEEPER_NSFD_USER = 1 << 1,   /* namespaces */
	KEEPER_NSFD_CGROUPNS = 1 << 2,
	KEEPER_NSFD_IPC = 1 << 3,
	KEEPER_NSFD_UTS = 1 << 4,
	KEEPER_NSFD_NET = 1 << 5,
	KEEPER_NSFD_PID = 1 << 6,
	KEEPER_NSFD_TIME = 1 << 7,
	KEEPER_NSFD_MNT = 1 << 8,
	KEEPER_NSFD_FDS = 9,
	/* what only the first process itself can make */
	KEEPER_NSFD_NEW_PID = 1 << 16,
	KEEPER_NSFD_NEW_CGROUPNS = 1 << 17,
};

/* KEEPER_INFO: the same. */
enum keeper_info_bit {
	KEEPER_INFO_FIRST = 1 << 0,  /* pidfd */
	KEEPER_INFO_CGROUP = 1 << 1, /* directory */
};

#endif
