/*
 * The agent's rules, each broken alone. Keys, signatures and the view are
 * real; only which hop the peer has declared is told by the test.
 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "common/base/errors.h"
#include "enscale_guard/agent.h"
#include "guard_fixture.h"

#define MESSAGE_MAX              2560
#define CERT_LEN_MAX             1024
#define SESSION_ID_LEN_OF_SHA256 32

static uint8_t session_id[AGENT_SESSION_ID_MAX + 1];

/* ---- what surrounds the agent ------------------------------------------ */

static struct {
	struct view *view;
	EVP_PKEY *ca;
	bool has_hop;
	struct agent_hop hop;
	int certify_error;
	int sign_error;
	unsigned certificates, signatures, refusals;
	char rule; /* of the last refusal */
	enum policy_verdict verdict;
	enum policy_verdict bind_verdict; /* of a refused session-bind */
	struct cert_request request;
} around;

static int
find_hop(void *arg, struct agent_hop *ret_hop)
{
	(void)arg;
	if (!around.has_hop)
		return ENS_E_NOTFOUND;
	*ret_hop = around.hop;
	return 0;
}

static const struct view *
get_view(void *arg, int *ret_error)
{
	(void)arg;
	*ret_error = around.view == NULL ? ENS_E_VIEW : 0;
	return around.view;
}

static int
certify(void *arg, const struct cert_request *request,
    struct wire_writer *writer)
{
	(void)arg;
	if (around.certify_error != 0)
		return around.certify_error;
	around.certificates++;
	around.request = *request;
	return cert_build(request, around.ca, "198.19.0.1/32", time(NULL), 7,
	    writer);
}

static int
use_hop(void *arg, const struct agent_hop *hop)
{
	(void)arg;
	assert_int_equal(hop->id, around.hop.id);
	if (around.sign_error != 0)
		return around.sign_error;
	around.signatures++;
	around.has_hop = false;
	return 0;
}

static void
refused(void *arg, char rule, int error, const struct agent_hop *hop,
    const struct policy_answer *answer)
{
	(void)arg, (void)hop;
	assert_true(error < 0);
	around.refusals++;
	around.rule = rule;
	around.verdict = answer != NULL ? answer->verdict : POLICY_ALLOWED;
}

static const struct agent_surroundings surroundings = {
	.find_hop = find_hop,
	.view = get_view,
	.certify = certify,
	.sign = use_hop,
	.refused = refused,
	.lifetime = 60,
};

static void
publish(const struct facts *facts)
{
	view_close(around.view);
	around.view = guard_fixture_publish(facts);
}

static int
set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(session_id); i++)
		session_id[i] = (uint8_t)(i + 1);
	around.has_hop = true;
	around.hop = (struct agent_hop){ .id = 1,
		.node = NODE,
		.session = guard_fixture_session() };
	around.certify_error = around.sign_error = 0;
	around.certificates = around.signatures = around.refusals = 0;
	around.rule = '-';
	around.ca = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	publish(&(struct facts){ 0 });
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	view_close(around.view);
	around.view = NULL;
	EVP_PKEY_free(around.ca);
	return 0;
}

/* ---- one conversation -------------------------------------------------- */

struct talk {
	struct agent *agent;
	uint8_t reply[MESSAGE_MAX];
	size_t reply_len;
	bool kept;
	/* From the identities answer. */
	uint8_t cert[CERT_LEN_MAX];
	size_t cert_len;
};

static void
begin(struct talk *talk)
{
	*talk = (struct talk){ 0 };
	assert_int_equal(agent_new(&surroundings, &talk->agent), 0);
}

static void
end(struct talk *talk)
{
	agent_free(talk->agent);
}

