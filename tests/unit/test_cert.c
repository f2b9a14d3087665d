/*
 * Certificates: taken apart again, shown to ssh-keygen, and made by a signer
 * process with a key file.
 */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/base/base64.h"
#include "common/base/errors.h"
#include "common/keys/ssh_key.h"
#include "enscale_guard/cert.h"
#include "enscale_guard/process.h"
#include "enscale_guard/signer.h"
#include "tests/unit/sample_keys.h"

#define NOW     1763850000
#define SERIAL  42
#define SOURCES "198.19.0.1/32,fd00::1/128"

static const struct cert_request good = {
	.key = "\0\0\0\013ssh-ed25519"
	       "\0\0\0\040the public key of one connection",
	.key_len = 51,
	.fingerprint = "the fingerprint of Ada's own key",
	.session = "abcdefghij234567",
	.account = 25880,
	.node = 124718,
	.lifetime = 180,
};

static EVP_PKEY *ca;
static char dir[] = "/tmp/enscale-cert-XXXXXX";
static char key_file[sizeof(dir) + 16];

static void
write_key(EVP_PKEY *key, mode_t mode)
{
	FILE *file;

	unlink(key_file);
	file = fopen(key_file, "w");
	assert_non_null(file);
	assert_int_equal(
	    PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
	assert_int_equal(chmod(key_file, mode), 0);
}

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(key_file, sizeof(key_file), "%s/ca", dir);
	ca = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	write_key(ca, 0400);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(ca);
	unlink(key_file);
	return rmdir(dir);
}

/* ---- the blob ---------------------------------------------------------- */

static void
verify(struct bytes blob, size_t signed_len, struct bytes signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct wire_reader reader;
	struct bytes raw;

	wire_read_init(&reader, signature.data, signature.len);
	assert_true(bytes_equal_text(wire_read_string(&reader), "ssh-ed25519"));
	raw = wire_read_string(&reader);
	assert_int_equal(wire_read_end(&reader), 0);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, ca), 1);
	assert_int_equal(
	    EVP_DigestVerify(ctx, raw.data, raw.len, blob.data, signed_len), 1);
	EVP_MD_CTX_free(ctx);
}

static void
expect_option(struct wire_reader *reader, const char *name, const char *value)
{
	struct wire_reader data;
	struct bytes bytes;

	assert_true(bytes_equal_text(wire_read_string(reader), name));
	bytes = wire_read_string(reader);
	if (value == NULL) {
		assert_int_equal(bytes.len, 0);
		return;
	}
	wire_read_init(&data, bytes.data, bytes.len);
	assert_true(bytes_equal_text(wire_read_string(&data), value));
	assert_int_equal(wire_read_end(&data), 0);
}

static void
check_options(struct bytes critical, struct bytes extensions, uint32_t flags)
{
	struct wire_reader reader;

	wire_read_init(&reader, critical.data, critical.len);
	expect_option(&reader, "source-address", SOURCES);
	assert_int_equal(wire_read_end(&reader), 0);
	wire_read_init(&reader, extensions.data, extensions.len);
	if ((flags & CERT_FORWARD_AGENT) != 0)
		expect_option(&reader, "permit-agent-forwarding", NULL);
	if ((flags & CERT_FORWARD_PORTS) != 0)
		expect_option(&reader, "permit-port-forwarding", NULL);
	expect_option(&reader, "permit-pty", NULL);
	assert_int_equal(wire_read_end(&reader), 0);
}

