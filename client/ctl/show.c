// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl show: everything about one container
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "cleanup.h"
#include "describe.h"
#include "json.h"
#include "simple.h"
#include "table.h"

#define PRIVATE_SOCKET "unix:path=/run/systemd/private"
#define UNIT_TIMEOUT   (2 * UINT64_C(1000000))

struct shown {
	struct upcall_entry *entry;
	struct upcall_outlook **outlook;
	struct upcall_record *last;
	struct upcall_pending **pending;
	const void **rows; /* of these, this container's */
	char unit[256];	   /* of its worker, and its state; "" without systemd */
};

static void cleanup_bus(sd_bus **bus)
{
	sd_bus_close_unref(*bus);
}

/* PID 1 answers root on its private socket; no bus daemon is needed. */
static int connect_systemd(sd_bus **ret)
{
	cleanup_with(cleanup_bus) sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, PRIVATE_SOCKET);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, UNIT_TIMEOUT);
	if (r < 0)
		return r;
	*ret = take_ptr(bus);
	return 0;
}

static int unit_property(sd_bus *bus, const char *path, const char *property, char **ret)
{
	return sd_bus_get_property_string(bus, "org.freedesktop.systemd1", path,
					  "org.freedesktop.systemd1.Unit", property, NULL, ret);
}

/* "upcall-worker@web.service: active (running)"; without systemd nothing is said. */
static void find_unit(const char *name, char *out, size_t room)
{
	cleanup_with(cleanup_bus) sd_bus *bus = NULL;
	cleanup_free char *path = NULL, *active = NULL, *sub = NULL;
	char unit[128];
	int r;

	snprintf(unit, sizeof(unit), "upcall-worker@%s.service", name);
	if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0)
		return;
	r = connect_systemd(&bus);
	if (r >= 0)
		r = unit_property(bus, path, "ActiveState", &active);
	if (r >= 0)
		r = unit_property(bus, path, "SubState", &sub);
	if (r >= 0)
		snprintf(out, room, "%s: %s (%s)", unit, active, sub);
}

/* An array that ends with NULL; the rows stay where they are. */
static const void **rows_of(struct upcall_pending *const *upcalls, const char *name)
{
	size_t count = 0, used = 0;
	const void **rows;

	while (upcalls && upcalls[count])
		count++;
	rows = calloc(count + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < count; i++)
		if (strcmp(upcalls[i]->container, name) == 0)
			rows[used++] = upcalls[i];
	return rows;
}

static int ask(struct upcall_connection *connection, const char *name, struct shown *shown)
{
	int r;

	r = upcall_describe(connection, name, &shown->entry, &shown->outlook, &shown->last);
	if (r >= 0)
		r = upcall_list_pending(connection, &shown->pending);
	if (r == -ENODEV) /* without the module nothing is pending */
		r = 0;
	if (r < 0)
		return r;
	/* a user need not have said all of it */
	name = shown->entry->name;
	shown->rows = rows_of(shown->pending, name);
	if (!shown->rows)
		return -ENOMEM;
	find_unit(name, shown->unit, sizeof(shown->unit));
	return 0;
}

static void shown_clear(struct shown *shown)
{
	upcall_entry_free(shown->entry);
	upcall_outlook_free(shown->outlook);
	upcall_record_free(shown->last);
	upcall_list_pending_free(shown->pending);
	free(shown->rows);
}

static void print_json(const struct shown *shown)
{
	json_open(NULL, '{');
	table_json_row(&container_columns, shown->entry);
	json_string("unit", shown->unit);
	table_json(&outlook_columns, (const void *const *)shown->outlook);
	table_json(&pending_columns, shown->rows);
	json_open("last", '{');
	if (shown->last->id)
		describe_record_json(shown->last);
	json_close('}');
	json_close('}');
}

static void print_entry(const struct shown *shown)
{
	for (size_t i = 0; i < container_columns.count; i++) {
		cleanup_free char *text = container_columns.columns[i].text(shown->entry);

		describe(container_columns.columns[i].name, "%s", text ?: "");
	}
	describe("unit", "%s", shown->unit);
	if (!shown->last->id)
		return;
	describe("last upcall", "%" PRIu64 " (%s%s%s): %s%s%s", shown->last->id,
		 shown->last->class_name, *shown->last->key_type ? "/" : "", shown->last->key_type,
		 shown->last->result, *shown->last->reason ? ", " : "", shown->last->reason);
}

static int print_text(const struct shown *shown)
{
	const struct table_format format = { 0 };
	int r;

	print_entry(shown);
	putchar('\n');
	r = table_print(&outlook_columns, (const void *const *)shown->outlook, &format);
	if (r < 0 || !*shown->rows)
		return r;
	putchar('\n');
	return table_print(&pending_columns, shown->rows, &format);
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct shown shown = { 0 };
	struct simple arguments;
	int r, status;

	status = simple_arguments(verb, argc, argv, /* with_name= */ true, &arguments);
	if (status >= 0)
		return status;
	r = upcall_connect(&connection);
	if (r >= 0)
		r = ask(connection, arguments.name, &shown);
	if (r < 0) {
		shown_clear(&shown);
		return library_failed(verb, arguments.name, connection, r);
	}
	if (arguments.json)
		print_json(&shown);
	else
		r = print_text(&shown);
	status = r < 0 ? failed(verb, r, "%s: cannot print it", arguments.name) :
			 finish_output(verb);
	shown_clear(&shown);
	upcall_close(connection);
	return status;
}

const struct verb verb_show = {
	.name = "show",
	.arguments = "NAME [--json]",
	.summary = "Show everything about one container: policy, pending upcalls, worker",
	.details = "",
	.example = "upcallctl show web",
	.run = run,
};
