// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "control-dict.h"
#include "control.h"
#include "journal.h"
#include "monitor.h"

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* sd-bus makes it 8 MiB, which is thousands of signals that nobody counts as unread. */
static int bound_socket(const struct control_link *link)
{
	const int size = MONITOR_SOCKET_SIZE;

	if (setsockopt(sd_bus_get_fd(link->bus_loop.bus), SOL_SOCKET, SO_SNDBUF, &size,
		       sizeof(size)) < 0)
		return -errno;
	return 0;
}

int monitor_add(struct control_link *link)
{
	unsigned int count = 0;
	struct control_link *other;
	int ret;

	list_for_each_entry(other, &link->control->links, link)
		count += other->monitor != MONITOR_NONE;
	if (link->monitor == MONITOR_NONE && count >= MONITOR_MAX)
		return -EDQUOT;
	if (link->monitor != MONITOR_NONE)
		return 0;
	ret = bound_socket(link);
	if (ret < 0)
		return ret;
	link->monitor = MONITOR_TOLD;
	/* it has nothing to say any more; its end is seen */
	ev_timer_stop(link->control->loop, &link->idle);
	return 0;
}

/* ------------------------------------------------------------------ signals */

static int make_signal(sd_bus *bus, const char *member, sd_bus_message **ret)
{
	cleanup_message sd_bus_message *signal = NULL;
	int r;

	r = sd_bus_message_new_signal(bus, &signal, CONTROL_OBJECT, CONTROL_INTERFACE, member);
	if (r >= 0)
		r = sd_bus_message_open_container(signal, 'a', "{sv}");
	if (r < 0)
		return r;
	*ret = take_ptr(signal);
	return 0;
}

static int send_signal(sd_bus *bus, sd_bus_message *signal)
{
	int r = sd_bus_message_close_container(signal);

	return r < 0 ? r : sd_bus_send(bus, signal, NULL);
}

static int send_offered(sd_bus *bus, const struct facts *facts, const char *container)
{
	cleanup_message sd_bus_message *signal = NULL;
	int r;

	r = make_signal(bus, "UpcallOffered", &signal);
	if (r >= 0)
		r = control_append_facts(signal, facts);
	if (r >= 0)
		r = append_text(signal, "container", container);
	if (r >= 0)
		r = append_u64(signal, "at", now_usec());
	return r < 0 ? r : send_signal(bus, signal);
}

static int send_ended(sd_bus *bus, const struct record *record)
{
	cleanup_message sd_bus_message *signal = NULL;
	int r;

	r = make_signal(bus, "UpcallEnded", &signal);
	if (r >= 0)
		r = control_append_record(signal, record, now_usec());
	return r < 0 ? r : send_signal(bus, signal);
}

static int send_dropped(sd_bus *bus)
{
	cleanup_message sd_bus_message *signal = NULL;
	int r;

	r = make_signal(bus, "MonitorDropped", &signal);
	return r < 0 ? r : send_signal(bus, signal);
}

/* ----------------------------------------------------------------- watching */

static bool is_too_slow(const struct control_link *link)
{
	uint64_t unread = 0;

	return sd_bus_get_n_queued_write(link->bus_loop.bus, &unread) >= 0 &&
	       unread >= MONITOR_UNREAD_MAX;
}

/* The last thing that it is sent; the idle timer ends the connection. */
static void drop(struct control_link *link)
{
	link->monitor = MONITOR_DROPPED;
	journal_log(LOG_WARNING, "A monitor of user %u does not read what it is sent: dropped",
		    link->uid);
	if (send_dropped(link->bus_loop.bus) < 0)
		bus_loop_finish(&link->bus_loop);
	ev_timer_again(link->control->loop, &link->idle);
}

static bool wants(struct control_link *link)
{
	if (link->monitor != MONITOR_TOLD)
		return false;
	if (!is_too_slow(link))
		return true;
	drop(link);
	bus_loop_update(&link->bus_loop);
	return false;
}

/* Nothing is freed here: a connection that is broken is so in a later turn of the loop. */
static void sent(struct control_link *link, int ret)
{
	if (ret < 0)
		bus_loop_finish(&link->bus_loop);
	bus_loop_update(&link->bus_loop);
}

void monitor_offered(struct control *control, const struct facts *facts, const char *container)
{
	struct control_link *link;

	list_for_each_entry(link, &control->links, link)
		if (wants(link))
			sent(link, send_offered(link->bus_loop.bus, facts, container));
}

void monitor_ended(struct control *control, const struct record *record)
{
	struct control_link *link;

	list_for_each_entry(link, &control->links, link)
		if (wants(link))
			sent(link, send_ended(link->bus_loop.bus, record));
}
