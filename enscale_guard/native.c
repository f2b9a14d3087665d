/* See native.h. Refuses to certify any key but the session's own, and for any
 * node but the login name's. */
#include <config.h>

#include "enscale_guard/native.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/base64.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/protocol/guard_protocol.h"
#include "enscale_guard/known_hosts.h"

#define CERT_LINE_MAX (CERT_TYPE_NAME_MAX + BASE64_LEN(CERT_BLOB_MAX) + 2)

int
native_mark(const struct config *config)
{
	char path[CONFIG_PATH_MAX];
	AUTO_FD int fd = -1;

	if (config_path(config->run_dir, CONFIG_NATIVE_MARK, path) < 0)
		return ENS_E_LIMIT;
	if (!config->native)
		return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? -errno : 0;
}

static void
tell_refusal(const struct request *request, const char *verdict,
    const char *sentence)
{
	audit_event(request->audit, AUDIT_EVENT_CERTIFICATE_REFUSED,
	    request->session,
	    &(struct audit_fields){ .verdict = verdict, .sentence = sentence });
}

static struct reply
refuse(const struct request *request, int code, const char *verdict,
    const char *sentence)
{
	tell_refusal(request, verdict, sentence);
	return reply_refusal(code, verdict, sentence, request->session);
}

static struct reply
refuse_by_policy(const struct request *request,
    const struct policy_answer *answer)
{
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	tell_refusal(request, policy_verdict_text(answer->verdict), sentence);
	return reply_refuse(request, answer);
}

static struct reply
certificate_reply(const struct request *request,
    const struct wire_writer *writer)
{
	char line[CERT_LINE_MAX], node[KNOWN_HOSTS_ALIAS_SIZE];
	struct wire_reader reader;
	struct bytes type;
	size_t used;

	/* A certificate begins with its type, as any key. */
	wire_read_init(&reader, writer->data, writer->len);
	type = wire_read_string(&reader);
	if (type.len > CERT_TYPE_NAME_MAX)
		return reply_now(NULL);
	used = (size_t)snprintf(line, sizeof(line), "%.*s ", (int)type.len,
	    (const char *)type.data);
	if (base64_encode(writer->data, writer->len, line + used,
	        sizeof(line) - used) == 0)
		return reply_now(NULL);
	known_hosts_alias(request->session->node, node);
	return reply_now(json_pack("{s:b, s:s, s:s, s:I}", "ok", 1,
	    "certificate", line, "principal", node, "lifetime",
	    (json_int_t)request->config->cert_lifetime));
}

static struct reply
certify(const struct request *request, const struct policy_answer *judged)
{
	struct cert_request wanted = {
		.account = request->session->account,
		.node = request->session->node,
		.flags = CERT_FORWARD_AGENT | CERT_FORWARD_PORTS,
		.lifetime = request->config->cert_lifetime,
	};
	AUTO(wire_write_free) struct wire_writer writer;
	int r;

	wire_write_init_growing(&writer, CERT_BLOB_MAX);
	memcpy(wanted.session, request->session->id, sizeof(wanted.session));
	memcpy(wanted.fingerprint, request->session->fingerprint,
	    sizeof(wanted.fingerprint));
	if (judged->key.blob.len > sizeof(wanted.key))
		return reply_now(NULL);
	memcpy(wanted.key, judged->key.blob.data, judged->key.blob.len);
	wanted.key_len = (uint32_t)judged->key.blob.len;
	r = request->certify(request->arg, &wanted, &writer);
	if (r == 0)
		r = writer.error;
	if (r < 0)
		return refuse(request, GUARD_EXIT_FAULT, "no-certificate",
		    "The gateway cannot make a certificate now; please try again.");
	return certificate_reply(request, &writer);
}

struct reply
native_certificate(const struct request *request,
    const struct request_fields *fields)
{
	struct policy_answer judged;

	(void)fields;
	if (!request->config->native || request->certify == NULL)
		return refuse(request, GUARD_EXIT_REFUSED, "native-off",
		    "This gateway does not give certificates to users.");
	if (request->session->node == 0)
		return refuse(request, GUARD_EXIT_REFUSED, "no-node",
		    "A certificate is for one node: put the node into the login name.");
	reply_judge(request, request->session->node, &judged);
	if (judged.verdict != POLICY_ALLOWED)
		return refuse_by_policy(request, &judged);
	/* A certificate would give what they take away. */
	if (judged.key.options != 0)
		return refuse(request, GUARD_EXIT_REFUSED, "key-limited",
		    "The key of this session has options that a certificate cannot express: use another key.");
	return certify(request, &judged);
}
