#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/policy/from_pattern.h"
#include "common/policy/policy.h"
#include "tests/unit/view_fixture.h"

#define NOW FIXTURE_AS_OF

static struct view_fixture fixture;
static struct view *view;

static int
make(void **state)
{
	static const struct environment_member asleep[] = { { 25880,
		                                                ROLE_OWNER },
		{ 40404, ROLE_LIMITED } },
	                                       mixed[] = { { 25880,
		                                   ROLE_FULL } };

	(void)state;
	view_fixture_make(&fixture);
	view_fixture_publish_demo(&fixture);
	view_fixture_begin(&fixture, false);
	view_fixture_put_account(&fixture, 50505, ACCOUNT_ACTIVE, NOW, 0);
	view_fixture_put_account(&fixture, 50506, ACCOUNT_ACTIVE, NOW + 1, 0);
	view_fixture_put_key(&fixture, 25880, 2, "10.0.0.0/8", 0);
	view_fixture_put_key(&fixture, 25880, 3, "", NOW);
	view_fixture_put_key(&fixture, 25880, 4, "", NOW + 1);
	view_fixture_put_environment(&fixture, "asleep", ENVIRONMENT_SLEEPING,
	    25880, asleep, 2);
	view_fixture_put_node(&fixture, 200, "asleep", ENVIRONMENT_RUNNING);
	view_fixture_put_environment(&fixture, "mixed", ENVIRONMENT_RUNNING, 0,
	    mixed, 1);
	view_fixture_put_node(&fixture, 300, "mixed", ENVIRONMENT_STOPPED);
	view_fixture_put_node(&fixture, 301, "mixed", ENVIRONMENT_SLEEPING);
	view_fixture_put_node(&fixture, 400, "nowhere", ENVIRONMENT_RUNNING);
	view_fixture_commit(&fixture);
	return view_open(fixture.view, &view);
}

static int
unmake(void **state)
{
	(void)state;
	view_close(view);
	view_fixture_free(&fixture);
	return 0;
}

static struct policy_answer
judge(uint32_t account, const uint8_t *fingerprint, const char *address,
    uint32_t node)
{
	const struct policy_question question = { .account = account,
		.fingerprint = fingerprint,
		.address = address,
		.node = node,
		.now = NOW };
	struct policy_answer answer;

	policy_judge(view, 0, &question, &answer);
	return answer;
}

static void
says(const struct policy_answer *answer, enum policy_verdict verdict,
    const char *want)
{
	char sentence[POLICY_SENTENCE_MAX];

	assert_string_equal(policy_verdict_text(answer->verdict),
	    policy_verdict_text(verdict));
	assert_int_equal(policy_sentence(answer, sentence, sizeof(sentence)),
	    strlen(want));
	assert_string_equal(sentence, want);
}

static void
accounts_are_judged_by_status_and_time(void **state)
{
	struct policy_answer answer;

	(void)state;
	answer = judge(25880, NULL, NULL, 0);
	says(&answer, POLICY_ALLOWED, "Account 25880 may log in.");
	assert_int_equal(answer.account.account, 25880);
	answer = judge(30311, NULL, NULL, 0);
	says(&answer, POLICY_ACCOUNT_SUSPENDED, "Account 30311 is suspended.");
	answer = judge(50505, NULL, NULL, 0);
	says(&answer, POLICY_ACCOUNT_EXPIRED,
	    "Account 50505 expired on 2025-11-22 22:20 UTC.");
	answer = judge(50506, NULL, NULL, 0);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
	answer = judge(99999, NULL, NULL, 0);
	says(&answer, POLICY_ACCOUNT_UNKNOWN, "Account 99999 does not exist.");
	answer = judge(0, NULL, NULL, 0);
	assert_int_equal(answer.verdict, POLICY_ACCOUNT_UNKNOWN);
	answer = judge(ACCOUNT_ID_MAX + 1, NULL, NULL, 0);
	assert_int_equal(answer.verdict, POLICY_ACCOUNT_UNKNOWN);
}

