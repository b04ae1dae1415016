/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys that the kernel asks for itself, as a file system does whose mount needs one. */
#ifndef UPCALL_RAISER_KEY_H
#define UPCALL_RAISER_KEY_H

int key_cache_init(void);
void key_cache_exit(void);
/* Of the type user. 0, or why there is none. */
int key_request_as_kernel(const char *description);

#endif
