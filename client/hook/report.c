// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nothing here waits: who reads the log, or standard error, may be hanging, and a
 * container is to start meanwhile. What the signal's handler calls is safe there.
 */
#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <syslog.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "report.h"

#define PROGRAM	 "upcall-oci-hook"
#define LINE_MAX 1024 /* below PIPE_BUF: a pipe that is writable takes it whole */

struct line {
	int status; /* of the process that it is the last line of */
	size_t size;
	size_t start; /* behind what is only for the log */
	char text[LINE_MAX];
};

static struct line late[2];
static struct line *volatile late_line = &late[0];
static volatile sig_atomic_t alarms_left;

__attribute__((format(printf, 2, 0))) static void line_make(struct line *line, const char *format,
							    va_list args)
{
	int size;

	line->start = (size_t)snprintf(line->text, LINE_MAX, "<%d>", LOG_DAEMON | LOG_WARNING);
	size = snprintf(line->text + line->start, LINE_MAX - line->start,
			PROGRAM "[%d]: ", (int)getpid());
	line->size = line->start + (size_t)size;
	(void)vsnprintf(line->text + line->size, LINE_MAX - line->size - 1, format, args);
	line->size = strlen(line->text);
	line->text[line->size++] = '\n';
}

static void line_log(const struct line *line)
{
	static const struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void)!sendto(fd, line->text, line->size, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&log, sizeof(log));
}

/*
 * ATTACK: crun opens a file of the host for us that an annotation names
 * (run.oci.hooks.stderr), and images have annotations where the engine lets them:
 * /etc/passwd, /proc/sysrq-trigger, /run/initctl. So it is written to what has no name, and
 * to who has started us.
 */
static bool is_ours(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && (fs.f_type == PIPEFS_MAGIC || fs.f_type == SOCKFS_MAGIC))
		return true;
	return tcgetsid(fd) >= 0; /* our controlling terminal */
}

static void line_print(const struct line *line)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (is_ours(out.fd) && poll(&out, 1, 0) == 1 && (out.revents & POLLOUT))
		(void)!write(STDERR_FILENO, line->text + line->start, line->size - line->start);
}

void report(const char *format, ...)
{
	struct line line;
	va_list args;

	va_start(args, format);
	line_make(&line, format, args);
	va_end(args);
	line_log(&line);
	line_print(&line);
}

static void on_limit(int signal)
{
	if (--alarms_left > 0)
		return;
	line_log(late_line);
	line_print(late_line);
	_exit(late_line->status);
}

void limit_says(int status, const char *format, ...)
{
	struct line *other = late_line == &late[0] ? &late[1] : &late[0];
	va_list args;

	va_start(args, format);
	line_make(other, format, args);
	va_end(args);
	other->status = status;
	/* ORDER: the handler finds the old line or the new one, whole */
	atomic_signal_fence(memory_order_release);
	late_line = other;
}

void limit_stop(void)
{
	const struct itimerval none = { 0 };

	(void)setitimer(ITIMER_REAL, &none, NULL);
}

int limit_start(unsigned int milliseconds, int alarms)
{
	const struct sigaction action = { .sa_handler = on_limit };
	const struct timeval part = { .tv_sec = milliseconds / 1000 / alarms,
				      .tv_usec = milliseconds / alarms % 1000 * 1000 };
	const struct itimerval timer = { .it_value = part, .it_interval = part };
	sigset_t set;

	alarms_left = alarms;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	/* a runtime may have left it blocked or ignored */
	if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &timer, NULL) < 0 ||
	    sigprocmask(SIG_UNBLOCK, &set, NULL) < 0)
		return -errno;
	return 0;
}
