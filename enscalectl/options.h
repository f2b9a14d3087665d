/*
 * The options of a verb, in a table of getopt_long(3)'s, which may stand
 * anywhere between its words. Each has to be written in full: getopt would take
 * "--password SECRET" for --password-file.
 */
#ifndef ENSCALECTL_OPTIONS_H
#define ENSCALECTL_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

/*
 * Gives each option (its val) with its value, NULL or borrowed, to take(),
 * which says whether it is right. argv are the arguments behind the verb, which
 * were the program's: the words are moved behind the options, and *ret_first is
 * the first of them. False, without a complaint: an option is wrong.
 */
bool options_read(const struct option *options, int argc, char **argv,
    bool (*take)(void *arg, int option, const char *value), void *arg,
    int *ret_first);

#endif