static void
check(struct bytes blob, const struct cert_request *request)
{
	struct bytes principals, critical, extensions, signature, nonce;
	struct wire_reader reader, list;
	size_t signed_len;

	wire_read_init(&reader, blob.data, blob.len);
	assert_true(
	    bytes_equal_text(wire_read_string(&reader), CERT_TYPE_NAME));
	nonce = wire_read_string(&reader);
	assert_int_equal(nonce.len, 32);
	assert_true(bytes_equal(wire_read_string(&reader),
	    (struct bytes){ request->key + request->key_len - ED25519_KEY_LEN,
	        ED25519_KEY_LEN }));
	assert_int_equal(wire_read_u64(&reader), SERIAL);
	assert_int_equal(wire_read_u32(&reader), 1); /* a user's */
	assert_true(bytes_equal_text(wire_read_string(&reader),
	    "enscale account=25880 session=abcdefghij234567 "
	    "key=SHA256:dGhlIGZpbmdlcnByaW50IG9mIEFkYSdzIG93biBrZXk"));
	principals = wire_read_string(&reader);
	wire_read_init(&list, principals.data, principals.len);
	assert_true(bytes_equal_text(wire_read_string(&list), "node124718"));
	assert_int_equal(wire_read_end(&list), 0);
	assert_int_equal(wire_read_u64(&reader), NOW - CERT_BACKDATE);
	assert_int_equal(wire_read_u64(&reader), NOW + request->lifetime);
	critical = wire_read_string(&reader);
	extensions = wire_read_string(&reader);
	check_options(critical, extensions, request->flags);
	assert_int_equal(wire_read_string(&reader).len, 0);
	(void)wire_read_string(&reader); /* the CA's key */
	signed_len = blob.len - reader.left;
	signature = wire_read_string(&reader);
	assert_int_equal(wire_read_end(&reader), 0);
	verify(blob, signed_len, signature);
}

static size_t
build(const struct cert_request *request, uint8_t buf[CERT_BLOB_MAX])
{
	struct wire_writer writer;

	wire_write_init(&writer, buf, CERT_BLOB_MAX);
	assert_int_equal(cert_build(request, ca, SOURCES, NOW, SERIAL, &writer),
	    0);
	return writer.len;
}

static void
a_certificate_says_what_was_asked_and_no_more(void **state)
{
	uint8_t buf[CERT_BLOB_MAX];
	size_t len = build(&good, buf);

	(void)state;
	check((struct bytes){ buf, len }, &good);
}

static void
agent_forwarding_is_permitted_only_on_request(void **state)
{
	struct cert_request request = good;
	uint8_t buf[CERT_BLOB_MAX];
	size_t len;

	(void)state;
	request.flags = CERT_FORWARD_AGENT | CERT_FORWARD_PORTS;
	len = build(&request, buf);
	check((struct bytes){ buf, len }, &request);
}

static void
two_certificates_are_never_alike(void **state)
{
	uint8_t a[CERT_BLOB_MAX], b[CERT_BLOB_MAX];
	size_t len = build(&good, a);

	(void)state;
	assert_int_equal(len, build(&good, b));
	assert_memory_not_equal(a, b, len);
}

/* Runs a command and returns its output. */
static void
run(const char *command, char *out, size_t size)
{
	FILE *file = popen(command, "r");
	size_t len;

	assert_non_null(file);
	len = fread(out, 1, size - 1, file);
	out[len] = '\0';
	assert_int_equal(pclose(file), 0);
}

/* What ssh-keygen says of a certificate. */
static void
read_by_ssh_keygen(const struct cert_request *request, const char *type,
    char *text, size_t size)
{
	static char line[BASE64_LEN(CERT_BLOB_MAX) + 1];
	char path[sizeof(dir) + 24], command[128];
	uint8_t buf[CERT_BLOB_MAX];
	size_t len = build(request, buf);
	FILE *file;

	if (access("/usr/bin/ssh-keygen", X_OK) != 0)
		skip();
	base64_encode(buf, len, line, sizeof(line));
	snprintf(path, sizeof(path), "%s/id-cert.pub", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "%s %s\n", type, line);
	fclose(file);
	snprintf(command, sizeof(command),
	    "TZ=UTC /usr/bin/ssh-keygen -L -f %s", path);
	run(command, text, size);
	unlink(path);
}

static void
set_key(struct cert_request *request, const void *blob, size_t len)
{
	assert_true(len <= sizeof(request->key));
	memcpy(request->key, blob, len);
	request->key_len = (uint32_t)len;
}

