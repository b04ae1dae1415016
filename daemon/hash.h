/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash table in its elements, by a 64-bit key.
 *
 * Grows with its content; does not own its elements. Several elements may have
 * the same key (names are hashed): hash_next() goes on to the next one.
 */
#ifndef UPCALLD_HASH_H
#define UPCALLD_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_node {
	struct hash_node *next;
	uint64_t key;
};

struct hash {
	struct hash_node **buckets; /* size of them, or NULL */
	size_t size;		    /* a power of two, or 0 */
	size_t count;
};

#define HASH_NULL ((struct hash){ 0 })

/* -ENOMEM: only for the very first element; a table that cannot grow gets slower. */
int hash_add(struct hash *hash, struct hash_node *node, uint64_t key);
/* Nothing happens if it is not in there. */
void hash_remove(struct hash *hash, struct hash_node *node);
struct hash_node *hash_first(const struct hash *hash, uint64_t key);
struct hash_node *hash_next(const struct hash_node *node);
void hash_clear(struct hash *hash);

/* A key for a text. */
uint64_t hash_text(const char *text);

#endif
