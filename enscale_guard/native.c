/* See native.h. Refuses to certify any key but the session's own, and for any
 * node but the login name's. */
#include <config.h>

#include "enscale_guard/native.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/cleanup.h"
#include "common/errors.h"
#include "common/guard_protocol.h"
#include "enscale_guard/admission.h"

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
	audit_event(request->audit, "cert-refused", request->session,
	    json_pack("{s:s, s:s}", "verdict", verdict, "sentence", sentence));
}

static json_t *
refuse(const struct request *request, int code, const char *verdict,
    const char *sentence)
{
	tell_refusal(request, verdict, sentence);
	return request_refusal(code, verdict, sentence, request->session);
}

static json_t *
refuse_by_policy(const struct request *request,
    const struct policy_answer *answer)
{
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	tell_refusal(request, policy_verdict_text(answer->verdict), sentence);
	return request_refuse(request, answer);
}

static json_t *
answer(const struct request *request, const struct wire_writer *writer)
{
	char line[CERT_LINE_MAX], node[32];
	struct wire_reader reader;
	struct bytes type;
	size_t used;

	/* A certificate begins with its type, as any key. */
	wire_read_init(&reader, writer->data, writer->len);
	type = wire_read_string(&reader);
	if (type.len > CERT_TYPE_NAME_MAX)
		return NULL;
	used = (size_t)snprintf(line, sizeof(line), "%.*s ", (int)type.len,
	    (const char *)type.data);
	if (base64_encode(writer->data, writer->len, line + used,
	        sizeof(line) - used) == 0)
		return NULL;
	snprintf(node, sizeof(node), "node%u", request->session->node);
	return json_pack("{s:b, s:s, s:s, s:I}", "ok", 1, "certificate", line,
	    "principal", node, "lifetime",
	    (json_int_t)request->config->cert_lifetime);
}

static json_t *
certify(const struct request *request, const struct policy_answer *judged)
{
	struct cert_request wanted = {
		.account = request->session->account,
		.node = request->session->node,
		.flags = CERT_FORWARD_AGENT | CERT_FORWARD_PORTS,
		.lifetime = request->config->cert_lifetime,
	};
	struct wire_writer writer AUTO(wire_write_free);
	int r;

	wire_write_init_growing(&writer, CERT_BLOB_MAX);
	memcpy(wanted.session, request->session->id, sizeof(wanted.session));
	memcpy(wanted.fingerprint, request->session->fingerprint,
	    sizeof(wanted.fingerprint));
	if (judged->key.blob.len > sizeof(wanted.key))
		return NULL;
	memcpy(wanted.key, judged->key.blob.data, judged->key.blob.len);
	wanted.key_len = (uint32_t)judged->key.blob.len;
	r = request->certify(request->arg, &wanted, &writer);
	if (r == 0)
		r = writer.error;
	if (r < 0)
		return refuse(request, GUARD_EXIT_UNWELL, "no-certificate",
		    "The gateway can make no certificate now; please try again.");
	return answer(request, &writer);
}

json_t *
native_certificate(const struct request *request, const json_t *object,
    bool *ret_close)
{
	struct policy_answer judged;

	if (json_object_size(object) != 1)
		return request_bad(request, "Unknown field.", ret_close);
	if (!request->charge(request->arg, ADMISSION_COST_SIGN))
		return request_refusal(GUARD_EXIT_UNWELL, "too-many-requests",
		    "Too many requests; please wait a moment.",
		    request->session);
	if (!request->config->native || request->certify == NULL)
		return refuse(request, GUARD_EXIT_REFUSED, "native-off",
		    "This gateway gives no certificates to users.");
	if (request->session->node == 0)
		return refuse(request, GUARD_EXIT_REFUSED, "no-node",
		    "A certificate is for one node: put it into the login name.");
	request_judge(request, request->session->node, &judged);
	if (judged.verdict != POLICY_ALLOWED)
		return refuse_by_policy(request, &judged);
	/* A certificate would give what they take away. */
	if (judged.key.options != 0)
		return refuse(request, GUARD_EXIT_REFUSED, "key-limited",
		    "The key of this session has options that a certificate cannot keep to: use another key.");
	return certify(request, &judged);
}
