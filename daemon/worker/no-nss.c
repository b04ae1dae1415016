// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No name service
 *
 * Libraries that we link mention these for things that we never ask of them. In
 * a static program glibc's versions would load NSS modules, inside a container
 * the container's (CVE-2019-14271). Ours are found first and know nothing, so
 * the code that loads is not even in the binary.
 */
#include <errno.h>
#include <netdb.h>
#include <stddef.h>

struct protoent *getprotobyname(const char *name)
{
	(void)name;
	return NULL;
}

struct protoent *getprotobynumber(int number)
{
	(void)number;
	return NULL;
}

int getnameinfo(const struct sockaddr *restrict address, socklen_t size, char *restrict host,
		socklen_t host_size, char *restrict service, socklen_t service_size, int flags)
{
	(void)address;
	(void)size;
	(void)host;
	(void)host_size;
	(void)service;
	(void)service_size;
	(void)flags;
	return EAI_FAIL;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
	(void)name;
	(void)protocol;
	return NULL;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	(void)name;
	(void)service;
	(void)hints;
	(void)result;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

int getservbyname_r(const char *name, const char *protocol, struct servent *entry, char *buffer,
		    size_t size, struct servent **result)
{
	(void)name;
	(void)protocol;
	(void)entry;
	(void)buffer;
	(void)size;
	*result = NULL;
	return ENOENT;
}

int getservbyport_r(int port, const char *protocol, struct servent *entry, char *buffer,
		    size_t size, struct servent **result)
{
	(void)port;
	(void)protocol;
	(void)entry;
	(void)buffer;
	(void)size;
	*result = NULL;
	return ENOENT;
}
