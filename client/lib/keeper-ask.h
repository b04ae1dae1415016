/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request to a container's keeper. No call keeps anything after it has returned. */
#ifndef LIBUPCALL_KEEPER_ASK_H
#define LIBUPCALL_KEEPER_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "export.h"
#include "keeper.h"

struct keeper_reply {
	struct keeper_answer answer;
	int fds[KEEPER_FDS];
	size_t count;
};

void keeper_reply_clean(struct keeper_reply *reply);
#define owned_reply __attribute__((cleanup(keeper_reply_clean)))

/* Both ends close-on-exec. */
int conversation_open(int ends[2]);
/* Whether it is a socket of that kind: no other's send is sure to return at once. */
bool is_conversation(int fd);

/* Sends the request. Returns the conversation, owned by the caller. At most KEEPER_ARGUMENTS. */
int keeper_ask_open(int container, const struct keeper_request *request, const int *arguments,
		    size_t count);
/* What comes there. The reply is to be cleaned; what is in it of a failure is nothing. */
int keeper_ask_next(int conversation, struct keeper_reply *reply);

/* Both; argument may be -1. */
int keeper_ask(int container, const struct keeper_request *request, int argument,
	       struct keeper_reply *reply);
/* For requests whose answer is nothing, or one fd. */
int keeper_ask_done(int container, const struct keeper_request *request, int argument);
int keeper_ask_fd(int container, const struct keeper_request *request, int argument);

/* Into request->text; -EINVAL or -ENAMETOOLONG. */
int keeper_request_text(struct keeper_request *request, const char *text);

/* What is there of a container: each -1 where it is not. */
struct keeper_info {
	int first;
	int cgroup;
	char name[64];
};

void keeper_info_clean(struct keeper_info *info);
#define owned_info __attribute__((cleanup(keeper_info_clean)))

/* KEEPER_INFO and KEEPER_FREEZE. */
int keeper_ask_info(int container, const struct keeper_request *request, struct keeper_info *info);
int keeper_info(int container, struct keeper_info *info);

#endif
