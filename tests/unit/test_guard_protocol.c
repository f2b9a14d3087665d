/*
 * What the guard answers the shell (common/protocol/guard_protocol.h): every request,
 * right and wrong, over a real view.
 */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
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

#include "common/protocol/guard_protocol.h"
#include "enscale_guard/bucket.h"
#include "enscale_guard/request.h"
#include "guard_fixture.h"

static struct {
	struct config config;
	struct view *view;
	struct session session;
	struct hop hop;
	struct request request;
	bool refuse_charge;
	struct hop_count hops;
	bool closes;
	json_t *answer;
} around;

static bool
charge(void *arg, uint32_t cost)
{
	(void)arg, (void)cost;
	return !around.refuse_charge;
}

static void
count_hops(void *arg, struct hop_count *ret_count)
{
	(void)arg;
	*ret_count = around.hops;
}

static void
publish(const struct facts *facts)
{
	view_close(around.view);
	around.view = guard_fixture_publish(facts);
	around.request.view = around.view;
}

static int
set_up(void **state)
{
	(void)state;
	config_init(&around.config);
	snprintf(around.config.host, sizeof(around.config.host),
	    "ssh.enscale.com");
	around.session = guard_fixture_session();
	hop_clear(&around.hop);
	around.refuse_charge = false;
	around.hops = (struct hop_count){ 0, 0 };
	around.request = (struct request){ .config = &around.config,
		.agent_socket = "/run/enscale/guard/agent.sock",
		.session = &around.session,
		.hop = &around.hop,
		.notice = "",
		.now = 1000,
		.charge = charge,
		.count_hops = count_hops };
	publish(&(struct facts){ 0 });
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	json_decref(around.answer);
	around.answer = NULL;
	view_close(around.view);
	around.view = NULL;
	return 0;
}

static const json_t *
ask(const char *line)
{
	struct reply reply = request_answer(&around.request, line,
	    strlen(line));

	json_decref(around.answer);
	around.answer = reply.line;
	around.closes = reply.close;
	assert_non_null(around.answer);
	return around.answer;
}

static const char *
text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "(none)";
}

static json_int_t
number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void
expect_refusal(const char *line, int code, const char *verdict)
{
	const json_t *answer = ask(line);

	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_int_equal(number(answer, "code"), code);
	assert_string_equal(text(answer, "verdict"), verdict);
	assert_true(strlen(text(answer, "sentence")) > 0);
	assert_true(json_is_string(json_object_get(answer, "sentence")));
}

static void
expect_ok(const char *line)
{
	const json_t *answer = ask(line); /* once: json_is_true() is a macro */

	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_false(around.closes);
}

#define HOP "{\"op\":\"hop\",\"node\":124718,\"forward_agent\":false}"

static json_t *
two_sessions(void *arg)
{
	(void)arg;
	return json_pack("[{s:s}, {s:s}]", "session", "a", "session", "b");
}

static void
settings_name_the_gateway_and_its_keys(void **state)
{
	(void)state;
	expect_ok("{\"op\":\"settings\"}");
	assert_string_equal(text(around.answer, "host"), "ssh.enscale.com");
	assert_int_equal(number(around.answer, "port"), 3022);
	assert_int_equal(number(around.answer, "account"), OWNER);
	assert_int_equal(
	    json_array_size(json_object_get(around.answer, "host_keys")), 0);
	around.request.host_keys = json_pack("[{s:s}]", "type", "ED25519");
	expect_ok("{\"op\":\"settings\"}");
	assert_int_equal(
	    json_array_size(json_object_get(around.answer, "host_keys")), 1);
	json_decref(around.request.host_keys);
	expect_refusal("{\"op\":\"settings\",\"account\":1}", 122,
	    "bad-request");
}