/* Says one message; returns the type of the answer. */
static int
say(struct talk *talk, struct bytes message)
{
	struct wire_writer writer;
	struct wire_reader reader;
	struct bytes body;

	wire_write_init(&writer, talk->reply, sizeof(talk->reply));
	talk->kept = agent_handle(talk->agent, message, &writer);
	assert_int_equal(writer.error, 0);
	talk->reply_len = writer.len;
	wire_read_init(&reader, talk->reply, talk->reply_len);
	body = wire_read_string(&reader);
	assert_int_equal(wire_read_end(&reader), 0);
	assert_true(body.len >= 1);
	/* FAILURE and the end of the connection are one thing. */
	assert_int_equal(talk->kept, body.data[0] != SSH_AGENT_FAILURE);
	if (!talk->kept)
		assert_int_equal(body.len, 1);
	return body.data[0];
}

struct bind {
	enum host_key_kind key;
	size_t session_id_len;
	uint8_t is_forwarding;
	enum host_key_kind signer;
	bool other_data; /* signs something else */
	bool longer;     /* a byte behind the signature, in its string */
};

static const struct bind good_bind = { HOST_ED25519, SESSION_ID_LEN_OF_SHA256,
	0, HOST_ED25519, false, false };

static size_t
write_bind(const struct bind *bind, uint8_t buf[MESSAGE_MAX])
{
	const struct bytes key = host_key_blob(bind->key);
	struct bytes data = { session_id, bind->session_id_len };
	struct wire_writer writer;
	size_t place;

	wire_write_init(&writer, buf, MESSAGE_MAX);
	wire_write_u8(&writer, SSH_AGENTC_EXTENSION);
	wire_write_cstring(&writer, "session-bind@openssh.com");
	wire_write_string(&writer, key.data, key.len);
	wire_write_string(&writer, data.data, data.len);
	place = wire_write_begin_string(&writer);
	if (bind->other_data)
		data.len--;
	host_key_sign(bind->signer, data, &writer);
	if (bind->longer)
		wire_write_u8(&writer, 0);
	wire_write_end_string(&writer, place);
	wire_write_u8(&writer, bind->is_forwarding);
	assert_int_equal(writer.error, 0);
	return writer.len;
}

static int
say_bind(struct talk *talk, const struct bind *bind)
{
	uint8_t buf[MESSAGE_MAX];
	size_t len = write_bind(bind, buf);

	return say(talk, (struct bytes){ buf, len });
}

static int
ask_identities(struct talk *talk)
{
	static const uint8_t message[] = { SSH_AGENTC_REQUEST_IDENTITIES };
	struct wire_reader reader;
	struct bytes cert;
	int type;

	type = say(talk, (struct bytes){ message, sizeof(message) });
	if (type != SSH_AGENT_IDENTITIES_ANSWER)
		return type;
	wire_read_init(&reader, talk->reply + 5, talk->reply_len - 5);
	talk->cert_len = 0;
	if (wire_read_u32(&reader) == 1) {
		cert = wire_read_string(&reader);
		assert_true(cert.len <= sizeof(talk->cert));
		memcpy(talk->cert, cert.data, cert.len);
		talk->cert_len = cert.len;
		(void)wire_read_string(&reader); /* the comment */
	}
	assert_int_equal(wire_read_end(&reader), 0);
	return type;
}

/* What ssh would have signed. */
struct sign {
	const uint8_t *session_id;
	uint8_t type;
	const char *user, *service, *method;
	uint8_t has_signature;
	const char *algorithm;
	bool other_cert_inside, other_cert_named;
	bool with_host_key;
	enum host_key_kind host_key;
	const char *tail;
	uint32_t flags;
};

static const struct sign good_sign = { .session_id = session_id,
	.type = 50,
	.user = "apache",
	.service = "ssh-connection",
	.method = "publickey-hostbound-v00@openssh.com",
	.has_signature = 1,
	.algorithm = CERT_TYPE_NAME,
	.with_host_key = true,
	.host_key = HOST_ED25519,
	.tail = "" };

static void
write_cert(struct wire_writer *writer, const struct talk *talk, bool other)
{
	uint8_t cert[CERT_LEN_MAX];

	memcpy(cert, talk->cert, talk->cert_len);
	if (other)
		cert[talk->cert_len - 1] ^= 1;
	wire_write_string(writer, cert, talk->cert_len);
}