/* No ssh-keygen makes these without the device. */
static void
set_security_key(struct cert_request *request, bool ecdsa)
{
	static const uint8_t point[65] = { 4, 1, 2, 3 };
	uint8_t blob[256];
	struct wire_writer writer;

	wire_write_init(&writer, blob, sizeof(blob));
	if (ecdsa) {
		wire_write_cstring(&writer,
		    "sk-ecdsa-sha2-nistp256@openssh.com");
		wire_write_cstring(&writer, "nistp256");
		wire_write_string(&writer, point, sizeof(point));
	} else {
		wire_write_cstring(&writer, "sk-ssh-ed25519@openssh.com");
		wire_write_string(&writer, point, 32);
	}
	wire_write_cstring(&writer, "ssh:");
	assert_int_equal(writer.error, 0);
	set_key(request, blob, writer.len);
}

static void
ssh_keygen_reads_a_certificate_over_a_key_of_each_kind(void **state)
{
	static const struct {
		const char *line, *fingerprint;
	} samples[] = {
		{ SAMPLE_ED25519, SAMPLE_ED25519_SHA256 },
		{ SAMPLE_RSA2048, SAMPLE_RSA2048_SHA256 },
		{ SAMPLE_ECDSA256, SAMPLE_ECDSA256_SHA256 },
		{ SAMPLE_ECDSA384, SAMPLE_ECDSA384_SHA256 },
		{ SAMPLE_ECDSA521, SAMPLE_ECDSA521_SHA256 },
	};
	char text[4096], want[128];
	struct cert_request request = good;
	struct ssh_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		assert_int_equal(ssh_key_parse(samples[i].line,
		                     strlen(samples[i].line), &key),
		    0);
		set_key(&request, key.blob, key.blob_len);
		read_by_ssh_keygen(&request, ssh_key_type_cert_name(key.type),
		    text, sizeof(text));
		snprintf(want, sizeof(want), "Type: %s user certificate",
		    ssh_key_type_cert_name(key.type));
		assert_non_null(strstr(text, want));
		snprintf(want, sizeof(want), "-CERT %s",
		    samples[i].fingerprint);
		assert_non_null(strstr(text, want));
		assert_non_null(strstr(text, "source-address " SOURCES));
	}
}

static void
it_reads_those_over_security_keys(void **state)
{
	static const char *const types[] = {
		"sk-ssh-ed25519-cert-v01@openssh.com",
		"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	};
	char text[4096], want[128];
	struct cert_request request = good;

	(void)state;
	/* Its point is on no curve, which ssh-keygen would see. */
	set_security_key(&request, false);
	read_by_ssh_keygen(&request, types[0], text, sizeof(text));
	snprintf(want, sizeof(want), "Type: %s user certificate", types[0]);
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "node124718"));
	assert_string_equal(ssh_key_type_cert_name(SSH_KEY_SK_ECDSA_256),
	    types[1]);
	set_security_key(&request, true);
	assert_int_equal(cert_request_check(&request), 0);
}

static void
a_key_that_is_none_is_not_certified(void **state)
{
	struct cert_request request = good;
	struct wire_writer writer;
	uint8_t buf[CERT_BLOB_MAX];
	static struct ssh_key key;

	(void)state;
	assert_int_equal(
	    ssh_key_parse(SAMPLE_ECDSA256, strlen(SAMPLE_ECDSA256), &key), 0);
	set_key(&request, key.blob, key.blob_len);
	wire_write_init(&writer, buf, sizeof(buf));
	/* Cut, or with more behind it: that would be the next field. */
	for (uint32_t len = 0; len < 200; len++) {
		request.key_len = len;
		if (len != key.blob_len)
			assert_true(cert_build(&request, ca, SOURCES, NOW,
			                SERIAL, &writer) < 0);
	}
	request.key_len = sizeof(request.key) + 1;
	assert_true(
	    cert_build(&request, ca, SOURCES, NOW, SERIAL, &writer) < 0);
	assert_int_equal(
	    ssh_key_parse(SAMPLE_RSA1024, strlen(SAMPLE_RSA1024), &key),
	    ENS_E_KEY_WEAK);
	assert_int_equal(writer.len, 0);
}