static void
sessions_are_those_that_the_guard_knows(void **state)
{
	(void)state;
	expect_ok("{\"op\":\"sessions\"}");
	assert_int_equal(
	    json_array_size(json_object_get(around.answer, "sessions")), 0);
	around.request.list_sessions = two_sessions;
	expect_ok("{\"op\":\"sessions\"}");
	assert_int_equal(
	    json_array_size(json_object_get(around.answer, "sessions")), 2);
	expect_refusal("{\"op\":\"sessions\",\"account\":21296}", 122,
	    "bad-request");
	around.refuse_charge = true;
	expect_refusal("{\"op\":\"sessions\"}", 122, "too-many-requests");
}

static struct cert_request certified;

static int
certify(void *arg, const struct cert_request *request,
    struct wire_writer *writer)
{
	(void)arg;
	certified = *request;
	wire_write_cstring(writer, "certificate");
	return writer->error;
}

static void
a_certificate_is_for_the_login_names_node_in_native_mode_only(void **state)
{
	(void)state;
	around.request.certify = certify;
	around.session.node = NODE;
	expect_refusal("{\"op\":\"cert\"}", 120, "native-off");
	around.config.native = true;
	around.session.node = 0;
	expect_refusal("{\"op\":\"cert\"}", 120, "no-node");
	around.session.node = NODE_LIMITED;
	expect_refusal("{\"op\":\"cert\"}", 120, "access-limited");
	around.session.node = NODE;
	expect_refusal("{\"op\":\"cert\",\"node\":124719}", 122, "bad-request");
	assert_int_equal(certified.node, 0);
	publish(&(struct facts){ .stopped = true });
	expect_refusal("{\"op\":\"cert\"}", 120, "environment-stopped");
	publish(&(struct facts){ .keyless = true });
	expect_refusal("{\"op\":\"cert\"}", 120, "key-unknown");
	assert_int_equal(certified.node, 0);
}

static int
certify_nothing(void *arg, const struct cert_request *request,
    struct wire_writer *writer)
{
	(void)arg, (void)request, (void)writer;
	return -EPIPE;
}

#define AUDIT_LINE_SIZE 1024

/* From now on, events go to a file; its descriptor. */
static int
begin_audit(char path[])
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(audit_open(path, &around.request.audit), 0);
	return fd;
}

/* What has been written since, which is little. */
static void
end_audit(int fd, const char *path, char ret_line[AUDIT_LINE_SIZE])
{
	ssize_t len;

	audit_close(around.request.audit);
	around.request.audit = NULL;
	len = read(fd, ret_line, AUDIT_LINE_SIZE - 1);
	ret_line[len > 0 ? len : 0] = '\0';
	close(fd);
	unlink(path);
}

/* Asks for a certificate; is the refusal's verdict in the audit log? */
static bool
cert_refusal_is_audited(int code, const char *verdict)
{
	char path[] = "/tmp/enscale-audit-XXXXXX", line[AUDIT_LINE_SIZE];
	int fd = begin_audit(path);

	expect_refusal("{\"op\":\"cert\"}", code, verdict);
	end_audit(fd, path, line);
	return strstr(line, "cert-refused") != NULL &&
	    strstr(line, verdict) != NULL;
}

static void
every_certificate_that_is_refused_is_audited(void **state)
{
	(void)state;
	around.config.native = true;
	around.request.certify = certify_nothing;
	around.session.node = NODE;
	assert_true(cert_refusal_is_audited(122, "no-certificate"));
	around.session.node = NODE_LIMITED;
	assert_true(cert_refusal_is_audited(120, "access-limited"));
	around.session.node = 0;
	assert_true(cert_refusal_is_audited(120, "no-node"));
}

static void
a_suspended_account_is_told_no_settings_and_no_sessions(void **state)
{
	(void)state;
	publish(&(struct facts){ .suspended = true });
	expect_refusal("{\"op\":\"settings\"}", 120, "account-suspended");
	expect_refusal("{\"op\":\"sessions\"}", 120, "account-suspended");
}

/* ---- hello ------------------------------------------------------------- */

