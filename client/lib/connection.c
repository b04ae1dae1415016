// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The connection is peer to peer: no bus daemon, no names, one object. We make
 * the socket ourselves, because sd-bus' own address strings would need escaping
 * and hide whether the socket or the daemon is missing.
 *
 * Error names map to errno in one table; the daemon's sentence is kept as it is.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "connection.h"

#define SOCKET_PATH  "/run/upcalld/control"
#define USERS_PATH   "/run/upcalld/users" /* for who may not connect there */
#define OBJECT_PATH  "/org/upcalld"
#define ERROR_PREFIX "org.upcalld.Error."
#define TIMEOUT_SEC  30

static const struct {
	const char *name;
	int error;
} error_names[] = {
	{ .name = ERROR_PREFIX "BadName", .error = -EINVAL },
	{ .name = ERROR_PREFIX "NameTaken", .error = -EEXIST },
	{ .name = ERROR_PREFIX "NoSuchContainer", .error = -ENOENT },
	{ .name = ERROR_PREFIX "NoSuchProcess", .error = -ESRCH },
	{ .name = ERROR_PREFIX "NotAContainer", .error = -ENXIO },
	{ .name = ERROR_PREFIX "KernelThread", .error = -ENOEXEC },
	{ .name = ERROR_PREFIX "NeedsCgroup", .error = -ENOTUNIQ },
	{ .name = ERROR_PREFIX "NoSuchCgroup", .error = -ENOENT },
	{ .name = ERROR_PREFIX "NoShim", .error = -ENODEV },
	{ .name = ERROR_PREFIX "Denied", .error = -EPERM },
	{ .name = ERROR_PREFIX "LimitReached", .error = -EDQUOT },
	{ .name = ERROR_PREFIX "BadArgument", .error = -EINVAL },
	{ .name = ERROR_PREFIX "NoSuchUpcall", .error = -ENOENT },
	{ .name = ERROR_PREFIX "HasEnded", .error = -EALREADY },
	{ .name = ERROR_PREFIX "Busy", .error = -EBUSY },
	{ .name = ERROR_PREFIX "Failed", .error = -EIO },
	{ .name = SD_BUS_ERROR_NO_REPLY, .error = -ETIMEDOUT },
	{ .name = SD_BUS_ERROR_TIMEOUT, .error = -ETIMEDOUT },
	{ .name = SD_BUS_ERROR_DISCONNECTED, .error = -ENOTCONN },
	{ .name = SD_BUS_ERROR_UNKNOWN_METHOD, .error = -EOPNOTSUPP },
	{ .name = SD_BUS_ERROR_ACCESS_DENIED, .error = -EPERM },
};

/* A set-user-id program must not be led to another daemon by its caller. */
static const char *socket_path(void)
{
	const char *path = secure_getenv("UPCALLD_SOCKET");

	return path && *path ? path : SOCKET_PATH;
}

int connection_fail(struct upcall_connection *connection, int error, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	free(connection->error);
	connection->error = r < 0 ? NULL : text;
	return error;
}

int connection_not_understood(struct upcall_connection *connection, int error)
{
	return connection_fail(connection, error, "cannot read upcalld's answer: %s",
			       strerror(-error));
}

int connection_begin(struct upcall_connection *connection)
{
	free(connection->error);
	connection->error = NULL;
	if (!connection->bus)
		return connection_fail(connection, -ENOTCONN, "not connected to %s", socket_path());
	return 0;
}

/* Returns the fd, or a negative errno of its own; the caller says what that means. */
static int open_socket(const char *path)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_SEC };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* connect(2) waits while the listener's backlog is full, without an end of its own. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

static bool is_elsewhere(void)
{
	return secure_getenv("UPCALLD_SOCKET") != NULL;
}

/* Where SOCKET_PATH is not for us. */
static int open_users_socket(void)
{
	int r;

	if (is_elsewhere())
		return -EACCES;
	r = open_socket(USERS_PATH);
	return r == -ENOENT || r == -ECONNREFUSED ? -EACCES : r;
}

/* Consumes fd, also on failure. */
static int start_bus(int fd, sd_bus **ret)
{
	sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0) {
		close(fd);
		sd_bus_unref(bus);
		return r;
	}
	r = sd_bus_negotiate_fds(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, TIMEOUT_SEC * UINT64_C(1000000));
	if (r < 0) {
		sd_bus_close_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

UPCALL_EXPORT int upcall_connect(struct upcall_connection **ret)
{
	struct upcall_connection *connection;
	const char *path = socket_path();
	int r;

	connection = calloc(1, sizeof(*connection));
	*ret = connection;
	if (!connection)
		return -ENOMEM;
	r = open_socket(path);
	if (r == -EACCES || r == -EPERM)
		r = open_users_socket();
	if (r >= 0)
		r = start_bus(r, &connection->bus);
	if (r == -EACCES || r == -EPERM)
		return connection_fail(connection, -EPERM, "permission denied: %s is root's%s",
				       path,
				       is_elsewhere() ? "" :
							", and nobody listens on " USERS_PATH
							" (upcalld-users.socket)");
	if (r == -EPIPE || r == -ECONNRESET)
		return connection_fail(connection, -ECONNABORTED,
				       "upcalld has hung up at once: it ends, or has too many "
				       "connections; ask again");
	if (r < 0)
		return connection_fail(connection, -ENOTCONN, "cannot connect to %s: %s", path,
				       strerror(-r));
	return 0;
}

UPCALL_EXPORT struct upcall_connection *upcall_close(struct upcall_connection *connection)
{
	if (!connection)
		return NULL;
	sd_bus_close_unref(connection->bus);
	free(connection->error);
	free(connection);
	return NULL;
}

UPCALL_EXPORT const char *upcall_error(const struct upcall_connection *connection, int error)
{
	if (connection && connection->error)
		return connection->error;
	return strerror(error < 0 ? -error : error);
}

int connection_method(struct upcall_connection *connection, const char *method,
		      sd_bus_message **ret)
{
	int r;

	r = sd_bus_message_new_method_call(connection->bus, ret, NULL, OBJECT_PATH,
					   CONNECTION_INTERFACE, method);
	if (r < 0)
		return connection_fail(connection, r, "cannot make the message %s: %s", method,
				       strerror(-r));
	return 0;
}

int connection_has_fds(struct upcall_connection *connection)
{
	int r = sd_bus_can_send(connection->bus, SD_BUS_TYPE_UNIX_FD);

	if (r == 0)
		return connection_fail(connection, -EPERM, "only root may do that");
	/* what is wrong is said by the call */
	return 0;
}

static int errno_of(const sd_bus_error *error, int r)
{
	size_t i;

	for (i = 0; i < sizeof(error_names) / sizeof(error_names[0]); i++)
		if (sd_bus_error_has_name(error, error_names[i].name))
			return error_names[i].error;
	if (r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN || r == -ECONNREFUSED)
		return -ENOTCONN;
	return r;
}

int connection_call(struct upcall_connection *connection, sd_bus_message *call,
		    sd_bus_message **ret_reply)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_call(connection->bus, call, 0, &error, ret_reply);
	if (r >= 0)
		return 0;
	r = errno_of(&error, r);
	if (r == -ENOTCONN)
		connection_fail(connection, r, "upcalld closed the connection");
	else if (r == -ETIMEDOUT)
		connection_fail(connection, r, "upcalld did not answer within %d s", TIMEOUT_SEC);
	else
		connection_fail(connection, r, "%s", error.message ?: strerror(-r));
	sd_bus_error_free(&error);
	return r;
}