static void
ssh_keygen_reads_the_certificate(void **state)
{
	char text[4096];

	(void)state;
	read_by_ssh_keygen(&good, CERT_TYPE_NAME, text, sizeof(text));
	assert_non_null(strstr(text, "Type: " CERT_TYPE_NAME " user"));
	assert_non_null(strstr(text, "Serial: 42"));
	assert_non_null(strstr(text, "account=25880 session=abcdefghij234567"));
	assert_non_null(strstr(text,
	    "Valid: from 2025-11-22T22:15:00 to 2025-11-22T22:23:00"));
	assert_non_null(strstr(text, "node124718"));
	assert_non_null(strstr(text, "source-address " SOURCES));
	assert_non_null(strstr(text, "permit-pty"));
	assert_null(strstr(text, "permit-agent-forwarding"));
	assert_null(strstr(text, "permit-port-forwarding"));
}

/* ---- what is refused --------------------------------------------------- */

static void
a_request_outside_its_caps_is_not_signed(void **state)
{
	struct cert_request request;
	struct wire_writer writer;
	uint8_t buf[CERT_BLOB_MAX];

	(void)state;
#define REFUSE(change)                                                     \
	do {                                                               \
		request = good;                                            \
		change;                                                    \
		wire_write_init(&writer, buf, sizeof(buf));                \
		assert_true(cert_build(&request, ca, SOURCES, NOW, SERIAL, \
		                &writer) < 0);                             \
		assert_int_equal(writer.len, 0);                           \
	} while (0)
	REFUSE(request.lifetime = CERT_SECONDS_MAX + 1);
	REFUSE(request.lifetime = 0);
	REFUSE(request.account = 0);
	REFUSE(request.account = ACCOUNT_ID_MAX + 1);
	REFUSE(request.node = 0);
	REFUSE(request.node = NODE_ID_MAX + 1);
	REFUSE(request.flags = 4);
	REFUSE(request.session[0] = '\0');
	REFUSE(request.session[0] = ' ');
	REFUSE(request.session[SESSION_ID_LEN] = 'a');
#undef REFUSE
}

static void
a_certificate_for_anywhere_is_not_signed(void **state)
{
	static const char *const bad[] = { "", ",", "198.19.0.1,",
		"198.19.0.1/33", "198.19.0.1/24", "::/129", "fd00::1/64",
		"host.example", "198.19.0.1/", "198.19.0.1/08", "!198.19.0.1",
		"198.19.0.*", "198.19.0.1 ", " 198.19.0.1" };
	static const char *const fine[] = { "198.19.0.1", "198.19.0.0/24",
		"fd00::1", "fd00::/64,198.19.0.1/32" };
	struct wire_writer writer;
	uint8_t buf[CERT_BLOB_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wire_write_init(&writer, buf, sizeof(buf));
		assert_int_equal(
		    cert_build(&good, ca, bad[i], NOW, SERIAL, &writer),
		    ENS_E_SYNTAX);
	}
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		assert_int_equal(cert_addresses_check(fine[i]), 0);
}

static void
a_ca_of_another_type_is_refused(void **state)
{
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	struct wire_writer writer;
	uint8_t buf[CERT_BLOB_MAX];

	(void)state;
	wire_write_init(&writer, buf, sizeof(buf));
	assert_int_equal(
	    cert_build(&good, other, SOURCES, NOW, SERIAL, &writer),
	    ENS_E_KEY_TYPE);
	EVP_PKEY_free(other);
}

/* ---- the signer's process ---------------------------------------------- */

