// SPDX-License-Identifier: GPL-2.0-only
#include <linux/percpu.h>

#include "counters.h"

static DEFINE_PER_CPU(u64[UPCALL_CLASS_COUNT][UPCALL_COUNT_COUNT], counters);

void counters_add(enum upcall_class class, enum upcall_count count)
{
	this_cpu_inc(counters[class][count]);
}

u64 counters_read(enum upcall_class class, enum upcall_count count)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(counters, cpu)[class][count]);
	return sum;
}
