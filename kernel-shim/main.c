// SPDX-License-Identifier: GPL-2.0-only
/* upcall_shim: turns the kernel's upcalls into objects that a broker can claim. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "adopt.h"
#include "cores.h"
#include "device.h"
#include "event.h"
#include "hook.h"
#include "subject.h"
#include "suspend.h"
#include "table.h"
#include "upcall_object.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init shim_init(void)
{
	int ret;

	ret = table_init();
	if (ret)
		goto err_table;
	ret = upcall_init();
	if (ret)
		goto err_upcall;
	ret = event_init();
	if (ret)
		goto err_event;
	ret = suspend_init();
	if (ret)
		goto err_suspend;
	/* ORDER: nobody is sent here before nothing can fail any more, after the device is there */
	ret = hook_init();
	if (ret)
		goto err_hook;
	ret = device_init();
	if (ret)
		goto err_device;
	hook_start();
	pr_info("version %s, ABI %d\n", UPCALL_VERSION, UPCALL_ABI_VERSION);
	return 0;

err_device:
	hook_exit();
err_hook:
	suspend_exit();
err_suspend:
	event_exit();
err_event:
	upcall_exit();
err_upcall:
	table_exit();
err_table:
	return ret;
}

static void __exit shim_exit(void)
{
	device_exit();
	hook_exit();
	suspend_exit();
	event_exit();
	upcall_exit();
	result_exit();
	cores_exit();
	adopt_set(NULL, 0);
	table_exit();
}

module_init(shim_init);
module_exit(shim_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The upcalld developers");
MODULE_DESCRIPTION("Kernel upcalls as events and objects for upcalld");
MODULE_VERSION(UPCALL_VERSION);
