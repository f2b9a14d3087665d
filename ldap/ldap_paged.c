/* A search by pages. See ldap_paged.h. */
#include <config.h>

#include "ldap/ldap_paged.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

/* Entries in one page: servers keep little for us, and nobody waits long. */
#define PAGE_SIZE 500

struct ldap_paged {
	LDAP *ld;         /* borrowed */
	const char *base; /* borrowed */
	int scope;
	char *filter;                     /* owned */
	char *names[LDAP_ATTRIBUTES_MAX]; /* borrowed */
	int msgid;
	struct berval cookie; /* owned; where the next page begins */
	LDAPMessage *message; /* owned: what the last answer points into */
};

static void
cleanup_control(LDAPControl **control)
{
	if (*control != NULL)
		ldap_control_free(*control);
}

static void
cleanup_controls(LDAPControl ***controls)
{
	if (*controls != NULL)
		ldap_controls_free(*controls);
}

static void
cleanup_memory(char **text)
{
	if (*text != NULL)
		ldap_memfree(*text);
}

void
ldap_paged_free(struct ldap_paged *paged)
{
	if (paged == NULL)
		return;
	if (paged->message != NULL)
		(void)ldap_msgfree(paged->message);
	ldap_memfree(paged->cookie.bv_val);
	free(paged->filter);
	free(paged);
}

static int
ask(struct ldap_paged *paged, char reason[LDAP_REASON_MAX])
{
	AUTO(cleanup_control) LDAPControl *page = NULL;
	LDAPControl *controls[2] = { NULL, NULL };
	int r = LDAP_SUCCESS;

	if (paged->scope != LDAP_SCOPE_BASE)
		r = ldap_create_page_control(paged->ld, PAGE_SIZE,
		    &paged->cookie, 0, &page);
	controls[0] = page;
	if (r == LDAP_SUCCESS)
		r = ldap_search_ext(paged->ld, paged->base, paged->scope,
		    paged->filter, paged->names, 0, controls, NULL, NULL,
		    LDAP_NO_LIMIT, &paged->msgid);
	if (r == LDAP_SUCCESS)
		return 0;
	ldap_connection_reason(paged->ld, r, "search", reason);
	return ENS_E_LDAP;
}

int
ldap_paged_start(LDAP *ld, const char *base, int scope, const char *filter,
    const char *const *attributes, struct ldap_paged **ret_paged,
    char ret_reason[LDAP_REASON_MAX])
{
	struct ldap_paged *paged = calloc(1, sizeof(*paged));
	int r;

	if (paged == NULL)
		return -ENOMEM;
	paged->ld = ld;
	paged->base = base;
	paged->scope = scope;
	paged->filter = strdup(filter);
	for (int i = 0; i < LDAP_ATTRIBUTES_MAX - 1 && attributes[i] != NULL;
	     i++)
		memcpy(&paged->names[i], &attributes[i],
		    sizeof(paged->names[i])); /* libldap forgot a const */
	r = paged->filter == NULL ? -ENOMEM : ask(paged, ret_reason);
	if (r != 0) {
		ldap_paged_free(paged);
		return r;
	}
	*ret_paged = paged;
	return 0;
}

/* Where the next page begins; empty behind the last, and where the server
 * knows no pages. */
static int
keep_cookie(struct ldap_paged *paged, LDAPControl **controls)
{
	LDAPControl *page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS,
	    controls, NULL);
	ber_int_t estimate;

	ldap_memfree(paged->cookie.bv_val);
	paged->cookie = (struct berval){ 0, NULL };
	if (page != NULL &&
	    ldap_parse_pageresponse_control(paged->ld, page, &estimate,
	        &paged->cookie) != LDAP_SUCCESS)
		return ENS_E_PROTOCOL;
	return 0;
}

static int
take_result(struct ldap_paged *paged, struct ldap_paged_message *message)
{
	AUTO(cleanup_controls) LDAPControl **controls = NULL;
	AUTO(cleanup_memory) char *text = NULL;
	int r;

	if (ldap_parse_result(paged->ld, paged->message, &message->code, NULL,
	        &text, NULL, &controls, 0) != LDAP_SUCCESS)
		return ENS_E_PROTOCOL;
	r = keep_cookie(paged, controls);
	if (r == 0 && message->code == LDAP_SUCCESS && paged->cookie.bv_len > 0)
		return ask(paged, message->reason);
	message->kind = LDAP_PAGED_END;
	(void)snprintf(message->reason, sizeof(message->reason),
	    "result %d: %s%s%s%s", message->code,
	    ldap_err2string(message->code),
	    text != NULL && *text != '\0' ? " (" : "", text != NULL ? text : "",
	    text != NULL && *text != '\0' ? ")" : "");
	return r;
}

int
ldap_paged_next(struct ldap_paged *paged, struct ldap_paged_message *message)
{
	struct timeval now = { 0, 0 };
	int type, r, code = LDAP_SERVER_DOWN;

	ldap_attributes_clear(&message->attributes);
	if (paged->message != NULL)
		(void)ldap_msgfree(paged->message);
	paged->message = NULL;
	message->kind = LDAP_PAGED_NONE;
	message->reason[0] = '\0';
	type = ldap_result(paged->ld, paged->msgid, LDAP_MSG_ONE, &now,
	    &paged->message);
	if (type == 0)
		return 0;
	if (type < 0) {
		(void)ldap_get_option(paged->ld, LDAP_OPT_RESULT_CODE, &code);
		ldap_connection_reason(paged->ld, code, "connection",
		    message->reason);
		return ENS_E_LDAP;
	}
	switch (type) {
	case LDAP_RES_SEARCH_ENTRY:
		r = ldap_attributes_read(paged->ld, paged->message,
		    &message->attributes);
		if (r == 0)
			message->kind = LDAP_PAGED_ENTRY;
		return r;
	case LDAP_RES_SEARCH_RESULT:
		return take_result(paged, message);
	case LDAP_RES_SEARCH_REFERENCE: /* not followed */
	case LDAP_RES_INTERMEDIATE:
		message->kind = LDAP_PAGED_PASSED;
		return 0;
	default:
		return ENS_E_PROTOCOL;
	}
}