static void
the_signer_makes_certificates(void **state)
{
	uint8_t a[CERT_BLOB_MAX], b[CERT_BLOB_MAX], own[128];
	struct wire_writer writer;
	struct signer *signer;
	uint64_t first, second;

	(void)state;
	assert_int_equal(signer_start(key_file, SOURCES, &signer), 0);
	wire_write_init(&writer, own, sizeof(own));
	assert_int_equal(cert_write_public_key(ca, &writer), 0);
	assert_true(bytes_equal(signer_authority(signer),
	    (struct bytes){ own, writer.len }));
	wire_write_init(&writer, a, sizeof(a));
	assert_int_equal(signer_certify(signer, &good, &writer, &first), 0);
	wire_write_init(&writer, b, sizeof(b));
	assert_int_equal(signer_certify(signer, &good, &writer, &second), 0);
	assert_int_not_equal(first, second);
	assert_true(first >> 63 == 0 && second >> 63 == 0);
	signer_stop(signer);
}

static void
the_signer_refuses_a_bad_request_and_goes_on(void **state)
{
	struct cert_request request = good;
	uint8_t buf[CERT_BLOB_MAX];
	struct wire_writer writer;
	struct signer *signer;
	uint64_t serial;

	(void)state;
	assert_int_equal(signer_start(key_file, SOURCES, &signer), 0);
	request.lifetime = 3600;
	wire_write_init(&writer, buf, sizeof(buf));
	assert_int_equal(signer_certify(signer, &request, &writer, &serial),
	    ENS_E_RANGE);
	assert_int_equal(writer.len, 0);
	assert_int_equal(signer_certify(signer, &good, &writer, &serial), 0);
	signer_stop(signer);
}

static void
the_signer_has_a_rate(void **state)
{
	uint8_t buf[CERT_BLOB_MAX];
	struct wire_writer writer;
	struct signer *signer;
	uint64_t serial;
	time_t began = time(NULL);
	int r = 0, made = 0;

	(void)state;
	assert_int_equal(signer_start(key_file, SOURCES, &signer), 0);
	while (r == 0 && made < 100 * SIGNER_BURST) {
		wire_write_init(&writer, buf, sizeof(buf));
		r = signer_certify(signer, &good, &writer, &serial);
		made += r == 0;
	}
	assert_int_equal(r, -EAGAIN);
	assert_true(made >= SIGNER_BURST);
	assert_true(
	    made <= SIGNER_BURST + SIGNER_RATE * (time(NULL) - began + 1));
	signer_stop(signer);
}

static void
a_key_that_others_can_read_is_refused(void **state)
{
	struct signer *signer;

	(void)state;
	for (unsigned bit = 0; bit < 6; bit++) {
		assert_int_equal(chmod(key_file, 0400 | 1U << bit), 0);
		assert_int_equal(signer_start(key_file, SOURCES, &signer),
		    -EPERM);
	}
	assert_int_equal(chmod(key_file, 0400), 0);
}

/* As ca init makes it: root's, for a group that is not all of ours. */
static void
a_key_of_root_may_be_read_by_a_group_of_its_own(void **state)
{
	struct signer *signer;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(key_file, 0, getegid() + 1), 0);
	assert_int_equal(chmod(key_file, 0440), 0);
	assert_int_equal(signer_start(key_file, SOURCES, &signer), 0);
	signer_stop(signer);
	for (unsigned bit = 0; bit < 6; bit++) {
		if (1U << bit == 040)
			continue;
		assert_int_equal(chmod(key_file, 0440 | 1U << bit), 0);
		assert_int_equal(signer_start(key_file, SOURCES, &signer),
		    -EPERM);
	}
	assert_int_equal(chmod(key_file, 0440), 0);
	/* Without root's rights, as a signer is. */
	assert_int_equal(chown(key_file, 4711, getegid() + 1), 0);
	assert_int_equal(signer_start(key_file, SOURCES, &signer), -EACCES);
	assert_int_equal(chown(key_file, 0, getegid()), 0);
	assert_int_equal(signer_start(key_file, SOURCES, &signer), -EPERM);
	assert_int_equal(chmod(key_file, 0400), 0);
}