/* *ret_data: where the signed data lies in buf. */
static size_t
write_sign(const struct talk *talk, const struct sign *sign,
    uint8_t buf[MESSAGE_MAX], struct bytes *ret_data)
{
	const struct bytes key = host_key_blob(sign->host_key);
	struct wire_writer writer;
	size_t place;

	wire_write_init(&writer, buf, MESSAGE_MAX);
	wire_write_u8(&writer, SSH_AGENTC_SIGN_REQUEST);
	write_cert(&writer, talk, sign->other_cert_named);
	place = wire_write_begin_string(&writer);
	wire_write_string(&writer, sign->session_id, SESSION_ID_LEN_OF_SHA256);
	wire_write_u8(&writer, sign->type);
	wire_write_cstring(&writer, sign->user);
	wire_write_cstring(&writer, sign->service);
	wire_write_cstring(&writer, sign->method);
	wire_write_u8(&writer, sign->has_signature);
	wire_write_cstring(&writer, sign->algorithm);
	write_cert(&writer, talk, sign->other_cert_inside);
	if (sign->with_host_key)
		wire_write_string(&writer, key.data, key.len);
	wire_write_bytes(&writer, sign->tail, strlen(sign->tail));
	wire_write_end_string(&writer, place);
	*ret_data = (struct bytes){ buf + place, writer.len - place };
	wire_write_u32(&writer, sign->flags);
	assert_int_equal(writer.error, 0);
	return writer.len;
}

/* Verifies the answer's signature with the certificate's public key. */
static void
check_signature(const struct talk *talk, struct bytes data)
{
	struct wire_reader reader, blob;
	struct bytes outer, algorithm, raw, public_key;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key;

	wire_read_init(&reader, talk->cert, talk->cert_len);
	(void)wire_read_string(&reader);
	(void)wire_read_string(&reader);
	public_key = wire_read_string(&reader);
	wire_read_init(&reader, talk->reply + 5, talk->reply_len - 5);
	outer = wire_read_string(&reader);
	assert_int_equal(wire_read_end(&reader), 0);
	wire_read_init(&blob, outer.data, outer.len);
	algorithm = wire_read_string(&blob);
	raw = wire_read_string(&blob);
	assert_int_equal(wire_read_end(&blob), 0);
	assert_true(bytes_equal_text(algorithm, "ssh-ed25519"));
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
	    public_key.data, public_key.len);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(
	    EVP_DigestVerify(ctx, raw.data, raw.len, data.data, data.len), 1);
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
}

static int
say_sign(struct talk *talk, const struct sign *sign)
{
	uint8_t buf[MESSAGE_MAX];
	struct bytes data;
	size_t len = write_sign(talk, sign, buf, &data);
	int type = say(talk, (struct bytes){ buf, len });

	if (type == SSH_AGENT_SIGN_RESPONSE)
		check_signature(talk, data);
	return type;
}

static void
begin_bound(struct talk *talk)
{
	begin(talk);
	assert_int_equal(say_bind(talk, &good_bind), SSH_AGENT_SUCCESS);
}

static void
begin_listed(struct talk *talk)
{
	begin_bound(talk);
	assert_int_equal(ask_identities(talk), SSH_AGENT_IDENTITIES_ANSWER);
	assert_true(talk->cert_len > 0);
}

/* Asserts that the session-bind is refused by that rule. */
static void
expect_bind_refused(const struct bind *bind, char rule)
{
	struct talk talk;

	begin(&talk);
	assert_int_equal(say_bind(&talk, bind), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, rule);
	around.bind_verdict = around.verdict;
	/* ssh ignores the refusal and goes on: nothing comes of it. */
	assert_int_equal(ask_identities(&talk), SSH_AGENT_FAILURE);
	assert_int_equal(around.certificates, 0);
	end(&talk);
}

static void
expect_sign_refused(const struct sign *sign, char rule)
{
	struct talk talk;

	begin_listed(&talk);
	assert_int_equal(say_sign(&talk, sign), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, rule);
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_FAILURE);
	assert_int_equal(around.signatures, 0);
	end(&talk);
}

