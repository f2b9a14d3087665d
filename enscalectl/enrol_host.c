/* enscalectl node enrol, the steps on the host: see enrol.h. They refuse to
 * edit files there themselves: that is enscale-node's. */
#include <config.h>

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/enrol.h"
#include "enscalectl/verb.h"

#define LEFT_BY_HAND 3 /* of enscale-node setup */

/* Also for an exit status: 255 is ssh's, or the host's own. */
int
enrol_say_failed(const char *what, int r)
{
	if (r < 0)
		complain("%s: %s", what, error_text(r));
	else
		complain("%s: exit status %d, see above", what, r);
	return r < 0 ? EXIT_CANNOT_TELL : EXIT_NO;
}

int
enrol_log_in(struct enrol *enrol)
{
	int r = node_host_open(&enrol->host);

	if (r == 0)
		return EXIT_YES;
	complain("cannot log in to %s: --port and --ssh-option say how, and "
	         "this host's key must be in root's authorized_keys there",
	    enrol->host.target);
	return enrol_say_failed("ssh", r);
}

static int
make_archive(const struct enrol *enrol, int archive)
{
	const char *const argv[] = { "tar", "-cf", "-", "-C", ENS_DATA_DIR,
		"node", "-C", ENS_SBIN_DIR, "enscale-node", "-C", enrol->stage,
		ENROL_CA, ENROL_LIST, NULL };
	int r = node_host_run_here(argv, -1, archive);

	if (r == 0)
		return lseek(archive, 0, SEEK_SET) == 0 ? EXIT_YES
		                                        : EXIT_CANNOT_TELL;
	complain("cannot read what a node needs (" ENS_DATA_DIR
	         "/node and " ENS_SBIN_DIR
	         "/enscale-node): is enscale-node installed "
	         "here?");
	return enrol_say_failed("tar", r);
}

/* "FOLDER CLIENT PORT SERVER PORT": the folder, and SSH_CONNECTION. */
static int
take_connection(struct enrol *enrol)
{
	char *rest = enrol->said, *words[5];
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		words[i] = strsep(&rest, " \n");
		if (words[i] == NULL || words[i][0] == '\0')
			break;
	}
	if (i < 4 || strlen(words[0]) >= sizeof(enrol->remote) ||
	    strlen(words[3]) >= sizeof(enrol->found_address)) {
		complain("cannot understand the host's answer: does root's "
		         "login print something there?");
		return EXIT_CANNOT_TELL;
	}
	memcpy(enrol->remote, words[0], strlen(words[0]) + 1);
	memcpy(enrol->found_address, words[3], strlen(words[3]) + 1);
	return EXIT_YES;
}

static int
send_folder(struct enrol *enrol)
{
	static const char script[] =
	    "if [ \"$(id -u)\" != 0 ]; then echo 'want root' >&2; exit 1; fi\n"
	    "umask 022\n"
	    "d=$(mktemp -d /run/enscale-enrol.XXXXXX)\n"
	    "tar -xmof - -C \"$d\" >&2\n"
	    "echo \"$d $SSH_CONNECTION\"\n";
	const char *const none[] = { NULL };
	AUTO_FD int archive = memfd_create("archive", MFD_CLOEXEC);
	int code, r;

	if (archive < 0)
		return enrol_say_failed("memfd_create", -errno);
	code = make_archive(enrol, archive);
	if (code != EXIT_YES)
		return code;
	r = node_host_ask(&enrol->host, script, none, archive, enrol->said);
	return r == 0 ? take_connection(enrol)
	              : enrol_say_failed("copying to the host", r);
}