static void
hello_tells_the_session_what_it_is(void **state)
{
	(void)state;
	expect_ok("{\"op\":\"hello\"}");
	assert_string_equal(text(around.answer, "session"), SESSION);
	assert_int_equal(number(around.answer, "account"), OWNER);
	assert_int_equal(number(around.answer, "node"), 0);
	assert_string_equal(text(around.answer, "name"), "Ada");
	assert_string_equal(text(around.answer, "host"), "ssh.enscale.com");
	assert_int_equal(number(around.answer, "port"), 3022);
	assert_int_equal(number(around.answer, "as_of"), 1763850000);
	assert_string_equal(text(around.answer, "address"), ADDRESS);
	assert_int_equal(strncmp(text(around.answer, "key"), "SHA256:", 7), 0);
	assert_int_equal(number(around.answer, "last_login"), 0);
	assert_string_equal(text(around.answer, "last_address"), "");
	assert_string_equal(text(around.answer, "announcement"), "");
}

static void
directory_text_is_stripped_of_control_characters(void **state)
{
	(void)state;
	publish(&(struct facts){ .name = "A\x1b[31md\na\xff" });
	expect_ok("{\"op\":\"hello\"}");
	assert_string_equal(text(around.answer, "name"), "A?[31md?a?");
}

static void
hello_refuses_whom_policy_refuses(void **state)
{
	(void)state;
	publish(&(struct facts){ .suspended = true });
	snprintf(around.config.support, sizeof(around.config.support),
	    "help@enscale.example");
	expect_refusal("{\"op\":\"hello\"}", 120, "account-suspended");
	assert_string_equal(text(around.answer, "session"), SESSION);
	assert_string_equal(text(around.answer, "support"),
	    "help@enscale.example");
	publish(&(struct facts){ .keyless = true });
	expect_refusal("{\"op\":\"hello\"}", 120, "key-unknown");
	assert_false(around.closes);
}

static void
without_a_view_nobody_is_told_anything(void **state)
{
	(void)state;
	around.request.view = NULL;
	around.request.view_error = -2;
	expect_refusal("{\"op\":\"hello\"}", 122, "cannot-tell");
	expect_refusal("{\"op\":\"list\"}", 122, "cannot-tell");
	expect_refusal(HOP, 122, "cannot-tell");
	assert_int_equal(around.hop.state, HOP_NONE);
}

static void
a_view_that_is_too_old_lets_nobody_in(void **state)
{
	(void)state;
	around.config.offline_max_age = 3600;
	expect_refusal(HOP, 122, "view-too-old");
}

/* ---- list -------------------------------------------------------------- */

static void
the_list_has_every_environment_and_says_why_not(void **state)
{
	const json_t *environments, *environment, *nodes;

	(void)state;
	expect_ok("{\"op\":\"list\"}");
	environments = json_object_get(around.answer, "environments");
	assert_int_equal(json_array_size(environments), 3);

	environment = json_array_get(environments, 0);
	assert_string_equal(text(environment, "name"), "cool-waterfall-59");
	assert_string_equal(text(environment, "state"), "running");
	assert_string_equal(text(environment, "role"), "owner");
	assert_string_equal(text(environment, "verdict"), "allowed");
	assert_null(json_object_get(environment, "sentence"));
	nodes = json_object_get(environment, "nodes");
	assert_int_equal(json_array_size(nodes), 3);
	assert_int_equal(number(json_array_get(nodes, 0), "node"), NODE);
	assert_string_equal(text(json_array_get(nodes, 0), "user"), "apache");
	assert_string_equal(text(json_array_get(nodes, 0), "address"),
	    "198.19.0.18");
	assert_string_equal(text(json_array_get(nodes, 0), "state"), "running");

	environment = json_array_get(environments, 1);
	assert_string_equal(text(environment, "verdict"), "access-limited");
	assert_int_equal(number(environment, "owner"), 21296);
	assert_non_null(json_object_get(environment, "sentence"));
	assert_int_equal(json_array_size(json_object_get(environment, "nodes")),
	    0);

	environment = json_array_get(environments, 2);
	assert_string_equal(text(environment, "verdict"),
	    "environment-stopped");
	assert_int_equal(json_array_size(json_object_get(environment, "nodes")),
	    1);
}

