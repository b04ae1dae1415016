// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "clock.h"
#include "record-rate.h"
#include "text.h"

static bool is_over(const struct record_rate *rate, double now)
{
	return now - rate->window >= 1.;
}

static bool is_of(const struct record_rate *rate, uint32_t uid, const char *name)
{
	return rate->uid == uid && (uid || !strcmp(rate->name, name));
}

/* Its own, which is a new one where it has had none for a second. */
static struct record_rate *find(struct record_crowd *crowd, uint32_t uid, const char *name,
				double now)
{
	struct record_rate *free = NULL;

	for (size_t i = 0; i < RECORD_RATES; i++) {
		struct record_rate *rate = &crowd->of[i];

		if (is_of(rate, uid, name))
			return rate;
		if (is_over(rate, now))
			free = rate;
	}
	if (!free)
		return &crowd->others;
	free->uid = uid;
	text_copy(free->name, sizeof(free->name), name, strlen(name));
	return free;
}

static bool take(struct record_rate *rate, double now, unsigned int most)
{
	if (is_over(rate, now)) {
		rate->window = now;
		rate->count = 0;
	}
	if (rate->count >= most)
		return false;
	rate->count++;
	return true;
}

bool record_rate_allows(struct record_rates *rates, uint32_t uid, const char *container)
{
	const double now = clock_now();

	if (!uid)
		return take(find(&rates->containers, 0, container ?: "", now), now, RECORD_RATE);
	return take(find(&rates->users, uid, "", now), now, RECORD_RATE) &&
	       take(&rates->all_users, now, RECORD_RATE_USERS);
}