/* ---- what is right ----------------------------------------------------- */

static void
ssh_gets_one_certificate_and_one_signature(void **state)
{
	struct talk talk;

	(void)state;
	begin_listed(&talk);
	assert_int_equal(around.request.account, OWNER);
	assert_int_equal(around.request.node, NODE);
	assert_int_equal(around.request.flags, 0);
	assert_int_equal(around.request.lifetime, 60);
	assert_string_equal(around.request.session, SESSION);
	assert_memory_equal(around.request.fingerprint, user_fingerprint,
	    SHA256_LEN);
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_SIGN_RESPONSE);
	assert_int_equal(around.signatures, 1);
	assert_int_equal(around.refusals, 0);
	end(&talk);
}

static void
the_method_without_the_host_key_is_signed_too(void **state)
{
	struct sign sign = good_sign;
	struct talk talk;

	(void)state;
	sign.method = "publickey";
	sign.with_host_key = false;
	begin_listed(&talk);
	assert_int_equal(say_sign(&talk, &sign), SSH_AGENT_SIGN_RESPONSE);
	end(&talk);
}

static void
every_type_of_host_key_binds(void **state)
{
	(void)state;
	for (int i = 0; i < HOST_KINDS; i++) {
		struct bind bind = good_bind;
		struct talk talk;

		bind.key = bind.signer = (enum host_key_kind)i;
		bind.session_id_len = i % 2 == 0 ? AGENT_SESSION_ID_MIN
		                                 : AGENT_SESSION_ID_MAX;
		begin(&talk);
		assert_int_equal(say_bind(&talk, &bind), SSH_AGENT_SUCCESS);
		end(&talk);
	}
}

static void
agent_forwarding_is_permitted_only_where_it_was_declared(void **state)
{
	struct talk talk;

	(void)state;
	around.hop.forward_agent = true;
	begin_listed(&talk);
	assert_int_equal(around.request.flags, CERT_FORWARD_AGENT);
	end(&talk);
}

static void
two_connections_have_two_keys(void **state)
{
	struct cert_request first;
	struct talk talk;

	(void)state;
	begin_listed(&talk);
	first = around.request;
	end(&talk);
	begin_listed(&talk);
	assert_int_equal(first.key_len, around.request.key_len);
	assert_memory_not_equal(first.key, around.request.key, first.key_len);
	end(&talk);
}

/* ---- (a) --------------------------------------------------------------- */

static void
rule_a_wants_the_binding_first(void **state)
{
	struct talk talk;

	(void)state;
	begin(&talk);
	assert_int_equal(ask_identities(&talk), SSH_AGENT_IDENTITIES_ANSWER);
	assert_int_equal(talk.cert_len, 0);
	assert_int_equal(say_bind(&talk, &good_bind), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'a');
	end(&talk);
}

static void
rule_a_takes_one_binding_only(void **state)
{
	struct talk talk;

	(void)state;
	begin_bound(&talk);
	assert_int_equal(say_bind(&talk, &good_bind), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'a');
	assert_int_equal(ask_identities(&talk), SSH_AGENT_FAILURE);
	end(&talk);
}

static void
rule_a_refuses_a_connection_that_forwards(void **state)
{
	struct bind bind = good_bind;

	(void)state;
	bind.is_forwarding = 1;
	expect_bind_refused(&bind, 'a');
	bind.is_forwarding = 2;
	expect_bind_refused(&bind, 'a');
}

static void
rule_a_refuses_another_key_s_signature(void **state)
{
	struct bind bind = good_bind;

	(void)state;
	bind.signer = HOST_SECOND;
	expect_bind_refused(&bind, 'a');
	bind.signer = HOST_RSA_256;
	expect_bind_refused(&bind, 'a');
}

static void
rule_a_refuses_a_signature_of_other_data(void **state)
{
	(void)state;
	for (int i = 0; i < HOST_KINDS; i++) {
		struct bind bind = good_bind;

		bind.key = bind.signer = (enum host_key_kind)i;
		bind.other_data = true;
		expect_bind_refused(&bind, 'a');
	}
}

