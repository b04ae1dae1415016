// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "hash.h"

#define HASH_FIRST_SIZE 64

/* Ids are small consecutive numbers: spread them. */
static size_t bucket_of(const struct hash *hash, uint64_t key)
{
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (hash->size - 1);
}

static void link_node(struct hash *hash, struct hash_node *node)
{
	struct hash_node **bucket = &hash->buckets[bucket_of(hash, node->key)];

	node->next = *bucket;
	*bucket = node;
}

static int resize(struct hash *hash, size_t size)
{
	struct hash old = *hash;

	hash->buckets = calloc(size, sizeof(*hash->buckets));
	if (!hash->buckets) {
		*hash = old;
		return -ENOMEM;
	}
	hash->size = size;
	for (size_t i = 0; i < old.size; i++) {
		struct hash_node *node = old.buckets[i], *next;

		for (; node; node = next) {
			next = node->next;
			link_node(hash, node);
		}
	}
	free(old.buckets);
	return 0;
}

int hash_add(struct hash *hash, struct hash_node *node, uint64_t key)
{
	if (!hash->size && resize(hash, HASH_FIRST_SIZE) < 0)
		return -ENOMEM;
	if (hash->count >= hash->size)
		(void)resize(hash, hash->size * 2);
	node->key = key;
	link_node(hash, node);
	hash->count++;
	return 0;
}

void hash_remove(struct hash *hash, struct hash_node *node)
{
	struct hash_node **at;

	if (!hash->size)
		return;
	for (at = &hash->buckets[bucket_of(hash, node->key)]; *at; at = &(*at)->next) {
		if (*at != node)
			continue;
		*at = node->next;
		node->next = NULL;
		hash->count--;
		return;
	}
}

static struct hash_node *find_from(struct hash_node *node, uint64_t key)
{
	while (node && node->key != key)
		node = node->next;
	return node;
}

struct hash_node *hash_first(const struct hash *hash, uint64_t key)
{
	if (!hash->size)
		return NULL;
	return find_from(hash->buckets[bucket_of(hash, key)], key);
}

struct hash_node *hash_next(const struct hash_node *node)
{
	return find_from(node->next, node->key);
}

void hash_clear(struct hash *hash)
{
	free(hash->buckets);
	*hash = HASH_NULL;
}

/* FNV-1a. Whoever is not root has few names, so what collides stays short. */
uint64_t hash_text(const char *text)
{
	uint64_t key = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		key = (key ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return key;
}