/* What is on a page of the crowd's nodes, which have to follow each other. */
static uint32_t
follow_crowd(const json_t *page, uint32_t last)
{
	const json_t *environment, *node;
	size_t i, k;

	json_array_foreach(json_object_get(page, "environments"), i,
	    environment) {
		if (strcmp(text(environment, "name"), CROWD) != 0)
			continue;
		assert_int_equal(number(environment, "node_count"),
		    ENVIRONMENT_NODES_MAX);
		json_array_foreach(json_object_get(environment, "nodes"), k,
		    node)
			assert_int_equal(number(node, "node"), ++last);
	}
	return last;
}

static void
a_long_list_comes_in_pages_that_miss_nothing(void **state)
{
	char line[256] = "{\"op\":\"list\"}";
	const json_t *environments, *last_one;
	uint32_t pages = 0, last = 0;
	size_t size;

	(void)state;
	publish(&(struct facts){ .crowd = ENVIRONMENT_NODES_MAX });
	do {
		expect_ok(line);
		size = json_dumpb(around.answer, NULL, 0, JSON_COMPACT);
		assert_true(size < 2 * GUARD_PAGE_SIZE);
		last = follow_crowd(around.answer, last);
		pages++;
		(void)snprintf(line, sizeof(line),
		    "{\"op\":\"list\",\"after\":\"%s\"}",
		    text(around.answer, "more"));
	} while (json_object_get(around.answer, "more") != NULL);
	assert_int_equal(last, ENVIRONMENT_NODES_MAX);
	assert_true(pages > 4);
	environments = json_object_get(around.answer, "environments");
	last_one = json_array_get(environments,
	    json_array_size(environments) - 1);
	assert_string_equal(text(last_one, "name"), "env-3344147");
}

static void
the_next_page_shows_what_is_allowed_by_then(void **state)
{
	static const char next[] =
	    "{\"op\":\"list\",\"after\":\"124718 cool-waterfall-59\"}";
	const json_t *environment;

	(void)state;
	expect_ok(next);
	environment = json_array_get(
	    json_object_get(around.answer, "environments"), 0);
	assert_string_equal(text(environment, "name"), "cool-waterfall-59");
	assert_int_equal(json_array_size(json_object_get(environment, "nodes")),
	    2);
	publish(&(struct facts){ .withdrawn = true });
	expect_ok(next);
	environment = json_array_get(
	    json_object_get(around.answer, "environments"), 0);
	assert_string_equal(text(environment, "name"), "crimson-dust-8");
	publish(&(struct facts){ .suspended = true });
	expect_refusal(next, GUARD_EXIT_REFUSED, "account-suspended");
}

static void
what_is_no_place_in_a_list_is_refused(void **state)
{
	static const char *const places[] = { "", "1", "x env", "-1 env",
		"1000000000 env", "12345678901 env", "01 env", " env" };
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(line, sizeof(line),
		    "{\"op\":\"list\",\"after\":\"%s\"}", places[i]);
		expect_refusal(line, GUARD_EXIT_FAULT, "bad-request");
		assert_true(around.closes);
	}
	expect_refusal("{\"op\":\"list\",\"after\":1}", GUARD_EXIT_FAULT,
	    "bad-request");
	expect_ok("{\"op\":\"list\",\"after\":\"0 \"}");
	expect_ok("{\"op\":\"list\",\"after\":\"0 zzz\"}");
	assert_int_equal(
	    json_array_size(json_object_get(around.answer, "environments")), 0);
}

static void
an_environment_without_a_role_is_not_listed(void **state)
{
	(void)state;
	publish(&(struct facts){ .withdrawn = true });
	expect_ok("{\"op\":\"list\"}");
	assert_int_equal(
	    json_array_size(json_object_get(around.answer, "environments")), 2);
}

static void
who_asks_too_often_is_told_to_wait(void **state)
{
	(void)state;
	around.refuse_charge = true;
	expect_refusal("{\"op\":\"list\"}", 122, "too-many-requests");
	expect_refusal(HOP, 122, "too-many-requests");
	assert_int_equal(around.hop.state, HOP_NONE);
}