static void
rule_a_refuses_a_session_id_of_another_length(void **state)
{
	struct bind bind = good_bind;

	(void)state;
	bind.session_id_len = AGENT_SESSION_ID_MIN - 1;
	expect_bind_refused(&bind, 'a');
	bind.session_id_len = AGENT_SESSION_ID_MAX + 1;
	expect_bind_refused(&bind, 'a');
}

static void
a_binding_that_is_cut_anywhere_is_refused(void **state)
{
	uint8_t buf[MESSAGE_MAX];
	size_t len = write_bind(&good_bind, buf);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		struct talk talk;

		begin(&talk);
		assert_int_equal(say(&talk, (struct bytes){ buf, cut }),
		    SSH_AGENT_FAILURE);
		end(&talk);
	}
	assert_int_equal(around.certificates, 0);
}

static void
a_binding_with_any_bit_turned_is_refused(void **state)
{
	(void)state;
	for (int kind = 0; kind < HOST_KINDS; kind++) {
		struct bind bind = good_bind;
		uint8_t buf[MESSAGE_MAX];
		size_t len;

		bind.key = bind.signer = (enum host_key_kind)kind;
		len = write_bind(&bind, buf);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			struct talk talk;
			int type;

			begin(&talk);
			buf[bit / 8] ^= (uint8_t)(1U << bit % 8);
			type = say(&talk, (struct bytes){ buf, len });
			buf[bit / 8] ^= (uint8_t)(1U << bit % 8);
			assert_int_not_equal(type, SSH_AGENT_SUCCESS);
			assert_int_equal(talk.cert_len, 0);
			end(&talk);
		}
	}
}

static void
a_binding_with_something_behind_is_refused(void **state)
{
	uint8_t buf[MESSAGE_MAX];
	size_t len = write_bind(&good_bind, buf);
	struct talk talk;

	(void)state;
	buf[len] = 0;
	begin(&talk);
	assert_int_equal(say(&talk, (struct bytes){ buf, len + 1 }),
	    SSH_AGENT_FAILURE);
	end(&talk);
}

static void
a_binding_with_something_behind_its_signature_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < HOST_KINDS; i++) {
		struct bind bind = good_bind;

		bind.key = bind.signer = (enum host_key_kind)i;
		bind.longer = true;
		expect_bind_refused(&bind, 'a');
	}
}

/* ---- (b) --------------------------------------------------------------- */

static void
rule_b_refuses_a_host_key_of_no_node(void **state)
{
	struct bind bind = good_bind;

	(void)state;
	bind.key = bind.signer = HOST_STRANGER;
	expect_bind_refused(&bind, 'b');
}

static void
rule_b_refuses_the_host_key_of_another_node(void **state)
{
	struct bind bind = good_bind;

	(void)state;
	bind.key = bind.signer = HOST_SECOND;
	expect_bind_refused(&bind, 'b');
	around.hop.node = NODE_SECOND;
	expect_bind_refused(&good_bind, 'b');
}

static void
rule_b_wants_a_declared_hop(void **state)
{
	(void)state;
	around.has_hop = false;
	expect_bind_refused(&good_bind, 'b');
}

/* ---- (c) --------------------------------------------------------------- */

