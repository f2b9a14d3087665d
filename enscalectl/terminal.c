/* See terminal.h. It refuses to leave a terminal that does not show what is
 * typed. */
#include <config.h>

#include "enscalectl/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"

#define INTERRUPT   3  /* ^C */
#define END_OF_FILE 4  /* ^D */
#define KILL_LINE   21 /* ^U */
#define DELETE      0x7f
#define ANSWER_MAX  16

/* Those that end this program, or stop it, while nothing is shown. */
static void
fill_signals(sigset_t *ret_signals)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
		SIGALRM, SIGTSTP, SIGUSR1, SIGUSR2, SIGXCPU };
	size_t i;

	sigemptyset(ret_signals);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(ret_signals, numbers[i]);
}

/* The next byte; false: there is none, or a signal has come, which stays
 * pending. */
static bool
read_byte(int fd, int signals, char *ret_byte)
{
	struct pollfd ready[] = { { .fd = fd, .events = POLLIN },
		{ .fd = signals, .events = POLLIN } };

	while (poll(ready, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	return ready[1].revents == 0 && read(fd, ret_byte, 1) == 1;
}

static int
read_line(int fd, int signals, char *buf, size_t size)
{
	size_t len = 0;
	char c = 0;

	while (read_byte(fd, signals, &c) && c != '\n' && c != '\r' &&
	    c != INTERRUPT && c != END_OF_FILE) {
		if (c == DELETE || c == '\b')
			len -= len > 0;
		else if (c == KILL_LINE)
			len = 0;
		else if (len < size - 1)
			buf[len++] = c;
		c = 0;
	}
	buf[len] = '\0';
	if (c == '\n' || c == '\r')
		return 0;
	explicit_bzero(buf, size);
	return -ECANCELED;
}

/* Keys that would end this program are read: the terminal is put back first. */
static int
read_hidden(int fd, int signals, char *buf, size_t size)
{
	struct termios seen, hidden;
	int r;

	if (tcgetattr(fd, &seen) != 0)
		return -errno;
	hidden = seen;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
	if (tcsetattr(fd, TCSAFLUSH, &hidden) != 0)
		return -errno;
	r = read_line(fd, signals, buf, size);
	(void)tcsetattr(fd, TCSAFLUSH, &seen);
	return r;
}

/* A signal that comes meanwhile does what it does when all is as it was. */
int
terminal_read_secret(int fd, char *ret_secret, size_t size)
{
	sigset_t signals, before;
	int watch, r;

	fill_signals(&signals);
	watch = signalfd(-1, &signals, SFD_CLOEXEC);
	if (watch < 0)
		return -errno;
	r = sigprocmask(SIG_BLOCK, &signals, &before) == 0
	    ? read_hidden(fd, watch, ret_secret, size)
	    : -errno;
	close(watch);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* Standard error is what a pipe leaves to be read. */
static int
open_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -ENXIO : fd;
}

static void
say(int fd, const char *text)
{
	char printable[1024];
	size_t len = text_printable(text, printable, sizeof(printable));

	/* Whoever does not see the question does not answer it. */
	if (write(fd, printable, len) < 0)
		return;
}

int
terminal_ask_secret(const char *question, char *ret_secret, size_t size)
{
	AUTO_FD int fd = open_terminal();
	int r;

	if (fd < 0)
		return fd;
	say(fd, question);
	r = terminal_read_secret(fd, ret_secret, size);
	if (write(fd, "\n", 1) < 0 && r == 0)
		r = -errno;
	return r;
}

int
terminal_ask(const char *question)
{
	AUTO_FD int fd = open_terminal();
	char answer[ANSWER_MAX];
	ssize_t n;

	if (fd < 0)
		return fd;
	say(fd, question);
	say(fd, " [y/N] ");
	n = read(fd, answer, sizeof(answer) - 1);
	if (n < 0)
		return -errno;
	/* What is left of a longer line is for nobody. */
	(void)tcflush(fd, TCIFLUSH);
	answer[n] = '\0';
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