static void
keys_are_judged_by_owner_time_and_address(void **state)
{
	struct fixture_key key[5], foreign = view_fixture_key(21296, 0);
	struct policy_answer answer;

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		key[i] = view_fixture_key(25880, i);
	answer = judge(25880, key[0].fingerprint, "198.18.0.10", 0);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
	assert_memory_equal(answer.key.fingerprint, key[0].fingerprint,
	    SHA256_LEN);
	answer = judge(25880, foreign.fingerprint, "198.18.0.10", 0);
	says(&answer, POLICY_KEY_UNKNOWN,
	    "This key is not, or no longer, a key of account 25880; use another one.");
	answer = judge(25880, key[2].fingerprint, "10.1.2.3", 0);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
	answer = judge(25880, key[2].fingerprint, "198.18.0.10", 0);
	says(&answer, POLICY_KEY_ADDRESS,
	    "Key \"Enscale Demo Key\" of account 25880 may not be used from this address.");
	answer = judge(25880, key[2].fingerprint, NULL, 0);
	assert_int_equal(answer.verdict, POLICY_KEY_ADDRESS);
	answer = judge(25880, key[3].fingerprint, NULL, 0);
	says(&answer, POLICY_KEY_EXPIRED,
	    "Key \"Enscale Demo Key\" of account 25880 expired on 2025-11-22 22:20 UTC; use another one.");
	answer = judge(25880, key[4].fingerprint, NULL, 0);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
	/* The account comes first. */
	answer = judge(30311, key[0].fingerprint, NULL, 124718);
	assert_int_equal(answer.verdict, POLICY_ACCOUNT_SUSPENDED);
}

static void
nodes_are_judged_by_state_and_role(void **state)
{
	struct policy_answer answer;

	(void)state;
	answer = judge(25880, NULL, NULL, 124718);
	says(&answer, POLICY_ALLOWED,
	    "Account 25880 may enter node 124718 (cool-waterfall-59), as its owner.");
	assert_int_equal(answer.role, ROLE_OWNER);
	answer = judge(21296, NULL, NULL, 124719);
	says(&answer, POLICY_ALLOWED,
	    "Account 21296 may enter node 124719 (cool-waterfall-59), as a collaborator with full access.");
	answer = judge(25880, NULL, NULL, 136553);
	says(&answer, POLICY_ACCESS_LIMITED,
	    "Node 136553 (crimson-dust-8): your access is limited and does not include SSH; ask the owner, account 21296, for full access.");
	answer = judge(25880, NULL, NULL, 144490);
	says(&answer, POLICY_ENVIRONMENT_STOPPED,
	    "Node 144490 cannot be entered: its environment env-3344147 is stopped.");
	answer = judge(25880, NULL, NULL, 200);
	says(&answer, POLICY_ENVIRONMENT_SLEEPING,
	    "Node 200 cannot be entered: its environment asleep is sleeping.");
	answer = judge(25880, NULL, NULL, 300);
	says(&answer, POLICY_NODE_STOPPED,
	    "Node 300 (mixed) cannot be entered: it is stopped.");
	answer = judge(25880, NULL, NULL, 301);
	says(&answer, POLICY_NODE_STOPPED,
	    "Node 301 (mixed) cannot be entered: it is sleeping.");
}

static void
a_stranger_learns_nothing_of_a_node(void **state)
{
	static const uint32_t nodes[] = { 999, 124718, 136553, 144490, 200, 300,
		400, 999999999 };
	char want[128];
	struct policy_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		if (nodes[i] == 200)
			continue; /* 40404 has a role there */
		snprintf(want, sizeof(want),
		    "Node %u does not exist, or account 40404 has no access to it.",
		    nodes[i]);
		answer = judge(40404, NULL, NULL, nodes[i]);
		says(&answer, POLICY_NODE_UNKNOWN, want);
	}
	/* 21296 has no role on the stopped one either. */
	answer = judge(21296, NULL, NULL, 144490);
	assert_int_equal(answer.verdict, POLICY_NODE_UNKNOWN);
}