static void
a_key_that_cannot_be_loaded_is_refused_with_its_cause(void **state)
{
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	struct signer *signer;

	(void)state;
	write_key(other, 0400);
	EVP_PKEY_free(other);
	assert_int_equal(signer_start(key_file, SOURCES, &signer),
	    ENS_E_KEY_TYPE);
	assert_int_equal(chmod(key_file, 0600), 0);
	assert_int_equal(truncate(key_file, 0), 0);
	assert_int_equal(signer_start(key_file, SOURCES, &signer),
	    ENS_E_KEY_FORMAT);
	assert_int_equal(signer_start("/nonexistent", SOURCES, &signer),
	    -ENOENT);
	assert_int_equal(signer_start(dir, SOURCES, &signer), ENS_E_KEY_FORMAT);
	assert_int_equal(signer_start("/proc/self/exe", SOURCES, &signer),
	    -ELOOP);
	write_key(ca, 0400);
	assert_int_equal(signer_start(key_file, "", &signer), ENS_E_SYNTAX);
}

static void
the_loss_of_the_signer_is_noticed(void **state)
{
	uint8_t buf[CERT_BLOB_MAX];
	struct wire_writer writer;
	struct signer *signer;
	uint64_t serial;
	struct process_list children = { 0 };
	struct process self;

	(void)state;
	assert_int_equal(signer_start(key_file, SOURCES, &signer), 0);
	assert_int_equal(process_find(getpid(), &self), 0);
	assert_int_equal(process_list_add_children(&children, &self), 0);
	assert_int_equal(children.count, 1);
	/* The orders for the guard are not for it. */
	wire_write_init(&writer, buf, sizeof(buf));
	assert_int_equal(process_signal(&children.items[0], SIGTERM), 0);
	assert_int_equal(signer_certify(signer, &good, &writer, &serial), 0);
	assert_int_equal(process_signal(&children.items[0], SIGKILL), 0);
	process_list_clear(&children);
	assert_int_equal(signer_certify(signer, &good, &writer, &serial),
	    -EPIPE);
	assert_int_equal(signer_certify(signer, &good, &writer, &serial),
	    -EPIPE);
	signer_stop(signer);
}

static void
the_host_s_addresses_are_a_list_for_certificates(void **state)
{
	char buf[CERT_ADDRESSES_MAX + 1], tiny[4];
	int r = signer_host_addresses(buf, sizeof(buf));

	(void)state;
	if (r == ENS_E_NOTFOUND)
		skip(); /* this host has only a loopback interface */
	assert_int_equal(r, 0);
	assert_int_equal(cert_addresses_check(buf), 0);
	assert_null(strstr(buf, "127."));
	assert_int_equal(signer_host_addresses(tiny, sizeof(tiny)),
	    ENS_E_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_says_what_was_asked_and_no_more),
		cmocka_unit_test(agent_forwarding_is_permitted_only_on_request),
		cmocka_unit_test(two_certificates_are_never_alike),
		cmocka_unit_test(ssh_keygen_reads_the_certificate),
		cmocka_unit_test(
		    ssh_keygen_reads_a_certificate_over_a_key_of_each_kind),
		cmocka_unit_test(it_reads_those_over_security_keys),
		cmocka_unit_test(a_key_that_is_none_is_not_certified),
		cmocka_unit_test(a_request_outside_its_caps_is_not_signed),
		cmocka_unit_test(a_certificate_for_anywhere_is_not_signed),
		cmocka_unit_test(a_ca_of_another_type_is_refused),
		cmocka_unit_test(the_signer_makes_certificates),
		cmocka_unit_test(the_signer_refuses_a_bad_request_and_goes_on),
		cmocka_unit_test(the_signer_has_a_rate),
		cmocka_unit_test(a_key_that_others_can_read_is_refused),
		cmocka_unit_test(
		    a_key_of_root_may_be_read_by_a_group_of_its_own),
		cmocka_unit_test(
		    a_key_that_cannot_be_loaded_is_refused_with_its_cause),
		cmocka_unit_test(the_loss_of_the_signer_is_noticed),
		cmocka_unit_test(
		    the_host_s_addresses_are_a_list_for_certificates),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
