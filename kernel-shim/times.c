// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times
 *
 * A turn is what an upcall is given to be claimed and attached to; a claim that is
 * given up begins another, if there is time. Then it runs. Requesters are bound by
 * these, whatever user space does, so they are the machine's, and a claim can but
 * shorten its run.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>

#include "subject.h"
#include "upcall_object.h"

static unsigned int claim_ms = 30000;
module_param(claim_ms, uint, 0644);
MODULE_PARM_DESC(claim_ms, "time for the broker to claim an upcall (default: 30000)");
static unsigned int module_claim_ms = 1000;
module_param(module_claim_ms, uint, 0644);
MODULE_PARM_DESC(module_claim_ms, "the same for module requests (default: 1000)");
static unsigned int attach_ms = 25000;
module_param(attach_ms, uint, 0644);
MODULE_PARM_DESC(attach_ms, "time from claim to attach (default: 25000)");
/* An hour, which is the broker's bound, and some for it to end its handlers itself. */
static unsigned int run_ms = 3610000;
module_param(run_ms, uint, 0644);
MODULE_PARM_DESC(run_ms, "time for a handler to run, at most (default: 3610000)");
static unsigned int key_run_ms = 35000;
module_param(key_run_ms, uint, 0644);
MODULE_PARM_DESC(key_run_ms, "the same for the handler of a key (default: 35000)");
static unsigned int core_run_ms = 3610000;
module_param(core_run_ms, uint, 0644);
MODULE_PARM_DESC(core_run_ms, "the same for a core dump's handler (default: 3610000)");

/*
 * ATTACK: request_key(2) holds key_types_sem while it waits. Whoever registers a
 * type, as a module that is loaded, waits for that, and behind him all that have to
 * do with keys, on the whole machine. What the kernel looks up for itself holds what
 * the file system does that wants it, and no signal ends that.
 */
static bool holds_others_up(const struct upcall *upcall)
{
	return upcall->class == UPCALL_CLASS_KEY;
}

/* ATTACK: who is offered again, as a container's, has had a turn, which may have been long. */
void times_begin(struct upcall *upcall, const struct subject *subject)
{
	upcall->looked = jiffies;
	upcall->look = upcall->looked;
	upcall->begun = upcall->looked;
	if (!subject->again || !holds_others_up(upcall))
		return;
	upcall->again = true;
	upcall->begun = subject->begun;
	upcall->stood = subject->stood;
}

/* The end of the time that one turn may take, before it runs. */
static unsigned long turn_end(const struct upcall *upcall)
{
	return upcall->begun + msecs_to_jiffies(READ_ONCE(claim_ms)) +
	       msecs_to_jiffies(READ_ONCE(attach_ms));
}

/*
 * However often it is claimed and given up: a second turn begins only within the
 * time of one. A module request, which holds one of the kernel's slots, has one.
 */
bool times_again(const struct upcall *upcall)
{
	return upcall->class != UPCALL_CLASS_MODULE && time_before(jiffies, turn_end(upcall));
}

/* And of one that holds everybody up, all turns after the first end with that. */
static unsigned int turn_time(const struct upcall *upcall, unsigned int ms)
{
	unsigned long end = turn_end(upcall), now = jiffies;

	if (!holds_others_up(upcall) || !(upcall->requeues || upcall->again))
		return ms;
	return time_before(now, end) ? min(ms, jiffies_to_msecs(end - now)) : 0;
}

unsigned int times_claim(const struct upcall *upcall)
{
	if (upcall->class == UPCALL_CLASS_MODULE)
		return READ_ONCE(module_claim_ms);
	return turn_time(upcall, READ_ONCE(claim_ms));
}

unsigned int times_attach(const struct upcall *upcall)
{
	return turn_time(upcall, READ_ONCE(attach_ms));
}

static unsigned int run_time_max(const struct upcall *upcall)
{
	if (upcall->class == UPCALL_CLASS_CORE)
		return READ_ONCE(core_run_ms);
	if (holds_others_up(upcall))
		return min(READ_ONCE(key_run_ms), READ_ONCE(run_ms));
	return READ_ONCE(run_ms);
}

/* What its claim says, within what the machine allows. */
unsigned int times_run(const struct upcall *upcall)
{
	unsigned int most = run_time_max(upcall);

	return upcall->run_ms ? min(upcall->run_ms, most) : most;
}

/*
 * A machine can stand while its clocks go on, as under a hypervisor whose own machine
 * sleeps. Afterwards everybody's time is over at once, and nobody has had it. So a
 * deadline is looked at that often at least, and who is looked at so much later than
 * that has stood. What passed meanwhile is not counted.
 */
#define LOOK  (5 * HZ)
#define STOOD (5 * HZ)
/* ATTACK: only so often for one that holds everybody up: somebody may keep us busy. */
#define STOOD_MAX 3

unsigned long times_next_look(struct upcall *upcall)
{
	unsigned long now = jiffies, left = 0;

	if (time_before(now, upcall->deadline))
		left = min_t(unsigned long, upcall->deadline - now, LOOK);
	upcall->looked = now;
	upcall->look = now + left;
	return left;
}

/* ORDER: before the times and the deadline are used or set anew, else it is not found any more. */
void times_stood(struct upcall *upcall)
{
	unsigned long now = jiffies;

	if (time_before(now, upcall->look + STOOD))
		return;
	if (holds_others_up(upcall) && upcall->stood++ >= STOOD_MAX)
		return;
	upcall->begun += now - upcall->looked;
	WRITE_ONCE(upcall->deadline, upcall->deadline + now - upcall->looked);
	upcall->looked = now;
	upcall->look = now;
}

bool times_over(const struct upcall *upcall)
{
	return !time_before(jiffies, upcall->deadline);
}
