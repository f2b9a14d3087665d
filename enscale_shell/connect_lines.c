/* See connect_lines.h. Refuses to put a name into a line that a shell or ssh
 * would read as something else. */
#include <config.h>

#include "enscale_shell/connect_lines.h"

#include <string.h>

/* Can it be a name in ssh_config? No blank, pattern, quote, "%" or "#". */
static bool
is_plain_name(const char *text)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyz"
	                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                                 "0123456789._-";

	return text[0] != '\0' && text[0] != '-' &&
	    text[strspn(text, characters)] == '\0';
}

const char *
connect_lines_native(const struct shell *shell)
{
	return shell->is_native
	    ? "Native mode is on: your own ssh can go through here, with -L, -D, -J and IDEs."
	    : "Native mode is off here: -L, -R, -D and -J through the gateway are refused.";
}

void
connect_lines_head(FILE *out, const struct shell *shell)
{
	fprintf(out, "# %s\n", connect_lines_native(shell));
	/* Of OpenSSH 8.5 */
	if (shell->is_native)
		fputs("IgnoreUnknown KnownHostsCommand\n", out);
}

/* So that ssh need not ask about the node's host keys. They are base64: no
 * "%", quote or backslash is in them. */
static void
print_known_hosts(FILE *out, const struct listing_node *node)
{
	const char *at;

	if (node->known_hosts == NULL)
		return;
	fputs("    KnownHostsCommand /usr/bin/printf \"", out);
	for (at = node->known_hosts; *at != '\0'; at++) {
		if (*at == '\n')
			fputs("\\n", out);
		else
			fputc(*at, out);
	}
	fputs("\"\n", out);
}

/* Through the gateway to the node itself; a certificate is fetched first,
 * and is good for a few minutes only. */
static void
print_native(FILE *out, const struct shell *shell,
    const struct listing_environment *environment,
    const struct listing_node *node)
{
	const char *name = environment->name;

	fprintf(out,
	    "\n"
	    "    HostName %s\n"
	    "    Port %u\n"
	    "    User %s\n"
	    "    HostKeyAlias node%u\n"
	    "    ProxyJump %u-%u@%s:%u\n"
	    "    CertificateFile ~/.ssh/node%u-cert.pub\n",
	    node->address, node->port, node->system_user, node->node,
	    node->node, shell->account, shell->host, shell->port, node->node);
	print_known_hosts(out, node);
	fprintf(out, "Match originalhost node%u", node->node);
	if (is_plain_name(name))
		fprintf(out, ",node%u-%s", node->node, name);
	fprintf(out,
	    " exec \"ssh -p %u %u-%u@%s cert > ~/.ssh/node%u-cert.pub\"\n",
	    shell->port, node->node, shell->account, shell->host, node->node);
}

void
connect_lines_block(FILE *out, const struct shell *shell,
    const struct listing_environment *environment,
    const struct listing_node *node)
{
	fprintf(out, "Host node%u", node->node);
	if (is_plain_name(environment->name))
		fprintf(out, " node%u-%s", node->node, environment->name);
	if (shell->is_native) {
		print_native(out, shell, environment, node);
		return;
	}
	fprintf(out,
	    "\n"
	    "    HostName %s\n"
	    "    Port %u\n"
	    "    User %u-%u\n",
	    shell->host, shell->port, node->node, shell->account);
}

void
connect_lines_print(FILE *out, const struct shell *shell,
    const struct listing_environment *environment,
    const struct listing_node *node)
{
	char login[64];

	snprintf(login, sizeof(login), "%u-%u", node->node, shell->account);
	fprintf(out, "\nNode %u, %s in %s, from your own computer:\n\n",
	    node->node, node->service_type, environment->name);
	fprintf(out, "ssh -p %u %s@%s\n", shell->port, login, shell->host);
	fprintf(out, "scp -P %u FILE %s@%s:\n", shell->port, login,
	    shell->host);
	fprintf(out, "sftp -P %u %s@%s\n", shell->port, login, shell->host);
	fprintf(out, "rsync -av -e 'ssh -p %u' FOLDER/ %s@%s:FOLDER/\n",
	    shell->port, login, shell->host);
	fprintf(out, "git clone ssh://%s@%s:%u/~/REPOSITORY\n", login,
	    shell->host, shell->port);
	fprintf(out,
	    "\nWith these lines in ~/.ssh/config, ssh node%u is enough:\n\n",
	    node->node);
	connect_lines_block(out, shell, environment, node);
	fprintf(out, "\n%s\n", connect_lines_native(shell));
}