/* ---- hop --------------------------------------------------------------- */

static void
a_hop_is_declared_and_described(void **state)
{
	const char *hosts, *line;
	int lines = 0;

	(void)state;
	expect_ok(HOP);
	assert_int_equal(number(around.answer, "node"), NODE);
	assert_string_equal(text(around.answer, "address"), "198.19.0.18");
	assert_int_equal(number(around.answer, "port"), 22);
	assert_string_equal(text(around.answer, "user"), "apache");
	assert_string_equal(text(around.answer, "alias"), "node124718");
	assert_string_equal(text(around.answer, "agent_socket"),
	    "/run/enscale/guard/agent.sock");
	hosts = text(around.answer, "known_hosts");
	for (line = hosts; *line != '\0'; line = strchr(line, '\n') + 1) {
		assert_int_equal(strncmp(line, "node124718 ", 11), 0);
		assert_non_null(strchr(line, '\n'));
		lines++;
	}
	assert_int_equal(lines, HOST_KINDS - 1);
	assert_int_equal(around.hop.state, HOP_DECLARED);
	assert_int_equal(around.hop.node, NODE);
	assert_false(around.hop.forward_agent);
	assert_true(hop_is_open(&around.hop, 1000));
	assert_true(
	    hop_is_open(&around.hop, 1000 + HOP_SECONDS * BUCKET_SECOND - 1));
	assert_false(
	    hop_is_open(&around.hop, 1000 + HOP_SECONDS * BUCKET_SECOND));
}

static void
a_new_declaration_replaces_the_last_one(void **state)
{
	uint64_t id;

	(void)state;
	expect_ok(HOP);
	id = around.hop.id;
	expect_ok("{\"op\":\"hop\",\"node\":124719,\"forward_agent\":true}");
	assert_int_equal(around.hop.node, NODE_SECOND);
	assert_true(around.hop.forward_agent);
	assert_int_not_equal(around.hop.id, id);
	expect_refusal(
	    "{\"op\":\"hop\",\"node\":144490,\"forward_agent\":true}", 120,
	    "environment-stopped");
	assert_int_equal(around.hop.state, HOP_NONE);
}

static void
a_hop_that_policy_refuses_is_not_declared(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *verdict;
	} cases[] = {
		{ "{\"op\":\"hop\",\"node\":136553,\"forward_agent\":false}",
		    120, "access-limited" },
		{ "{\"op\":\"hop\",\"node\":144490,\"forward_agent\":false}",
		    120, "environment-stopped" },
		{ "{\"op\":\"hop\",\"node\":999999,\"forward_agent\":false}",
		    120, "node-unknown" },
		{ "{\"op\":\"hop\",\"node\":124720,\"forward_agent\":false}",
		    121, "no-host-key" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_refusal(cases[i].line, cases[i].code, cases[i].verdict);
		assert_false(around.closes);
		assert_int_equal(around.hop.state, HOP_NONE);
	}
}

static void
a_node_with_the_gateways_own_address_is_not_hopped_to(void **state)
{
	(void)state;
	publish(&(struct facts){ .address = "127.0.0.1" });
	expect_refusal(HOP, 121, "own-address");
	assert_int_equal(around.hop.state, HOP_NONE);
}

static void
a_session_of_one_node_hops_nowhere_else(void **state)
{
	(void)state;
	around.session.node = NODE;
	expect_ok(HOP);
	expect_refusal(
	    "{\"op\":\"hop\",\"node\":124719,\"forward_agent\":false}", 120,
	    "other-node");
	assert_int_equal(around.hop.state, HOP_NONE);
}

