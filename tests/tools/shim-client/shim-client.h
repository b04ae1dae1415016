/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "../shim.h"

extern const char *const class_names[];

/* attribute.c: NULL if it is not there; points into @buffer. */
const char *attribute_find(const char *buffer, size_t size, unsigned int type, size_t *length);

/* events.c: a socket to which the module announces offers, and nobody else. -1: errno says why. */
int subscribe(int device);
int verb_listen(int device, char **argv);

/* handler.c: in a child, which becomes the helper and executes what the kernel would have. */
void attach_and_run(int upcall, const char *info, size_t size, const char *action);

/* table.c */
int verb_add(int device, char **argv);
int verb_policy(int device, char **argv);
int verb_del(int device, char **argv);
int verb_containers(int device, char **argv);
int verb_gone(int device, char **argv);
int verb_adopt(int device, char **argv);
int verb_tags(int device, char **argv);

/* broker.c */
int verb_list(int device, char **argv);
int verb_serve(int device, char **argv);
int verb_drain(int device, char **argv);
int verb_stall(int device, char **argv);
int verb_counters(int device, char **argv);