static void
rule_c_asks_policy_for_everything(void **state)
{
	static const struct {
		struct facts facts;
		enum policy_verdict verdict;
	} cases[] = {
		{ { .suspended = true }, POLICY_ACCOUNT_SUSPENDED },
		{ { .keyless = true }, POLICY_KEY_UNKNOWN },
		{ { .key_expires = 1 }, POLICY_KEY_EXPIRED },
		{ { .stopped = true }, POLICY_ENVIRONMENT_STOPPED },
		{ { .withdrawn = true }, POLICY_NODE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		publish(&cases[i].facts);
		expect_bind_refused(&good_bind, 'c');
		assert_int_equal(around.bind_verdict, cases[i].verdict);
	}
}

static void
rule_c_refuses_when_it_cannot_tell(void **state)
{
	struct talk talk;

	(void)state;
	view_close(around.view);
	around.view = NULL;
	begin(&talk);
	assert_int_equal(say_bind(&talk, &good_bind), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'c');
	assert_int_equal(around.verdict, POLICY_CANNOT_TELL);
	end(&talk);
}

static void
rule_c_is_asked_again_before_the_certificate(void **state)
{
	struct talk talk;

	(void)state;
	begin_bound(&talk);
	publish(&(struct facts){ .suspended = true });
	assert_int_equal(ask_identities(&talk), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'c');
	assert_int_equal(around.verdict, POLICY_ACCOUNT_SUSPENDED);
	assert_int_equal(around.certificates, 0);
	end(&talk);
}

/* ---- (d) --------------------------------------------------------------- */

static void
rule_d_lists_one_certificate_once(void **state)
{
	struct talk talk;

	(void)state;
	begin_listed(&talk);
	assert_int_equal(ask_identities(&talk), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'd');
	assert_int_equal(around.certificates, 1);
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_FAILURE);
	end(&talk);
}

static void
rule_d_lists_nothing_for_a_hop_that_is_over(void **state)
{
	struct talk talk;

	(void)state;
	begin_bound(&talk);
	around.has_hop = false;
	assert_int_equal(ask_identities(&talk), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'd');
	end(&talk);
}

static void
rule_d_lists_nothing_without_the_signer(void **state)
{
	struct talk talk;

	(void)state;
	begin_bound(&talk);
	around.certify_error = ENS_E_CRYPTO;
	assert_int_equal(ask_identities(&talk), SSH_AGENT_FAILURE);
	end(&talk);
}

/* ---- (e) --------------------------------------------------------------- */

static void
rule_e_wants_every_field_as_bound(void **state)
{
	static const uint8_t other_id[AGENT_SESSION_ID_MAX] = { 9 };
	struct sign sign;

	(void)state;
#define BREAK(field, value)                      \
	do {                                     \
		sign = good_sign;                \
		sign.field = value;              \
		expect_sign_refused(&sign, 'e'); \
	} while (0)
	BREAK(session_id, other_id);
	BREAK(type, 51);
	BREAK(user, "root");
	BREAK(user, "");
	BREAK(user, "apache2");
	BREAK(service, "ssh-userauth");
	BREAK(method, "publickey");
	BREAK(method, "hostbased");
	BREAK(method, "none");
	BREAK(has_signature, 0);
	BREAK(has_signature, 2);
	BREAK(algorithm, "ssh-ed25519");
	BREAK(algorithm, "rsa-sha2-512-cert-v01@openssh.com");
	BREAK(other_cert_inside, true);
	BREAK(other_cert_named, true);
	BREAK(with_host_key, false);
	BREAK(host_key, HOST_RSA_256);
	BREAK(host_key, HOST_STRANGER);
	BREAK(tail, "x");
	BREAK(flags, 2);
#undef BREAK
}

static void
rule_e_takes_no_other_method(void **state)
{
	static const char *const methods[] = { "none", "password", "hostbased",
		"publickey-hostbound", "keyboard-interactive", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct sign sign = good_sign;

		sign.method = methods[i];
		sign.with_host_key = false;
		expect_sign_refused(&sign, 'e');
	}
}

static void
a_sign_request_that_is_cut_anywhere_is_refused(void **state)
{
	uint8_t buf[MESSAGE_MAX];
	struct bytes data;
	size_t len = 1;

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		struct talk talk;

		begin_listed(&talk);
		len = write_sign(&talk, &good_sign, buf, &data);
		assert_int_equal(say(&talk, (struct bytes){ buf, cut }),
		    SSH_AGENT_FAILURE);
		end(&talk);
	}
	assert_int_equal(around.signatures, 0);
}

