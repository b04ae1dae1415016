// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbers as text: the daemon's, the worker's and the client's parser
 *
 * All three: exactly the decimal form of a number within the bounds, or an
 * error and nothing written. CVE-2026-30892 was an id that became 0.
 */
#include <errno.h>
#include <inttypes.h>

/* the worker's has the same name */
#define parse_number client_parse_number
#include "../../client/ctl/number.c"
#undef parse_number

#include "fuzz.h"
#include "parse.h"
#include "text.h"

#define UNTOUCHED 0x5a5a5a5a

static const uint64_t bounds[][2] = {
	{ 0, UINT64_MAX }, { 0, UINT32_MAX }, { 1, INT32_MAX }, { 1, 3600 },
	{ 0, 1 },	   { 0, UINT16_MAX }, { 1, 64 },	{ 5, 5 },
};

/* The form of a number, whatever its size. */
static bool has_form(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && !text[digits] && (text[0] != '0' || digits == 1);
}

static int compare(const char *text, uint64_t number)
{
	char decimal[24];
	size_t size = strlen(text), other;

	other = (size_t)snprintf(decimal, sizeof(decimal), "%" PRIu64, number);
	if (size != other)
		return size < other ? -1 : 1;
	return strcmp(text, decimal);
}

static void check_value(const char *text, uint64_t min, uint64_t max, int ret, uint64_t value)
{
	bool good = has_form(text) && compare(text, min) >= 0 && compare(text, max) <= 0;

	property(good == (ret == 0));
	property(good ? compare(text, value) == 0 : value == UNTOUCHED);
}

static void check_all(const char *text, uint64_t min, uint64_t max)
{
	uint64_t value = UNTOUCHED;
	int ret = text_number(text, min, max, &value);

	check_value(text, min, max, ret, value);
	property(ret == 0 || ret == (has_form(text) ? -ERANGE : -EINVAL));

	value = UNTOUCHED;
	ret = parse_number(text, strlen(text), max, &value);
	check_value(text, 0, max, ret, value);
	property(ret == 0 || ret == -EBADMSG);

	if (max <= UINT32_MAX) {
		uint32_t small = UNTOUCHED;

		ret = client_parse_number(text, (uint32_t)min, (uint32_t)max, &small);
		check_value(text, min, max, ret, small);
		property(ret == 0 || ret == (has_form(text) ? -ERANGE : -EINVAL));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_text(data, size);
	cleanup_free char *bytes = fuzz_copy(data, size);
	uint64_t value = UNTOUCHED;

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		check_all(text, bounds[i][0], bounds[i][1]);
	/* bytes without an end */
	if (parse_number(bytes, size, UINT64_MAX, &value) == 0)
		property(strlen(text) == size && compare(text, value) == 0);
	else
		property(value == UNTOUCHED);
	return 0;
}
