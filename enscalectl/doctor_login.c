/*
 * What doctor checks on request: a login through this gateway, and one node.
 * See doctor.h. It refuses to enter a node by another way than users do.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/ssh_key.h"
#include "common/view/view.h"
#include "enscalectl/command.h"
#include "enscalectl/doctor.h"
#include "enscalectl/probe.h"
#include "enscalectl/sshd_settings.h"

#define KEYSCAN "/usr/bin/ssh-keyscan"

/* ---- a login ------------------------------------------------------------ */

/* Where sshd listens, which need not be what users are told. */
static uint16_t
port_of_sshd(const struct doctor *doctor)
{
	const struct sshd_settings *settings = sshd_settings_ask(NULL);

	return settings != NULL && settings->address_count > 0
	    ? settings->addresses[0].port
	    : doctor->context->config.port;
}

static enum doctor_state
log_in(struct doctor *doctor, const char *address)
{
	struct probe *probe = doctor->probe;

	if (probe_begin(probe) != 0) {
		doctor_mend(doctor,
		    "--uri, --bind-dn and --password-file say where a key may "
		    "be made, and as whom; --identity FILE needs none");
		return doctor_fail(doctor, "%s", probe->reason);
	}
	doctor_mend(doctor,
	    "mend what else is not ok here; enscalectl explain %s says whether "
	    "the gateway lets it in",
	    probe->login);
	if (probe_login(probe, address, port_of_sshd(doctor)) != 0)
		return doctor_fail(doctor, "%s at %s: %s", probe->login,
		    address, probe->reason);
	return doctor_note(doctor, "%s logged in at %s", probe->login, address);
}

enum doctor_state
doctor_login(struct doctor *doctor)
{
	return log_in(doctor, "127.0.0.1");
}

enum doctor_state
doctor_login_ipv6(struct doctor *doctor)
{
	if (!doctor_sshd_has_ipv6())
		return doctor_warn(doctor, "sshd does not listen on IPv6");
	return log_in(doctor, "::1");
}

enum doctor_state
doctor_login_key(struct doctor *doctor)
{
	struct probe *probe = doctor->probe;
	bool made = probe->dn != NULL;

	if (probe_end(probe) != 0)
		return doctor_warn(doctor, "\"%s\": %s", probe->dn,
		    probe->reason);
	return made ? DOCTOR_OK : doctor_note(doctor, "none was made");
}

/* ---- a node ------------------------------------------------------------- */

/* "HOST TYPE KEY" of a line that ssh-keyscan prints: is it one of the node's? */
static bool
is_known_key(const struct node_record *node, const char *line)
{
	struct bytes cursor = node->host_keys, blob;
	const char *key = strchr(line, ' ');
	struct ssh_key seen;

	if (line[0] == '#' || key == NULL ||
	    ssh_key_parse(key + 1, strlen(key + 1), &seen) != 0)
		return false;
	while (node_record_next_host_key(&cursor, &blob) == 0)
		if (blob.len == seen.blob_len &&
		    memcmp(blob.data, seen.blob, blob.len) == 0)
			return true;
	return false;
}

static enum doctor_state
judge_answer(struct doctor *doctor, const struct node_record *node, char *said)
{
	char *rest = said, *line;
	bool answered = false;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (is_known_key(node, line))
			return doctor_note(doctor,
			    "node %u answers with its host key; whether it "
			    "accepts certificates, --login NODE-ACCOUNT shows",
			    doctor->node);
		answered = answered || strstr(line, " ssh-") != NULL ||
		    strstr(line, " ecdsa-") != NULL;
	}
	return answered
	    ? doctor_fail(doctor,
	          "node %u answers with a host key that the "
	          "directory does not have: it is another host, or "
	          "its key is new",
	          doctor->node)
	    : doctor_fail(doctor, "node %u does not answer as sshd does",
	          doctor->node);
}

static enum doctor_state
reach(struct doctor *doctor, const struct node_record *node)
{
	char port[8], address[ADDRESS_TEXT_MAX + 1], said[COMMAND_SAID_MAX];
	const char *const argv[] = { KEYSCAN, "-T", "5", "-p", port, address,
		NULL };

	snprintf(port, sizeof(port), "%u", node->fields.port);
	snprintf(address, sizeof(address), "%s", node->fields.address);
	if (command_run(argv, said) < 0)
		return doctor_fail(doctor, KEYSCAN " cannot be run");
	return judge_answer(doctor, node, said);
}

enum doctor_state
doctor_node(struct doctor *doctor)
{
	AUTO(cleanup_view) struct view *view = NULL;
	char path[CONFIG_PATH_MAX];
	struct node_record node;
	int r = doctor_open_view(doctor, path, &view);

	if (r == 0)
		r = view_find_node(view, doctor->node, &node);
	if (r == ENS_E_NOTFOUND) {
		doctor_mend(doctor,
		    "enscale-node show on the node has its entry");
		return doctor_fail(doctor, "node %u is not in the view",
		    doctor->node);
	}
	if (r != 0)
		return doctor_fail(doctor, "\"%s\": %s", path, error_text(r));
	return reach(doctor, &node);
}
