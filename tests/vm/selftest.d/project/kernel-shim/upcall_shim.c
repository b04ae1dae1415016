// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/module.h>
MODULE_DESCRIPTION("Stands for the real module in the test of the harness");
MODULE_LICENSE("GPL");