static void
hop_done_says_whether_it_signed(void **state)
{
	(void)state;
	expect_ok(HOP);
	expect_ok("{\"op\":\"hop-done\"}");
	assert_true(json_is_false(json_object_get(around.answer, "signed")));
	assert_null(json_object_get(around.answer, "sentence"));
	expect_ok(HOP);
	hop_sign(&around.hop);
	assert_false(hop_is_open(&around.hop, 1000));
	expect_ok("{\"op\":\"hop-done\"}");
	assert_true(json_is_true(json_object_get(around.answer, "signed")));
	assert_int_equal(around.hop.state, HOP_NONE);
	expect_ok("{\"op\":\"hop-done\"}"); /* again: harmless */
}

/* The end of a hop with a certificate of 22:20: is it in the audit log? */
static bool
denial_is_audited(const char *done)
{
	char path[] = "/tmp/enscale-audit-XXXXXX", line[AUDIT_LINE_SIZE];
	int fd = begin_audit(path);

	expect_ok(done);
	end_audit(fd, path, line);
	return strstr(line, "\"event\":\"node-refused\"") != NULL &&
	    strstr(line, "\"valid_after\":\"2025-11-22T22:15:00Z\"") != NULL &&
	    strstr(line, "\"valid_before\":\"2025-11-22T22:") != NULL;
}

static void
the_audit_log_takes_the_beginning_of_what_users_write(void **state)
{
	char path[] = "/tmp/enscale-audit-XXXXXX", line[2 * AUDIT_LINE_SIZE];
	char request[4000], words[2001];
	int fd = begin_audit(path);
	struct stat st;

	(void)state;
	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	snprintf(request, sizeof(request),
	    "{\"op\":\"hop\",\"node\":124718,\"forward_agent\":false,"
	    "\"command\":\"%s\",\"subsystem\":\"%.1000s\"}",
	    words, words);
	expect_ok(request);
	assert_int_equal(fstat(fd, &st), 0);
	assert_in_range(st.st_size, AUDIT_COMMAND_MAX, AUDIT_COMMAND_MAX + 400);
	assert_int_equal(lseek(fd, 0, SEEK_END), st.st_size);
	snprintf(request, sizeof(request),
	    "{\"op\":\"hop-done\",\"failed\":\"%.1000s\",\"why\":\"%s\"}",
	    words, words);
	expect_ok(request);
	end_audit(fd, path, line);
	assert_non_null(strstr(line, "\"reason\":\"other\""));
	assert_in_range(strlen(line), AUDIT_WHY_MAX, AUDIT_WHY_MAX + 400);
}

static void
a_certificate_that_no_signature_was_wanted_for_is_audited(void **state)
{
	static const char denied[] = "{\"op\":\"hop-done\",\"denied\":true}";

	(void)state;
	expect_ok(HOP);
	assert_false(denial_is_audited(denied)); /* no certificate yet */
	expect_ok(HOP);
	around.hop.certified = 1763850000; /* 22:20 */
	assert_true(denial_is_audited(denied));
	expect_ok(HOP);
	around.hop.certified = 1763850000;
	assert_false(
	    denial_is_audited("{\"op\":\"hop-done\",\"denied\":false}"));
	expect_ok(HOP);
	around.hop.certified = 1763850000;
	hop_sign(&around.hop);
	assert_false(denial_is_audited(denied)); /* it is not the clock */
}

static void
hop_done_says_why_the_agent_refused(void **state)
{
	const struct policy_answer answer = {
		.verdict = POLICY_ACCOUNT_SUSPENDED,
		.account_id = OWNER
	};

	(void)state;
	expect_ok(HOP);
	hop_refuse(&around.hop, &answer);
	expect_ok("{\"op\":\"hop-done\"}");
	assert_true(json_is_false(json_object_get(around.answer, "signed")));
	assert_int_equal(number(around.answer, "code"), 120);
	assert_string_equal(text(around.answer, "verdict"),
	    "account-suspended");
	assert_string_equal(text(around.answer, "sentence"),
	    "Account 25880 is suspended.");
}

