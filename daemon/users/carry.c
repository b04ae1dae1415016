// SPDX-License-Identifier: GPL-2.0-or-later
/* What one end has sent is sent on before more is read. */
#include <errno.h>
#include <sys/socket.h>

#include "list.h"
#include "priority.h"
#include "users.h"

static bool is_passing(ssize_t error)
{
	return error == -EAGAIN || error == -EINTR;
}

/* True if all of it has gone. */
static bool send_on(struct carry *carry)
{
	ssize_t count;

	while (carry->sent < carry->used) {
		count = send(carry->to, carry->bytes + carry->sent, carry->used - carry->sent,
			     MSG_DONTWAIT | MSG_NOSIGNAL);
		if (count < 0 && is_passing(-errno))
			return false;
		if (count < 0) {
			carry->over(carry);
			return false;
		}
		carry->sent += (size_t)count;
		carry->moved = ev_now(carry->loop);
	}
	return true;
}

static ssize_t receive(struct carry *carry)
{
	ssize_t count;

	if (carry->foreign)
		return linger_receive(carry->from, carry->bytes, sizeof(carry->bytes));
	count = recv(carry->from, carry->bytes, sizeof(carry->bytes), MSG_DONTWAIT);
	return count < 0 ? -errno : count;
}

static void readable(struct watch *watch)
{
	struct carry *carry = container_of(watch, struct carry, in);
	ssize_t count = receive(carry);

	if (is_passing(count))
		return;
	if (count <= 0) {
		carry->over(carry);
		return;
	}
	carry->moved = ev_now(carry->loop);
	carry->used = (size_t)count;
	carry->sent = 0;
	/* it waits for the other end in any case: that may be over, and freed, at once */
	watch_stop(&carry->in);
	watch_start(&carry->out, carry->to, EV_WRITE);
}

static void writable(struct watch *watch)
{
	struct carry *carry = container_of(watch, struct carry, out);

	if (!send_on(carry))
		return;
	watch_stop(&carry->out);
	watch_start(&carry->in, carry->from, EV_READ);
}

void carry_start(struct carry *carry, struct ev_loop *loop)
{
	carry->loop = loop;
	carry->moved = ev_now(loop);
	watch_init(&carry->in, loop, "a user's connection", readable, PRIORITY_DEFAULT);
	watch_init(&carry->out, loop, "a user's connection", writable, PRIORITY_DEFAULT);
	watch_start(&carry->in, carry->from, EV_READ);
}

void carry_stop(struct carry *carry)
{
	watch_stop(&carry->in);
	watch_stop(&carry->out);
}
