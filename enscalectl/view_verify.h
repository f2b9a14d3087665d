/* The whole of what is published: the view, and the account map against it. */
#ifndef ENSCALECTL_VIEW_VERIFY_H
#define ENSCALECTL_VIEW_VERIFY_H

#include "enscalectl/verb.h"
#include "enscalectl/view_check.h"

/* Reports and counts in check what is wrong. 0; -errno and ENS_E_*, with a
 * complaint: the account map cannot be read. */
int view_verify_all(const struct context *context, const struct view *view,
    struct view_check *check);

#endif
