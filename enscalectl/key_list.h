/* The keys of an account, wherever the directory has them: as entries below it,
 * and as values of its own (openssh-lpk). */
#ifndef ENSCALECTL_KEY_LIST_H
#define ENSCALECTL_KEY_LIST_H

#include "enscalectl/directory.h"

/* key NULL: the entry is refused. Borrowed for the call. */
typedef int key_list_visit(const struct entry_key *key,
    const struct entry *entry, void *arg);

/* An exit code: the visit's, when that is not EXIT_YES. */
int key_list_each(struct directory *directory,
    const struct directory_entry *account, key_list_visit *visit, void *arg);

#endif