static void
every_role_and_state_has_one_verdict(void **state)
{
	(void)state;
	for (int role = -1; role <= 5; role++) {
		for (int env = 0; env <= 4; env++) {
			for (int node = 0; node <= 4; node++) {
				enum policy_verdict v = policy_judge_role(
				    (enum environment_role)role,
				    (enum environment_state)env,
				    (enum environment_state)node);
				bool yes = (role == ROLE_OWNER ||
				               role == ROLE_FULL) &&
				    env == ENVIRONMENT_RUNNING &&
				    node == ENVIRONMENT_RUNNING;

				assert_int_equal(v == POLICY_ALLOWED, yes);
			}
		}
	}
	assert_int_equal(policy_judge_role(ROLE_LIMITED, ENVIRONMENT_STOPPED,
	                     ENVIRONMENT_RUNNING),
	    POLICY_ENVIRONMENT_STOPPED);
	assert_int_equal(policy_judge_role(ROLE_LIMITED, ENVIRONMENT_RUNNING,
	                     ENVIRONMENT_STOPPED),
	    POLICY_ACCESS_LIMITED);
	assert_int_equal(policy_judge_role(ROLE_NONE, ENVIRONMENT_STOPPED,
	                     ENVIRONMENT_STOPPED),
	    POLICY_NODE_UNKNOWN);
}

