/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A doubly linked list in its elements, as the kernel's.
 *
 * A head and an unlinked element point to themselves, so unlinking twice is
 * harmless and a destructor may always do it.
 */
#ifndef UPCALLD_LIST_H
#define UPCALLD_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define container_of(pointer, type, member)                                    \
	({                                                                     \
		const __typeof__(((type *)0)->member) *member_ = (pointer);    \
		(type *)((char *)(uintptr_t)member_ - offsetof(type, member)); \
	})

#define list_entry(pointer, type, member) container_of(pointer, type, member)

#define list_for_each_entry(entry, head, member)                           \
	for (entry = list_entry((head)->next, __typeof__(*entry), member); \
	     &entry->member != (head);                                     \
	     entry = list_entry(entry->member.next, __typeof__(*entry), member))

/* The entry may be unlinked and freed meanwhile, the one after it may not. */
#define list_for_each_entry_safe(entry, after, head, member)                    \
	for (entry = list_entry((head)->next, __typeof__(*entry), member),      \
	    after = list_entry(entry->member.next, __typeof__(*entry), member); \
	     &entry->member != (head);                                          \
	     entry = after, after = list_entry(after->member.next, __typeof__(*entry), member))

static inline void list_init(struct list *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_append(struct list *head, struct list *element)
{
	element->prev = head->prev;
	element->next = head;
	head->prev->next = element;
	head->prev = element;
}

static inline void list_unlink(struct list *element)
{
	element->prev->next = element->next;
	element->next->prev = element->prev;
	list_init(element);
}

#endif