static void
signed_data_that_is_cut_anywhere_is_refused(void **state)
{
	uint8_t whole[MESSAGE_MAX], buf[MESSAGE_MAX];
	struct bytes data;
	size_t len = 1;

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		struct wire_writer writer;
		struct talk talk;

		begin_listed(&talk);
		write_sign(&talk, &good_sign, whole, &data);
		len = data.len;
		wire_write_init(&writer, buf, sizeof(buf));
		wire_write_u8(&writer, SSH_AGENTC_SIGN_REQUEST);
		write_cert(&writer, &talk, false);
		wire_write_string(&writer, data.data, cut);
		wire_write_u32(&writer, 0);
		assert_int_equal(say(&talk, (struct bytes){ buf, writer.len }),
		    SSH_AGENT_FAILURE);
		end(&talk);
	}
	assert_int_equal(around.signatures, 0);
}

static void
a_sign_request_with_any_bit_turned_is_refused(void **state)
{
	uint8_t buf[MESSAGE_MAX];
	struct bytes data;
	size_t len = 1;

	(void)state;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		struct talk talk;

		begin_listed(&talk);
		len = write_sign(&talk, &good_sign, buf, &data);
		buf[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_not_equal(say(&talk, (struct bytes){ buf, len }),
		    SSH_AGENT_SIGN_RESPONSE);
		end(&talk);
	}
	assert_int_equal(around.signatures, 0);
}

static void
rule_e_wants_a_listed_certificate(void **state)
{
	struct talk talk;

	(void)state;
	begin_bound(&talk);
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'e');
	end(&talk);
}

static void
rule_e_goes_by_the_node_s_user_of_this_moment(void **state)
{
	struct talk talk;

	(void)state;
	begin_listed(&talk);
	publish(&(struct facts){ .system_user = "nginx" });
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'e');
	end(&talk);
}

/* ---- (f) --------------------------------------------------------------- */

static void
rule_f_asks_policy_again(void **state)
{
	static const struct facts facts[] = {
		{ .suspended = true },
		{ .keyless = true },
		{ .stopped = true },
		{ .withdrawn = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		struct talk talk;

		publish(&(struct facts){ 0 });
		begin_listed(&talk);
		publish(&facts[i]);
		assert_int_equal(say_sign(&talk, &good_sign),
		    SSH_AGENT_FAILURE);
		assert_int_equal(around.rule, 'f');
		assert_int_not_equal(around.verdict, POLICY_ALLOWED);
		end(&talk);
	}
	assert_int_equal(around.signatures, 0);
}

static void
rule_f_wants_the_hop_that_was_bound(void **state)
{
	struct talk talk;

	(void)state;
	begin_listed(&talk);
	around.hop.id++; /* the shell has declared another */
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'f');
	end(&talk);
	around.hop.id--;
	begin_listed(&talk);
	around.has_hop = false; /* or its time is over */
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_FAILURE);
	end(&talk);
}

/* ---- (g) --------------------------------------------------------------- */

static void
rule_g_gives_one_signature(void **state)
{
	struct talk talk;

	(void)state;
	begin_listed(&talk);
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_SIGN_RESPONSE);
	around.has_hop = true;
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_FAILURE);
	assert_int_equal(around.signatures, 1);
	end(&talk);
}

static void
rule_g_gives_nothing_more_after_the_signature(void **state)
{
	struct talk talk;

	(void)state;
	begin_listed(&talk);
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_SIGN_RESPONSE);
	around.has_hop = true;
	assert_int_equal(ask_identities(&talk), SSH_AGENT_FAILURE);
	assert_int_equal(around.certificates, 1);
	end(&talk);
}

static void
rule_g_keeps_the_signature_when_the_hop_cannot_be_noted(void **state)
{
	struct talk talk;

	(void)state;
	around.sign_error = -12;
	begin_listed(&talk);
	assert_int_equal(say_sign(&talk, &good_sign), SSH_AGENT_FAILURE);
	assert_int_equal(around.rule, 'g');
	end(&talk);
}

/* ---- (h) --------------------------------------------------------------- */