static void
no_view_and_an_old_view_are_neither_yes_nor_no(void **state)
{
	struct policy_question question = { .account = 25880, .now = NOW };
	struct policy_answer answer;

	(void)state;
	policy_judge(NULL, ENS_E_VERSION, &question, &answer);
	says(&answer, POLICY_CANNOT_TELL,
	    "The gateway cannot tell at the moment who may enter; please try again later.");
	assert_int_equal(answer.error, ENS_E_VERSION);
	policy_judge_key(NULL, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_CANNOT_TELL);
	assert_int_equal(answer.error, ENS_E_VIEW);

	question.max_age = 60;
	question.now = NOW + 60;
	policy_judge(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
	question.now = NOW + 61;
	policy_judge(view, 0, &question, &answer);
	says(&answer, POLICY_VIEW_TOO_OLD,
	    "The gateway has not heard from its directory for too long and lets nobody in; please try again later.");
	question.now = NOW - 60;
	policy_judge(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
	question.now = NOW - 61;
	policy_judge(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_VIEW_TOO_OLD);
	question.max_age = 0;
	policy_judge(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
}

static void
a_broken_record_is_not_a_no(void **state)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT, 60606);
	struct record_key node = record_key_id(RECORD_NODE, 500);
	struct fixture_key made = view_fixture_key(25880, 9);
	struct record_key broken_key = record_key_key(25880, made.fingerprint);
	struct policy_answer answer;

	(void)state;
	view_close(view);
	view_fixture_begin(&fixture, false);
	view_fixture_put_raw(&fixture, &key, "rubbish", 7);
	view_fixture_put_raw(&fixture, &node, "rubbish", 7);
	view_fixture_put_raw(&fixture, &broken_key, "rubbish", 7);
	view_fixture_commit(&fixture);
	assert_int_equal(view_open(fixture.view, &view), 0);
	answer = judge(60606, NULL, NULL, 0);
	assert_int_equal(answer.verdict, POLICY_CANNOT_TELL);
	assert_true(answer.error != 0);
	answer = judge(25880, NULL, NULL, 500);
	assert_int_equal(answer.verdict, POLICY_CANNOT_TELL);
	answer = judge(25880, made.fingerprint, NULL, 0);
	assert_int_equal(answer.verdict, POLICY_CANNOT_TELL);
}

static void
a_key_alone_is_judged_without_account_and_address(void **state)
{
	struct fixture_key suspended = view_fixture_key(30311, 0),
	                   bound = view_fixture_key(25880, 2),
	                   expired = view_fixture_key(25880, 3);
	struct policy_question question = { .account = 30311,
		.fingerprint = suspended.fingerprint,
		.node = 999,
		.now = NOW };
	struct policy_answer answer;

	(void)state;
	policy_judge_key(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
	question.account = 21296;
	policy_judge_key(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_KEY_UNKNOWN);
	question.account = 25880;
	question.fingerprint = bound.fingerprint;
	policy_judge_key(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
	assert_string_equal(answer.key.from, "10.0.0.0/8");
	question.fingerprint = expired.fingerprint;
	policy_judge_key(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_KEY_EXPIRED);
	question.fingerprint = NULL;
	policy_judge_key(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_KEY_UNKNOWN);
}

static void
from_lists_match_as_sshd_matches_them(void **state)
{
	static const struct {
		const char *from, *address;
		int matches;
	} cases[] = {
		{ "198.18.0.10", "198.18.0.10", 1 },
		{ "198.18.0.10", "198.18.0.11", 0 },
		{ "198.18.0.0/15", "198.19.255.255", 1 },
		{ "198.18.0.0/15", "198.20.0.0", 0 },
		{ "0.0.0.0/0", "198.18.0.10", 1 },
		{ "0.0.0.0/0", "::1", 0 },
		{ "198.18.*", "198.18.0.10", 1 },
		{ "198.1?.0.10", "198.18.0.10", 1 },
		{ "*", "2001:db8::1", 1 },
		{ "2001:db8::/32", "2001:db8:1::1", 1 },
		{ "2001:db8::/32", "2001:db9::1", 0 },
		{ "::1", "0:0:0:0:0:0:0:1", 1 },
		{ "!198.18.0.10,*", "198.18.0.10", 0 },
		{ "*,!198.18.0.10", "198.18.0.10", 0 },
		{ "!198.18.0.10,*", "198.18.0.11", 1 },
		{ "!198.18.0.10", "198.18.0.11", 0 },
		{ "10.0.0.0/8,198.18.0.10", "198.18.0.10", 1 },
		{ "198.18.0.10/32", "::ffff:198.18.0.10", 1 },
		/* bits behind the mask, a mask too long, an empty pattern:
		 * sshd refuses the whole list */
		{ "198.18.0.10,10.0.0.1/8", "198.18.0.10", 0 },
		{ "198.18.0.10,10.0.0.0/33", "198.18.0.10", 0 },
		{ "198.18.0.10,", "198.18.0.10", 0 },
		{ "", "198.18.0.10", 0 },
		/* names are not resolved */
		{ "localhost", "127.0.0.1", 0 },
		{ "*", "somewhere.example", 0 },
		{ "*", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (from_pattern_matches(cases[i].from, cases[i].address) !=
		    cases[i].matches)
			fail_msg("%s %s", cases[i].from, cases[i].address);
	}
}

static void
sentences_are_printable_and_cut_at_a_character(void **state)
{
	struct policy_answer answer = { .verdict = POLICY_ACCESS_LIMITED };
	char sentence[POLICY_SENTENCE_MAX], cut[64];

	(void)state;
	answer.environment.name = "zo\xc3\xab\x1b[2J\xe2\x80\xae";
	says(&answer, POLICY_ACCESS_LIMITED,
	    "Environment zo\xc3\xab?[2J???: your access is limited and does not include SSH; ask the owner for full access.");
	answer.environment.owner = 21296;
	answer.node_id = 7;
	assert_true(policy_sentence(&answer, sentence, sizeof(sentence)) > 0);
	for (size_t size = 1; size < sizeof(cut); size++) {
		size_t n = policy_sentence(&answer, cut, size);

		assert_true(n < size);
		assert_true(text_is_printable(cut));
		assert_memory_equal(cut, sentence, n);
	}
	answer = (struct policy_answer){
		.verdict = POLICY_ENVIRONMENT_STOPPED
	};
	answer.environment.name = "env-3344147";
	says(&answer, POLICY_ENVIRONMENT_STOPPED,
	    "Environment env-3344147 is stopped: its nodes cannot be entered.");
}

static void
every_verdict_has_a_word_and_a_sentence(void **state)
{
	char sentence[POLICY_SENTENCE_MAX];

	(void)state;
	for (int v = POLICY_ALLOWED; v <= POLICY_ENDED; v++) {
		struct policy_answer answer = {
			.verdict = (enum policy_verdict)v,
			.node_id = 7,
		};

		answer.environment.name = "";
		answer.node.state = ENVIRONMENT_STOPPED;
		assert_true(
		    policy_sentence(&answer, sentence, sizeof(sentence)) > 0);
		assert_int_equal(sentence[strlen(sentence) - 1], '.');
		assert_null(strpbrk(sentence, "{}")); /* a name unknown */
		for (int w = POLICY_ALLOWED; w < v; w++)
			assert_string_not_equal(
			    policy_verdict_text((enum policy_verdict)v),
			    policy_verdict_text((enum policy_verdict)w));
	}
	assert_string_equal(policy_verdict_text((enum policy_verdict)99),
	    "cannot-tell");
}

static void
a_drained_gateway_takes_nobody_who_could_log_in(void **state)
{
	struct policy_question question = { .account = 25880,
		.now = NOW,
		.drained = "Back at noon." };
	struct policy_answer answer;
	char sentence[POLICY_SENTENCE_MAX];

	(void)state;
	policy_judge(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_DRAINED);
	policy_sentence(&answer, sentence, sizeof(sentence));
	assert_string_equal(sentence,
	    "The gateway takes no new logins at the moment: Back at noon.");
	question.drained = "";
	policy_judge(view, 0, &question, &answer);
	policy_sentence(&answer, sentence, sizeof(sentence));
	assert_string_equal(sentence,
	    "The gateway takes no new logins at the moment: please try again later.");
	/* Whom it would not take anyway, it tells why. */
	question.account = 30311;
	policy_judge(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_ACCOUNT_SUSPENDED);
	question.account = 25880;
	question.drained = NULL;
	policy_judge(view, 0, &question, &answer);
	assert_int_equal(answer.verdict, POLICY_ALLOWED);
}

static void
one_verdict_is_a_yes_and_what_is_none_cannot_be_told(void **state)
{
	(void)state;
	for (int v = POLICY_ALLOWED; v <= POLICY_ENDED; v++)
		assert_int_equal(policy_class((enum policy_verdict)v) ==
		        POLICY_CLASS_YES,
		    v == POLICY_ALLOWED);
	assert_int_equal(policy_class(POLICY_VIEW_TOO_OLD),
	    POLICY_CLASS_CANNOT_TELL);
	assert_int_equal(policy_class((enum policy_verdict)99),
	    POLICY_CLASS_CANNOT_TELL);
	assert_int_equal(policy_class((enum policy_verdict) - 1),
	    POLICY_CLASS_CANNOT_TELL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accounts_are_judged_by_status_and_time),
		cmocka_unit_test(keys_are_judged_by_owner_time_and_address),
		cmocka_unit_test(nodes_are_judged_by_state_and_role),
		cmocka_unit_test(a_stranger_learns_nothing_of_a_node),
		cmocka_unit_test(every_role_and_state_has_one_verdict),
		cmocka_unit_test(
		    no_view_and_an_old_view_are_neither_yes_nor_no),
		cmocka_unit_test(
		    a_key_alone_is_judged_without_account_and_address),
		cmocka_unit_test(from_lists_match_as_sshd_matches_them),
		cmocka_unit_test(
		    sentences_are_printable_and_cut_at_a_character),
		cmocka_unit_test(
		    a_drained_gateway_takes_nobody_who_could_log_in),
		cmocka_unit_test(every_verdict_has_a_word_and_a_sentence),
		cmocka_unit_test(
		    one_verdict_is_a_yes_and_what_is_none_cannot_be_told),
		cmocka_unit_test(a_broken_record_is_not_a_no),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