static void
an_account_and_a_session_have_so_many_hops(void **state)
{
	static const char line[] =
	    "{\"op\":\"hop\",\"node\":124718,\"forward_agent\":false}";

	(void)state;
	around.config.max_hops = 5;
	around.config.max_session_hops = 3;
	around.hops = (struct hop_count){ .session = 2, .account = 4 };
	expect_ok(line);
	around.hops = (struct hop_count){ .session = 2, .account = 5 };
	expect_refusal(line, 120, "hop-limit");
	assert_string_equal(text(around.answer, "sentence"),
	    "Account 25880 has 5 open connections to nodes and may not have more; end one and try again.");
	assert_int_equal(around.hop.state, HOP_NONE);
	around.hops = (struct hop_count){ .session = 3, .account = 3 };
	expect_refusal(line, 120, "hop-limit");
	assert_string_equal(text(around.answer, "sentence"),
	    "This session has 3 open connections to nodes and may not have more; end one and try again.");
}

/* ---- what is wrong ----------------------------------------------------- */

static void
what_is_no_request_closes_the_connection(void **state)
{
	static const char *const lines[] = { "", " ", "{", "[]", "null", "1",
		"\"hello\"", "{}", "{\"op\":1}", "{\"op\":\"\"}",
		"{\"op\":\"HELLO\"}", "{\"op\":\"hello\",\"op\":\"list\"}",
		"{\"op\":\"hello\"} {\"op\":\"list\"}",
		"{\"op\":\"hello\",\"account\":21296}",
		"{\"op\":\"list\",\"account\":21296}",
		"{\"op\":\"hop-done\",\"node\":1}", "{\"op\":\"hop\"}",
		"{\"op\":\"hop\",\"node\":124718}",
		"{\"op\":\"hop\",\"node\":\"124718\",\"forward_agent\":false}",
		"{\"op\":\"hop\",\"node\":124718.0,\"forward_agent\":false}",
		"{\"op\":\"hop\",\"node\":0,\"forward_agent\":false}",
		"{\"op\":\"hop\",\"node\":-1,\"forward_agent\":false}",
		"{\"op\":\"hop\",\"node\":4295091997,\"forward_agent\":false}",
		"{\"op\":\"hop\",\"node\":124718,\"forward_agent\":0}",
		"{\"op\":\"hop\",\"node\":1,\"forward_agent\":true,\"x\":1}",
		"\xff\xfe", "{\"op\":\"\xff\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		expect_refusal(lines[i], 122, "bad-request");
		assert_true(around.closes);
	}
}

static void
a_request_that_is_cut_anywhere_is_refused(void **state)
{
	char line[] = HOP;

	(void)state;
	for (size_t cut = sizeof(line) - 2; cut > 0; cut--) {
		line[cut] = '\0';
		expect_refusal(line, 122, "bad-request");
		assert_int_equal(around.hop.state, HOP_NONE);
	}
}

static void
a_request_with_any_bit_turned_does_no_harm(void **state)
{
	const char *const right = HOP;
	char line[] = HOP;

	(void)state;
	for (size_t bit = 0; bit < 8 * strlen(right); bit++) {
		memcpy(line, right, sizeof(HOP));
		line[bit / 8] ^= (char)(1U << bit % 8);
		assert_non_null(ask(line));
		assert_true(around.hop.state == HOP_NONE ||
		    around.hop.node == NODE || around.hop.node == NODE_SECOND);
	}
}

static void
a_peer_without_a_session_is_told_so(void **state)
{
	(void)state;
	around.request.session = NULL;
	expect_refusal("{\"op\":\"hello\"}", 120, "no-session");
	assert_true(around.closes);
	assert_null(json_object_get(around.answer, "session"));
}

/* It is no fault of the user's. */
static void
a_session_that_nobody_recorded_is_the_gateways_trouble(void **state)
{
	(void)state;
	around.request.session = NULL;
	around.request.unrecorded = true;
	expect_refusal("{\"op\":\"hello\"}", 122, "unrecorded");
	assert_true(around.closes);
}

