/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Upcalls from the event to the ending, with a fake kernel, a fake launcher and
 * the test itself as the worker.
 */
#ifndef TEST_QUEUE_FIXTURE_H
#define TEST_QUEUE_FIXTURE_H

#include "fake-launcher.h"
#include "fake-shim.h"
#include "queue.h"

struct fixture {
	struct fake_launcher launcher;
	struct ev_loop *loop;
	struct config *config;
	struct registry_watcher watcher;
	struct registry registry;
	struct records records;
	struct queue queue;
	struct container *web;
	uint64_t next_id;
};

/* With a configuration, and the container "web" that it is for. */
int setup(void **state);
int teardown(void **state);

/* Their parts, for who makes the rest himself: nothing is there but the loop; then, with
 * `config`, the registry; then the queue. The end is for when these have been closed. */
void fixture_init(struct fixture *fixture);
void fixture_registry(struct fixture *fixture, int states_fd);
void fixture_queue(struct fixture *fixture);
void fixture_end(struct fixture *fixture);

struct config *make_config(void);
void add_container(struct fixture *fixture);
void turn(struct fixture *fixture);

/* The kernel: an upcall of the container is offered. `key_type` is for UPCALL_CLASS_KEY. */
struct tags make_tags(struct fixture *fixture, uint32_t class, const char *key_type);
uint64_t offer_tags(struct fixture *fixture, const struct tags *tags);
uint64_t offer(struct fixture *fixture, uint32_t class, const char *key_type);
bool is_end(uint64_t id, enum fake_end end, int error);

/* Play the worker: take one request; its fds, `count` of them, are closed. False: there is none. */
bool receive_with(struct fixture *fixture, struct worker_request *request, size_t count);
/* An upcall's. */
bool receive(struct fixture *fixture, struct worker_request *request);
void answer(struct fixture *fixture, uint64_t id, uint32_t outcome);

#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