static void
rule_h_refuses_every_other_message(void **state)
{
	(void)state;
	for (int type = 0; type < 256; type++) {
		const uint8_t message[] = { (uint8_t)type };
		struct talk talk;

		if (type == SSH_AGENTC_REQUEST_IDENTITIES)
			continue;
		begin_bound(&talk);
		assert_int_equal(
		    say(&talk, (struct bytes){ message, sizeof(message) }),
		    SSH_AGENT_FAILURE);
		/* It was bound, and is nothing any more. */
		assert_int_equal(ask_identities(&talk), SSH_AGENT_FAILURE);
		end(&talk);
	}
}

static void
rule_h_refuses_other_extensions(void **state)
{
	static const char *const names[] = { "query", "session-bind",
		"session-bind@openssh.comx",
		"restrict-destination-v00@openssh.com", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint8_t buf[MESSAGE_MAX];
		struct wire_writer writer;
		struct talk talk;

		wire_write_init(&writer, buf, sizeof(buf));
		wire_write_u8(&writer, SSH_AGENTC_EXTENSION);
		wire_write_cstring(&writer, names[i]);
		begin(&talk);
		assert_int_equal(say(&talk, (struct bytes){ buf, writer.len }),
		    SSH_AGENT_FAILURE);
		assert_int_equal(around.rule, 'h');
		end(&talk);
	}
}

static void
rule_h_refuses_an_identities_request_with_something_behind(void **state)
{
	static const uint8_t message[] = { SSH_AGENTC_REQUEST_IDENTITIES, 0 };
	struct talk talk;

	(void)state;
	begin_bound(&talk);
	assert_int_equal(say(&talk, (struct bytes){ message, sizeof(message) }),
	    SSH_AGENT_FAILURE);
	end(&talk);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(ssh_gets_one_certificate_and_one_signature),
		TEST(the_method_without_the_host_key_is_signed_too),
		TEST(every_type_of_host_key_binds),
		TEST(agent_forwarding_is_permitted_only_where_it_was_declared),
		TEST(two_connections_have_two_keys),
		TEST(rule_a_wants_the_binding_first),
		TEST(rule_a_takes_one_binding_only),
		TEST(rule_a_refuses_a_connection_that_forwards),
		TEST(rule_a_refuses_another_key_s_signature),
		TEST(rule_a_refuses_a_signature_of_other_data),
		TEST(rule_a_refuses_a_session_id_of_another_length),
		TEST(a_binding_that_is_cut_anywhere_is_refused),
		TEST(a_binding_with_any_bit_turned_is_refused),
		TEST(a_binding_with_something_behind_is_refused),
		TEST(a_binding_with_something_behind_its_signature_is_refused),
		TEST(rule_b_refuses_a_host_key_of_no_node),
		TEST(rule_b_refuses_the_host_key_of_another_node),
		TEST(rule_b_wants_a_declared_hop),
		TEST(rule_c_asks_policy_for_everything),
		TEST(rule_c_refuses_when_it_cannot_tell),
		TEST(rule_c_is_asked_again_before_the_certificate),
		TEST(rule_d_lists_one_certificate_once),
		TEST(rule_d_lists_nothing_for_a_hop_that_is_over),
		TEST(rule_d_lists_nothing_without_the_signer),
		TEST(rule_e_wants_every_field_as_bound),
		TEST(rule_e_takes_no_other_method),
		TEST(a_sign_request_that_is_cut_anywhere_is_refused),
		TEST(signed_data_that_is_cut_anywhere_is_refused),
		TEST(a_sign_request_with_any_bit_turned_is_refused),
		TEST(rule_e_wants_a_listed_certificate),
		TEST(rule_e_goes_by_the_node_s_user_of_this_moment),
		TEST(rule_f_asks_policy_again),
		TEST(rule_f_wants_the_hop_that_was_bound),
		TEST(rule_g_gives_one_signature),
		TEST(rule_g_gives_nothing_more_after_the_signature),
		TEST(rule_g_keeps_the_signature_when_the_hop_cannot_be_noted),
		TEST(rule_h_refuses_every_other_message),
		TEST(rule_h_refuses_other_extensions),
		TEST(
		    rule_h_refuses_an_identities_request_with_something_behind),
	};

	return cmocka_run_group_tests(tests, guard_fixture_make,
	    guard_fixture_free);
}
