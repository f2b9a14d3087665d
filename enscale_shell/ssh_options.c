/* See ssh_options.h. Refuses to leave any option of importance to ssh's
 * default or to a file. */
#include <config.h>

#include "enscale_shell/ssh_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/limits.h"

/*
 * ssh says at verbose level that it is authenticated, at debug level that the
 * node told how the command ended (but not the code, nor the signal), and
 * below error level that the node no longer answers or has hung up. The
 * messages of these functions are let through, and all go to the log file
 * (-E), so that 255 of the node can be told from 255 of ssh.
 */
#define LOGIN_FUNCTION "ssh_userauth2():"
#define LOGIN_MESSAGE  "Authenticated to "
#define ASKED_FUNCTION "client_input_channel_req():"
#define STATUS_MESSAGE " rtype exit-status reply "
#define SIGNAL_MESSAGE " rtype exit-signal reply "
#define ALIVE_FUNCTION "server_alive_check():"
#define FATAL_FUNCTION "sshpkt_vfatal():"

static const char *const fixed_options[] = {
	/* No configuration, no program of anybody's, no question. The proxy
	 * command is enscale-connect, and stands before these. */
	"-Fnone",
	"-oBatchMode=yes",
	"-oProxyJump=none",
	"-oProxyUseFdpass=yes",
	"-oPermitLocalCommand=no",
	"-oKnownHostsCommand=none",
	"-oCanonicalizeHostname=no",
	"-oControlMaster=no",
	"-oControlPath=none",
	"-oForkAfterAuthentication=no",
	"-oStdinNull=no",
	"-oEscapeChar=none",
	"-oLogLevel=ERROR",
	"-oLogVerbose=*:" LOGIN_FUNCTION "*,*:" ASKED_FUNCTION
	"*,*:" ALIVE_FUNCTION "*,*:" FATAL_FUNCTION "*",
	/* The node is the one in the directory, or nothing. */
	"-oStrictHostKeyChecking=yes",
	"-oGlobalKnownHostsFile=/dev/null",
	"-oCheckHostIP=no",
	"-oUpdateHostKeys=no",
	"-oVerifyHostKeyDNS=no",
	"-oNoHostAuthenticationForLocalhost=no",
	/* We are who the guard's certificate says, or nobody. GSSAPI is not
	 * named again: ssh tells the user of options it was built without. */
	"-oPreferredAuthentications=publickey",
	"-oPubkeyAuthentication=yes",
	"-oPasswordAuthentication=no",
	"-oKbdInteractiveAuthentication=no",
	"-oHostbasedAuthentication=no",
	"-oIdentitiesOnly=no",
	"-oIdentityFile=none",
	"-oPKCS11Provider=none",
	"-oAddKeysToAgent=no",
	/* One session, nothing beside it. */
	"-oClearAllForwardings=yes",
	"-oForwardX11=no",
	"-oTunnel=no",
	"-oSendEnv=LANG LC_* COLORTERM GIT_PROTOCOL",
	/* If the exchange was not post-quantum, ssh 10.1 tells its user to
	 * upgrade the server, which our users cannot do. Older versions do not
	 * know the word. */
	"-oIgnoreUnknown=WarnWeakCrypto",
	"-oWarnWeakCrypto=no",
	/* Cheap: a cipher that the processor supports, and no second
	 * compression. */
	"-oCiphers=^aes128-gcm@openssh.com",
	"-oCompression=no",
	"-oConnectionAttempts=1",
	"-oTCPKeepAlive=yes",
	"-oServerAliveInterval=15",
	"-oServerAliveCountMax=4",
};

/*
 * The key exchange: what this ssh prefers, without sntrup761. With ssh and sshd
 * from 9.9 on that is mlkem768x25519, which is post-quantum and costs what
 * curve25519 costs; with an older one on either side it is curve25519. A login
 * with sntrup761 takes twice as long (bench/FIGURES). Only what is taken away
 * may be a name that this ssh does not know: preferring one would need to ask
 * ssh first.
 */
#define FAST_EXCHANGE "-oKexAlgorithms=-sntrup761*"

#define FIXED_COUNT (sizeof(fixed_options) / sizeof(fixed_options[0]))
/* The program, what is formatted below, "--", address, command, NULL. */
#define ARGV_MAX (FIXED_COUNT + 20)

struct vector {
	char **argv; /* owned */
	size_t count;
	int error;
};

static void
add(struct vector *vector, const char *text)
{
	if (vector->error != 0)
		return;
	if (vector->count + 1 >= ARGV_MAX) {
		vector->error = ENS_E_LIMIT;
		return;
	}
	vector->argv[vector->count] = strdup(text);
	if (vector->argv[vector->count] == NULL)
		vector->error = -ENOMEM;
	else
		vector->count++;
}

