// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memory.h"
#include "text.h"

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void forget(struct remembered *remembered)
{
	free(remembered->handler);
	free(remembered->policy);
	free(remembered->section);
	free(remembered->reason);
	*remembered = (struct remembered){ 0 };
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void fill(struct remembered *remembered, const struct record *record)
{
	remembered->record = *record;
	remembered->facts = *record->facts;
	remembered->at = now_usec();
	remembered->handler = copy(record->handler);
	remembered->policy = copy(record->policy);
	remembered->section = copy(record->section);
	remembered->reason = copy(record->reason);
	remembered->record.facts = &remembered->facts;
	remembered->record.handler = remembered->handler;
	remembered->record.policy = remembered->policy;
	remembered->record.section = remembered->section;
	remembered->record.reason = remembered->reason;
	if (!record->container)
		return;
	text_copy(remembered->container, sizeof(remembered->container), record->container,
		  strlen(record->container));
	remembered->record.container = remembered->container;
}

void memory_put(struct memory *memory, const struct record *record)
{
	forget(&memory->ring[memory->next]);
	fill(&memory->ring[memory->next], record);
	memory->next = (memory->next + 1) % MEMORY_MAX;
	if (memory->count < MEMORY_MAX)
		memory->count++;
}

struct memory *memory_new(void)
{
	return calloc(1, sizeof(struct memory));
}

struct memory *memory_free(struct memory *memory)
{
	for (size_t i = 0; memory && i < memory->count; i++)
		forget(&memory->ring[i]);
	free(memory);
	return NULL;
}

/* 0: the latest. */
static const struct remembered *nth(const struct memory *memory, size_t age)
{
	return &memory->ring[(memory->next + MEMORY_MAX - 1 - age) % MEMORY_MAX];
}

const struct remembered *memory_of_upcall(const struct memory *memory, uint64_t id)
{
	for (size_t i = 0; memory && i < memory->count; i++)
		if (nth(memory, i)->facts.id == id)
			return nth(memory, i);
	return NULL;
}

const struct remembered *memory_of_container(const struct memory *memory, const char *name)
{
	for (size_t i = 0; memory && i < memory->count; i++)
		if (!strcmp(nth(memory, i)->container, name))
			return nth(memory, i);
	return NULL;
}
