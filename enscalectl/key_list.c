/* See key_list.h. */
#include <config.h>

#include "enscalectl/key_list.h"

#include "enscalectl/verb.h"

struct walk {
	key_list_visit *visit;
	void *arg;
};

static int
visit_entry(const struct entry *entry, void *arg)
{
	const struct walk *walk = arg;

	return walk->visit(entry->refused ? NULL : &entry->key, entry,
	    walk->arg);
}

int
key_list_each(struct directory *directory,
    const struct directory_entry *account, key_list_visit *visit, void *arg)
{
	const struct config *config = directory_config(directory);
	struct walk walk = { visit, arg };
	char filter[DIRECTORY_FILTER_MAX];
	int code = EXIT_YES;

	for (uint32_t i = 0; code == EXIT_YES && !account->entry.refused &&
	     i < account->entry.account.key_count;
	     i++)
		code = visit(&account->entry.account.keys[i], &account->entry,
		    arg);
	directory_filter(config, ENTRY_KEY, NULL, NULL, filter);
	if (code == EXIT_YES)
		code = directory_each(directory, account->dn,
		    LDAP_SCOPE_ONELEVEL, filter, visit_entry, &walk);
	return code;
}