__attribute__((format(printf, 2, 3))) static void
add_format(struct vector *vector, const char *format, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		vector->error = ENS_E_LIMIT;
	else
		add(vector, text);
}

static bool
is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	    inet_pton(AF_INET6, text, &address) == 1;
}

static bool
is_user(const char *text)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz_"
	                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz_"
	                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                           "0123456789.-";
	size_t len = strlen(text);

	return len > 0 && len <= SYSTEM_USER_MAX &&
	    strchr(first, text[0]) != NULL && strspn(text, rest) == len;
}

/* A path that ssh reads as itself: no ~, %, $, quote, blank or "none". */
static bool
is_path(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
	                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789/._-";

	return text[0] == '/' && strspn(text, allowed) == strlen(text);
}

static bool
is_sound(const struct ssh_options *options)
{
	return is_address(options->address) && is_user(options->user) &&
	    is_path(options->agent) && is_path(options->known_hosts) &&
	    is_path(options->log) &&
	    (options->forward == NULL || is_path(options->forward)) &&
	    options->port != 0 && options->node != 0 &&
	    options->connect_timeout != 0;
}

static void
add_all(struct vector *vector, const struct ssh_options *options)
{
	size_t i;

	add(vector, "ssh");
	/* ssh puts "exec" in front of it, and $SHELL -c. It is first because
	 * OpenSSH's own ssh, other than Debian's, takes no proxy command after
	 * a ProxyJump, though that be "none". */
	add_format(vector, "-oProxyCommand=%s %u %u %s", options->address,
	    options->port, options->connect_timeout, options->log);
	for (i = 0; i < FIXED_COUNT; i++)
		add(vector, fixed_options[i]);
	if (!options->slow_exchange)
		add(vector, FAST_EXCHANGE);
	add_format(vector, "-E%s", options->log);
	add_format(vector, "-oUserKnownHostsFile=%s", options->known_hosts);
	add_format(vector, "-oHostKeyAlias=node%u", options->node);
	add_format(vector, "-oIdentityAgent=%s", options->agent);
	/* Never "yes": that forwards the IdentityAgent, the guard's. */
	add_format(vector, "-oForwardAgent=%s",
	    options->forward != NULL ? options->forward : "no");
	add_format(vector, "-oConnectTimeout=%u", options->connect_timeout);
	add_format(vector, "-p%u", options->port);
	add_format(vector, "-l%s", options->user);
	add(vector, options->tty && !options->sftp ? "-t" : "-T");
	if (options->sftp)
		add(vector, "-s");
	add(vector, "--");
	/* What ssh calls the node where it speaks to the user: it looks no
	 * name up for a proxy command, which has the address. */
	add_format(vector, "node%u", options->node);
	if (options->sftp)
		add(vector, "sftp");
	else if (options->command != NULL)
		/* ssh takes an empty command for none: run nothing instead. */
		add(vector,
		    options->command[0] != '\0' ? options->command : ":");
}

int
ssh_options_build(const struct ssh_options *options, char ***ret_argv)
{
	struct vector vector = { 0 };

	if (!is_sound(options))
		return ENS_E_SYNTAX;
	vector.argv = calloc(ARGV_MAX, sizeof(*vector.argv));
	if (vector.argv == NULL)
		return -ENOMEM;
	add_all(&vector, options);
	if (vector.error != 0) {
		ssh_options_free(vector.argv);
		return vector.error;
	}
	*ret_argv = vector.argv;
	return 0;
}

void
ssh_options_free(char **argv)
{
	size_t i;

	for (i = 0; argv != NULL && argv[i] != NULL; i++)
		free(argv[i]);
	free(argv);
}

void
cleanup_ssh_options(char ***argv)
{
	ssh_options_free(*argv);
}

/* Is that said by that function? */
static bool
is_from(const char *log_line, const char *function, const char *message)
{
	const char *by = strstr(log_line, function);

	return by != NULL && strstr(by, message) != NULL;
}

enum ssh_line
ssh_options_read_line(const char *log_line)
{
	if (is_from(log_line, LOGIN_FUNCTION, LOGIN_MESSAGE))
		return SSH_LINE_LOGIN;
	if (is_from(log_line, ASKED_FUNCTION, STATUS_MESSAGE) ||
	    is_from(log_line, ASKED_FUNCTION, SIGNAL_MESSAGE))
		return SSH_LINE_EXIT;
	return strstr(log_line, ASKED_FUNCTION) != NULL ? SSH_LINE_REQUEST
	                                                : SSH_LINE_OTHER;
}