/* Prints what differs, and puts it there; and the program to be run. */
int
enrol_copy(struct enrol *enrol)
{
	static const char script[] =
	    "umask 022\n"
	    "d=$1 dry=$2 to=/usr/local\n"
	    "if [ -x /usr/sbin/enscale-node ]; then\n"
	    "	echo '  /usr/sbin/enscale-node is there, and is used' >&2\n"
	    "	echo /usr/sbin/enscale-node\n"
	    "	exit\n"
	    "fi\n"
	    "put() {\n"
	    "	if cmp -s \"$1\" \"$2\"; then return; fi\n"
	    "	echo \"  $2\" >&2\n"
	    "	if [ $dry = yes ]; then return; fi\n"
	    "	mkdir -p \"${2%/*}\"\n"
	    "	cp \"$1\" \"$2.new\"\n"
	    "	chmod $3 \"$2.new\"\n"
	    "	mv -f \"$2.new\" \"$2\"\n"
	    "}\n"
	    "for file in \"$d\"/node/*; do\n"
	    "	put \"$file\" \"$to/share/enscale/node/${file##*/}\" 644\n"
	    "done\n"
	    "put \"$d/enscale-node\" $to/sbin/enscale-node 755\n"
	    "if [ $dry = yes ]; then\n"
	    "	mv \"$d/enscale-node\" \"$d/node\"\n"
	    "	echo \"$d/node/enscale-node\"\n"
	    "else\n"
	    "	echo $to/sbin/enscale-node\n"
	    "fi\n";
	const char *const words[] = { enrol->remote,
		enrol->dry_run ? "yes" : "no", NULL };
	int code = send_folder(enrol), r;

	if (code != EXIT_YES)
		return code;
	r = node_host_ask(&enrol->host, script, words, -1, enrol->said);
	if (r != 0)
		return enrol_say_failed("copying to the host", r);
	enrol->said[strcspn(enrol->said, "\n")] = '\0';
	if (strlen(enrol->said) >= sizeof(enrol->program))
		return enrol_say_failed("copying to the host", ENS_E_LIMIT);
	memcpy(enrol->program, enrol->said, strlen(enrol->said) + 1);
	return EXIT_YES;
}

/* From which address of this host the node is reached: what it sees of all
 * users, and should not take for one who fails too often. */
static void
find_gateway(struct enrol *enrol)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_DGRAM };
	const char *to = enrol->address != NULL ? enrol->address
	                                        : enrol->found_address;
	struct sockaddr_storage own;
	struct addrinfo *address = NULL;
	socklen_t len = sizeof(own);
	AUTO_FD int fd = -1;

	if (getaddrinfo(to, "22", &hints, &address) != 0)
		return;
	fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    connect(fd, address->ai_addr, address->ai_addrlen) == 0 &&
	    getsockname(fd, (struct sockaddr *)&own, &len) == 0)
		(void)getnameinfo((struct sockaddr *)&own, len,
		    enrol->found_gateway, sizeof(enrol->found_gateway), NULL, 0,
		    NI_NUMERICHOST);
	freeaddrinfo(address);
}

void
enrol_add_word(struct enrol_words *words, const char *option, const char *value)
{
	if (value == NULL || words->count + 2 >= ENROL_WORDS_MAX)
		return;
	words->each[words->count++] = option;
	words->each[words->count++] = value;
}

int
enrol_set_up(struct enrol *enrol)
{
	/* Once set up, a node may know other gateways. */
	static const char script[] =
	    "seen=$1\n"
	    "shift\n"
	    "if [ -z \"$seen\" ] || [ -r /etc/enscale-node/node.conf ]; then\n"
	    "	exec \"$@\"\n"
	    "fi\n"
	    "exec \"$@\" --gateway \"$seen\"\n";
	struct enrol_words words = { .each = { enrol->found_gateway },
		.count = 1 };
	char ca[NODE_HOST_PATH_MAX + 16], list[NODE_HOST_PATH_MAX + 16];
	int r;

	if (enrol->gateway == NULL)
		find_gateway(enrol);
	snprintf(ca, sizeof(ca), "%s/%s", enrol->remote, ENROL_CA);
	snprintf(list, sizeof(list), "%s/%s", enrol->remote, ENROL_LIST);
	enrol_add_word(&words, enrol->program, "setup");
	enrol_add_word(&words, "--node", enrol->node);
	enrol_add_word(&words, "--environment", enrol->environment);
	enrol_add_word(&words, "--service", enrol->service);
	enrol_add_word(&words, "--user", enrol->user);
	enrol_add_word(&words, "--support", enrol->support);
	enrol_add_word(&words, "--gateway", enrol->gateway);
	enrol_add_word(&words, "--ca", ca);
	/* What others have told it stays. */
	enrol_add_word(&words, "--revoked", enrol->revokes ? list : NULL);
	if (enrol->dry_run)
		words.each[words.count++] = "--dry-run";
	r = node_host_run(&enrol->host, script, words.each, -1, -1);
	if (r == 0)
		return EXIT_YES;
	if (r == LEFT_BY_HAND)
		complain("do on the host what it says above, then run this "
		         "command again");
	return enrol_say_failed("enscale-node setup", r);
}

int
enrol_look_back(struct enrol *enrol)
{
	static const char script[] = "exec \"$@\"";
	char now[32];
	const char *const words[] = { enrol->program, "check", "--clock", now,
		NULL };
	int r;

	snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
	r = node_host_run(&enrol->host, script, words, -1, -1);
	return r == 0 ? EXIT_YES : enrol_say_failed("enscale-node check", r);
}
