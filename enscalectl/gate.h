/* Whether the gateway takes new logins, for those verbs that say so. */
#ifndef ENSCALECTL_GATE_H
#define ENSCALECTL_GATE_H

#include "common/config/config.h"

#define GATE_TEXT_MAX 512

/* 0: it is drained, and the text is "since TIME by WHOM: MESSAGE";
 * ENS_E_NOTFOUND: it is not; another error, whose text is "\"FILE\": REASON".
 */
int gate_find_drain(const struct config *config, char ret_text[GATE_TEXT_MAX]);

#endif
