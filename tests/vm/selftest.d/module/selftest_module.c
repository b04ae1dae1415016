// SPDX-License-Identifier: GPL-2.0-only
/* A parameter that says which version of the source this was built of. */
#include <linux/module.h>

static char *word = "one";
module_param(word, charp, 0444);
MODULE_PARM_DESC(word, "what the test looks for");

static int __init selftest_init(void)
{
	return 0;
}

static void __exit selftest_exit(void)
{
}

module_init(selftest_init);
module_exit(selftest_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Shows that a module arrives in the guest and loads");
