/*
 * What an account may enter, page by page: a page is no larger than what a slow
 * client may make the guard keep, and takes no longer than others can wait. The
 * next page is found by the name and number that the previous one ends with, so
 * nothing is remembered in between. It lists nothing that policy has not been
 * asked about.
 */
#include <config.h>

#include "enscale_guard/environments.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/names/login_name.h"
#include "common/view/fields_json.h"
#include "enscale_guard/known_hosts.h"

/* Roughly the size of a row without its texts. */
#define NODE_FRAME        96
#define ENVIRONMENT_FRAME 160

/* A position in the list: after this node of this environment. */
struct place {
	const char *environment; /* borrowed; "": the beginning */
	uint32_t node;           /* 0: before its nodes */
};

struct page {
	json_t *environments; /* borrowed */
	char *hosts;          /* borrowed; NULL: no host keys are asked for */
	size_t size;          /* bytes, about */
	struct place end;     /* its last row */
	bool more;            /* there is something behind it */
};

static bool
is_full(struct page *page)
{
	page->more |= page->size >= GUARD_PAGE_SIZE;
	return page->more;
}

/* "124718 cool-waterfall-59", of our own making: the shell gives it back. */
static int
parse_place(const char *text, struct place *ret_place)
{
	char number[LOGIN_DIGITS_MAX + 1];
	size_t len = strcspn(text, " ");
	uint32_t node;

	if (len > LOGIN_DIGITS_MAX || text[len] != ' ')
		return ENS_E_SYNTAX;
	memcpy(number, text, len);
	number[len] = '\0';
	if (parse_u32(number, NODE_ID_MAX, &node) != 0)
		return ENS_E_SYNTAX;
	*ret_place = (struct place){ text + len + 1, node };
	return 0;
}

static void
add_node(const struct view *view, uint32_t id, struct page *page, json_t *nodes)
{
	struct node_record node;
	const char *hosts = NULL;

	if (view_find_node(view, id, &node) != 0)
		return; /* gone with the next publication */
	if (page->hosts != NULL &&
	    known_hosts_format(&node, page->hosts, KNOWN_HOSTS_MAX) == 0)
		hosts = page->hosts;
	page->size += NODE_FRAME +
	    fields_text_size(&node_fields, &node.fields) +
	    (hosts != NULL ? strlen(hosts) : 0);
	json_array_append_new(nodes,
	    fields_to_json(json_pack("{s:I, s:s*}", "node", (json_int_t)id,
	                       "known_hosts", hosts),
	        &node_fields, &node.fields, FIELDS_FOR_USERS));
}

/* Its nodes from a number on. */
static json_t *
list_nodes(const struct request *request,
    const struct environment_record *environment, uint32_t after,
    struct page *page)
{
	json_t *nodes = json_array();
	uint32_t id;

	for (uint32_t i = 0; i < environment->node_count; i++) {
		id = environment_record_node(environment, i);
		if (id <= after)
			continue;
		if (is_full(page))
			break;
		add_node(request->view, id, page, nodes);
		page->end.node = id;
	}
	return nodes;
}

static json_t *
list_environment(const struct request *request,
    const struct environment_record *environment, enum environment_role role,
    uint32_t after, struct page *page)
{
	struct policy_answer answer = {
		.verdict = policy_judge_role(role, environment->state,
		    ENVIRONMENT_RUNNING),
		.account_id = request->session->account,
		.environment = *environment,
		.role = role,
	};
	char sentence[POLICY_SENTENCE_MAX];
	json_t *object;

	object = fields_to_json(json_pack("{s:s, s:s}", "role",
	                            environment_role_text(role), "verdict",
	                            policy_verdict_text(answer.verdict)),
	    &environment_fields, &environment->fields, FIELDS_FOR_USERS);
	page->size += ENVIRONMENT_FRAME +
	    fields_text_size(&environment_fields, &environment->fields);
	if (answer.verdict != POLICY_ALLOWED) {
		policy_sentence(&answer, sentence, sizeof(sentence));
		json_object_set_new(object, "sentence", json_string(sentence));
		page->size += strlen(sentence);
	}
	json_object_set_new(object, "node_count",
	    json_integer((json_int_t)environment->node_count));
	json_object_set_new(object, "nodes",
	    role == ROLE_LIMITED
	        ? json_array()
	        : list_nodes(request, environment, after, page));
	return object;
}

/* 0, also for an environment that has gone since. */
static int
add_environment(const struct request *request, const char *name, uint32_t after,
    struct page *page)
{
	struct environment_record environment;
	enum environment_role role;
	int r;

	r = view_find_environment(request->view, name, &environment);
	if (r == ENS_E_NOTFOUND)
		return 0;
	if (r < 0)
		return r;
	role = environment_record_role(&environment, request->session->account);
	if (role == ROLE_NONE)
		return 0;
	page->end = (struct place){ name, after };
	return json_array_append_new(page->environments,
	           list_environment(request, &environment, role, after,
	               page)) == 0
	    ? 0
	    : ENS_E_LIMIT;
}

static int
fill(const struct request *request, const struct place *begin,
    struct page *page)
{
	struct account_environments_record environments;
	struct account_environment row;
	struct bytes cursor;
	int order, r;

	r = view_find_account_environments(request->view,
	    request->session->account, &environments);
	if (r == ENS_E_NOTFOUND)
		return 0; /* none at all */
	if (r < 0)
		return r;
	cursor = environments.rows;
	while (account_environments_next(&cursor, &row) == 0) {
		order = strcmp(row.name, begin->environment);
		if (order < 0)
			continue;
		if (is_full(page))
			return 0;
		r = add_environment(request, row.name,
		    order == 0 ? begin->node : 0, page);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The page as an answer. */
static json_t *
present(const struct request *request, const struct page *page)
{
	json_t *answer;
	uint32_t last = 0;

	if (request->last_use != NULL)
		last_use_find(request->last_use, request->session->account, 0,
		    NULL, &last);
	answer = json_pack("{s:b, s:O, s:I, s:s}", "ok", 1, "environments",
	    page->environments, "last_node", (json_int_t)last, "notice",
	    request->notice);
	if (answer != NULL && page->more &&
	    json_object_set_new(answer, "more",
	        json_sprintf("%u %s", page->end.node, page->end.environment)) !=
	        0) {
		/* Without memory: half of a list must not look like all. */
		json_decref(answer);
		return NULL;
	}
	return answer;
}

struct reply
environments_list(const struct request *request,
    const struct request_fields *fields)
{
	AUTO_JSON json_t *environments = json_array();
	AUTO_FREE char *hosts = NULL;
	struct page page = { .environments = environments };
	struct place begin = { "", 0 };
	int r;

	if (fields->after != NULL && parse_place(fields->after, &begin) != 0)
		return reply_bad(request, "There is no such page.");
	if (fields->host_keys) {
		hosts = malloc(KNOWN_HOSTS_MAX);
		if (hosts == NULL)
			return reply_now(NULL);
		page.hosts = hosts;
	}
	r = fill(request, &begin, &page);
	if (r < 0)
		return reply_cannot_tell(request, r);
	return reply_now(present(request, &page));
}