static void
the_guard_s_own_lines_say_what_ends_and_why(void **state)
{
	const struct policy_answer answer = {
		.verdict = POLICY_ACCOUNT_SUSPENDED,
		.account_id = OWNER
	};
	json_t *event = reply_event("end", &answer, &around.session);

	(void)state;
	assert_string_equal(text(event, "event"), "end");
	assert_int_equal(number(event, "code"), 120);
	assert_string_equal(text(event, "verdict"), "account-suspended");
	assert_string_equal(text(event, "sentence"),
	    "The gateway is ending this session. Account 25880 is suspended.");
	assert_string_equal(text(event, "session"), SESSION);
	json_decref(event);
	event = reply_event("end-hop", &answer, &around.session);
	assert_string_equal(text(event, "sentence"),
	    "The gateway is ending this connection. Account 25880 is suspended.");
	json_decref(event);
}

static void
a_request_has_its_own_fields_and_no_others(void **state)
{
	(void)state;
	expect_refusal("{\"op\":\"hop\",\"node\":124718}", 122, "bad-request");
	assert_string_equal(text(around.answer, "sentence"),
	    "Missing field: forward_agent.");
	assert_true(around.closes);
	expect_refusal("{\"op\":\"keys\",\"node\":124718}", 122, "bad-request");
	assert_string_equal(text(around.answer, "sentence"),
	    "Unknown field: node.");
	expect_refusal("{\"op\":\"list\",\"host_keys\":\"yes\"}", 122,
	    "bad-request");
	assert_string_equal(text(around.answer, "sentence"),
	    "Wrong field: host_keys.");
}

static void
a_field_with_a_long_name_is_named_up_to_a_whole_character(void **state)
{
	(void)state;
	expect_refusal(
	    "{\"op\":\"keys\",\"a234567890123456789012345678901\u00e9\":1}",
	    122, "bad-request");
	assert_string_equal(text(around.answer, "sentence"),
	    "Unknown field: a234567890123456789012345678901.");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_request_has_its_own_fields_and_no_others),
		TEST(a_field_with_a_long_name_is_named_up_to_a_whole_character),
		TEST(settings_name_the_gateway_and_its_keys),
		TEST(sessions_are_those_that_the_guard_knows),
		TEST(
		    a_certificate_is_for_the_login_names_node_in_native_mode_only),
		TEST(every_certificate_that_is_refused_is_audited),
		TEST(a_suspended_account_is_told_no_settings_and_no_sessions),
		TEST(hello_tells_the_session_what_it_is),
		TEST(directory_text_is_stripped_of_control_characters),
		TEST(hello_refuses_whom_policy_refuses),
		TEST(without_a_view_nobody_is_told_anything),
		TEST(a_view_that_is_too_old_lets_nobody_in),
		TEST(the_list_has_every_environment_and_says_why_not),
		TEST(a_long_list_comes_in_pages_that_miss_nothing),
		TEST(the_next_page_shows_what_is_allowed_by_then),
		TEST(what_is_no_place_in_a_list_is_refused),
		TEST(an_environment_without_a_role_is_not_listed),
		TEST(who_asks_too_often_is_told_to_wait),
		TEST(a_hop_is_declared_and_described),
		TEST(a_new_declaration_replaces_the_last_one),
		TEST(a_hop_that_policy_refuses_is_not_declared),
		TEST(a_node_with_the_gateways_own_address_is_not_hopped_to),
		TEST(a_session_of_one_node_hops_nowhere_else),
		TEST(an_account_and_a_session_have_so_many_hops),
		TEST(hop_done_says_whether_it_signed),
		TEST(the_audit_log_takes_the_beginning_of_what_users_write),
		TEST(a_certificate_that_no_signature_was_wanted_for_is_audited),
		TEST(hop_done_says_why_the_agent_refused),
		TEST(what_is_no_request_closes_the_connection),
		TEST(a_request_that_is_cut_anywhere_is_refused),
		TEST(a_request_with_any_bit_turned_does_no_harm),
		TEST(a_peer_without_a_session_is_told_so),
		TEST(a_session_that_nobody_recorded_is_the_gateways_trouble),
		TEST(the_guard_s_own_lines_say_what_ends_and_why),
	};

	return cmocka_run_group_tests(tests, guard_fixture_make,
	    guard_fixture_free);
}
