// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "activation.h"
#include "cleanup.h"
#include "journal.h"
#include "upcall.h"

#define BACKLOG	     64
#define CONTROL_MODE 0600

static void say_missing(struct activation *activation, int error)
{
	const char *help;

	activation->no_module = error == ENOENT || error == ENXIO || error == ENODEV;
	help = activation->no_module ? ": load the module: modprobe upcall_shim" : "";
	(void)snprintf(activation->shim_error, sizeof(activation->shim_error), "%s: %s%s",
		       UPCALL_DEVICE, strerror(error), help);
}

/* ------------------------------------------------------------- from PID 1 */

static bool is_generic_netlink(int fd)
{
	int protocol = -1;
	socklen_t size = sizeof(protocol);

	return sd_is_socket(fd, AF_NETLINK, 0, -1) > 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       protocol == NETLINK_GENERIC;
}

/* Where it belongs, or NULL. */
static int *slot_for(struct activation *activation, int fd)
{
	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) > 0)
		return &activation->control;
	if (is_generic_netlink(fd))
		return &activation->netlink;
	if (sd_is_special(fd, UPCALL_DEVICE) > 0)
		return &activation->device;
	return NULL;
}

static void take(struct activation *activation, int fd)
{
	int *slot = slot_for(activation, fd);

	if (!slot || *slot >= 0) {
		journal_log(LOG_WARNING, "systemd passed an fd that is %s, ignoring",
			    slot ? "there twice" : "none of mine");
		close_keep_errno(fd);
		return;
	}
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	*slot = fd;
}

static void explain_missing(struct activation *activation)
{
	struct stat status;

	if (activation->device >= 0 && activation->netlink >= 0)
		return;
	if (stat(UPCALL_DEVICE, &status) < 0)
		say_missing(activation, errno);
	else
		(void)snprintf(activation->shim_error, sizeof(activation->shim_error),
			       "systemd did not pass %s: systemctl restart upcalld-shim.socket",
			       activation->device < 0 ? UPCALL_DEVICE : "the socket for events");
}

int activation_receive(struct activation *activation)
{
	int count = sd_listen_fds(/* unset_environment= */ 1);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++)
		take(activation, SD_LISTEN_FDS_START + i);
	if (activation->control < 0)
		return -ENOTCONN;
	explain_missing(activation);
	return 0;
}

/* ------------------------------------------------------------ on our own */

static int open_netlink(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	cleanup_fd int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);

	if (fd < 0)
		return -errno;
	/* port 0: the kernel chooses one that is free */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

static void open_shim(struct activation *activation)
{
	cleanup_fd int device = open(UPCALL_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int netlink;

	if (device < 0) {
		say_missing(activation, errno);
		return;
	}
	netlink = open_netlink();
	if (netlink < 0) {
		(void)snprintf(activation->shim_error, sizeof(activation->shim_error),
			       "no netlink socket for events: %s", strerror(-netlink));
		return;
	}
	activation->device = take_fd(&device);
	activation->netlink = netlink;
}

/* Does somebody answer there? */
static bool is_taken(const struct sockaddr_un *address)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	       errno == EAGAIN;
}

static int open_control(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	if (is_taken(&address))
		return -EADDRINUSE;
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	/* root's: the last close(2) of an fd that is sent may block for as long as its sender likes
	 */
	if (chmod(path, CONTROL_MODE) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return take_fd(&fd);
}

int activation_open(struct activation *activation, const char *control_path)
{
	int fd = open_control(control_path);

	if (fd < 0)
		return fd;
	activation->control = fd;
	activation->path = strdup(control_path);
	open_shim(activation);
	return 0;
}

void activation_close(struct activation *activation)
{
	/* RACE: as long as it listens, it is nobody else's path */
	if (activation->path)
		(void)unlink(activation->path);
	close_keep_errno(activation->control);
	close_keep_errno(activation->netlink);
	close_keep_errno(activation->device);
	free(activation->path);
	*activation = ACTIVATION_NULL;
}
