/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose context an upcall is looked up by: docs/man/upcall-shim.7.scd, KEYS, has the table. */
#ifndef UPCALLCTL_STANDS_FOR_H
#define UPCALLCTL_STANDS_FOR_H

/* A word, for tables: "process", "network", "cgroup" or "nobody". key_type: "" for any other. */
const char *stands_for(const char *class_name, const char *key_type);
/* What such a word means, for one who asks of a key type. */
const char *stands_for_meaning(const char *word);

#endif
